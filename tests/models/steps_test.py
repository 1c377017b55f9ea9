"""One step of a model: the output of `fit`, optimizers that skip steps, and the step count."""

import functools

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from every_model_test import NCLASS, SHAPE, batch, counters, create, due_counts, weights

from acai_tf import models, training
from acai_tf.errors import NonFiniteError, UsageError


def spoil(model):
    """Makes the decoder's output infinite."""
    bias = model.decoder.trainable_variables[-1]
    bias.assign(tf.fill(bias.shape, np.inf))


class FitTest(parameterized.TestCase, tf.test.TestCase):

    def data(self, *sizes, bad=None):
        """Batches of these sizes; one pixel of the batch number `bad` is NaN."""
        batches = [batch(size, seed) for seed, size in enumerate(sizes)]
        if bad is not None:
            images = batches[bad][0].numpy()
            images[0, 0, 0, 0] = np.nan
            batches[bad] = tf.constant(images), batches[bad][1]
        return tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=(tf.TensorSpec([None, *SHAPE]), tf.TensorSpec([None], tf.int64)))

    @parameterized.parameters(models.names())
    def test_the_means_of_an_epoch_and_a_term_that_is_not_finite(self, name):
        model, twin, data = create(name), create(name), self.data(4, 4, 4)
        history = model.fit(data, epochs=2, verbose=0, validation_data=data if name in ('acai', 'gaia') else None).history
        self.assertEqual(counters(model), due_counts(model, 6))
        self.assertEqual({key for key in history if not key.startswith('val_')}, {*model.loss_names, 'loss'})
        terms = [twin.train_step(batch(seed=seed)) for seed in range(3)]
        for key in model.loss_names:
            power = 2 if key == 'rmse' else 1
            mean = np.mean([t[key] ** power for t in terms]) ** (1 / power)
            self.assertAllClose(history[key][0], mean, rtol=1e-4, atol=1e-6, msg=key)
        # The error names it before any update; the same holds for images that are not finite.
        with self.assertRaisesRegex(UsageError, 'images must be in -1 to 1.*from nan to nan'):
            model.fit(self.data(4, 4, bad=0), verbose=0)
        spoil(model)
        before = weights(model)
        with self.assertRaisesRegex(NonFiniteError, r'loss.* is not finite at step 7; the weights are unchanged'):
            model.fit(self.data(4, 4), verbose=0)
        for key, value in weights(model).items():
            self.assertAllEqual(value, before[key], key)
        self.assertEqual(model.steps.numpy(), 6)

    def test_compiled_by_xla_as_keras_does_on_a_gpu(self):
        plain, compiled = create('baseline'), create('baseline')
        compiled.compile(lr=1e-3, jit_compile=True)
        histories = [model.fit(self.data(4, 4), verbose=0).history for model in (plain, compiled)]
        for key in plain.loss_names:
            self.assertAllClose(*(history[key] for history in histories), rtol=1e-3, atol=1e-6, msg=key)

    def test_a_step_that_does_not_check_its_terms_is_stopped_too(self):
        class Unchecked(models.REGISTRY.get('baseline')):
            def assert_finite(self, terms):
                return terms if 'loss' in terms else super().assert_finite(terms)
        model = Unchecked(SHAPE, NCLASS, depth=2, latent=3, latent_width=8)
        model.compile()
        spoil(model)
        before = weights(model)
        with self.assertRaisesRegex(NonFiniteError, 'all is not finite at step 1; the weights'):
            model.fit(self.data(4), verbose=0)
        for key, value in weights(model).items():
            self.assertAllEqual(value, before[key])

    @parameterized.parameters('lrae', 'dracai', 'midrae')
    def test_a_last_batch_of_one_image_leaves_the_discrepancy_out(self, name):
        model = create(name)
        history = model.fit(self.data(4, 1), verbose=0).history
        for values in [*weights(model).values(), *history.values()]:
            self.assertTrue(np.all(np.isfinite(values)))
        images, labels = batch(1)
        self.assertEqual(model.loss_terms(images, model.random_inputs(images), labels)['loss_mmd'], 0)

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


class EveryThirdStep(models.REGISTRY.get('acai')):
    """A system that updates its autoencoder only at steps 0, 3, 6 ..."""

    def due(self, step):
        return {'autoencoder': tf.equal(step % 3, 0)}


