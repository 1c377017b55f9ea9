import unittest

import numpy as np
import parity
import tensorflow as tf
from by_hand import network

from acai_tf import models
from acai_tf.errors import UsageError
from acai_tf.models.gaia import distance_loss


class Parity(parity.ParityTestCase):
    model_name = 'gaia'
    beside = ('classifier',)
    options = {'unit_range': False}

    def test_parity_rates_of_each_step(self):
        for step in range(self.meta['steps']):
            terms = self.step()
            for name in ('lr_D', 'lr_G'):
                self.assertAllClose(terms[name], self.reference[f'step/{name}'][step], rtol=1e-5, msg=name)


class ParityUnitRange(Parity):
    options = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prefix = 'unit_range/'
        in_unit_range = {key[len(prefix):]: value for key, value in cls.reference.items() if key.startswith(prefix)}
        if not in_unit_range:
            raise unittest.SkipTest(f'no {prefix} in the file')
        cls.reference |= in_unit_range


class ReferenceTest(parity.ReferenceTestCase):
    """Parts of our own file; other files may lack them."""

    model_name = 'gaia'
    beside = ('classifier',)
    options = {'unit_range': False}

    def test_gradient_of_the_distances(self):
        variables = self.variables()
        with tf.GradientTape() as tape:
            loss = distance_loss(self.images, self.model.encode(self.images, training=True))
        expected = self.reference_under('gradient_of/distance_loss/')
        self.assertLen(expected, 14)
        gradients = tape.gradient(loss, {key: variables[key] for key in expected})
        # Shifting all latents does not change distances, so the last bias's gradient is only rounding error.
        self.assertAllClose(gradients.pop('encoder/6/bias'), [0, 0], atol=1e-6)
        for key, gradient in gradients.items():
            self.assertLess(np.linalg.norm(gradient - expected[key]) / np.linalg.norm(expected[key]), 1e-4, key)

    def test_balance(self):
        given = {tag: tf.constant(self.reference[f'balance/{tag}']) for tag in (
            'x_real_recon_loss', 'x_fake_from_real_recon_loss', 'x_fake_from_sample_recon_loss', 'distance_loss')}
        self.model.latent_loss_weights = self.reference['balance/latent_loss_weights']
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(given)
            terms = self.model.balance(*given.values())
        for tag in ('L_d', 'L_g', 'lr_D', 'lr_G', 'discrim_proportion_fake', 'gen_proportion_sample'):
            self.assertAllClose(terms[tag], self.reference[f'balance/{tag}'], rtol=1e-5, atol=1e-9, msg=tag)
        r, f_r, f_s, distance = given.values()
        for tag, sources in (('L_d', [r, f_r, f_s]), ('L_g', [f_r, f_s, distance])):
            derivatives = tape.gradient(terms[tag], sources, unconnected_gradients='zero')
            self.assertAllClose(tf.stack(derivatives, axis=1), self.reference[f'balance/d_{tag}'], rtol=1e-4, atol=1e-6)


