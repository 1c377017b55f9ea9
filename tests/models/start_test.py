import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import architectures, datasets, export, metrics, models
from acai_tf.errors import UsageError

IMAGES = (np.random.default_rng(0).uniform(-1, .4, [40, 16, 16, 3]) * [1, .5, .25]).astype(np.float32)
MEAN = IMAGES.mean(axis=(0, 1, 2))


def create(name='baseline', **options):
    model = models.create(name, (16, 16, 3), 10, **{'depth': 1, 'latent': 2, 'latent_width': 8, **options})
    model.compile(lr=1e-3, run_eagerly=True)
    return model


class StartTest(parameterized.TestCase, tf.test.TestCase):

    def bias(self, model, decoder='decoder'):
        """Values of the model's images if the kernel of the last layer is 0."""
        network = getattr(model, decoder)
        layer = [layer for layer in network.layers if layer.weights][-1]
        return model.to_images(tf.reshape(layer.bias, [1, 1, 1, -1])).numpy().ravel()

    @parameterized.parameters(('baseline', 'acai'), ('baseline', 'vgg'), ('vae', 'acai'), ('vae', 'vgg'))
    def test_the_last_bias_gives_the_mean_through_the_output_activation(self, name, architecture):
        model = create(name, architecture=architecture)
        model.start_from(IMAGES)
        self.assertAllClose(self.bias(model), MEAN, atol=1e-5)

    def test_both_autoencoders_of_gaia_start_there(self):
        model = create('gaia')
        model.start_from(IMAGES)
        for decoder in ('decoder', 'critic_decoder'):
            self.assertAllClose(self.bias(model, decoder), MEAN, atol=1e-5)

    def test_fit_starts_there_only_if_the_model_is_made_so_and_only_once(self):
        data = tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(40, np.int64))).batch(20)
        for given, start, expected in ((IMAGES, 'mean', MEAN), (data, 'mean', MEAN), (data.repeat(), 'mean', MEAN),
                                       (IMAGES, 'zero', [0, 0, 0])):
            model = create(start=start)
            model.compile(lr=0.0, run_eagerly=True)
            model.fit(given, steps_per_epoch=2, batch_size=None if given is not IMAGES else 20, verbose=0)
            self.assertAllClose(self.bias(model), expected, atol=1e-5)
        model.start = 'mean'
        model.fit(IMAGES, batch_size=20, verbose=0)
        self.assertAllClose(self.bias(model), [0, 0, 0])

    def test_the_mean_is_of_the_training_images_read_once(self):
        data = datasets.from_arrays(IMAGES, x_test=np.ones_like(IMAGES))
        model = create()
        model.start_from(data)
        self.assertAllClose(self.bias(model), MEAN, atol=1e-2)  # of pixels, which are rounded

    def test_a_data_set_that_may_be_infinite_is_read_in_part(self):
        read = []

        def endless():
            while len(read) < 500:
                read.append(1)
                yield IMAGES[:1]
        model = create()
        model.start_from(tf.data.Dataset.from_generator(endless, output_signature=tf.TensorSpec([1, 16, 16, 3])))
        self.assertLess(len(read), 200)

    def test_refusals(self):
        class Squashed(architectures.acai.ACAINetworks):
            def decoder(self, latent_shape, channels, **options):
                network = super().decoder(latent_shape, channels, **options)
                network.layers[-2].activation = tf.nn.tanh
                return network

        class Nested(architectures.acai.ACAINetworks):
            def decoder(self, latent_shape, channels, **options):
                return keras.Sequential([keras.Input(latent_shape), keras.layers.UpSampling2D(2), keras.Sequential([
                    keras.layers.Conv2D(channels, 3, padding='same'), keras.layers.Activation(self.last)])])
        for Nested.last in ('linear', 'tanh'):
            model = create(architecture=Nested)
            if Nested.last == 'linear':
                model.start_from(IMAGES)
                self.assertAllClose(model.decode(np.zeros([1, *model.latent_shape], np.float32))[0, 5, 5], MEAN, atol=1e-5)
            else:
                with self.assertRaisesRegex(UsageError, 'ends in activation.*, not in a linear layer'):
                    model.start_from(IMAGES)

        class Positive(architectures.acai.ACAINetworks):
            def output(self, values):
                return tf.nn.relu(values)
        with self.assertRaisesRegex(UsageError, 'ends in .*, not in a linear layer'):
            create(architecture=Squashed).start_from(IMAGES)
        with self.assertRaisesRegex(UsageError, 'does not reach the mean color'):
            create(architecture=Positive).start_from(IMAGES)
        with self.assertRaisesRegex(UsageError, 'images of a generator in advance'):
            create(start='mean').fit(IMAGES[i:i + 1] for i in range(2))
        with self.assertRaisesRegex(UsageError, 'there are no training images'):
            create().start_from(IMAGES[:0])
        for images, message in ((np.uint8(IMAGES), 'images are uint8; give float32'), (IMAGES[:, :8], 'the model takes'),
                                (tf.data.Dataset.from_tensor_slices(IMAGES), 'the model takes .n, 16, 16, 3')):
            with self.assertRaisesRegex(UsageError, message):
                create().start_from(images)
        for wrong in ({'start': 'median'}, {'average': 1.0}, {'average': -0.1}):
            with self.assertRaisesRegex(UsageError, f'{next(iter(wrong))}='):
                create(**wrong)

    def test_codes_of_vqvae_are_drawn_from_latents_and_counted_once(self):
        model = create('vqvae', z_log_size=3, num_latents=1, plain=True)
        model.start_from(IMAGES)
        latents = model.encode(IMAGES).reshape(len(IMAGES), -1)
        nearest = np.square(model.codebook.codes.numpy()[:, None] - latents).min(axis=1)
        self.assertTrue(np.all(nearest <= 25 * .01 * latents.var(axis=0) + 1e-12))  # noise of 0.1 standard deviations
        self.assertAllEqual(model.codebook.ema_means, model.codebook.codes)
        self.assertAllEqual(model.codebook.ema_count, np.ones(8))
        # A first update moves a code by a thousandth of the way, not by 1e5.
        before = model.codebook.codes.numpy()
        model.codebook.update(*model.codebook.statistics(*model.quantize_latents(model.encode(tf.constant(IMAGES)))[1::2]))
        self.assertAllClose(model.codebook.codes, before, atol=.05 * np.abs(before).max())


