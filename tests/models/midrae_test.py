import parity
import tensorflow as tf

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'midrae'


class MIDRAETest(tf.test.TestCase):

    def test_range_of_the_noise_coefficients(self):
        images = tf.zeros([100, 8, 8, 1])
        for limit in (1.0, 0.5):
            model = models.create('midrae', (8, 8, 1), 2, depth=1, latent=4, alpha_noise_max=limit)
            model.compile()
            alpha = model.random_inputs(images)['alpha_noise'].numpy()
            self.assertEqual(alpha.shape, (100, 4, 4, 4))
            self.assertBetween(alpha.max(), 0.99 * limit, limit)
            self.assertNear(alpha.mean(), limit / 2, 5 * limit * (12 * alpha.size)**-0.5)

    def test_the_broadcast_of_dracai_is_no_option_here(self):
        self.assertNotIn('broadcast_noise_target', models.create('midrae', (8, 8, 1), 2).options())


if __name__ == '__main__':
    tf.test.main()
