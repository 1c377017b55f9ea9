import os
import pathlib

import numpy as np
import tensorflow as tf

from acai_tf import datasets
from acai_tf.datasets import lines

REFERENCE = os.environ.get('ACAI_LINES_REFERENCE', pathlib.Path(__file__).parent / 'testdata' / 'lines.npz')


class DrawLineTest(tf.test.TestCase):

    def test_parity_images(self):
        with np.load(REFERENCE, allow_pickle=False) as reference:
            images, expected = lines.draw_line(reference['angle']), reference['image']
        self.assertAllClose(images, expected, rtol=0, atol=1e-6)

    def test_parity_labels_but_for_the_full_turn(self):
        with np.load(REFERENCE, allow_pickle=False) as reference:
            self.assertAllEqual(lines.label_of(reference['angle']), np.minimum(reference['label'], 9))

    def test_covered_area(self):
        """Width 2 along the minor axis: at 0 and 90 degrees 15 x 2; at 45 the tip is 10.6 away, the center's pixel and
        the tip's partial one included."""
        for angle, area in ((0, 30), (np.pi / 2, 30), (np.pi / 4, 22), (7 * np.pi / 4, 22)):
            image = lines.draw_line([angle]).numpy()
            self.assertNear(((image + 1) / 2).sum(), area, 0.05)

    def test_rows_and_columns_of_the_axes(self):
        def touched(angle):
            rows, columns = np.nonzero(lines.draw_line([angle]).numpy()[0, ..., 0] > -1 + 1e-6)
            return rows.min(), rows.max(), columns.min(), columns.max()
        self.assertEqual(touched(0), (15, 16, 16, 30))
        self.assertEqual(touched(np.pi / 2), (1, 15, 15, 16))
        self.assertEqual(touched(np.pi)[2:], (1, 15))

    def test_float32_angles_and_other_sizes(self):
        image = lines.draw_line(np.float32([1.0]), height=16, width=16)
        self.assertEqual((image.shape, image.dtype), ((1, 16, 16, 1), tf.float32))
        self.assertAllInRange(image, -1, 1)


class Lines32Test(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.dataset = datasets.get('lines32')

    def test_a_resumed_stream_is_the_same_stream(self):
        images = [batch[0].numpy() for batch in self.dataset.train(4, seed=3).take(5)]
        resumed = [batch[0].numpy() for batch in self.dataset.train(4, seed=3, start_step=2).take(3)]
        self.assertAllEqual(images[2:], resumed)
        self.assertNotAllClose(images[0], next(iter(self.dataset.train(4, seed=4)))[0])
        self.assertNotAllClose(images[0], images[1])

    def test_the_test_set_is_fixed_and_every_class_occurs(self):
        labels = np.concatenate([y for _, y in self.dataset.test(512)])
        self.assertLen(labels, 5000)
        self.assertAllEqual(labels, np.concatenate([y for _, y in datasets.get('lines32').test(100)]))
        # Ten equal classes: 500 each, within five standard deviations.
        self.assertAllInRange(np.bincount(labels), 500 - 5 * 21.2, 500 + 5 * 21.2)

    def test_evaluation_pairs_are_test_lines_i_and_i_plus_256(self):
        starts, ends = self.dataset.evaluation_pairs
        images = np.concatenate([x for x, _ in self.dataset.test(128).take(4)])
        self.assertAllEqual(starts, images[:256])
        self.assertAllEqual(ends, images[256:])

    def test_train_once_is_ten_thousand_lines(self):
        self.assertEqual(sum(len(y) for _, y in self.dataset.train_once(3000)), 10000)


if __name__ == '__main__':
    tf.test.main()