class GAIATest(tf.test.TestCase):

    def model(self, **kwargs):
        """Encoder 2x, decoder 3z, the critic's -x and x / 2; images of one pixel."""
        model = models.create('gaia', (8, 8, 1), 2, depth=1, latent=1, **kwargs)
        model.encoder, model.decoder, model.critic_encoder, model.critic_decoder = map(network, (
            lambda x: 2 * x, lambda z: 3 * z, lambda x: -x, lambda z: z / 2))
        return model

    def terms(self, x, first, second, dynamic=False, **kwargs):
        model = self.model(**kwargs)

        @tf.function(autograph=False, input_signature=[tf.TensorSpec([None if dynamic else len(x), 1, 1, 1])])
        def terms(images):
            return model.loss_terms(images, {'midpoint_1': tf.constant(first, tf.float32, [len(first)]),
                                             'midpoint_2': tf.constant(second, tf.float32, [len(second)])})
        return terms(np.reshape(x, [-1, 1, 1, 1]).astype(np.float32))

    def test_terms_computed_by_hand(self):
        x = np.array([.1, -.2, .3, .05])
        terms = self.terms(x, [.25, .5], [.7, -.1], lr_sigma_slope=2, unit_range=False)
        a, b = 6 * x[:2], 6 * x[2:]  # decoder and encoder are linear: the mix of images is the image of the mix
        mix = np.concatenate([a * [.25, .5] + b * [.75, .5], a[::-1] * [.7, -.1] + b * [.3, 1.1]])
        r, f_r, f_s = 1.5 * np.mean(np.abs(x)), 1.5 * np.mean(np.abs(x)), 1.5 * np.mean(np.abs(mix))
        f_r = np.mean(np.abs(x + 3 * x))  # C(G(x)) is -3x, compared with x itself
        self.assertAllClose([terms['x_real_recon_loss'], terms['x_fake_from_real_recon_loss'],
                             terms['x_fake_from_sample_recon_loss']], [r, f_r, f_s], rtol=1e-5)

        def share(u):
            return 1 / (1 + np.exp(-2 * u))
        self.assertAllClose(terms['L_d'], r - (f_r + f_s) / 2 * share(f_s / 2 - r), rtol=1e-5)
        w = share(f_s - f_r)
        self.assertAllClose(terms['L_g'], w * f_s + (1 - w) * f_r, rtol=1e-5)  # latents are proportional to the images
        self.assertAllClose(terms['distance_loss'], 0, atol=1e-9)
        in_unit_range = self.terms(x, [.25, .5], [.7, -.1])
        self.assertAllClose(in_unit_range['x_real_recon_loss'], r / 2, rtol=1e-5)
        self.assertAllClose(in_unit_range['rmse'], terms['rmse'])

    def test_distances_are_compared_without_their_scale(self):
        x, z = np.array([[0.], [1.], [3.]]), np.array([[5., 5.], [5., 7.], [9., 5.]])
        d_x, d_z = (np.mean((v[:, None] - v[None])**2, axis=-1) for v in (x, z))
        expected = np.mean((np.log1p(d_x / d_x.mean()) - np.log1p(d_z / d_z.mean()))**2)
        self.assertAllClose(distance_loss(tf.constant(x), tf.constant(z)), expected, rtol=1e-6)
        self.assertAllClose(distance_loss(tf.constant(1000 + x), tf.constant(7 * x)), 0, atol=1e-9)

    def test_an_odd_batch(self):
        with self.assertRaisesRegex(UsageError, 'a batch of 3 images: GAIA .* must be even'):
            self.terms([.1, .2, .3], [.5], [.5])
        # At the end of an epoch of `fit`: all terms except the mixes' include the last image.
        odd = self.terms([.1, .2, .3], [.5], [.5], dynamic=True, unit_range=False)
        even = self.terms([.1, .2], [.5], [.5], unit_range=False)
        self.assertAllClose(odd['x_fake_from_sample_recon_loss'], even['x_fake_from_sample_recon_loss'])
        self.assertAllClose(odd['x_real_recon_loss'], 1.5 * .2, rtol=1e-5)
        for tag, value in self.terms([.1], [.5], [.5], dynamic=True).items():
            self.assertTrue(np.isfinite(value), tag)

    def test_saturated_sigmoids_have_a_gradient(self):
        model = self.model(lr_sigma_slope=1e4)
        losses = tf.constant([.9, .1, .2, 1.])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(losses)
            terms = model.balance(*tf.unstack(losses))
        for tag in ('L_d', 'L_g'):
            self.assertTrue(np.all(np.isfinite(tape.gradient(terms[tag], losses))), tag)

    def test_midpoints(self):
        random_inputs = self.model().random_inputs(tf.zeros([4000, 8, 8, 1]))
        for name, value in random_inputs.items():
            self.assertEqual(value.shape, (2000,))
            self.assertNear(np.mean(value), .5, 5 * .25 / 2000**.5, name)
            self.assertNear(np.std(value), .25, 5 * .25 / 4000**.5, name)
        self.assertNotAllClose(random_inputs['midpoint_1'], random_inputs['midpoint_2'])

    def test_the_rates_are_shares_of_one_that_callbacks_can_change(self):
        model = models.create('gaia', (16, 16, 1), 2, depth=1, latent=1)
        model.compile(lr=0.5)
        images = tf.random.stateless_uniform([4, 16, 16, 1], [0, 0])
        for rate in (0.5, 0.125):
            model.optimizer.learning_rate = rate
            terms = model.train_step((images, tf.zeros([4], tf.int64)))
            self.assertAllClose(terms['lr_D'] + terms['lr_G'], rate, rtol=1e-5)


if __name__ == '__main__':
    tf.test.main()
