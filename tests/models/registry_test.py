"""What every model must do; a new one is checked as soon as it is in the registry."""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import models, training
from acai_tf.errors import NonFiniteError, UsageError
from acai_tf.models import hyperparameter
from acai_tf.training.checkpoints import Checkpoints

SHAPE, NCLASS = (16, 16, 3), 5


def create(name, **kwargs):
    model = models.create(name, SHAPE, NCLASS, **{'depth': 2, 'latent': 3, 'latent_width': 4, **kwargs})
    model.compile(lr=1e-3)
    return model


def batch(size=4, seed=0):
    random = np.random.default_rng(seed)
    images = random.uniform(-1, 1, [size, *SHAPE]).astype(np.float32)
    return tf.constant(images), tf.constant(random.integers(0, NCLASS, size))


def weights(model):
    return {f'{name}/{i}': value for name, network in model.networks.items()
            for i, value in enumerate(network.get_weights())}


def counters(model):
    """How often each optimizer was stepped."""
    return {name: int(optimizer.iterations.numpy()) for name, optimizer in model.optimizers.items()}


def due_counts(model, steps):
    """How often each optimizer is to be stepped in the first steps, as `due` says."""
    due = [model.due(tf.constant(step, tf.int64)) for step in range(steps)]
    return {name: sum(bool(at_step.get(name, True)) for at_step in due) for name in model.optimizes}