class AverageTest(tf.test.TestCase):

    def test_the_average_of_the_weights_after_each_step(self):
        model = create('acai', average=0.75)
        first = lambda: model.encoder.weights[0].numpy().copy()  # noqa: E731
        average = None
        for _ in range(3):
            model.train_on_batch(IMAGES[:8], np.zeros(8, np.int64))
            average = first() if average is None else .75 * average + .25 * first()
        weights = first()
        with model.averaged():
            self.assertAllClose(first(), average, rtol=1e-5)
        self.assertAllEqual(first(), weights)
        self.assertNotAllClose(average, weights)

    def test_what_training_alone_needs_and_a_model_without_average_have_none(self):
        model = create('aae', average=0.9)
        self.assertEqual({name: optimizer.use_ema for name, optimizer in model.optimizers.items()},
                         {'autoencoder': True, 'critic': False, 'classifier': True})
        self.assertEmpty(create().averages)

    def test_batch_statistics_and_codes_are_not_averaged(self):
        for name, options in (('baseline', {'architecture': 'vgg', 'batch_norm': True}),
                              ('vqvae', {'z_log_size': 3, 'num_latents': 1, 'plain': True})):
            model = create(name, average=0.5, **options)
            for _ in range(2):
                model.train_on_batch(IMAGES[:8])
            kept = [variable for variable in model.variables if not variable.trainable]
            before = [variable.numpy() for variable in kept]
            with model.averaged():
                for variable, value in zip(kept, before, strict=True):
                    self.assertAllEqual(variable, value)

    def test_evaluate_export_and_validation_use_it(self):
        model = create(average=0.5)
        log = model.fit(IMAGES, epochs=2, batch_size=20, verbose=0, validation_data=(IMAGES,)).history
        with model.averaged():
            images = model.reconstruct(IMAGES)
        rmse = 127.5 * np.sqrt(np.square(images - IMAGES, dtype=np.float64).mean())
        self.assertNotAllClose(images, model.reconstruct(IMAGES))
        self.assertAllClose(log['val_rmse'][-1], rmse, rtol=1e-4)
        self.assertAllClose(model.evaluate(IMAGES, verbose=0, return_dict=True)['rmse'], rmse, rtol=1e-4)
        path = self.create_tempdir().full_path
        model.export(path, verbose=False)
        exported = tf.saved_model.load(path)
        self.assertAllClose(exported.serve(IMAGES), images, atol=1e-5)
        data = tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(len(IMAGES), np.int64))).batch(4)
        loaded = export.load(export.export_model(model, data, 1, path))
        self.assertAllClose(loaded.decode(loaded.encode(IMAGES)), images, atol=1e-5)

    def test_there_is_none_before_an_optimizer_s_first_update(self):
        model = create('acai', average=0.5)
        model.fit(IMAGES, batch_size=20, verbose=0)  # without labels the classifier is not trained
        classifier, encoder = model.classifier.get_weights()[0], model.encoder.get_weights()[0]
        with model.averaged():
            self.assertAllEqual(model.classifier.get_weights()[0], classifier)
            self.assertNotAllEqual(model.encoder.get_weights()[0], encoder)
        model.compile(lr=1e-4)
        with model.averaged():
            self.assertAllEqual(model.encoder.get_weights()[0], encoder)

    def test_a_model_that_is_saved_keeps_both(self):
        model = create(average=0.5)
        model.fit(IMAGES, batch_size=20, verbose=0)
        path = self.create_tempdir().full_path + '/model.keras'
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertAllEqual(model.encode(IMAGES), loaded.encode(IMAGES))
        with model.averaged(), loaded.averaged():
            self.assertAllEqual(model.encode(IMAGES), loaded.encode(IMAGES))


class ExplainedVarianceTest(tf.test.TestCase):

    def explained(self, reconstruct):
        class Model:
            image_shape, nclass = IMAGES.shape[1:], 1
        model = Model()
        model.reconstruct = reconstruct
        data = tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(40, np.int64))).batch(16)
        return metrics.compute('explained_variance', model, data)['explained_variance']

    def test_of_models_that_are_perfect_blank_and_in_between(self):
        mean = IMAGES.mean(axis=0)
        self.assertAllClose(self.explained(lambda x: x), 1.0)
        self.assertAllClose(self.explained(lambda x: np.broadcast_to(mean, x.shape).astype(np.float32)), 0.0, atol=1e-5)
        self.assertAllClose(self.explained(lambda x: (x + mean) / 2), .75, rtol=1e-5)
        self.assertLess(self.explained(np.zeros_like), 0)


if __name__ == '__main__':
    tf.test.main()
