from unittest import mock

import keras
import tensorflow as tf

from acai_tf import benchmark

FEW_IMAGES = {name: (prepared, splits, 128) for name, (prepared, splits, _) in benchmark._PREPARED.items()}


class BenchmarkTest(tf.test.TestCase):

    @mock.patch.object(benchmark, '_REPEATS', 1)
    @mock.patch.object(benchmark.matmul_gflops, '__defaults__', (512, 6))
    @mock.patch.object(benchmark, '_RESTARTS', 2)
    @mock.patch.object(benchmark, '_INPUT_SECONDS', 0.05)
    @mock.patch.object(benchmark, '_PREPARED', FEW_IMAGES)
    @mock.patch.object(benchmark, '_PUBLISHED', {'depth': 8, 'latent': 2, 'latent_width': 16})
    @mock.patch.object(benchmark, '_PUBLISHED_COLOR', {'depth': 8, 'latent': 2, 'latent_width': 16})
    def test_input_beside_training_lines_and_restarts(self):
        results = benchmark.run(['input', 'line_eval', 'kmeans'])
        self.assertEqual(set(results), {'matmul_gflops', 'train', 'train_depth64', 'input', 'line_eval', 'kmeans'})
        self.assertBetween(results['line_eval']['seconds'], 0.001, 100)
        for name in ('lines32', 'stripes32', 'digits32', 'mnist32', 'mnist32-streamed', 'svhn32', 'celeba32', 'coil100'):
            self.assertGreater(results['input'][name]['img_per_s'], 100, name)
        for dtype in ('float32', 'bfloat16'):
            for name in ('train', 'train_depth64'):
                self.assertGreater(results[name][dtype]['img_per_s'], 1)
                self.assertBetween(results[name][dtype]['fraction'], 0.001, 2)
        for name in ('restarts_per_s', 'scikit_learn_restarts_per_s'):
            self.assertGreater(results['kmeans'][name], 0.01)

    def test_the_rate_is_that_of_the_arithmetic(self):
        # A 3x3 convolution on 8x8 with 2 channels in and 4 out: 64 positions, 9 * 2 multiplications and additions each.
        inputs = keras.Input([8, 8, 2])
        network = keras.Model(inputs, keras.layers.Conv2D(4, 3, padding='same')(inputs))
        self.assertEqual(benchmark.convolution_flops(network), 2 * 64 * 9 * 2 * 4)


if __name__ == '__main__':
    tf.test.main()
