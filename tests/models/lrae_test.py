import parity
import tensorflow as tf

from acai_tf import losses, models


class Parity(parity.ParityTestCase):
    model_name = 'lrae'


class LRAETest(tf.test.TestCase):

    def test_the_discrepancy_is_that_of_flattened_latents_and_prior_and_never_negative(self):
        model = models.create('lrae', (8, 8, 1), 2, depth=1, latent=3, latent_width=2)
        model.compile()
        images = tf.random.stateless_uniform([5, 8, 8, 1], [0, 0], -1, 1)
        latents = tf.reshape(model.encode(images), [5, -1])
        random_inputs = model.random_inputs(images)
        terms = model.loss_terms(images, random_inputs)
        self.assertGreater(terms['loss_mmd'], 0)
        self.assertAllClose(terms['loss_mmd'], losses.mmd(latents, tf.reshape(random_inputs['prior'], [5, -1])))
        near = tf.constant(model.encode(images)) + 1e-3
        self.assertLess(losses.mmd(latents, tf.reshape(near, [5, -1])), 0)
        self.assertEqual(model.loss_terms(images, {**random_inputs, 'prior': near})['loss_mmd'], 0)


if __name__ == '__main__':
    tf.test.main()
