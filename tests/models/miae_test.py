import numpy as np
import parity
import tensorflow as tf
from by_hand import network

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'miae'


class MIAETest(tf.test.TestCase):

    def test_every_value_has_a_coefficient_and_a_guess_of_its_own(self):
        """Encoder 2x, decoder 3z, critic the image itself; three images of two pixels."""
        model = models.create('miae', (8, 8, 1), 2, depth=1, latent=1)
        model.encoder, model.decoder, model.critic = map(network, (lambda x: 2 * x, lambda z: 3 * z, lambda x: x))
        x = np.array([[1., 2.], [3., 4.], [5., 6.]])
        alpha = np.array([[.1, .2], [.3, .4], [.5, 0.]])
        terms = model.loss_terms(*(tf.constant(x.reshape(3, 2, 1, 1), tf.float32),
                                   {'alpha': tf.constant(alpha.reshape(3, 2, 1, 1), tf.float32)}))
        mix = 6 * (alpha * x + (1 - alpha) * x[::-1])
        self.assertAllClose(terms['loss_disc'], np.mean((mix - alpha)**2))
        self.assertAllClose(terms['loss_ae_disc'], np.mean(mix**2))

    def test_coefficients_have_the_latents_shape(self):
        model = models.create('miae', (16, 8, 1), 2, depth=1, latent=3, latent_width=2)
        model.compile()
        alpha = model.random_inputs(tf.zeros([5, 16, 8, 1]))['alpha']
        self.assertEqual(alpha.shape, (5, 4, 2, 3))
        self.assertAllInRange(alpha, 0, 0.5)


if __name__ == '__main__':
    tf.test.main()
