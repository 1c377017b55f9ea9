"""Keras's entry points on our models: what works, and what raises a one-line error."""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import models
from acai_tf.errors import UsageError

SHAPE, NCLASS = (16, 16, 1), 3
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(-1, 1, [20, *SHAPE]).astype(np.float32)
LABELS = np.arange(20) % NCLASS


def create(name='acai', lr=1e-3, run_eagerly=False, **options):
    model = models.create(name, SHAPE, NCLASS, depth=2, latent=2, latent_width=8, **options)
    model.compile(lr=lr, run_eagerly=run_eagerly)
    return model


class EntryPointsTest(parameterized.TestCase, tf.test.TestCase):

    def test_on_batch(self):
        model = create()
        logs = model.train_on_batch(IMAGES, LABELS, return_dict=True)
        self.assertContainsSubset(['loss', 'loss_ae', 'classify_latent'], logs)
        self.assertEqual(model.steps.numpy(), 1)
        self.assertAllClose(model.test_on_batch(IMAGES, LABELS, return_dict=True)['loss_ae'],
                            np.square(model.reconstruct(IMAGES) - IMAGES).mean(), rtol=1e-5)
        self.assertEqual(model.steps.numpy(), 1)
        self.assertAllClose(model.predict_on_batch(IMAGES), model.reconstruct(IMAGES), atol=1e-6)

    @parameterized.parameters('acai', 'baseline', 'vqvae', 'gaia')
    def test_without_labels_the_autoencoder_is_trained_and_the_classifier_is_not(self, name):
        for i, data in enumerate(((IMAGES,), (IMAGES, IMAGES), (tf.data.Dataset.from_tensor_slices(IMAGES).batch(10),))):
            model = create(name, run_eagerly=i > 0)  # all calls run the same step, which is compiled once
            before = {name: getattr(model, name).get_weights() for name in ('encoder', 'classifier')}
            history = model.fit(*data, verbose=0).history
            self.assertIn('loss', history)
            self.assertNotIn('classify_latent', history)
            for old, new in zip(before['classifier'], model.classifier.get_weights(), strict=True):
                self.assertAllEqual(old, new)
            self.assertTrue(any(np.any(old != new) for old, new in zip(before['encoder'], model.encoder.get_weights())))

    def test_without_labels_the_autoencoder_learns_as_it_does_with_them(self):
        with_labels, without = create(), create()
        with_labels.fit(IMAGES, LABELS, shuffle=False, batch_size=10, verbose=0)
        without.fit(IMAGES, shuffle=False, batch_size=10, verbose=0)
        for a, b in zip(with_labels.encoder.get_weights(), without.encoder.get_weights(), strict=True):
            self.assertAllClose(a, b, atol=1e-6)

    def test_loss_is_what_the_autoencoder_minimizes(self):
        def fit(name, **options):
            return create(name, run_eagerly=True, **options).fit(IMAGES, LABELS, verbose=0).history
        history = fit('acai', advweight=0.25)
        self.assertAllClose(history['loss'], np.add(history['loss_ae'], np.multiply(0.25, history['loss_ae_disc'])))
        history = fit('vae')
        self.assertAllClose(history['loss'], np.negative(history['elbo']))
        history = fit('vqvae')
        self.assertAllClose(history['loss'], np.add(history['loss_ae'], history['vqvae_loss']))

    def test_default_callbacks_watch_the_loss(self):
        path = os.path.join(self.create_tempdir().full_path, 'best.keras')
        stopping = keras.callbacks.EarlyStopping(monitor='val_loss', patience=0, min_delta=1e9)
        checkpoint = keras.callbacks.ModelCheckpoint(path, save_best_only=True)
        history = create('baseline').fit(IMAGES, LABELS, epochs=5, validation_data=(IMAGES, LABELS), verbose=0,
                                         callbacks=[stopping, checkpoint]).history
        self.assertLen(history['loss'], 2)
        self.assertTrue(os.path.exists(path))

    @parameterized.named_parameters(
        ('one_hot', dict(y=np.eye(NCLASS)[LABELS]), r'labels have shape \[None, 3\].*argmax'),
        ('float', dict(y=LABELS.astype(np.float32)), 'labels are float32; give class numbers'),
        ('bool', dict(y=LABELS > 0), 'labels are bool; give class numbers'),
        ('text', dict(y=np.array(list('abcde' * 4))), 'labels are text'),
        ('too_large', dict(y=LABELS + 7), 'labels must be 0 to 2; these range from 7 to 9'),
        ('negative', dict(y=LABELS - 1), 'labels must be 0 to 2; these range from -1 to 1'),
        ('uint8', dict(x=np.zeros([20, *SHAPE], np.uint8)), 'images are uint8; give float32'),
        ('pixels', dict(x=127.5 * (IMAGES + 1)), r'images must be in -1 to 1'),
        ('not_a_number', dict(x=np.where(IMAGES == IMAGES[3, 2, 1, 0], np.nan, IMAGES)), 'these range from nan to nan'),
        ('shape', dict(x=IMAGES[:, :8]), r'images have shape .*the model takes \[n, 16, 16, 1\]'),
        ('sample_weight', dict(sample_weight=np.ones(20)), 'does not support sample_weight'),
        ('class_weight', dict(class_weight={0: 1.0, 1: 2.0, 2: 3.0}), 'class_weight'))
    def test_what_would_be_silently_wrong_is_refused(self, changed, message):
        arguments = {'x': IMAGES, 'y': LABELS, 'verbose': 0, **changed}
        model = create('baseline')
        before = model.get_weights()
        with self.assertRaisesRegex(UsageError, message):
            model.fit(**arguments)
        for old, new in zip(before, model.get_weights(), strict=True):
            self.assertAllEqual(old, new)
        if 'class_weight' not in changed:
            with self.assertRaisesRegex(UsageError, message):
                model.evaluate(**arguments)

    def test_a_mistake_is_named_after_other_calls_and_spoils_none(self):
        model = create()
        wrong = {'size': (IMAGES[:, :12, :12], LABELS), 'rank': (IMAGES[..., 0], LABELS),
                 'one_hot': (IMAGES, np.eye(NCLASS)[LABELS]), 'float': (IMAGES, LABELS.astype(np.float32))}
        messages = {'size': 'images have shape', 'rank': 'images have shape', 'one_hot': 'argmax', 'float': 'are float32'}
        for _ in range(2):
            for mistake, data in wrong.items():
                with self.assertRaisesRegex(UsageError, messages[mistake]):
                    model.fit(*data, verbose=0)
                with self.assertRaisesRegex(UsageError, messages[mistake]):
                    model.evaluate(*data, verbose=0)
            model.fit(IMAGES, LABELS, verbose=0)
            model.fit(IMAGES, LABELS[:, None], batch_size=5, verbose=0)
            model.fit(((IMAGES, LABELS) for _ in range(2)), verbose=0)
        self.assertEqual(model.steps.numpy(), 2 * (1 + 4 + 2))

    def test_predict_and_call_refuse_what_encode_refuses(self):
        model = create()
        for wrong in (IMAGES[..., 0], IMAGES[:, :12, :12], np.uint8(IMAGES)):
            for call in (lambda images: model.predict(images, verbose=0), model.predict_on_batch, model):
                with self.assertRaisesRegex(UsageError, 'images have shape|images are uint8'):
                    call(wrong)
            self.assertAllClose(model.predict(IMAGES, batch_size=8, verbose=0), model.reconstruct(IMAGES), atol=1e-6)

    def test_a_data_set_without_an_end_needs_the_steps_of_an_epoch(self):
        model, endless = create('baseline'), tf.data.Dataset.from_tensors((IMAGES, LABELS)).repeat()
        with self.assertRaisesRegex(UsageError, 'repeats without end; give steps_per_epoch'):
            model.fit(endless, verbose=0)
        for evaluate in (model.evaluate, lambda data, **_: model.fit(IMAGES, LABELS, validation_data=data, verbose=0)):
            with self.assertRaisesRegex(UsageError, 'repeats without end; give steps .in fit, validation_steps.'):
                evaluate(endless, verbose=0)
        before = model.steps.numpy()
        model.fit(endless, steps_per_epoch=2, validation_data=endless, validation_steps=1, verbose=0)
        self.assertEqual(model.steps.numpy(), before + 2)

    def test_a_data_set_of_float64(self):
        data = tf.data.Dataset.from_tensor_slices((IMAGES.astype(np.float64), LABELS)).batch(10)
        with self.assertRaisesRegex(UsageError, 'images are float64; give float32'):
            create('baseline').fit(data, verbose=0, shuffle=False)

    def test_labels_of_one_column(self):
        column, flat = (create('baseline').fit(IMAGES, labels, verbose=0) for labels in (LABELS[:, None], LABELS))
        self.assertAllClose(column.history['classify_latent'], flat.history['classify_latent'])

    def test_compile(self):
        for options, message in (({'optimizer': 'adam'}, 'sets optimizer itself'), ({'loss': 'mse'}, 'sets loss itself'),
                                 ({'lr': 'fast'}, "lr='fast'"), ({'lr': -1.0}, 'lr=-1.0')):
            with self.assertRaisesRegex(UsageError, message):
                models.create('acai', SHAPE, NCLASS, depth=2, latent=2).compile(**options)
        with self.assertRaisesRegex(UsageError, r'image_shape=\(784,\)'):
            models.create('acai', (784,), 10)

    def test_a_schedule_of_the_learning_rate(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [1e-3, 0.0])
        model = create('aae', schedule, adversary_lr=1e-4)
        weights = []
        for _ in range(4):
            model.train_on_batch(IMAGES, LABELS)
            weights.append((model.encoder.get_weights()[0], model.critic.get_weights()[0]))
        self.assertNotAllEqual(weights[0][0], weights[1][0])
        self.assertAllEqual(weights[2][0], weights[3][0])  # the rate is 0
        self.assertNotAllEqual(weights[2][1], weights[3][1])  # the critic has its own
        self.assertAllClose(model.optimizer.learning_rate, 0.0)
        with self.assertRaisesRegex(UsageError, 'follows the schedule'):
            model.optimizer.learning_rate = 0.1
        path = os.path.join(self.create_tempdir().full_path, 'model.keras')
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(loaded.get_compile_config(), model.get_compile_config())

    def test_export_of_keras(self):
        model = create(run_eagerly=True)
        model.fit(IMAGES, LABELS, verbose=0)
        path = self.create_tempdir().full_path
        model.export(path, verbose=False)
        exported = tf.saved_model.load(path)
        self.assertAllClose(exported.serve(IMAGES), model.reconstruct(IMAGES), atol=1e-5)

    def test_files_that_do_not_keep_all_are_refused(self):
        with self.assertRaisesRegex(UsageError, r'a\.h5: HDF5 .* save as a\.keras'):
            create().save('a.h5')

    @parameterized.parameters(False, True)
    def test_a_last_batch_that_is_odd(self, run_eagerly):
        history = create('gaia', run_eagerly=run_eagerly).fit(IMAGES[:9], LABELS[:9], batch_size=4, verbose=0).history
        for name, values in history.items():
            self.assertAllInRange(values, -1e9, 1e9)
            self.assertTrue(np.all(np.isfinite(values)), name)


class EvaluateTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(20, 19, 7, 1)
    def test_the_means_are_of_rows_whatever_the_batches(self, size):
        model = create('baseline')
        logs = model.evaluate(IMAGES, LABELS, batch_size=size, verbose=0, return_dict=True)
        mse = np.square(model.reconstruct(IMAGES) - IMAGES, dtype=np.float64).mean()
        probabilities = model.classify(IMAGES).probabilities[np.arange(20), LABELS]
        self.assertAllClose(logs['loss'], mse, rtol=1e-5)
        self.assertAllClose(logs['rmse'], 127.5 * np.sqrt(mse), rtol=1e-5)
        self.assertAllClose(logs['classify_latent'], -np.log(probabilities).mean(), rtol=1e-5)


class LearningRateTest(parameterized.TestCase, tf.test.TestCase):

    def rates(self, model):
        return {name: float(optimizer.learning_rate.numpy()) for name, optimizer in model.optimizers.items()}

    @parameterized.parameters('keras', 'weights', 'checkpoint')
    def test_a_lowered_rate_is_restored_and_lowered_further(self, way):
        options = {'adversary_lr': 1e-2, 'run_eagerly': True}
        model = create('aae', **options)
        model.train_on_batch(IMAGES, LABELS)
        model.optimizer.learning_rate = 1e-4
        self.assertAllClose(self.rates(model), {'autoencoder': 1e-4, 'critic': 1e-3, 'classifier': 1e-4}, rtol=1e-5)
        path = os.path.join(self.create_tempdir().full_path, 'model')
        if way == 'keras':
            model.save(path + '.keras')
            loaded = keras.saving.load_model(path + '.keras')
        else:
            loaded = create('aae', **options)
            if way == 'weights':
                model.save_weights(path + '.weights.h5')
                loaded.load_weights(path + '.weights.h5')
            else:
                saved = tf.train.Checkpoint(model=model).save(path)
                tf.train.Checkpoint(model=loaded).restore(saved).assert_consumed()
        self.assertAllClose(loaded.optimizer.learning_rate, 1e-4, rtol=1e-5)
        loaded.optimizer.learning_rate *= 0.5
        self.assertAllClose(self.rates(loaded), {'autoencoder': 5e-5, 'critic': 5e-4, 'classifier': 5e-5}, rtol=1e-5)

    def test_a_restored_scheduler_goes_on(self):
        directory = self.create_tempdir().full_path

        class Stop(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise KeyboardInterrupt

        def fit(epochs, *callbacks):
            model = create(run_eagerly=True)
            halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
            model.fit(IMAGES, LABELS, epochs=epochs, verbose=0, callbacks=[*callbacks, halve])
            return model
        whole = fit(4)
        backup = os.path.join(directory, 'backup')
        with self.assertRaises(KeyboardInterrupt):
            fit(4, keras.callbacks.BackupAndRestore(backup), Stop())
        resumed = fit(4, keras.callbacks.BackupAndRestore(backup))
        self.assertAllClose(whole.optimizer.learning_rate, 1e-3 / 16, rtol=1e-5)
        self.assertAllClose(resumed.optimizer.learning_rate, 1e-3 / 16, rtol=1e-5)

    def test_checkpoints_of_tensorflow_hold_the_moments(self):
        model = create(run_eagerly=True)
        model.fit(IMAGES, LABELS, epochs=2, verbose=0)
        directory = self.create_tempdir().full_path
        for name, saved, restored in (('model', model, create()), ('optimizer', model.optimizer, create())):
            path = tf.train.Checkpoint(**{name: saved}).save(os.path.join(directory, name))
            part = restored.optimizer if name == 'optimizer' else restored
            tf.train.Checkpoint(**{name: part}).restore(path).assert_consumed()
            for key, optimizer in model.optimizers.items():
                self.assertGreater(optimizer.iterations.numpy(), 0)
                for a, b in zip(optimizer.variables, restored.optimizers[key].variables, strict=True):
                    self.assertAllEqual(a, b)


class ArraysTest(tf.test.TestCase):

    def test_arrays_give_arrays_and_tensors_give_tensors(self):
        model = create('vae')
        latents = model.encode(IMAGES)
        calls = {'encode': (IMAGES,), 'decode': (latents,), 'reconstruct': (IMAGES,),
                 'interpolate': (IMAGES, IMAGES[::-1], 0.5)}
        for name, inputs in calls.items():
            of_arrays = getattr(model, name)(*inputs)
            of_tensors = getattr(model, name)(*(tf.constant(value) for value in inputs))
            self.assertIsInstance(of_arrays, np.ndarray)
            self.assertIsInstance(of_tensors, tf.Tensor)
            self.assertAllClose(of_arrays, of_tensors, atol=1e-5)
            self.assertEqual(getattr(model, name)(*(value[:0] if isinstance(value, np.ndarray) else value
                                                    for value in inputs)).shape, (0, *of_arrays.shape[1:]))
        self.assertAllClose(model.interpolate(IMAGES, images_b=IMAGES[::-1], alpha=np.zeros(20)), model.reconstruct(IMAGES),
                            atol=1e-5)
        self.assertAllEqual(model.encode(images=IMAGES, training=False), latents)
        with self.assertRaisesRegex(UsageError, 'training=True takes tensors'):
            model.encode(IMAGES, training=True)
        answer = model.classify(IMAGES)
        self.assertAllEqual(answer.classes, answer.probabilities.argmax(axis=1))

    def test_arrays_that_do_not_fit(self):
        model = create()
        for images, message in ((IMAGES[:, :8], 'images has shape'), (IMAGES.astype(np.uint8), 'images are uint8')):
            with self.assertRaisesRegex(UsageError, message):
                model.encode(images)
        for alpha in (np.zeros(3), np.zeros([20, 1]), [0.5]):
            with self.assertRaisesRegex(UsageError, 'alpha'):
                model.interpolate(IMAGES, IMAGES, alpha)


if __name__ == '__main__':
    tf.test.main()
