import numpy as np
import parity
import tensorflow as tf
from by_hand import column, network, softplus

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'amr'
    released_options = {'beta': 'wgt_consist'}
    released_names = {'cls_enc_loss': 'classify_latent', 'cls_enc_acc': None}


class AMRTest(tf.test.TestCase):

    def terms(self, x, alpha, permutation, **kwargs):
        """Encoder 2x, decoder 3z, critic the image itself; images of one pixel."""
        model = models.create('amr', (8, 8, 1), 2, depth=1, latent=1, **kwargs)
        model.encoder, model.decoder, model.critic = map(network, (lambda x: 2 * x, lambda z: 3 * z, lambda x: x))
        return model.loss_terms(column(x), {'alpha': column(alpha), 'permutation': tf.constant(permutation)})

    def test_terms_of_an_odd_batch(self):
        x, alpha, order = np.array([.1, -.2, .4]), np.array([.25, .5, 1.]), [1, 2, 0]
        terms = self.terms(x, alpha, order, lamb=2, wgt_consist=3)
        mixed = alpha * 2 * x + (1 - alpha) * 2 * x[order]
        expected = {'recon': np.mean(np.abs(5 * x)), 'disc_g_recon': softplus(-6 * x), 'disc_g_mix': softplus(-3 * mixed),
                    'consist': np.mean(np.abs(5 * mixed)), 'd_x_real': softplus(-x), 'd_x_fake': softplus(6 * x),
                    'd_out_mix': softplus(3 * mixed), 'rmse': 127.5 * np.sqrt(np.mean((5 * x)**2))}
        expected['gen_loss'] = (2 * expected['recon'] + expected['disc_g_recon'] + expected['disc_g_mix']
                                + 3 * expected['consist'])
        expected['d_x'] = (expected['d_x_real'] + expected['d_x_fake'] + expected['d_out_mix']) / 3
        self.assertAllClose(terms, expected, rtol=1e-5)

    def test_a_single_image_is_mixed_with_itself(self):
        terms = self.terms([.3], [.2], [0])
        self.assertAllClose(terms['disc_g_mix'], terms['disc_g_recon'])

    def test_mixers(self):
        images = tf.zeros([400, 8, 8, 1])
        for mixer, channels, values in (('mixup', 1, None), ('mixup2', 5, None), ('fm', 5, {0, 1}), ('fm2', 5, {0, 1})):
            model = models.create('amr', (8, 8, 1), 2, depth=1, latent=5, mixer=mixer)
            random_inputs = model.random_inputs(images)
            alpha = random_inputs['alpha'].numpy()
            self.assertEqual(alpha.shape, (400, 1, 1, channels), mixer)
            if values:
                self.assertEqual(set(alpha.ravel()), values)
            if mixer != 'fm2':
                self.assertNear(alpha.mean(), 0.5, 5 * 0.5 / np.sqrt(alpha.size))
            self.assertCountEqual(random_inputs['permutation'].numpy(), range(400))
        # With one probability per batch, the means of batches spread like a uniform number.
        means = []
        for step in range(40):
            model.steps.assign(step)
            means.append(model.random_inputs(images)['alpha'].numpy().mean())
        self.assertNear(np.std(means), 12**-0.5, 0.1)

    def test_the_autoencoder_rests(self):
        model = models.create('amr', (8, 8, 1), 2, depth=1, latent=1)
        self.assertEqual([bool(model.due(tf.constant(step, tf.int64))['autoencoder']) for step in range(7)],
                         [True, False, False, False, False, True, False])


if __name__ == '__main__':
    tf.test.main()
