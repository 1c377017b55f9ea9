import numpy as np
import parity
import tensorflow as tf
from by_hand import column, network, softplus

from acai_tf import models
from acai_tf.errors import UsageError


class Parity(parity.ParityTestCase):
    model_name = 'aae'


class AAETest(tf.test.TestCase):

    def test_terms_of_an_odd_batch_with_networks_computed_by_hand(self):
        """Encoder 2x, decoder z, critic the latent itself; one-pixel images."""
        model = models.create('aae', (2, 2, 1), 2, depth=1, latent=1, latent_width=1)
        model.encoder, model.decoder, model.critic = map(network, (lambda x: 2 * x, lambda z: z, lambda z: z[:, 0, 0]))
        x, prior = np.array([1., -2., .5]), np.array([-1., 3., 2.])
        terms = model.loss_terms(column(x), {'prior': column(prior)})
        self.assertAllClose(terms, {
            'loss_ae': np.mean(x**2), 'rmse': 127.5 * np.sqrt(np.mean(x**2)),
            'loss_adv_latent': softplus(2 * x), 'loss_adv_prior': softplus(-prior), 'loss_ae_latent': softplus(-2 * x),
            'adversary_accuracy': (1 / 3 + 2 / 3) / 2})  # one latent is below 0, two draws above

    def test_the_critic_learns_at_lr_unless_told_otherwise(self):
        for given, expected in ((0.0, 0.003), (0.5, 0.5)):
            model = models.create('aae', (8, 8, 1), 2, depth=1, latent=1, adversary_lr=given)
            model.compile(lr=0.003)
            self.assertAllClose(model.optimizers['critic'].learning_rate, expected)
            self.assertAllClose(model.optimizers['autoencoder'].learning_rate, 0.003)

    def test_layer_sizes(self):
        model = models.create('aae', (8, 8, 1), 2, depth=1, latent=1, disc_layer_sizes='7,5,3')
        self.assertEqual([w.shape for w in model.critic.get_weights()[::2]], [(16, 7), (7, 5), (5, 3), (3, 1)])
        for bad in ('', '7,,3', '0', '-5', 'a'):
            with self.assertRaisesRegex(UsageError, 'disc_layer_sizes'):
                models.create('aae', (8, 8, 1), 2, depth=1, latent=1, disc_layer_sizes=bad)


if __name__ == '__main__':
    tf.test.main()
