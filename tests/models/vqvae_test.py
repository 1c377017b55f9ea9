import numpy as np
import parity
import tensorflow as tf

from acai_tf import models
from acai_tf.errors import UsageError
from acai_tf.models.vqvae import Codebook


class Parity(parity.ParityTestCase):
    model_name = 'vqvae'
    _CODEBOOK = {'codes': 'codebook', 'ema_means': 'codebook_ema_means', 'ema_count': 'codebook_ema_count'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for stage in ('init', 'after'):
            for name, key in cls._CODEBOOK.items():
                value = cls.reference.pop(f'{stage}/{key}')
                value = value.reshape(value.shape[1 + (name == 'codes'):])  # leading axes have length 1
                cls.reference[f'{stage}/codebook/{name}'] = value

    def variables(self):
        codebook = self.model.codebook
        return {**super().variables(), **{f'codebook/{name}': getattr(codebook, name) for name in self._CODEBOOK}}


class CodebookTest(tf.test.TestCase):

    def create(self, codes):
        codes = np.array(codes, np.float32)
        codebook = Codebook(*codes.shape, seed=0)
        codebook.codes.assign(codes)
        codebook.ema_means.assign(codes)
        return codebook

    def test_nearest_codes_by_distance(self):
        codes, numbers = self.create([[0., 0.], [10., 0.], [0., 3.]])(tf.constant([[6., 0.], [1., 1.], [0., 100.]]))
        self.assertAllEqual(numbers, [1, 0, 2])
        self.assertAllEqual(codes, [[10, 0], [0, 0], [0, 3]])

    def test_first_update_from_counts_of_zero(self):
        codebook = self.create([[1., 2.], [3., 4.], [5., 6.]])
        vectors = tf.constant([[1., 1.], [2., 2.], [4., 4.]])
        codebook.update(*codebook.statistics(vectors, tf.constant([0, 0, 1])))
        count = .001 * np.array([2., 1., 0.])
        means = .999 * np.array([[1., 2.], [3., 4.], [5., 6.]]) + .001 * np.array([[3., 3.], [4., 4.], [0., 0.]])
        smoothed = (count + 1e-5) / (.003 + 3e-5) * .003
        self.assertAllClose(codebook.ema_count, count)
        self.assertAllClose(codebook.ema_means, means)
        self.assertAllClose(codebook.codes, means / smoothed[:, None], rtol=1e-4)

    def test_initial_range(self):
        codebook = Codebook(2**14, 4, seed=0)
        self.assertNear(np.abs(codebook.codes).max(), (3 / 2**14)**.5, 1e-5)
        self.assertAllEqual(codebook.ema_means, codebook.codes)
        self.assertAllEqual(codebook.ema_count, np.zeros(2**14))


class VQVAETest(tf.test.TestCase):

    def create(self, **kwargs):
        model = models.create('vqvae', (8, 8, 1), 2, depth=1, latent=2, latent_width=2, z_log_size=3, **kwargs)
        model.compile()
        return model

    def test_perplexity(self):
        """One of eight codes gets everything, or all get equal shares."""
        model = self.create(plain=True, num_latents=1)
        images = tf.random.stateless_uniform([8, 8, 8, 1], [0, 0], -1, 1)
        model.codebook.codes.assign(tf.concat([tf.zeros([1, 8]), tf.fill([7, 8], 1e3)], axis=0))
        self.assertAllClose(model.loss_terms(images, {})['perplexity'], 1.)
        model.codebook.codes.assign(tf.reshape(model.encode(images), [8, 8]))
        terms = model.loss_terms(images, {})
        self.assertAllClose(terms['perplexity'], 8., rtol=1e-5)
        self.assertAllClose(terms['vqvae_loss'], 0., atol=1e-6)

    def test_the_commitment_pulls_vectors_to_their_codes(self):
        model = self.create(beta=3.0, num_latents=2)
        images = tf.random.stateless_uniform([3, 8, 8, 1], [0, 0], -1, 1)
        vectors = model.pre_quantizer(model.encode(images)).numpy().reshape(6, 8)
        distance = ((vectors[:, None] - model.codebook.codes.numpy())**2).mean(axis=2)
        self.assertAllClose(model.loss_terms(images, {})['vqvae_loss'], 3 * distance.min(axis=1).mean())

    def test_decoding_leaves_the_codebook_alone(self):
        model = self.create()
        before = [v.numpy() for v in model.codebook.variables]
        model.decode(tf.random.stateless_normal([4, 2, 2, 2], [0, 0]))
        for old, variable in zip(before, model.codebook.variables):
            self.assertAllEqual(old, variable)

    def test_the_plain_form_quantizes_the_latent_itself(self):
        model = self.create(plain=True, num_latents=1)
        self.assertEqual(list(model.networks), ['encoder', 'decoder', 'classifier', 'codebook'])
        latents = tf.random.stateless_normal([4, 2, 2, 2], [0, 0])
        codes, _ = model.codebook(tf.reshape(latents, [4, 8]))
        self.assertAllClose(model.decode(latents), model.decoder(tf.reshape(codes, [4, 2, 2, 2])))
        with self.assertRaisesRegex(UsageError, 'plain needs num_latents=1'):
            self.create(plain=True)


if __name__ == '__main__':
    tf.test.main()
