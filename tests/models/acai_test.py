import numpy as np
import parity
import tensorflow as tf
from by_hand import network as by_hand

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'acai'


class ACAITest(tf.test.TestCase):

    def test_terms_of_an_odd_batch_with_networks_computed_by_hand(self):
        """Encoder 2x, decoder 3z, critic the image itself; images of one pixel."""
        model = models.create('acai', (2, 2, 1), 2, depth=1, latent=1, latent_width=1, advweight=.5, reg=.25)
        model.encoder, model.decoder, model.critic = map(by_hand, (lambda x: 2 * x, lambda z: 3 * z, lambda x: x))
        x, alpha = np.array([1., 2., 4.]), np.array([.1, .2, .5])
        terms = model.loss_terms(tf.constant(x.reshape(3, 1, 1, 1), tf.float32),
                                 {'alpha': tf.constant(alpha.reshape(3, 1, 1, 1), tf.float32)})
        z, reconstruction = 2 * x, 6 * x
        mix = 3 * np.array([.1 * z[0] + .9 * z[2], z[1], .5 * z[2] + .5 * z[0]])
        real = reconstruction + .25 * (x - reconstruction)
        self.assertAllClose(terms, {
            'loss_ae': np.mean((5 * x)**2), 'rmse': 127.5 * np.sqrt(np.mean((5 * x)**2)),
            'loss_disc': np.mean((mix - alpha)**2), 'loss_ae_disc': np.mean(mix**2),
            'loss_disc_real': np.mean(real**2)}, rtol=1e-5)

    def test_the_critic_has_its_own_depth_or_the_autoencoders(self):
        def kernel(**kwargs):
            return models.create('acai', (16, 16, 1), 2, depth=4, latent=3, **kwargs).critic.layers[0].kernel.shape
        self.assertEqual(kernel(), (1, 1, 1, 4))
        self.assertEqual(kernel(advdepth=6), (1, 1, 1, 6))

    def test_critic_beta_2_belongs_to_the_critic(self):
        """After one update, Adam's second moment is (1 - beta_2) times the squared gradient."""
        images, moments = tf.random.stateless_uniform([4, 16, 16, 1], [0, 0]), []
        for options in ({}, {'critic_beta_2': 0.99}):
            model = models.create('acai', (16, 16, 1), 2, depth=2, latent=3, **options)
            model.compile()
            model.train_step(images)
            moments.append({name: model.optimizers[name]._velocities[0].numpy() for name in ('autoencoder', 'critic')})
        default, faster = moments
        self.assertAllEqual(faster['autoencoder'], default['autoencoder'])
        self.assertAllClose(faster['critic'], 10 * default['critic'], rtol=1e-3)
        self.assertAllGreater(default['critic'], 0)

    def test_the_critics_answer_is_the_mean_over_all_its_outputs(self):
        model = models.create('acai', (16, 16, 1), 2, depth=2, latent=3, advdepth=5)
        images = tf.random.stateless_uniform([2, 16, 16, 1], [0, 0])
        outputs = model.critic(images).numpy()
        self.assertEqual(outputs.shape, (2, 4, 4, 3))
        self.assertAllClose(model.critic_score(images), outputs.mean(axis=(1, 2, 3), keepdims=True))

    def test_objectives_weigh_the_terms(self):
        """With a separate advdepth, each network's gradient belongs to its own objective, by finite differences."""
        model = models.create('acai', (8, 8, 1), 2, depth=2, latent=2, latent_width=4, advdepth=3, advweight=.7, reg=.3)
        model.compile()
        images = tf.random.stateless_uniform([3, 8, 8, 1], [0, 1], -1, 1)
        labels = tf.constant([0, 1, 1])
        random_inputs = {'alpha': tf.constant([.1, .2, .4], shape=[3, 1, 1, 1])}
        model.random_inputs = lambda _: random_inputs
        for network in model.networks.values():  # biases that make the critic's answers large enough to distinguish
            network.layers[-2 if network.name != 'classifier' else -1].bias.assign_add(
                .5 * tf.ones_like(network.weights[-1]))
        gradients = {}
        model.apply_gradients = lambda values, due: gradients.update(values)
        model.train_step((images, labels))
        objectives = {
            'autoencoder': lambda t: t['loss_ae'] + .7 * t['loss_ae_disc'],
            'critic': lambda t: t['loss_disc'] + t['loss_disc_real'], 'classifier': lambda t: t['classify_latent']}
        for name, objective in objectives.items():
            variable, gradient = model.variables_of(name)[-1], gradients[name][-1].numpy().ravel()[0]
            def value(shift):
                delta = np.zeros(variable.shape, np.float32)
                delta.ravel()[0] = shift
                variable.assign_add(delta)
                result = float(objective(model.loss_terms(images, random_inputs, labels)))
                variable.assign_sub(delta)
                return result
            self.assertNear((value(.01) - value(-.01)) / .02, gradient, 2e-3 * abs(gradient) + 1e-5, name)

    def test_alphas_are_in_the_lower_half_and_differ_by_step(self):
        model = models.create('acai', (8, 8, 1), 2, depth=1, latent=1)
        model.compile()
        images = tf.zeros([1000, 8, 8, 1])
        first = model.random_inputs(images)['alpha']
        model.train_step((images[:2], tf.constant([0, 1])))
        second = model.random_inputs(images)['alpha']
        self.assertEqual(first.shape, (1000, 1, 1, 1))
        self.assertAllInRange(first, 0, .5)
        self.assertNear(float(tf.reduce_mean(first)), .25, 5 * .5 / 12**.5 / 1000**.5)
        self.assertNotAllClose(first, second)


if __name__ == '__main__':
    tf.test.main()