class StepsTest(parameterized.TestCase, tf.test.TestCase):

    def create(self, **kwargs):
        model = EveryThirdStep(SHAPE, NCLASS, depth=2, latent=3, latent_width=8)
        model.compile(lr=1e-3, **kwargs)
        return model

    @parameterized.parameters(models.names())
    def test_a_step_is_counted_once_and_draws_differ_by_step(self, name):
        model = create(name)
        images, labels = batch()
        before = model.random_inputs(images)
        model.test_step((images, labels))
        self.assertEqual(model.steps.numpy(), 0)
        for key, value in model.random_inputs(images).items():
            self.assertAllEqual(value, before[key])
        model.train_step((images, labels))
        self.assertEqual(model.steps.numpy(), 1)
        self.assertEqual(counters(model), due_counts(model, 1))
        for key, value in model.random_inputs(images).items():
            self.assertNotAllEqual(value, before[key], key)

    @parameterized.parameters('called', 'compiled', 'loop', 'loop by XLA', 'fit')
    def test_optimizers_are_stepped_when_they_are_due(self, way):
        model = self.create()
        batches = [batch(seed=seed) for seed in range(7)]
        data = tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=(tf.TensorSpec([4, *SHAPE]), tf.TensorSpec([4], tf.int64)))
        if way == 'fit':
            model.fit(data, verbose=0)
        elif way.startswith('loop'):
            jit = 'on' if way.endswith('XLA') else 'off'
            training.step_function(model, tf.distribute.get_strategy(), jit)(tf.constant(7), iter(data))
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

    @parameterized.parameters(2, 4)
    def test_several_steps_at_once_are_as_single_ones_where_an_optimizer_rests(self, steps_per_execution):
        single, several = self.create(), self.create(steps_per_execution=steps_per_execution)
        parts = [batch(seed=seed) for seed in range(8)]
        data = tf.data.Dataset.from_tensor_slices(tuple(tf.stack(part) for part in zip(*parts)))
        histories = [model.fit(data, epochs=2, verbose=0, shuffle=False).history for model in (single, several)]
        self.assertEqual(counters(several), {'autoencoder': 6, 'critic': 16, 'classifier': 16})
        self.assertEqual(several.steps.numpy(), 16)
        for key, value in weights(single).items():
            self.assertAllClose(value, weights(several)[key], rtol=1e-5, atol=1e-6, msg=key)
        for key in single.loss_names:
            self.assertAllClose(*(history[key] for history in histories), rtol=1e-5, atol=1e-6, msg=key)

    @parameterized.product(
        [{'optimizer': functools.partial(keras.optimizers.SGD, momentum=0.9)},
         {'optimizer': functools.partial(keras.optimizers.AdamW, weight_decay=0.1)}], way=['called', 'compiled'])
    def test_any_optimizer_of_keras_can_rest(self, optimizer, way):
        class Resting(EveryThirdStep):
            def make_optimizer(self, name):
                return optimizer(self.lr) if name == 'autoencoder' else super().make_optimizer(name)
        model = Resting(SHAPE, NCLASS, depth=2, latent=3, latent_width=8)
        model.compile(lr=1e-3)
        step = tf.function(model.train_step) if way == 'compiled' else model.train_step

        def state():
            return [v.numpy() for v in (*model.encoder.variables, *model.optimizers['autoencoder'].variables)]
        states = [state()]
        for seed in range(4):
            step(batch(seed=seed))
            states.append(state())
        moved = [any(np.any(a != b) for a, b in zip(before, after)) for before, after in zip(states, states[1:])]
        self.assertEqual(moved, [True, False, False, True])

    def test_an_optimizer_of_its_own(self):
        class Sgd(models.REGISTRY.get('acai')):
            def make_optimizer(self, name):
                return keras.optimizers.SGD(self.lr) if name == 'critic' else super().make_optimizer(name)
        model = Sgd(SHAPE, NCLASS, depth=2, latent=3, latent_width=8)
        model.compile(lr=0.5)
        gradients = {}
        apply = model.apply_gradients
        model.apply_gradients = lambda values, due: (gradients.update(values), apply(values, due))
        before = model.critic.get_weights()
        model.train_step(batch())
        for old, new, gradient in zip(before, model.critic.get_weights(), gradients['critic'], strict=True):
            self.assertAllClose(new, old - 0.5 * gradient, atol=1e-6)
        self.assertIsInstance(model.optimizers['autoencoder'], keras.optimizers.Adam)


if __name__ == '__main__':
    tf.test.main()
