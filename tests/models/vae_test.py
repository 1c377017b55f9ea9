import numpy as np
import parity
import tensorflow as tf

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'vae'
    options = {'sample_latent': True}

    def setUp(self):
        super().setUp()
        self.model.noise = lambda shape: self.reference['draw/eps']


class VAETest(tf.test.TestCase):

    def create(self, **kwargs):
        model = models.create('vae', (8, 8, 1), 2, depth=1, latent=2, latent_width=4, **kwargs)
        model.compile()
        return model

    def test_elbo_weighs_the_divergence(self):
        images = tf.random.stateless_uniform([3, 8, 8, 1], [0, 0], -1, 1)
        for beta in (0.0, 1.0, 4.0):
            model = self.create(beta=beta)
            terms = model.loss_terms(images, model.random_inputs(images))
            self.assertGreater(terms['loss_kl'], 0)
            self.assertAllClose(terms['elbo'], terms['loss_ll'] - beta * terms['loss_kl'])

    def test_encode_is_the_mean_and_is_always_the_same(self):
        model = self.create()
        images = tf.random.stateless_uniform([3, 8, 8, 1], [0, 0], -1, 1)
        mean, _ = model.latent_heads(model.encoder(images))
        self.assertAllEqual(model.encode(images), tf.reshape(mean, [3, 4, 4, 2]))
        self.assertAllEqual(model.encode(images), model.encode(images))

    def test_sample_latent_has_the_posteriors_mean_and_deviation(self):
        model = self.create(sample_latent=True)
        images = tf.tile(tf.random.stateless_uniform([1, 8, 8, 1], [0, 0], -1, 1), [4000, 1, 1, 1])
        mean, log_variance = model.latent_heads(model.encoder(images[:1]))
        samples = model.encode(images).numpy().reshape(4000, -1)
        deviation = np.exp(log_variance.numpy()[0] / 2)
        self.assertAllInRange((samples.mean(axis=0) - mean[0]) / deviation, -5 / 4000**.5, 5 / 4000**.5)
        self.assertAllInRange(samples.std(axis=0) / deviation, 1 - 5 / 8000**.5, 1 + 5 / 8000**.5)

    def test_draws_of_the_prior_decode_to_the_range_of_images(self):
        images = self.create().decode(tf.random.stateless_normal([5, 4, 4, 2], [0, 0]))
        self.assertEqual(images.shape, (5, 8, 8, 1))
        self.assertAllInRange(images, -1, 1)


if __name__ == '__main__':
    tf.test.main()
