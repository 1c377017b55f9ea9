import math

import tensorflow as tf

from acai_tf import losses


class LossesTest(tf.test.TestCase):

    def test_mean_squared_error_is_per_example(self):
        x = tf.constant([[1., 2.], [0., 0.]])
        y = tf.constant([[1., 4.], [3., 1.]])
        self.assertAllClose(losses.mean_squared_error(x, y), [(0 + 4) / 2, (9 + 1) / 2])

    def test_rmse_of_the_whole_range_is_255(self):
        self.assertAllClose(losses.rmse(tf.constant(4.)), 255.)  # every pixel off by 2 in [-1, 1]

    def test_critic_loss_of_one_answer_an_image(self):
        self.assertAllClose(losses.critic_loss(tf.constant([0.5, 0.]), [0.25, 0.5]), [0.0625, 0.25])
        self.assertAllClose(losses.critic_loss(tf.constant([0.5, -2.]), 0), [0.25, 4])

    def test_critic_loss_elementwise_is_a_mean_over_elements(self):
        prediction = tf.reshape([1., 2., 3., 4.], [1, 2, 2, 1])
        self.assertAllClose(losses.critic_loss(prediction, tf.zeros([1, 2, 2, 1])), [(1 + 4 + 9 + 16) / 4])

    def test_critic_loss_refuses_to_broadcast_targets_over_examples(self):
        with self.assertRaisesRegex(ValueError, 'every target'):
            losses.critic_loss(tf.zeros([3]), tf.zeros([3, 1, 1, 1]))

    def test_cross_entropy(self):
        logits = tf.constant([[0., 0.], [math.log(3.), 0.]])
        self.assertAllClose(losses.cross_entropy(logits, [1, 0]), [math.log(2), -math.log(3 / 4)])

    def test_cross_entropy_of_a_label_without_a_class_is_zero(self):
        self.assertAllClose(losses.cross_entropy(tf.constant([[1., 2.]]), [7]), [0.])


if __name__ == '__main__':
    tf.test.main()
