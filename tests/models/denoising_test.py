import numpy as np
import parity
import tensorflow as tf
from by_hand import network

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'denoising'


class DenoisingTest(tf.test.TestCase):

    def test_the_noisy_image_is_encoded_and_the_clean_one_compared_and_classified(self):
        model = models.create('denoising', (8, 8, 1), 2, depth=1, latent=1, noise=0.5)
        model.encoder, model.decoder, model.classifier = map(network, (
            lambda x: 2 * x, lambda z: z, lambda h: tf.concat([h[:, 0, 0], 0 * h[:, 0, 0]], axis=1)))
        images, noise = np.array([1., 2., -1.]), np.array([4., -2., 0.])
        terms = model.loss_terms(tf.constant(images.reshape(3, 1, 1, 1), tf.float32),
                                 {'noise': tf.constant(noise.reshape(3, 1, 1, 1), tf.float32)}, tf.constant([0, 1, 0]))
        self.assertAllClose(terms['loss'], np.mean((2 * (images + .5 * noise) - images)**2))
        right = np.array([2., -4., -2.])  # logit of the right class minus logit of the other, from clean latents
        self.assertAllClose(terms['classify_latent'], np.mean(np.log1p(np.exp(-right))))

    def test_noise_is_standard_normal_and_new_at_each_step(self):
        model = models.create('denoising', (8, 8, 1), 2, depth=1, latent=1)
        model.compile()
        images = tf.zeros([200, 8, 8, 1])
        noise = model.random_inputs(images)['noise'].numpy()
        self.assertNear(noise.std(), 1, 5 / np.sqrt(2 * noise.size))
        model.train_step((images[:1], tf.constant([0])))
        self.assertNotAllClose(noise, model.random_inputs(images)['noise'])


if __name__ == '__main__':
    tf.test.main()
