import functools

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from replicas import mirrored

from acai_tf import architectures, datasets, export, models, training
from acai_tf.architectures.acai import ACAINetworks
from acai_tf.architectures.dense import dense
from acai_tf.architectures.fast_layers import Conv2D, LeakyReLU, UpSampling2D
from acai_tf.architectures.vgg import VGGNetworks
from acai_tf.errors import UsageError


def _convolutions(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]


def encoder(image_shape, depth, latent, latent_width=4, **kwargs):
    return ACAINetworks(depth, latent, latent_width, **kwargs).encoder(image_shape)


class FastLayersTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.product(size=[(1, 1), (2, 2), (1, 3), (4, 1), (2, 3)], kernel=[1, 2, 3, 5])
    def test_a_convolution_is_that_of_keras(self, size, kernel):
        images = tf.random.stateless_normal([3, *size, 4], [0, 1])
        fast, usual = Conv2D(5, kernel, padding='same'), keras.layers.Conv2D(5, kernel, padding='same')
        usual.build(images.shape)
        fast.build(images.shape)
        fast.set_weights([tf.random.stateless_normal(w.shape, [0, 2]) for w in usual.get_weights()])
        usual.set_weights(fast.get_weights())
        found = []
        for layer in (fast, usual):
            with tf.GradientTape() as tape:
                tape.watch(images)
                answers = layer(images)
                loss = tf.reduce_sum(tf.sin(answers))
            found.append([answers, *tape.gradient(loss, [images, layer.kernel.value, layer.bias.value])])
        for a, b in zip(*found):
            self.assertAllClose(a, b, rtol=1e-5, atol=1e-5)

    @parameterized.product(dtype=['float32', 'bfloat16'], size=[(2, 2), (1, 3)])
    def test_an_upsampling_is_that_of_keras(self, dtype, size):
        images = tf.cast(tf.random.stateless_normal([2, 3, 5, 4], [0, 1]), dtype)
        found = []
        fast, usual = UpSampling2D(size, dtype=dtype), keras.layers.UpSampling2D(size, dtype=dtype)
        for upsample in (fast, functools.partial(fast, training=True), usual):
            with tf.GradientTape() as tape:
                tape.watch(images)
                answers = upsample(images)
                loss = tf.reduce_sum(answers**2)
            self.assertEqual(answers.shape, (2, 3 * size[0], 5 * size[1], 4))
            found.append([answers, tape.gradient(loss, images)])
        *ours, theirs = found
        for answers, gradient in ours:
            self.assertAllEqual(answers, theirs[0])
            self.assertAllClose(gradient, theirs[1], rtol=2e-2 if dtype == 'bfloat16' else 1e-6)

    @parameterized.parameters('float32', 'bfloat16')
    def test_a_leaky_relu_and_its_first_and_second_gradients(self, dtype):
        values = tf.cast([-3, -1e-3, 0, 1e-3, 3], dtype)
        upstream = tf.cast([1, 2, 3, 4, 5], dtype)
        layer = LeakyReLU(0.25, dtype=dtype)
        with tf.GradientTape() as outer:
            outer.watch(upstream)
            with tf.GradientTape() as inner:
                inner.watch(values)
                answers = layer(values, training=True)
            gradient = inner.gradient(answers, values, upstream)
        self.assertAllEqual(answers, layer(values))
        slopes = tf.cast([0.25, 0.25, 0.25, 1, 1], dtype)
        self.assertAllEqual(gradient, upstream * slopes)
        self.assertAllEqual(outer.gradient(gradient, upstream), slopes)


