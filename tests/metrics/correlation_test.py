import numpy as np
import tensorflow as tf

from acai_tf.metrics.correlation import mean_absolute_correlation


class CorrelationTest(tf.test.TestCase):

    def test_known_correlations(self):
        a, b = np.random.default_rng(0).normal(size=[2, 50000])
        # a, -2a + 1 and b: one pair with correlation -1, two with 0.
        self.assertNear(mean_absolute_correlation(np.stack([a, 1 - 2 * a, b], axis=1)), 1 / 3, 0.01)
        self.assertNear(mean_absolute_correlation(np.stack([a, b], axis=1)), 0, 0.02)
        # corr(a, a + b) = 1 / sqrt(2)
        self.assertNear(mean_absolute_correlation(np.stack([a, a + b], axis=1)), 0.5**0.5, 0.01)

    def test_latents_are_flattened(self):
        latents = np.random.default_rng(0).normal(size=[40, 6])
        self.assertAllClose(mean_absolute_correlation(latents.reshape(40, 1, 2, 3)), mean_absolute_correlation(latents))

    def test_constants_to_which_rounding_gives_a_deviation(self):
        a, b = np.random.default_rng(0).normal(size=[2, 1448])
        latents = np.stack([np.full(1448, 1.81), a, np.full(1448, .576), b], axis=1)
        self.assertAllClose(mean_absolute_correlation(latents), abs(np.corrcoef(a, b)[0, 1]))
        self.assertTrue(np.isnan(mean_absolute_correlation(latents[:, [0, 2]])))

    def test_not_a_number_is_not_left_out(self):
        latents = np.random.default_rng(0).normal(size=[20, 3])
        latents[3, 1] = np.nan
        self.assertTrue(np.isnan(mean_absolute_correlation(latents)))

    def test_constant_dimensions_are_left_out(self):
        a = np.arange(10.)
        self.assertAllClose(mean_absolute_correlation(np.stack([a, -a, 0 * a], axis=1)), 1)
        self.assertTrue(np.isnan(mean_absolute_correlation(np.stack([a, 0 * a], axis=1))))


if __name__ == '__main__':
    tf.test.main()
