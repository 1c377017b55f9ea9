import numpy as np
import tensorflow as tf
from made_up_data import random

from acai_tf.latents import manifolds


class ManifoldsTest(tf.test.TestCase):

    def test_equal_and_disjoint_clouds(self):
        cloud = random(100, 2, 5)
        for other, expected in ((cloud, 1), (cloud + 100, 0), (np.concatenate([cloud, cloud + 100]), 0.5)):
            self.assertEqual(manifolds.precision(cloud, other), expected)
        self.assertEqual(manifolds.precision(cloud + 100, cloud), 0)

    def test_by_hand(self):
        # With k = 1 the radii of 0, 1, 5 are 1, 1, 4: they cover [-1, 2] and [1, 9].
        real = np.array([[0.], [1], [5]])
        self.assertEqual(manifolds.precision(real, [[-1.1], [-0.9], [8.9], [9.1]], neighbours=1), 0.5)
        # With k = 2 they are 5, 4, 5 and cover [-5, 10].
        self.assertEqual(manifolds.precision(real, [[-4.9], [9.9], [10.1], [0.]], neighbours=2), 0.75)
        self.assertEqual(manifolds.precision(real, [[-4.9], [9.9], [10.1], [0.]], neighbours=50), 0.75)

    def test_points_on_top_of_each_other_and_too_few(self):
        collapsed = np.full([9, 300], 0.1)
        self.assertEqual(manifolds.precision(collapsed, collapsed[:3]), 1)
        self.assertEqual(manifolds.precision(collapsed, collapsed + 1), 0)
        for real, drawn in ((collapsed[:1], collapsed), (collapsed, collapsed * np.nan), (collapsed * np.nan, collapsed)):
            self.assertTrue(np.isnan(manifolds.precision(real, drawn)))


if __name__ == '__main__':
    tf.test.main()
