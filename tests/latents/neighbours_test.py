import numpy as np
import tensorflow as tf
from made_up_data import random

from acai_tf.latents import neighbours


class NearestDistanceTest(tf.test.TestCase):

    def test_parts_of_the_reference_set_give_what_the_whole_set_gives(self):
        images, reference = random(7, 3, 2), random(50, 3, 2, seed=1)
        flat = [part.reshape(len(part), -1) / np.linalg.norm(part.reshape(len(part), -1), axis=1, keepdims=True)
                for part in (images, reference)]
        expected = 1 - (flat[0] @ flat[1].T).max(axis=1)
        for size in (1, 7, 50):
            batches = np.split(reference, range(size, 50, size))
            self.assertAllClose(neighbours.nearest_distance(images, batches), expected, atol=1e-6)

    def test_scale_zero_and_not_a_number(self):
        images = np.array([[2., 0], [0, -3], [0, 0], [np.nan, 1]])
        distances = neighbours.nearest_distance(images, [np.array([[1., 0]])])
        self.assertAllClose(distances[:3], [0, 1, 1])
        self.assertTrue(np.isnan(distances[3]))


if __name__ == '__main__':
    tf.test.main()
