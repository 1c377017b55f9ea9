import math

import numpy as np
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

    def test_binary_cross_entropy(self):
        logits = tf.constant([0., math.log(3.)])
        self.assertAllClose(losses.binary_cross_entropy(logits, 1), [math.log(2), -math.log(3 / 4)])
        self.assertAllClose(losses.binary_cross_entropy(logits, 0), [math.log(2), -math.log(1 / 4)])

    def test_gaussian_kl(self):
        self.assertAllClose(losses.gaussian_kl(tf.zeros([1, 5]), tf.zeros([1, 5])), [0])
        # KL(N(m, s^2) || N(0, 1)) = (m^2 + s^2 - 1) / 2 - log s
        self.assertAllClose(losses.gaussian_kl(tf.constant([[1., 0.]]), tf.constant([[0., math.log(4.)]])),
                            [1 / 2 + (4 - 1) / 2 - math.log(2)])

    def test_bernoulli_log_likelihood(self):
        images = tf.reshape([1., -1., 0.], [1, 3, 1, 1])
        logits = tf.reshape([math.log(3.), 0., math.log(3.)], [1, 3, 1, 1])
        self.assertAllClose(losses.bernoulli_log_likelihood(images, logits),
                            [math.log(3 / 4) + math.log(1 / 2) + (math.log(3 / 4) + math.log(1 / 4)) / 2])

    def test_mmd_is_the_double_sum(self):
        random = np.random.default_rng(0)
        x, y = random.normal(size=[7, 3]), random.normal(1, 4, size=[5, 3])

        def k(a, b):
            return sum(math.exp(-np.sum((a - b)**2) / (2 * s**2)) for s in (2, 5, 10, 20, 40, 80))
        within_x = np.mean([k(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
        within_y = np.mean([k(y[i], y[j]) for i in range(5) for j in range(5) if i != j])
        between = np.mean([k(a, b) for a in x for b in y])
        actual = losses.mmd(tf.constant(x, tf.float32), tf.constant(y, tf.float32))
        self.assertAllClose(actual, within_x + within_y - 2 * between, rtol=1e-4)


if __name__ == '__main__':
    tf.test.main()
