import numpy as np
import tensorflow as tf

from acai_tf import interpolation


class InterpolationTest(tf.test.TestCase):

    def test_alpha_is_folded_to_the_lower_half(self):
        self.assertAllClose(interpolation.fold_alpha(tf.constant([0., .2, .5, .8, .99])), [0, .2, .5, .2, .01])

    def test_mixing_pairs_each_with_its_mirror_and_the_middle_with_itself(self):
        latents = tf.reshape([1., 10., 100.], [3, 1, 1, 1])
        mixed = interpolation.mix_with_reversed(latents, tf.reshape([.5, .25, .1], [3, 1, 1, 1]))
        self.assertAllClose(mixed[:, 0, 0, 0], [.5 * 1 + .5 * 100, 10, .1 * 100 + .9 * 1])

    def test_alpha_zero_is_the_partner(self):
        latents = tf.reshape(tf.range(4.), [4, 1, 1, 1])
        self.assertAllEqual(interpolation.mix_with_reversed(latents, tf.zeros([4, 1, 1, 1]))[:, 0, 0, 0], [3, 2, 1, 0])

    def test_path_begins_at_a_and_ends_at_b(self):
        a, b = tf.constant([[0., 2.]]), tf.constant([[3., -1.]])
        self.assertAllClose(interpolation.path(a, b, 4)[0], [[0, 2], [1, 1], [2, 0], [3, -1]])

    def test_slerp_follows_the_circle(self):
        a, b = tf.constant([[2., 0.]]), tf.constant([[0., 2.]])
        angles = np.pi / 2 * np.arange(4) / 3
        expected = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        self.assertAllClose(interpolation.path(a, b, 4, interpolation.slerp)[0], expected)

    def test_slerp_without_a_great_circle_is_the_straight_line(self):
        a = tf.constant([[1., 1.], [1., 0.], [0., 0.], [1., 2.]])
        b = tf.constant([[2., 2.], [-1., 0.], [1., 1.], [1., 2.]])
        self.assertAllClose(interpolation.slerp(a, b, 0.5), (a + b) / 2, atol=1e-5)

    def test_bilinear_has_its_corners(self):
        corners = tf.constant([[0.], [3.], [6.], [9.]])
        grid = interpolation.bilinear(corners, 3, 4)[..., 0]
        self.assertAllClose(grid, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])


if __name__ == '__main__':
    tf.test.main()
