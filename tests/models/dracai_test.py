import numpy as np
import parity
import tensorflow as tf
from by_hand import column, network

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'dracai'
    options = {'broadcast_noise_target': True}


class DRACAITest(tf.test.TestCase):

    def terms(self, **kwargs):
        """Encoder 2x, decoder z, critic the image itself; three images of one pixel."""
        model = models.create('dracai', (8, 8, 1), 2, depth=1, latent=1, **kwargs)
        model.encoder, model.decoder, model.critic = map(network, (lambda x: 2 * x, lambda z: z, lambda x: x))
        random_inputs = {'alpha': column([.1, .2, .3]), 'alpha_noise': column([.5, .25, 0]), 'prior': column([1, -1, 3])}
        return model.loss_terms(column([1, 2, 3]), random_inputs)

    def test_noise_and_fake_terms(self):
        terms = self.terms()
        noise = np.array([.5 * 2 + .5 * 1, .25 * 4 - .75 * 1, 3.])
        self.assertAllClose(terms['loss_disc_noise'], np.mean((noise - [.5, .25, 0])**2))
        self.assertAllClose(terms['loss_ae_disc_noise'], np.mean(noise**2))
        self.assertAllClose(terms['loss_disc_fake'], np.mean((np.array([1, -1, 3]) - .5)**2))
        self.assertAllClose(terms['loss_ae_disc_fake'], (1 + 1 + 9) / 3)

    def test_the_released_broadcast_compares_every_guess_with_every_target(self):
        noise, alpha = np.array([1.5, .25, 3.]), np.array([.5, .25, 0.])
        self.assertAllClose(self.terms(broadcast_noise_target=True)['loss_disc_noise'],
                            np.mean((noise[:, None] - alpha)**2))


if __name__ == '__main__':
    tf.test.main()
