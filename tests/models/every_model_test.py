"""Requirements for every model; a new model is checked as soon as it is in the registry."""

import functools
import json
import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import models, training
from acai_tf.errors import UsageError
from acai_tf.training.checkpoints import Checkpoints

SHAPE, NCLASS = (16, 16, 3), 5


def create(name, **kwargs):
    model = models.create(name, SHAPE, NCLASS, **{'depth': 2, 'latent': 3, 'latent_width': 8, **kwargs})
    model.compile(lr=1e-3)
    return model


@functools.cache
def shared(name):
    """Returns a model that tests only read."""
    return create(name)


def batch(size=4, seed=0):
    random = np.random.default_rng(seed)
    images = random.uniform(-1, 1, [size, *SHAPE]).astype(np.float32)
    return tf.constant(images), tf.constant(random.integers(0, NCLASS, size))


def weights(model):
    return {f'{name}/{i}': value for name, network in model.networks.items()
            for i, value in enumerate(network.get_weights())}


def counters(model):
    """Number of steps that each optimizer took."""
    return {name: int(optimizer.iterations.numpy()) for name, optimizer in model.optimizers.items()}


def due_counts(model, steps):
    """Number of the first steps that each optimizer should take, according to `due`."""
    due = [model.due(tf.constant(step, tf.int64)) for step in range(steps)]
    return {name: sum(bool(at_step.get(name, True)) for at_step in due) for name in model.optimizer_networks}


class EveryModelTest(parameterized.TestCase, tf.test.TestCase):

    def assert_same_weights(self, first, second):
        self.assertCountEqual(first, second)
        for key, value in first.items():
            self.assertAllEqual(value, second[key], key)

    def test_unknown_names_are_refused_with_those_there_are(self):
        with self.assertRaisesRegex(UsageError, 'nope.*baseline.*acai'):
            create('nope')
        with self.assertRaisesRegex(UsageError, 'the model acai has no option advwieght; it has advweight'):
            create('acai', advwieght=1)

    @parameterized.parameters(3, 32, 0, -4, 16)
    def test_sizes_that_do_not_fit_are_refused(self, latent_width):
        with self.assertRaisesRegex(UsageError, 'latent_width.*choose one of 8, 4, 2, 1'):
            create('baseline', latent_width=latent_width)

    @parameterized.parameters(models.names())
    def test_shapes(self, name):
        model = shared(name)
        images, _ = batch(3)
        latents = model.encode(images)
        self.assertEqual(latents.shape, (3, 8, 8, 3))
        self.assertEqual(model.decode(latents).shape, images.shape)
        self.assertEqual(model(images).shape, images.shape)
        self.assertEqual(model.logits(images).shape, (3, NCLASS))

    @parameterized.parameters(models.names())
    def test_a_step_changes_what_its_optimizers_own_and_nothing_else(self, name):
        model = create(name)
        owned = sorted(network for networks in model.optimizer_networks.values() for network in networks)
        self.assertLen(owned, len(set(owned)))
        before = weights(model)
        terms = model.train_step(batch())
        self.assertEqual(set(terms), {*model.loss_names, 'loss'})
        for key, value in terms.items():
            self.assertEqual((value.shape, value.dtype), ((), tf.float32), key)
            self.assertTrue(np.isfinite(value), key)
        model.train_step(batch(seed=1))  # variables that begin at zero may need a second step
        changed = {key.split('/')[0] for key, value in weights(model).items() if np.any(value != before[key])}
        self.assertEqual(changed, {n for n in model.networks if n in owned or model.networks[n].non_trainable_variables})
        for network in owned:
            still = [key for key, value in weights(model).items()
                     if key.startswith(f'{network}/') and np.all(value == before[key])]
            self.assertEmpty(still)

    @parameterized.parameters(models.names())
    def test_evaluating_changes_nothing(self, name):
        model = shared(name)
        before = weights(model)
        images, labels = batch()
        model.loss_terms(images, model.random_inputs(images), labels)
        model.test_step((images, labels))
        model.logits(images)
        model(images)
        self.assert_same_weights(before, weights(model))

    @parameterized.parameters(models.names())
    def test_the_classifier_teaches_the_autoencoder_nothing(self, name):
        model = shared(name)
        images, labels = batch()
        with tf.GradientTape() as tape:
            loss = model.loss_terms(images, model.random_inputs(images), labels)['classify_latent']
        sources = [v for n in model.networks if n != 'classifier' for v in model.networks[n].trainable_variables]
        self.assertEqual([g for g in tape.gradient(loss, sources) if g is not None], [])

    @parameterized.parameters(models.names())
    def test_saved_restored_and_stepped_equals_stepped(self, name):
        run = training.Run(self.create_tempdir().full_path)
        counters = {'step': tf.Variable(0)}
        model = create(name)
        model.train_step(batch())
        Checkpoints(run, model, counters, keep=1).save(1)
        model.train_step(batch(seed=1))
        restored = create(name, seed=0)
        restored.train_step(batch(seed=2))
        self.assertTrue(Checkpoints(run, restored, counters, keep=1).restore_latest())
        restored.train_step(batch(seed=1))
        self.assert_same_weights(weights(model), weights(restored))

    @parameterized.parameters(models.names())
    def test_keras_file_round_trip(self, name):
        model = create(name, seed=5)
        model.train_step(batch())
        path = os.path.join(self.create_tempdir().full_path, 'model.keras')
        model.save(path)
        restored = keras.saving.load_model(path)
        self.assertEqual(restored.get_config(), model.get_config())
        self.assert_same_weights(weights(model), weights(restored))
        model.train_step(batch(seed=1))
        restored.train_step(batch(seed=1))
        self.assert_same_weights(weights(model), weights(restored))

    @parameterized.parameters(models.names())
    def test_compile_without_arguments(self, name):
        model = models.create(name, SHAPE, NCLASS, depth=2, latent=3, latent_width=8)
        model.compile()
        self.assertEqual({float(o.learning_rate) for o in model.optimizers.values()}, {np.float32(1e-4)})

    @parameterized.parameters(models.names())
    def test_bfloat16_is_near_float32_or_refused(self, name):
        if name in ('aeai', 'flat'):
            with self.assertRaisesRegex(UsageError, f'^{name} differentiates its decoder, which mixed_bfloat16 does too'):
                create(name, dtype='mixed_bfloat16')
            return
        images, labels = batch()
        model, rough = shared(name), create(name, dtype='mixed_bfloat16')
        for network, twin in zip(model.networks.values(), rough.networks.values()):
            twin.set_weights(network.get_weights())
        random_inputs = model.random_inputs(images)
        terms, rough_terms = model.loss_terms(images, random_inputs, labels), rough.loss_terms(images, random_inputs, labels)
        for key in model.loss_names:
            self.assertEqual(rough_terms[key].dtype, tf.float32)
            self.assertAllClose(terms[key], rough_terms[key], rtol=0.1, atol=0.02, msg=key)
        # Numbers of eight bits differ.
        for network, x in (('encoder', images), ('decoder', model.encode(images))):
            fine, coarse = (getattr(each, network)(x).numpy() for each in (model, rough))
            self.assertBetween(np.linalg.norm(coarse - fine) / np.linalg.norm(fine), 1e-3, 0.05)


class OptionsTest(tf.test.TestCase):

    def test_integers_of_numpy(self):
        model = models.create('acai', np.array([8, 8, 1]), np.int64(3), depth=np.int64(1), latent=np.int64(2),
                              latent_width=np.int64(4))
        model.compile(lr=np.float32(1e-3))
        self.assertEqual(model.classifier.output_shape, (None, 3))
        json.dumps(model.get_config())

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
