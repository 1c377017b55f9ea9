import parity
import tensorflow as tf
from by_hand import network

from acai_tf import models


class Parity(parity.ParityTestCase):
    model_name = 'dropout'


class DropoutTest(tf.test.TestCase):

    def create(self, **kwargs):
        model = models.create('dropout', (8, 8, 1), 2, depth=1, latent=100, latent_width=4, **kwargs)
        model.compile()
        return model

    def test_kept_values_are_scaled_up_in_training_only(self):
        model = self.create(dropout=0.25)
        model.encoder, model.decoder = map(network, (lambda x: 2 * x, lambda z: z))
        images = tf.constant([1., 3., 5.], shape=[3, 1, 1, 1])
        terms = model.loss_terms(images, {'mask': tf.constant([1., 0., 1.], shape=[3, 1])})
        # Kept: 2x / 0.25 = 8x instead of x, an error of 7x; dropped: 0 instead of x.
        self.assertAllClose(terms['loss'], (7**2 + 3**2 + 35**2) / 3)
        self.assertAllClose(model.decode(model.encode(images)), 2 * images)

    def test_the_flag_is_the_probability_to_keep(self):
        mask = self.create(dropout=0.75).random_inputs(tf.zeros([50, 8, 8, 1]))['mask']
        self.assertAllEqual(sorted(set(mask.numpy().ravel())), [0, 1])
        self.assertNear(mask.numpy().mean(), 0.75, 5 * (0.75 * 0.25 / mask.numpy().size)**0.5)


if __name__ == '__main__':
    tf.test.main()
