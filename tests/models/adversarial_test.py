from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from acai_tf import models


class OnePassTest(tf.test.TestCase):
    """The critic's gradients equal the gradients of calling the network, in any order of differentiation."""

    def setUp(self):
        super().setUp()
        self.model = models.create('acai', (8, 8, 1), 2, depth=2, latent=2, latent_width=4)
        self.images = tf.random.stateless_uniform([5, 8, 8, 1], [0, 1], -1, 1)
        for i, variable in enumerate(self.model.critic.trainable_variables):
            variable.assign(tf.random.stateless_normal(variable.shape, [1, i], 0, .5))

    def gradients(self, names, target, one_pass=True):
        """{name: gradients with respect to the critic's variables and the images} of losses like the players', in order."""
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(self.images)
            guess = self.model.critic_score(self.images, training=True) if one_pass else tf.reduce_mean(
                self.model.critic(self.images, training=True), axis=[1, 2, 3], keepdims=True)
            losses = {'critic': tf.reduce_mean((guess - target)**2), 'autoencoder': .5 * tf.reduce_mean(guess**2)}
        return {name: tape.gradient(losses[name], [*self.model.critic.trainable_variables, self.images]) for name in names}

    def compare(self, target):
        expected = self.gradients(['critic', 'autoencoder'], target, one_pass=False)
        for names in (['critic', 'autoencoder'], ['autoencoder', 'critic']):
            for compiled in (False, True):
                run = tf.function(self.gradients) if compiled else self.gradients
                for name, gradients in run(names, target).items():
                    for actual, wanted in zip(gradients, expected[name], strict=True):
                        self.assertAllClose(actual, wanted, rtol=1e-5, atol=1e-8, msg=f'{name} of {names}, {compiled}')

    def test_any_order(self):
        self.compare(tf.constant([0, .1, .2, .3, .5], shape=[5, 1, 1, 1]))

    def test_where_the_first_loss_has_no_gradient(self):
        guess = self.model.critic_score(self.images)
        self.assertGreater(np.abs(guess).min(), 1e-3)
        self.compare(guess * tf.constant([1., 1, 0, 0, 1], shape=[5, 1, 1, 1]))

    def test_a_compiled_step_passes_once(self):
        """The second loss adds no convolution to the executed graph."""
        def convolutions(names):
            def gradients(images):
                self.images = images
                found = self.gradients(names, tf.fill([5, 1, 1, 1], .2))
                return [found['critic'][:-1], [found[name][-1] for name in names[1:]]]
            graph = tf.function(gradients).get_concrete_function(tf.TensorSpec([5, 8, 8, 1])).graph
            wanted = [t.op for t in graph.outputs]
            seen = set()
            while wanted:
                op = wanted.pop()
                if op.name not in seen:
                    seen.add(op.name)
                    wanted += [t.op for t in op.inputs]
            return sum(graph.get_operation_by_name(name).type.startswith('Conv2D') for name in seen)
        alone, both = convolutions(['critic']), convolutions(['critic', 'autoencoder'])
        self.assertEqual(both, alone + 1)  # gradient of the first convolution with respect to images

    def test_networks_with_statistics_of_the_batch_keep_two_passes(self):
        self.model.critic = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3), layers.BatchNormalization(),
                                              layers.Conv2D(2, 3)])
        for i, variable in enumerate(self.model.critic.trainable_variables):
            variable.assign(tf.random.stateless_normal(variable.shape, [1, i], 0, .5))
        self.compare(tf.constant([0, .1, .2, .3, .5], shape=[5, 1, 1, 1]))
        with mock.patch.object(self.model.critic, 'stateless_call', side_effect=AssertionError):
            self.model.critic_score(self.images, training=True)


if __name__ == '__main__':
    tf.test.main()