class ReleasedNetworksTest(tf.test.TestCase):

    def test_encoder_channels_and_shape(self):
        network = encoder((32, 16, 3), depth=4, latent=5, latent_width=2)
        shapes = [tuple(layer.kernel.shape) for layer in _convolutions(network)]
        self.assertEqual(shapes, [(1, 1, 3, 4), (3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 4, 8), (3, 3, 8, 8), (3, 3, 8, 16),
                                  (3, 3, 16, 16), (3, 3, 16, 32), (3, 3, 32, 5)])
        self.assertEqual(network.output_shape, (None, 4, 2, 5))

    def test_decoder_channels_and_shape(self):
        network = ACAINetworks(4, 5, latent_width=2).decoder((4, 2, 5), 3, image_shape=(32, 16, 3))
        shapes = [tuple(layer.kernel.shape) for layer in _convolutions(network)]
        self.assertEqual(shapes, [(3, 3, 5, 16), (3, 3, 16, 16), (3, 3, 16, 8), (3, 3, 8, 8), (3, 3, 8, 4),
                                  (3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 4, 3)])
        self.assertEqual(network.output_shape, (None, 32, 16, 3))

    def test_first_and_last_convolutions_of_the_encoder_are_linear(self):
        kinds = [type(layer).__name__ for layer in encoder((8, 8, 1), 2, 2).layers]
        self.assertEqual(kinds, ['Conv2D', 'Conv2D', 'LeakyReLU', 'Conv2D', 'LeakyReLU', 'AveragePooling2D', 'Conv2D',
                                 'LeakyReLU', 'Conv2D', 'Identity'])

    def test_kernels_have_the_released_deviation_and_biases_are_zero(self):
        layer = _convolutions(encoder((32, 32, 1), 64, 8, latent_width=8))[2]
        kernel = layer.kernel.numpy()
        deviation = 1 / np.sqrt((1 + 0.2**2) * 3 * 3 * 64)
        # Five standard errors of a normal's deviation; nothing is truncated at 2 deviations.
        self.assertNear(kernel.std() / deviation, 1, 5 / np.sqrt(2 * kernel.size))
        self.assertNear(np.mean(np.abs(kernel) > 2 * deviation), 0.0455, 0.01)
        self.assertAllEqual(layer.bias, np.zeros(64))

    def test_seed_and_name_decide_the_weights(self):
        def first(seed, name):
            return ACAINetworks(2, 2, seed=seed).encoder((8, 8, 1), name=name).get_weights()[0]
        self.assertAllEqual(first(1, 'encoder'), first(1, 'encoder'))
        self.assertNotAllClose(first(1, 'encoder'), first(2, 'encoder'))
        self.assertNotAllClose(first(1, 'encoder'), first(1, 'critic'))

    def test_bfloat16_networks_end_in_float32_and_keep_float32_weights(self):
        network = encoder((8, 8, 1), 2, 2, dtype='mixed_bfloat16')
        self.assertEqual(network(tf.zeros([1, 8, 8, 1])).dtype, tf.float32)
        self.assertEqual({v.dtype for v in network.variables}, {'float32'})
        self.assertEqual(_convolutions(network)[0].compute_dtype, 'bfloat16')

    def test_dense_is_glorot_uniform(self):
        layer = dense((4, 4, 16), 10).layers[-1]
        kernel, bound = layer.kernel.numpy(), np.sqrt(6 / (256 + 10))
        self.assertLessEqual(np.abs(kernel).max(), bound)
        self.assertNear(kernel.std(), bound / np.sqrt(3), 0.03 * bound)


class KerasConfigTest(parameterized.TestCase, tf.test.TestCase):
    """Models do not depend on keras.json and keras.config, or raise an error."""

    def setUp(self):
        super().setUp()
        for get, change in ((keras.config.image_data_format, keras.config.set_image_data_format),
                            (keras.config.floatx, keras.config.set_floatx),
                            (keras.config.dtype_policy, keras.config.set_dtype_policy)):
            self.addCleanup(change, get())

    def answers(self, architecture='acai', **options):
        model = models.create('acai', (16, 32, 3), 3, depth=2, latent=2, latent_width=2, architecture=architecture,
                              **options)
        images = tf.random.stateless_uniform([2, 16, 32, 3], [0, 0], -1, 1)
        classes, reconstruction = model.classify(images), model.reconstruct(images)
        return [reconstruction, classes.probabilities, model.critic(images), *model.encoder.get_weights()]

    @parameterized.parameters('acai', 'vgg')
    def test_images_are_channels_last(self, architecture):
        expected = self.answers(architecture)
        keras.config.set_image_data_format('channels_first')
        for a, b in zip(self.answers(architecture), expected, strict=True):
            self.assertAllEqual(a, b)

    def test_a_dtype_that_is_given_holds_for_all_layers(self):
        expected = self.answers(dtype='float32')
        keras.config.set_dtype_policy('mixed_bfloat16')
        for a, b in zip(self.answers(dtype='float32'), expected, strict=True):
            self.assertAllEqual(a, b)

    @parameterized.parameters('float16', 'bfloat16', 'float64')
    def test_other_types_are_refused(self, dtype):
        with self.assertRaisesRegex(UsageError, f"^dtype='{dtype}' does not work; choose float32 or mixed_bfloat16$"):
            self.answers(dtype=dtype)
        keras.config.set_floatx(dtype)
        with self.assertRaisesRegex(UsageError, f"^Keras's floatx is {dtype}, but acai_tf needs float32; change it in "):
            self.answers(dtype='float32')