class RegistryTest(parameterized.TestCase, tf.test.TestCase):

    def assert_same_weights(self, first, second):
        self.assertCountEqual(first, second)
        for key, value in first.items():
            self.assertAllEqual(value, second[key], key)

    def test_unknown_names_are_refused_with_those_there_are(self):
        with self.assertRaisesRegex(UsageError, 'nope.*baseline.*acai'):
            create('nope')
        with self.assertRaisesRegex(UsageError, 'no hyperparameter advwieght; it has advweight'):
            create('acai', advwieght=1)

    @parameterized.parameters(3, 32, 0, -4, 16)
    def test_sizes_that_do_not_fit_are_refused(self, latent_width):
        with self.assertRaisesRegex(UsageError, 'latent_width.*choose one of 8, 4, 2, 1'):
            create('baseline', latent_width=latent_width)

    @parameterized.parameters(models.names())
    def test_shapes(self, name):
        model = create(name)
        images, _ = batch(3)
        latents = model.encode(images)
        self.assertEqual(latents.shape, (3, 4, 4, 3))
        self.assertEqual(model.decode(latents).shape, images.shape)
        self.assertEqual(model(images).shape, images.shape)
        self.assertEqual(model.logits(images).shape, (3, NCLASS))

    @parameterized.parameters(models.names())
    def test_a_step_changes_what_its_optimizers_own_and_nothing_else(self, name):
        model = create(name)
        owned = sorted(network for networks in model.optimizes.values() for network in networks)
        self.assertLen(owned, len(set(owned)))
        before = weights(model)
        model.train_step(batch())
        model.train_step(batch(seed=1))  # what begins at zero may need a second step
        changed = {key.split('/')[0] for key, value in weights(model).items() if np.any(value != before[key])}
        self.assertEqual(changed, {n for n in model.networks if n in owned or model.networks[n].non_trainable_variables})
        for network in owned:
            still = [key for key, value in weights(model).items()
                     if key.startswith(f'{network}/') and np.all(value == before[key])]
            self.assertEmpty(still)

    @parameterized.parameters(models.names())
    def test_evaluating_changes_nothing(self, name):
        model = create(name)
        before = weights(model)
        images, labels = batch()
        model.loss_terms(images, model.draws(images), labels)
        model.test_step((images, labels))
        model.logits(images)
        model(images)
        self.assert_same_weights(before, weights(model))

    @parameterized.parameters(models.names())
    def test_terms_are_finite_scalars_under_the_declared_tags(self, name):
        terms = create(name).train_step(batch())
        self.assertEqual(set(terms), set(create(name).tags))
        for tag, value in terms.items():
            self.assertEqual((value.shape, value.dtype), ((), tf.float32), tag)
            self.assertTrue(np.isfinite(value), tag)

    @parameterized.parameters(models.names())
    def test_the_classifier_teaches_the_autoencoder_nothing(self, name):
        model = create(name)
        images, labels = batch()
        with tf.GradientTape() as tape:
            loss = model.loss_terms(images, model.draws(images), labels)['classify_latent']
        sources = [v for n in model.networks if n != 'classifier' for v in model.networks[n].trainable_variables]
        self.assertEqual([g for g in tape.gradient(loss, sources) if g is not None], [])

    @parameterized.parameters(models.names())
    def test_saved_restored_and_stepped_equals_stepped(self, name):
        directory = self.create_tempdir().full_path
        counters = {'step': tf.Variable(0)}
        model = create(name)
        model.train_step(batch())
        Checkpoints(directory, model, counters, keep=1).save(1)
        model.train_step(batch(seed=1))
        restored = create(name, seed=0)
        restored.train_step(batch(seed=2))
        self.assertTrue(Checkpoints(directory, restored, counters, keep=1).restore_latest())
        restored.train_step(batch(seed=1))
        self.assert_same_weights(weights(model), weights(restored))

    @parameterized.parameters(models.names())
    def test_config_round_trip(self, name):
        model = create(name, seed=5)
        config = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model)).get_config()
        self.assertEqual(config, model.get_config())

    @parameterized.parameters(models.names())
    def test_keras_file_round_trip(self, name):
        model = create(name)
        model.train_step(batch())
        path = os.path.join(self.create_tempdir().full_path, 'model.keras')
        model.save(path)
        restored = keras.saving.load_model(path)
        self.assert_same_weights(weights(model), weights(restored))
        model.train_step(batch(seed=1))
        restored.train_step(batch(seed=1))
        self.assert_same_weights(weights(model), weights(restored))

    @parameterized.parameters(models.names())
    def test_compile_without_arguments(self, name):
        model = models.create(name, SHAPE, NCLASS, depth=2, latent=3)
        model.compile()
        self.assertEqual({float(o.learning_rate) for o in model.optimizers.values()}, {np.float32(1e-4)})

    @parameterized.parameters(models.names())
    def test_bfloat16_is_near_float32(self, name):
        if name == 'aeai':
            self.skipTest('differentiates its decoder, which is refused')
        images, labels = batch()
        model, rough = create(name), create(name, dtype='mixed_bfloat16')
        for network, twin in zip(model.networks.values(), rough.networks.values()):
            twin.set_weights(network.get_weights())
        draws = model.draws(images)
        terms, rough_terms = model.loss_terms(images, draws, labels), rough.loss_terms(images, draws, labels)
        for tag in model.tags:
            self.assertEqual(rough_terms[tag].dtype, tf.float32)
            self.assertAllClose(terms[tag], rough_terms[tag], rtol=0.1, atol=0.02, msg=tag)

    @parameterized.parameters(models.names())
    def test_hyperparameters_have_help_and_a_range_that_holds_their_default(self, name):
        for key, parameter in hyperparameter.declared(models.model_class(name)).items():
            self.assertNotEmpty(parameter.help, key)
            self.assertEqual(parameter.parse(parameter.default), parameter.default)


