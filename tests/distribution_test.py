import two_cpus  # noqa: F401, I001  (first: TensorFlow must not have started)

import functools
import glob
import logging
import os
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import benchmark, models, randomness, training
from acai_tf.errors import NonFiniteError, UsageError
from acai_tf.training import Run, distribution
from acai_tf.training.config import TrainConfig
from replicas import mirrored
from training_test import weights

STEPS, BATCH = 5, 8


def _inputs_from(images, like):
    """Random inputs that depend only on the image, so they are the same on every replica."""
    mean = tf.reduce_mean(images, axis=[1, 2, 3])

    def numbers(value):
        per_example = tf.cast(tf.reshape(tf.range(tf.size(value[0])), tf.shape(value)[1:]), tf.float32)
        return 0.25 + 0.25 * tf.sin(1000 * tf.reshape(mean, [-1] + [1] * (len(value.shape) - 1)) + per_example)
    found = {key: tf.round(2 * numbers(value)) if key == 'mask' else numbers(value) for key, value in like.items()}
    if 'permutation' in like:
        found['permutation'] = tf.range(tf.shape(images)[0])[::-1]
    if 'midpoint_2' in like:  # one order cannot give the pairs of the second mixes too
        half = tf.shape(images)[0] // 2
        found = {'midpoint_1': numbers(images)[:half, 0, 0, 0], 'midpoint_2': tf.zeros_like(like['midpoint_2'])}
    return found


class _RestingBoth(models.REGISTRY.get('lrae')):  # its loss sees the global batch
    """Both players skip steps, at different times."""

    def due(self, step):
        return {'critic': tf.equal(step % 2, 0), 'autoencoder': step % 3 < 2}


class _RestingRMSprop(models.REGISTRY.get('acai')):

    def due(self, step):
        return {'autoencoder': tf.equal(step % 2, 0)}

    def make_optimizer(self, name):
        return keras.optimizers.RMSprop(self.lr, epsilon=1e-3, weight_decay=0.1)


_RESTING = {cls.__name__: cls for cls in (_RestingBoth, _RestingRMSprop)}


def _create(name):
    name, _, base = name.partition(' on ')
    make = _RESTING.get(name) or functools.partial(models.create, name, **({'base': base} if base else {}))
    return make((16, 16, 1), 3, depth=2, latent=2, latent_width=8)


def _train(name, strategy, order):
    """Networks' weights before and after some steps, and the terms."""
    with strategy.scope():
        model = _create(name)
        model.compile(lr=1e-3)
    original = model.random_inputs
    model.random_inputs = lambda images: _inputs_from(images, original(images))
    before = [np.concatenate([np.ravel(w) for w in n.get_weights()]) for n in model.networks.values()]
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, [STEPS, BATCH, 16, 16, 1]).astype(np.float32)[:, order]
    labels = random.integers(0, 3, [STEPS, BATCH])[:, order]
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    run_steps = training.step_function(model, strategy)
    batches = iter(strategy.experimental_distribute_dataset(data))
    terms = run_steps(tf.constant(STEPS), batches).numpy().mean(axis=1)
    graph = run_steps.get_concrete_function(tf.constant(STEPS), batches).graph.as_graph_def()
    ops = {node.op for nodes in (graph, *graph.library.function) for node in getattr(nodes, 'node_def', None) or nodes.node}
    after = [np.concatenate([np.ravel(w) for w in n.get_weights()]) for n in model.networks.values()]
    return before, after, terms, ops


class DistributionTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(*models.names(), *_RESTING, 'acai on vae', 'lrae on vqvae')
    def test_two_replicas_train_as_one_device_does(self, name):
        before, together, terms, ops = _train(name, mirrored(), list(range(BATCH)))
        # One device pairs i with 7-i, a replica pairs 0 with 3 and 1 with 2 of its four: this order makes the same pairs.
        # (GAIA pairs i with i+4, and 0 with 2 and 1 with 3.)
        order = [0, 1, 4, 5, 2, 3, 6, 7] if name == 'gaia' else [0, 1, 4, 5, 6, 7, 2, 3]
        _, alone, terms_alone, ops_alone = _train(name, tf.distribute.get_strategy(), order)
        for start, a, b in zip(before, together, alone):
            self.assertLess(np.linalg.norm(a - b) / np.linalg.norm(b - start), 1e-3)
        rmse = _create(name).loss_names.index('rmse')  # a mean over replicas of roots is not the root of the mean
        self.assertAllClose(np.delete(terms, rmse, 1), np.delete(terms_alone, rmse, 1), rtol=1e-3, atol=1e-6)
        # A GPU would wait for these.
        self.assertEmpty([op for op in ops | ops_alone if 'PyFunc' in op or 'Print' in op or op == 'Assert'])

    @parameterized.parameters('vqvae', 'acai', 'lrae')
    def test_fit_under_a_strategy_shows_the_mean_of_the_epoch(self, name):
        random = np.random.default_rng(0)
        images = np.float32(random.uniform(-1, 1, [24, 16, 16, 1]) * np.linspace(0, 1, 24).reshape(24, 1, 1, 1))
        data = tf.data.Dataset.from_tensor_slices((images, random.integers(0, 3, 24))).batch(BATCH)
        data = data.filter(lambda images, labels: True)  # `fit` is not told how many there are
        with mirrored().scope():
            model = models.create(name, (16, 16, 1), 3, depth=2, latent=2)
            model.compile(lr=0.0)
        history = model.fit(data, epochs=2, verbose=0).history
        self.assertEqual({int(o.iterations.numpy()) for o in model.optimizers.values()}, {2 * 24 // BATCH})
        self.assertEqual(set(history), {*model.loss_names, 'loss'})
        for key, values in history.items():
            self.assertTrue(np.all(np.isfinite(values)), key)
        if name == 'vqvae':  # its codebook moves without a learning rate
            return
        error = np.square(model(images) - images)
        self.assertNotAllClose(error[-4:].mean(), error.mean(), rtol=0.5)  # the last replica's part of the last batch
        self.assertAllClose(history['loss_ae'], [error.mean()] * 2, rtol=1e-5)
        self.assertAllClose(history['rmse'], [127.5 * np.sqrt(error.mean())] * 2, rtol=1e-5)

    def test_replicas_draw_different_numbers(self):
        strategy = mirrored()
        with strategy.scope():
            model = models.create('acai', (16, 16, 1), 3, depth=1, latent=1)
            model.compile()

        @tf.function
        def draw():
            return strategy.run(lambda: model.random_inputs(tf.zeros([4, 16, 16, 1]))['alpha'])
        first, second = strategy.experimental_local_results(draw())
        self.assertNotAllClose(first, second)

    def test_a_batch_that_does_not_divide_is_refused(self):
        with self.assertRaisesRegex(UsageError, '--batch=63 does not fit the 2 replicas; choose a multiple of 2, or'):
            distribution.make_strategy(TrainConfig(batch=63, strategy='mirrored').resolve())
        with self.assertRaisesRegex(UsageError, '--batch=66 does not fit the 2 replicas; choose a multiple of 4'):
            distribution.make_strategy(TrainConfig(model='gaia', batch=66, strategy='mirrored').resolve())

    def test_the_replica_whose_loss_is_not_finite_is_named_and_no_checkpoint_has_its_update(self):
        original = models.REGISTRY.get('lrae').loss_terms

        def spoilt(model, images, random_inputs, labels=None, training=False):
            here = (model.steps == 5) & (tf.equal(randomness.current_replica(), 1))
            return original(model, tf.where(here, np.nan, images), random_inputs, labels, training)
        config = TrainConfig(model='lrae', dataset='digits32', depth=1, latent=2, latent_width=16, batch=8,
                             total_kimg=1, checkpoint_steps=1, train_dir=self.create_tempdir().full_path)
        with (mock.patch.object(distribution, 'make_strategy', lambda _: mirrored()),
              mock.patch.object(models.REGISTRY.get('lrae'), 'loss_terms', spoilt),
              self.assertRaisesRegex(NonFiniteError, 'loss_ae is nan at step 6 on replica 1; the last good')):
            training.train(config)
        run_dir, = glob.glob(os.path.join(config.train_dir, 'digits32', '*'))
        self.assertEqual(Run(run_dir).checkpoint_steps(), [3, 4, 5])
        for value in weights(run_dir, 5).values():
            self.assertTrue(np.all(np.isfinite(value)))

    def test_batches_are_ready_on_the_device_where_there_is_one_gpu(self):
        gpu = tf.config.list_logical_devices('CPU')[1]
        config = TrainConfig(model='baseline', dataset='digits32', depth=2, latent=2, latent_width=16, batch=8,
                             total_kimg=1, jit='off').resolve()
        found = []
        with mock.patch.object(tf.config, 'list_logical_devices', lambda kind: [gpu]):
            one_gpu = distribution.make_strategy(config)
        for strategy in (one_gpu, distribution.make_strategy(config)):
            batches = iter(distribution.batches(strategy, config.data, 8, 0, 0))
            images, _ = next(batches)
            with strategy.scope():
                model = config.create_model()
            self.assertEqual(model.encoder.weights[0].value.device, images.device)
            terms = training.step_function(model, strategy)(tf.constant(3), batches)
            found.append((images.device, images, terms, model.encoder.get_weights()[0]))
        (here, *first), (there, *second) = found
        self.assertEqual((here, there), (gpu.name.replace('/device', '/job:localhost/replica:0/task:0/device'),
                                         here.replace('CPU:1', 'CPU:0')))
        for a, b in zip(first, second):
            self.assertAllEqual(a, b)

    def test_xla_with_replicas_is_refused(self):
        with self.assertRaisesRegex(UsageError, '--jit=on does not work with 2 replicas'):
            distribution.make_strategy(TrainConfig(jit='on', strategy='mirrored').resolve())

    def test_auto_is_one_device_without_gpus(self):
        self.assertEqual(distribution.make_strategy(TrainConfig().resolve()).num_replicas_in_sync, 1)


class UnusedGPUTest(tf.test.TestCase):

    def lines(self, call, driver=os.sep, **environment):
        """Messages that a call logs on a machine with a driver at that path."""
        with (mock.patch.object(distribution, '_NVIDIA_DRIVER', driver), self.assertLogs('acai_tf') as logs,
              mock.patch.dict(os.environ, environment)):
            logging.getLogger('acai_tf').info('begun')
            call()
        return [record.getMessage() for record in logs.records[1:]]

    def test_a_driver_that_is_not_used_is_mentioned(self):
        programs = self.create_tempdir().full_path
        for call in (lambda: distribution.make_strategy(TrainConfig().resolve()), lambda: benchmark.run([])):
            with mock.patch.object(benchmark, 'matmul_gflops', lambda dtype: 1.0):
                line, = self.lines(call)
            self.assertRegex(line, r"NVIDIA driver, but TensorFlow sees no GPU .*pip install '\.\[cuda\]'")
        self.assertEqual(self.lines(distribution.mention_unused_gpu, '/nowhere', PATH=programs), [])
        with open(os.path.join(programs, 'nvidia-smi'), 'w') as file:
            os.chmod(file.name, 0o755)
        self.assertLen(self.lines(distribution.mention_unused_gpu, '/nowhere', PATH=programs), 1)

    def test_nothing_is_said_where_the_gpu_is_used_or_not_wanted(self):
        for value in ('', '-1'):
            self.assertEqual(self.lines(distribution.mention_unused_gpu, CUDA_VISIBLE_DEVICES=value), [])
        with mock.patch.object(tf.config, 'list_physical_devices', lambda kind: ['a GPU']):
            self.assertEqual(self.lines(distribution.mention_unused_gpu), [])


if __name__ == '__main__':
    tf.test.main()