class VGGTest(parameterized.TestCase, tf.test.TestCase):

    def test_networks(self):
        networks = VGGNetworks(depth=3, latent=2, latent_width=5)
        for network, last in ((networks.encoder((32, 16, 2)), 50), (networks.critic((32, 16, 2)), 1)):
            self.assertEqual([tuple(layer.kernel.shape) for layer in _convolutions(network)],
                             [(3, 3, 2, 3), (3, 3, 3, 6), (3, 3, 6, 12), (3, 3, 12, 24)])
            self.assertEqual(network.output_shape, (None, 1, 1, last))
        decoder = networks.decoder((1, 1, 50), 2, image_shape=(32, 16, 2))
        self.assertEqual([tuple(layer.kernel.shape) for layer in _convolutions(decoder)],
                         [(3, 3, 24, 12), (3, 3, 12, 6), (3, 3, 6, 3), (3, 3, 3, 2)])
        self.assertEqual(decoder.output_shape, (None, 32, 16, 2))

    def test_kernels_have_pytorchs_variance_or_another(self):
        for options, gain in (({}, 1 / 3), ({'gain': 2.0}, 2)):
            kernel = _convolutions(VGGNetworks(depth=32, **options).encoder((16, 16, 1)))[3].kernel.numpy()
            self.assertNear(kernel.std() * np.sqrt(9 * 128 / gain), 1, 5 / np.sqrt(2 * kernel.size))

    def test_batch_normalization(self):
        for batch_norm, counts in ((False, [0, 0, 0]), (True, [4, 4, 0])):
            networks = VGGNetworks(depth=1, batch_norm=batch_norm)
            found = [networks.encoder((16, 16, 1)), networks.decoder((1, 1, 256), 1, image_shape=(16, 16, 1)),
                     networks.critic((16, 16, 1))]
            self.assertEqual([sum(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
                              for network in found], counts)

    def test_fully_connected_layers_and_their_mirror_image(self):
        config = training.TrainConfig(dataset='pole64', architecture='vgg', depth=2, latent=3, latent_width=1,
                                      dense_layer_sizes='7,5', batch_norm='true').resolve()
        self.assertContainsSubset(['batch', 'normTrue', 'dense', 'layer', 'sizes7,5'], config.run_name().split('_'))
        networks = config.create_model().architecture
        for network, sizes, normalized in (
                (networks.encoder((16, 16, 1)), [(16, 7), (7, 5), (5, 3)], 4 + 2),
                (networks.decoder((1, 1, 3), 1, image_shape=(16, 16, 1)), [(3, 5), (5, 7), (7, 16)], 2 + 1 + 3),
                (networks.critic((16, 16, 1)), [(16, 7), (7, 5), (5, 1)], 0)):
            layers = network.layers
            self.assertEqual([layer.kernel.shape for layer in layers if isinstance(layer, keras.layers.Dense)], sizes)
            self.assertEqual(sum(isinstance(layer, keras.layers.BatchNormalization) for layer in layers), normalized)
        with self.assertRaisesRegex(UsageError, "dense_layer_sizes='7,x': must be positive numbers"):
            VGGNetworks(dense_layer_sizes='7,x')

    @parameterized.parameters((32, 24), (40, 32), (8, 16))
    def test_sizes_that_do_not_fit_are_refused(self, height, width):
        with self.assertRaisesRegex(UsageError, f'{height}x{width} is not a multiple of 16 on both sides; resize'):
            models.create('acai', (height, width, 1), 2, architecture='vgg')

    @parameterized.parameters(models.names())
    def test_any_system_trains_with_it(self, name):
        model = models.create(name, (16, 16, 1), NCLASS, depth=2, latent=3, latent_width=3, architecture='vgg')
        model.compile(lr=1e-2)
        images = tf.random.stateless_uniform([8, 16, 16, 1], [0, 1], -1, 1)
        self.assertEqual(model.latent_shape, (1, 1, 27))
        self.assertAllInRange(model(images), -1, 1)
        before = model.decoder.get_weights()
        for key, value in model.train_step((images, tf.zeros([8], tf.int64))).items():
            self.assertTrue(np.isfinite(value), key)
        self.assertTrue(all(np.any(a != b) for a, b in zip(before, model.decoder.get_weights())))


class Normalized:
    """Custom networks: odd latent shapes, batch normalization, dropout, an output activation."""

    def __init__(self, depth=4, latent=2, latent_width=4, seed=0, dtype=None):
        self.depth, self.latent, self.seed, self.dtype = depth, latent, seed, dtype

    def _network(self, name, input_shape, channels, upsample=False):
        layers = keras.layers
        resize = layers.UpSampling2D(4) if upsample else layers.AveragePooling2D(4)
        convolutions = [layers.Conv2D(size, 3, padding='same', use_bias=i > 0, dtype=self.dtype, kernel_initializer=(
            keras.initializers.GlorotUniform(seed=self.seed + i))) for i, size in enumerate((self.depth, channels))]
        return keras.Sequential([keras.Input(input_shape), convolutions[0], layers.BatchNormalization(dtype=self.dtype),
                                 layers.ReLU(dtype=self.dtype), resize, convolutions[1],
                                 layers.Activation('linear', dtype='float32')], name=name)

    def encoder(self, image_shape, name='encoder', **_):
        return self._network(name, image_shape, self.latent)

    def decoder(self, latent_shape, channels, **_):
        return self._network('decoder', latent_shape, channels, upsample=True)

    def critic(self, image_shape, **_):
        return self._network('critic', image_shape, 3)

    def output(self, values):
        return tf.tanh(values)


SHAPE, NCLASS = (16, 24, 1), 3


def batch(size=8, seed=0):
    random = np.random.default_rng(seed)
    return (tf.constant(random.uniform(-1, 1, [size, *SHAPE]), tf.float32), tf.constant(random.integers(0, NCLASS, size)))


def weights(model):
    """Values of each network as one vector, including the moving averages of normalizations."""
    return [np.concatenate([np.ravel(value) for value in network.get_weights()]) for network in model.networks.values()]


class OwnNetworksTest(parameterized.TestCase, tf.test.TestCase):

    def create(self, name, architecture=Normalized, **kwargs):
        model = models.create(name, SHAPE, NCLASS, depth=4, latent=2, architecture=architecture, **kwargs)
        model.compile(lr=1e-3)
        return model

    @parameterized.parameters(models.names())
    def test_any_system_trains_with_them(self, name):
        model = self.create(name)
        images, labels = batch()
        self.assertEqual(model.latent_shape, (4, 6, 2))
        latents = model.encode(images)
        self.assertEqual((latents.shape, model(images).shape), ((8, 4, 6, 2), images.shape))
        self.assertAllInRange(model.decode(100 * latents), -1, 1)
        before = [v.numpy() for v in model.encoder.non_trainable_variables]
        for seed in range(3):
            for key, value in model.train_step(batch(seed=seed)).items():
                self.assertTrue(np.isfinite(value), key)
        # The moving averages of batch normalization change only in training.
        after = [v.numpy() for v in model.encoder.non_trainable_variables]
        self.assertNotAllClose(before[0], after[0])
        model.test_step((images, labels))
        model.logits(images), model(images)
        for value, variable in zip(after, model.encoder.non_trainable_variables):
            self.assertAllEqual(value, variable)

    def test_inference_mode_treats_every_image_alone_and_training_mode_does_not(self):
        model = self.create('baseline')
        images, _ = batch()
        self.assertAllClose(model.encode(images)[:2], model.encode(images[:2]), atol=1e-6)
        self.assertNotAllClose(model.encode(images, training=True)[:2], model.encode(images[:2], training=True))

    def test_an_export_is_in_inference_mode(self):
        class Blank(datasets.base.Dataset):
            pass
        model = self.create('acai')
        for seed in range(3):
            model.train_step(batch(seed=seed))
        images, _ = batch()
        path = export.export_model(model, Blank('blank', SHAPE, NCLASS), 3, self.create_tempdir().full_path)
        loaded = export.load(path)
        self.assertEqual(loaded.config['architecture'], 'Normalized')
        self.assertAllClose(loaded.encode(images), model.encode(images), atol=1e-5)
        self.assertAllClose(loaded.reconstruct(images.numpy()[:1]), model(images)[:1], atol=1e-5)

    def test_batch_normalization_on_two_replicas_is_that_on_one(self):
        def train(strategy, order):
            with strategy.scope():
                model = self.create('acai')
            model.random_inputs = lambda images: {'alpha': tf.fill([tf.shape(images)[0], 1, 1, 1], 0.25)}
            data = [tuple(tf.gather(part, order) for part in batch(seed=seed)) for seed in range(3)]
            data = tf.data.Dataset.from_tensor_slices(tuple(tf.stack(part) for part in zip(*data)))
            steps = training.step_function(model, strategy)
            steps(tf.constant(3), iter(strategy.experimental_distribute_dataset(data)))
            return weights(model)
        # One device mixes i with 7 - i, a replica 0 with 3 and 1 with 2: this order makes the same pairs.
        together, alone = train(mirrored(), list(range(8))), train(tf.distribute.get_strategy(), [0, 1, 4, 5, 6, 7, 2, 3])
        for a, b, start in zip(together, alone, weights(self.create('acai')), strict=True):
            self.assertLess(np.linalg.norm(a - b) / np.linalg.norm(b - start), 1e-3)

    def test_an_object_in_place_of_a_class(self):
        model = self.create('miae', Normalized(depth=3, latent=5))
        self.assertEqual((model.latent_shape, model.critic.name), ((4, 6, 5), 'critic'))
        copy = type(model).from_config(model.get_config())
        self.assertEqual(copy.latent_shape, model.latent_shape)

    def test_an_object_that_keras_can_write_joins_a_keras_file(self):
        @keras.saving.register_keras_serializable('architectures_test')
        class Serializable(Normalized):
            def get_config(self):
                return {'depth': self.depth, 'latent': self.latent}

            @classmethod
            def from_config(cls, config):
                return cls(**config)
        model = self.create('acai', Serializable(depth=3, latent=5))
        path = self.create_tempdir().full_path + '/model.keras'
        model.save(path)
        images, _ = batch()
        self.assertAllClose(keras.saving.load_model(path).encode(images), model.encode(images), atol=1e-6)

    def test_what_does_not_fit_is_refused(self):
        class Flat(Normalized):
            def encoder(self, image_shape, **_):
                return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten()])

        class Small(Normalized):
            def decoder(self, latent_shape, channels, **_):
                return keras.Sequential([keras.Input(latent_shape), keras.layers.Conv2D(channels, 1)])

        class NoModel(Normalized):
            def critic(self, image_shape, **_):
                return lambda images: images

        class Fails(Normalized):
            def encoder(self, image_shape):
                return 1 / 0
        for architecture, message in (
                ('lstm', "unknown architecture 'lstm'; choose one of acai, vgg, or path/to/file.py:Name"),
                (object(), 'object is not an architecture: it has no method encoder'),
                (Flat, r'the encoder of the architecture Flat maps \[16, 24, 1\] to \[384\], not \[height, width'),
                (Small, r'the decoder of the architecture Small maps \[4, 6, 2\] to \[4, 6, 1\], not \[16, 24, 1\]'),
                (NoModel, 'the critic of the architecture NoModel returns a function, not a Keras model'),
                (Fails, r'encoder of the architecture Fails fails \(architectures_test.py, line \d+: ZeroDivisionError')):
            with self.assertRaisesRegex(UsageError, message):
                self.create('acai', architecture)

    def test_sizes_that_cannot_be_halved(self):
        for side in (33, 1):
            with self.assertRaisesRegex(UsageError, 'this size cannot be halved; resize the images, for example'):
                models.create('baseline', (side, side, 1), 3)

    def test_names(self):
        self.assertEqual(architectures.name_of(ACAINetworks()), 'acai')
        self.assertEqual([architectures.name_of(a) for a in ('a/b.py:C', Normalized)], ['C', 'Normalized'])


if __name__ == '__main__':
    tf.test.main()