class FitTest(parameterized.TestCase, tf.test.TestCase):

    def data(self, *sizes, spoil=None):
        """Batches of these sizes; one pixel of the batch number `spoil` is NaN."""
        batches = [batch(size, seed) for seed, size in enumerate(sizes)]
        if spoil is not None:
            images = batches[spoil][0].numpy()
            images[0, 0, 0, 0] = np.nan
            batches[spoil] = tf.constant(images), batches[spoil][1]
        return tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=(tf.TensorSpec([None, *SHAPE]), tf.TensorSpec([None], tf.int64)))

    @parameterized.parameters(models.names())
    def test_the_means_of_an_epoch_and_a_term_that_is_not_finite(self, name):
        model, twin, data = create(name), create(name), self.data(4, 4, 4)
        history = model.fit(data, epochs=2, verbose=0, validation_data=data).history
        self.assertEqual(counters(model), due_counts(model, 6))
        self.assertEqual({key for key in history if not key.startswith('val_')}, set(model.tags))
        terms = [twin.train_step(batch(seed=seed)) for seed in range(3)]
        for tag in model.tags:
            self.assertAllClose(history[tag][0], np.mean([t[tag] for t in terms]), rtol=1e-4, atol=1e-6, msg=tag)
        # It is named before any update.
        before = weights(model)
        with self.assertRaisesRegex(NonFiniteError, r'loss.* is not finite at step 7; the weights are those from before it'):
            model.fit(self.data(4, 4, spoil=0), verbose=0)
        for key, value in weights(model).items():
            self.assertAllEqual(value, before[key], key)
        self.assertEqual(model.steps.numpy(), 6)

    def test_compiled_by_xla_as_keras_does_on_a_gpu(self):
        plain, compiled = create('baseline'), create('baseline')
        compiled.compile(lr=1e-3, jit_compile=True)
        histories = [model.fit(self.data(4, 4), verbose=0).history for model in (plain, compiled)]
        for tag in plain.tags:
            self.assertAllClose(*(history[tag] for history in histories), rtol=1e-3, atol=1e-6, msg=tag)

    def test_a_step_that_does_not_check_its_terms_is_stopped_too(self):
        class Unchecked(models.model_class('baseline')):
            def checked(self, terms):
                return terms if 'loss' in terms else super().checked(terms)
        model = Unchecked(SHAPE, NCLASS, depth=2, latent=3)
        model.compile()
        before = weights(model)
        with self.assertRaisesRegex(NonFiniteError, 'all is not finite at step 1; the weights'):
            model.fit(self.data(4, spoil=0), verbose=0)
        for key, value in weights(model).items():
            self.assertAllEqual(value, before[key])

    @parameterized.parameters('lrae', 'dracai', 'midrae')
    def test_a_last_batch_of_one_image_leaves_the_discrepancy_out(self, name):
        model = create(name)
        history = model.fit(self.data(4, 1), verbose=0).history
        for values in [*weights(model).values(), *history.values()]:
            self.assertTrue(np.all(np.isfinite(values)))
        images, labels = batch(1)
        self.assertEqual(model.loss_terms(images, model.draws(images), labels)['loss_mmd'], 0)

    @parameterized.parameters('baseline', 'acai', 'aae')
    def test_callbacks_of_keras_set_the_rate_of_all_optimizers(self, name):
        options = {'adversary_lr': 0.004} if name == 'aae' else {}
        model = create(name, **options)  # lr 0.001
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        plateau = keras.callbacks.ReduceLROnPlateau(monitor='rmse', mode='min', factor=0.1, patience=0, min_delta=1e9,
                                                    cooldown=9)
        history = model.fit(self.data(4, 4), epochs=2, verbose=0, callbacks=[schedule, plateau]).history
        self.assertAllClose(history['learning_rate'], [0.0005, 0.00025])
        rates = {key: float(optimizer.learning_rate.numpy()) for key, optimizer in model.optimizers.items()}
        for key, rate in rates.items():
            self.assertAllClose(rate, (0.001 if key == 'critic' and name == 'aae' else 0.00025) * 0.1, rtol=1e-5, msg=key)


class EveryThirdStep(models.model_class('acai')):
    """A system whose autoencoder is stepped at steps 0, 3, 6 ..."""

    def due(self, step):
        return {'autoencoder': tf.equal(step % 3, 0)}


