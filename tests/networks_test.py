import keras
import numpy as np
import tensorflow as tf

from acai_tf import networks


def _convolutions(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]


class NetworksTest(tf.test.TestCase):

    def test_encoder_channels_and_shape(self):
        network = networks.encoder((32, 16, 3), scales=3, depth=4, latent=5)
        shapes = [tuple(layer.kernel.shape) for layer in _convolutions(network)]
        self.assertEqual(shapes, [(1, 1, 3, 4), (3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 4, 8), (3, 3, 8, 8), (3, 3, 8, 16),
                                  (3, 3, 16, 16), (3, 3, 16, 32), (3, 3, 32, 5)])
        self.assertEqual(network.output_shape, (None, 4, 2, 5))

    def test_decoder_channels_and_shape(self):
        network = networks.decoder((4, 2, 5), scales=3, depth=4, colors=3)
        shapes = [tuple(layer.kernel.shape) for layer in _convolutions(network)]
        self.assertEqual(shapes, [(3, 3, 5, 16), (3, 3, 16, 16), (3, 3, 16, 8), (3, 3, 8, 8), (3, 3, 8, 4),
                                  (3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 4, 3)])
        self.assertEqual(network.output_shape, (None, 32, 16, 3))

    def test_first_and_last_convolutions_of_the_encoder_are_linear(self):
        kinds = [type(layer).__name__ for layer in networks.encoder((8, 8, 1), 1, 2, 2).layers]
        self.assertEqual(kinds, ['Conv2D', 'Conv2D', 'LeakyReLU', 'Conv2D', 'LeakyReLU', 'AveragePooling2D', 'Conv2D',
                                 'LeakyReLU', 'Conv2D', 'Identity'])

    def test_kernels_have_the_released_deviation_and_biases_are_zero(self):
        layer = _convolutions(networks.encoder((32, 32, 1), 2, 64, 8))[2]
        kernel = layer.kernel.numpy()
        deviation = 1 / np.sqrt((1 + 0.2**2) * 3 * 3 * 64)
        # Five standard errors of a normal's deviation; beyond 2 deviations nothing is truncated.
        self.assertNear(kernel.std() / deviation, 1, 5 / np.sqrt(2 * kernel.size))
        self.assertNear(np.mean(np.abs(kernel) > 2 * deviation), 0.0455, 0.01)
        self.assertAllEqual(layer.bias, np.zeros(64))

    def test_seed_and_name_decide_the_weights(self):
        def first(seed, name):
            return networks.encoder((8, 8, 1), 1, 2, 2, seed=seed, name=name).get_weights()[0]
        self.assertAllEqual(first(1, 'encoder'), first(1, 'encoder'))
        self.assertNotAllClose(first(1, 'encoder'), first(2, 'encoder'))
        self.assertNotAllClose(first(1, 'encoder'), first(1, 'critic'))

    def test_bfloat16_networks_end_in_float32_and_keep_float32_weights(self):
        network = networks.encoder((8, 8, 1), 1, 2, 2, dtype='mixed_bfloat16')
        self.assertEqual(network(tf.zeros([1, 8, 8, 1])).dtype, tf.float32)
        self.assertEqual({v.dtype for v in network.variables}, {'float32'})
        self.assertEqual(_convolutions(network)[0].compute_dtype, 'bfloat16')

    def test_dense_is_glorot_uniform(self):
        layer = networks.dense((4, 4, 16), 10).layers[-1]
        kernel, bound = layer.kernel.numpy(), np.sqrt(6 / (256 + 10))
        self.assertLessEqual(np.abs(kernel).max(), bound)
        self.assertNear(kernel.std(), bound / np.sqrt(3), 0.03 * bound)


if __name__ == '__main__':
    tf.test.main()
