"""The data set pole64."""

import numpy as np
import tensorflow as tf

from acai_tf import datasets
from acai_tf.datasets import pole
from acai_tf.errors import UsageError


class PoleTest(tf.test.TestCase):

    def test_the_mean_of_all_images(self):
        images, angles, is_test = datasets.get('pole64', resolution=32).load_poses()
        self.assertEqual((images.shape, angles.shape, is_test.sum()), ((576, 32, 32, 1), (576, 2), 115))
        self.assertNear(np.mean(images) / 2 + 0.5, 0.7396, 5e-5)
        self.assertLen(np.unique(angles, axis=0), 576)

    def test_neighbours_differ_less_where_the_light_is_higher(self):
        for altitude, expected in ((45, 2.7e-3), (80, 3e-5)):
            images = pole.draw_pole([[azimuth, altitude] for azimuth in range(0, 360, 5)], 32) / 2 + 0.5
            self.assertAllClose(np.mean(np.square(np.diff(images, axis=0))), expected, rtol=0.07)

    def test_the_shadow_falls_away_from_the_light(self):
        right, above = pole.draw_pole([[0, 45], [90, 45]], 64)[..., 0]  # toward the light
        shadow, ground, disc = 0.15 * 2 - 1, 0.75 * 2 - 1, 1
        # 13/32 of the side is 26 pixels.
        self.assertAllClose(right[31, [31, 31 - 24, 31 - 31, 31 + 10]], [disc, shadow, ground, ground])
        self.assertAllClose(above[[31, 31 + 24, 31 + 31, 31 - 10], 31], [disc, shadow, ground, ground])

    def test_splits_are_disjoint_and_complete(self):
        data = datasets.get('pole64', resolution=16)
        images, _, is_test = data.load_poses()
        for split, mask in (('train_once', ~is_test), ('test', is_test)):
            images_read = np.concatenate([batch for batch, _ in getattr(data, split)(100)])
            self.assertAllEqual(images_read, images[mask])
        batch, labels = next(iter(data.train(8)))
        self.assertEqual((batch.shape, set(labels.numpy())), ((8, 16, 16, 1), {0}))

    def test_sizes(self):
        self.assertEqual(datasets.get('pole64').image_shape, (64, 64, 1))
        with self.assertRaisesRegex(UsageError, '--resolution=4: must be at least 8'):
            datasets.get('pole64', resolution=4)


if __name__ == '__main__':
    tf.test.main()