class StepsTest(parameterized.TestCase, tf.test.TestCase):

    def create(self):
        model = EveryThirdStep(SHAPE, NCLASS, depth=2, latent=3)
        model.compile(lr=1e-3)
        return model

    @parameterized.parameters(models.names())
    def test_a_step_is_counted_once_and_draws_differ_by_step(self, name):
        model = create(name)
        images, labels = batch()
        before = model.draws(images)
        model.test_step((images, labels))
        self.assertEqual(model.steps.numpy(), 0)
        for key, value in model.draws(images).items():
            self.assertAllEqual(value, before[key])
        model.train_step((images, labels))
        self.assertEqual(model.steps.numpy(), 1)
        self.assertEqual(counters(model), due_counts(model, 1))
        for key, value in model.draws(images).items():
            self.assertNotAllEqual(value, before[key], key)

    @parameterized.parameters('called', 'compiled', 'loop', 'fit')
    def test_optimizers_are_stepped_when_they_are_due(self, way):
        model = self.create()
        batches = [batch(seed=seed) for seed in range(7)]
        data = tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=(tf.TensorSpec([4, *SHAPE]), tf.TensorSpec([4], tf.int64)))
        if way == 'fit':
            model.fit(data, verbose=0)
        elif way == 'loop':
            training.step_function(model, tf.distribute.get_strategy())(iter(data), tf.constant(7))
        else:
            step = tf.function(model.train_step) if way == 'compiled' else model.train_step
            encoders, critics = [model.encoder.get_weights()[0]], [model.critic.get_weights()[0]]
            for data in batches:
                step(data)
                encoders.append(model.encoder.get_weights()[0])
                critics.append(model.critic.get_weights()[0])
            moved = [[np.any(a != b) for a, b in zip(values, values[1:])] for values in (encoders, critics)]
            self.assertEqual(moved, [[True, False, False, True, False, False, True], [True] * 7])
        self.assertEqual(counters(model), {'autoencoder': 3, 'critic': 7, 'classifier': 7})
        self.assertEqual(model.steps.numpy(), 7)

    def test_the_end_of_a_dataset_of_unknown_length_is_no_step_where_an_optimizer_rests(self):
        model = self.create()
        batches = [batch(seed=seed) for seed in range(4)]
        data = tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=(tf.TensorSpec([4, *SHAPE]), tf.TensorSpec([4], tf.int64)))
        model.fit(data, epochs=2, verbose=0)
        self.assertEqual(counters(model), {'autoencoder': 3, 'critic': 8, 'classifier': 8})
        self.assertEqual(model.steps.numpy(), 8)

    def test_several_steps_at_once_are_refused_where_an_optimizer_rests(self):
        model = EveryThirdStep(SHAPE, NCLASS, depth=2, latent=3)
        model.compile(steps_per_execution=2)
        with self.assertRaisesRegex(UsageError, 'steps_per_execution=2: EveryThirdStep'):
            model.fit(tf.data.Dataset.from_tensors(batch()), verbose=0)

    def test_an_optimizer_of_its_own(self):
        class Sgd(models.model_class('acai')):
            def make_optimizer(self, name):
                return keras.optimizers.SGD(self.lr) if name == 'critic' else super().make_optimizer(name)
        model = Sgd(SHAPE, NCLASS, depth=2, latent=3)
        model.compile(lr=0.5)
        gradients = {}
        apply = model.apply_gradients
        model.apply_gradients = lambda values: (gradients.update(values), apply(values))
        before = model.critic.get_weights()
        model.train_step(batch())
        for old, new, gradient in zip(before, model.critic.get_weights(), gradients['critic'], strict=True):
            self.assertAllClose(new, old - 0.5 * gradient, atol=1e-6)
        self.assertIsInstance(model.optimizers['autoencoder'], keras.optimizers.Adam)


class HyperparameterTest(tf.test.TestCase):

    def test_values_of_the_wrong_type_or_range(self):
        for value in ('x', '-1', 'nan', 'inf'):
            with self.assertRaisesRegex(UsageError, 'advweight'):
                create('acai', advweight=value)
        with self.assertRaisesRegex(UsageError, 'advdepth'):
            create('acai', advdepth=1.5)

    def test_strings_are_read_as_flags_are(self):
        self.assertEqual(create('acai', advweight='0.25').advweight, 0.25)


if __name__ == '__main__':
    tf.test.main()
