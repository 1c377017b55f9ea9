import numpy as np
import tensorflow as tf

from acai_tf.metrics.accuracy import accuracy


class AccuracyTest(tf.test.TestCase):

    def test_every_image_counts_in_batches_of_different_size(self):
        batches = [(np.eye(3), np.array([0, 1, 2])), (np.eye(3)[:1], np.array([2]))]
        self.assertEqual(accuracy(lambda scores: scores, batches), 75.0)

    def test_no_images(self):
        with self.assertRaisesRegex(ValueError, 'no images'):
            accuracy(lambda scores: scores, [])


if __name__ == '__main__':
    tf.test.main()
