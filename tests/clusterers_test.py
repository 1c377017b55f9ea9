"""The clusterers: their losses against derivations, their results, and their program."""

import glob
import json
import os
import signal
import time

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import ProgramTestCase, Started, last_of_each, run
from replicas import mirrored

from acai_tf import clusterers
from acai_tf.clusterers import dec, imsat
from acai_tf.errors import DataError, NonFiniteError, UsageError
from acai_tf.losses import kl_divergence
from acai_tf.metrics.cluster import clustering_accuracy

# Budgets that let each method find three blobs.
SMALL = {'kmeans': {'n_init': 3},
         'dec': {'layer_sizes': '20,10', 'pretrain_steps': 100, 'pretrain_lr': 0.5, 'finetune_steps': 100, 'refresh': 20},
         'rim': {'layer_sizes': '50,50', 'epochs': 20, 'batch': 100, 'lr': 0.01},
         'imsat': {'layer_sizes': '20,20', 'epochs': 20, 'batch': 100}}


def blobs():
    """300 points around three centers in 10 dimensions, with spread 1 per coordinate and centers about 13 apart."""
    random = np.random.default_rng(0)
    labels = np.arange(300) % 3
    return 3 * random.normal(size=[3, 10])[labels] + random.normal(size=[300, 10]), labels


class DecLossTest(tf.test.TestCase):

    codes, centers = np.array([[0.0, 0], [2, 1], [1, 1]]), np.array([[0.0, 0], [2, 0]])

    def test_soft_assignment(self):
        # Squared distances 0 4; 5 1; 2 2: similarities 1 1/5; 1/6 1/2; 1/3 1/3.
        self.assertAllClose(dec.soft_assignment(tf.constant(self.codes), tf.constant(self.centers)),
                            [[5 / 6, 1 / 6], [1 / 4, 3 / 4], [1 / 2, 1 / 2]], atol=1e-12)

    def test_target_distribution(self):
        assigned = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])  # clusters with weights 1.5 and 1.5
        self.assertAllClose(dec.target_distribution(assigned)[0], np.array([0.64, 0.04]) / 0.68)
        uneven = np.array([[0.9, 0.1], [0.6, 0.4]])  # 1.5 and 0.5
        self.assertAllClose(dec.target_distribution(uneven)[1], np.array([0.24, 0.32]) / (0.24 + 0.32))

    def test_gradient(self):
        """Compared with finite differences and with the paper's eq. 4 and 5."""
        target = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])

        def loss(codes, centers):
            return tf.reduce_sum(kl_divergence(tf.constant(target), dec.soft_assignment(codes, centers)))
        inputs = [tf.constant(self.codes), tf.constant(self.centers)]
        theoretical, numerical = tf.test.compute_gradient(loss, inputs)
        self.assertAllClose(theoretical, numerical, atol=1e-6)
        difference = self.codes[:, None] - self.centers
        q = dec.soft_assignment(*inputs).numpy()
        pulls = (2 * (target - q) / (1 + np.square(difference).sum(axis=2)))[..., None] * difference
        self.assertAllClose(theoretical[0].ravel(), pulls.sum(axis=1).ravel(), atol=1e-6)
        self.assertAllClose(theoretical[1].ravel(), -pulls.sum(axis=0).ravel(), atol=1e-6)


class InformationTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(
        (np.eye(4), np.log(4), 0),                # certain, with equal clusters: H(y) - H(y|x) is log k
        (np.full([4, 4], 0.25), np.log(4), np.log(4)),  # nothing known: 0
        (np.eye(4)[[0] * 4], 0, 0))               # all in one cluster: 0
    def test_entropies_at_the_extremes(self, probabilities, marginal, conditional):
        found = clusterers.create('imsat', 2, 4, **SMALL['imsat']).entropies(tf.constant(probabilities, tf.float32))
        self.assertAllClose(found, [marginal, conditional], atol=1e-6)

    def test_losses_put_the_terms_together(self):
        points = tf.constant(np.random.default_rng(0).normal(size=[6, 2]), tf.float32)
        model = clusterers.create('imsat', 2, 3, lam=0.5, mu=3, **SMALL['imsat'])
        terms = model.loss_terms(points, tf.ones([6]), tf.ones([6, 2]), training=True)
        self.assertAllClose(
            terms['loss'], terms['vat'] + 0.5 * (terms['conditional_entropy'] - 3 * terms['marginal_entropy']))
        model = clusterers.create('rim', 2, 3, rim='linear', weight_decay=0.5)
        kernel = np.array([[1.0, 2, 0], [0, 0, 3]])
        model.classifier.set_weights([kernel, np.ones(3)])
        terms = model.loss_terms(points)
        self.assertAllClose(terms['loss'], terms['conditional_entropy'] - terms['marginal_entropy'] + 0.5 * (1 + 4 + 9))
        self.assertAllClose(model(points), points @ kernel + 1, atol=1e-5)

    def test_kernels_start_as_in_chainer(self):
        """Chainer 1.21, links/connection/linear.py: a deviation of sqrt(wscale / inputs)."""
        kernels = clusterers.create('imsat', 400, 100).classifier.get_weights()
        for kernel, wscale in zip((k for k in kernels if k.ndim == 2), (0.1, 0.1, 0.0001), strict=True):
            self.assertAllClose(kernel.std() / np.sqrt(wscale / len(kernel)), 1, atol=0.01)


class AdversarialTest(tf.test.TestCase):

    def test_direction_is_a_step_of_the_power_iteration_of_a_quadratic(self):
        random = np.random.default_rng(0)
        root = random.normal(size=[5, 5])
        hessian, points, start = root @ root.T, random.normal(size=[3, 5]), random.normal(size=[3, 5])

        def divergence(x):
            return 0.5 * tf.einsum('ni,ij,nj->n', x - points, hessian, x - points)

        def direction(start, xi):
            return imsat.adversarial_direction(divergence, tf.constant(points), tf.constant(start), xi).numpy()
        once = start @ hessian
        for xi in (0.1, 10.0):
            self.assertAllClose(direction(start, xi), once / np.linalg.norm(once, axis=1, keepdims=True), atol=1e-9)
        for _ in range(300):
            start = direction(start, 1.0)
        dominant = np.linalg.eigh(hessian)[1][:, -1]
        self.assertAllClose(np.abs(start @ dominant), np.ones(3), atol=1e-9)

    def test_there_is_none_where_nothing_changes(self):
        points = tf.zeros([2, 3])
        self.assertAllEqual(imsat.adversarial_direction(lambda x: 0 * tf.reduce_sum(x, 1), points, points + 1, 1.0), points)

    def test_the_loss_looks_as_far_as_it_is_told_and_takes_predictions_as_given(self):
        seen, lengths = [], tf.constant([0.5, 2.0])
        points, directions = tf.constant([[1.0, 0], [0, 1]]), tf.constant([[3.0, 4], [1, 0]])

        def predict(x):
            seen.append(x)
            return tf.nn.softmax(x)
        probabilities = tf.nn.softmax(points)
        with tf.GradientTape() as tape:
            tape.watch(probabilities)
            loss = imsat.virtual_adversarial_loss(predict, points, probabilities, lengths, directions, 10.0)
        self.assertAllClose(tf.norm(seen[0] - points, axis=1), [10, 10])
        self.assertAllClose(tf.norm(seen[1] - points, axis=1), lengths)
        self.assertAllClose(loss, tf.reduce_sum(probabilities * tf.math.log(probabilities / tf.nn.softmax(seen[1])), 1),
                            atol=1e-6)
        self.assertIsNone(tape.gradient(loss, probabilities))

    def test_perturbed_passes_leave_the_statistics_alone(self):
        points = tf.constant(np.random.default_rng(0).normal(size=[8, 2]), tf.float32)
        both, clean = (clusterers.create('imsat', 2, 3, **SMALL['imsat']) for _ in range(2))
        both.loss_terms(points, tf.ones([8]), tf.ones([8, 2]), training=True)
        clean(points, training=True)
        for a, b in zip(both.classifier.non_trainable_variables, clean.classifier.non_trainable_variables):
            self.assertAllEqual(a, b)
        self.assertNotAllClose(a, tf.ones_like(a))

    def test_perturbations_reach_a_part_of_the_way_to_the_tenth_neighbor(self):
        points = np.arange(30.0)[:, None]  # the tenth neighbor of the first point is 10 away, of a middle point 5 away
        model = clusterers.create('imsat', 1, 2)
        self.assertAllClose(model.columns(points)[1][[0, 15]], [0.25 * 10, 0.25 * 5])


class FitTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.named_parameters(
        *((name, name, SMALL[name]) for name in SMALL),
        ('centers_alone', 'dec', {'pretrain_steps': 0, 'finetune_steps': 100}),
        ('rim_linear', 'rim', {'rim': 'linear', 'epochs': 100, 'batch': 100, 'lr': 0.02}))
    def test_three_blobs(self, name, options):
        points, labels = blobs()
        for seed in range(3):
            fitted = clusterers.fit(name, points, 3, seed, **options)
            if clustering_accuracy(labels, fitted.predict(points)) > 97:
                break
        else:
            self.fail(f'{name} {options}')
        self.assertAllClose(fitted.objective, fitted.score(points), rtol=1e-5)
        again = clusterers.fit(name, points, 3, seed, **options)
        for key, value in fitted.arrays().items():
            self.assertAllEqual(value, again.arrays()[key])
        restored = clusterers.create(name, 10, 3, **options)
        restored.restore(fitted.arrays())
        self.assertAllEqual(restored.predict(points[::-1]), fitted.predict(points)[::-1])
        self.assertEqual(restored.predict(points[:1]), fitted.predict(points)[:1])

    def test_a_dimension_that_does_not_vary_changes_nothing_that_is_found(self):
        points, labels = blobs()
        points = np.c_[points, np.full(300, 7.0)]
        for name in ('kmeans', 'rim'):
            self.assertGreater(max(clustering_accuracy(labels, clusterers.fit(name, points, 3, seed, **SMALL[name])
                                                       .predict(points)) for seed in range(3)), 97)

    @parameterized.parameters(
        ('kmeans', np.zeros([1, 2]), {}, DataError, '1 points cannot make 3 clusters'),
        ('rim', np.zeros([2, 2]), {}, DataError, '2 points cannot make 3 clusters'),
        ('imsat', np.ones([5, 2]), {}, DataError, 'all points are the same'),
        ('dec', np.array([[0, np.nan]] * 5), {}, DataError, 'points with NaN or infinity'),
        ('kmeans', np.zeros([5]), {}, DataError, r'points of shape \[5\]'),
        ('dbscan', np.zeros([5, 2]), {}, UsageError, "unknown clusterer 'dbscan'; choose one of kmeans, dec, rim, imsat"),
        ('dec', np.zeros([5, 2]), {'epochs': 1}, UsageError, 'the clusterer dec has no option epochs; it has layer_sizes'),
        ('dec', np.eye(5), {'layer_sizes': '5,x'}, UsageError, "layer_sizes='5,x': must be positive numbers"),
        ('rim', np.eye(5), {'rim': 'kernel'}, UsageError, 'rim=kernel: choose one of deep, linear'),
        ('dec', np.eye(5), {'layer_sizes': '5,2', 'pretrain_lr': 1e30}, NonFiniteError,
         '^layer_1: loss is .* at step .*try a smaller learning rate'))
    def test_hostile(self, name, points, options, error, message):
        with self.assertRaisesRegex(error, message):
            clusterers.fit(name, points, 3, **options)

    def test_points_that_are_all_the_same_are_said_once(self):
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            fitted = clusterers.fit('kmeans', np.ones([20, 2]), 3, n_init=20)
        self.assertLen(logs.output, 1)
        self.assertRegex(logs.output[0], 'the points make 1 different clusters, not 3')
        self.assertEqual(fitted.objective, 0)

    def test_a_damaged_file_of_partial_results_is_left_aside(self):
        points, _ = blobs()
        path = os.path.join(self.create_tempdir().full_path, 'state')
        whole = clusterers.fit('rim', points, 3, **SMALL['rim'])
        with open(path, 'wb') as file:
            file.write(b'PK')
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            fitted = clusterers.fit('rim', points, 3, state_path=path, **SMALL['rim'])
        self.assertRegex(logs.output[0], 'state is damaged .*redoing all steps')
        self.assertEqual(fitted.objective, whole.objective)


class KerasTest(parameterized.TestCase, tf.test.TestCase):

    def fitted(self, strategy, name, **options):
        points, _ = blobs()
        with strategy.scope():
            model = clusterers.create(name, 10, 3, layer_sizes='20,20', **options)
            model.compile()
        columns = model.columns(points)
        if name == 'dec':
            model.centers.set_weights([np.eye(3, 20)])
            columns = *columns, dec.target_distribution(model.answers(columns[0]))
        else:  # with the small initial kernel, the first gradients are mostly rounding errors
            logits = model.classifier.layers[-1]
            logits.kernel.assign(100 * logits.kernel)
        data = tf.data.Dataset.from_tensor_slices(columns).batch(60)
        history = model.fit(data, epochs=2, verbose=0).history
        return np.concatenate([np.ravel(w) for network in model.networks.values() for w in network.get_weights()]), history

    @parameterized.parameters(('dec', {}), ('rim', {}), ('imsat', {'radius': 0}))  # each replica draws its own directions
    def test_fit_on_two_replicas_does_what_one_device_does(self, name, options):
        together, history = self.fitted(mirrored(), name, **options)
        alone, history_alone = self.fitted(tf.distribute.get_strategy(), name, **options)
        self.assertLess(np.linalg.norm(together - alone) / np.linalg.norm(alone), 1e-3)
        self.assertAllClose(history['loss'], history_alone['loss'], rtol=1e-3)

    def test_mixed_precision(self):
        network = clusterers.create('imsat', 10, 3, layer_sizes='20,20', dtype='mixed_bfloat16').classifier
        self.assertEqual([layer.compute_dtype for layer in network.layers], ['bfloat16'] * 6 + ['float32'])
        self.assertEqual({weight.dtype for weight in network.weights}, {'float32'})
        _, history = self.fitted(tf.distribute.get_strategy(), 'imsat', dtype='mixed_bfloat16')
        self.assertLess(history['loss'][-1], history['loss'][0])


class ProgramTest(parameterized.TestCase, ProgramTestCase):

    pixels = ('--space=pixels', '--dataset=digits32')

    def found_by(self, program, *flags):
        return json.loads(self.run_well(program, *self.pixels, *flags))

    def test_what_is_learned_is_kept_and_applied_again(self):
        found = self.found_by('acai_cluster', '--method=rim', '--layer_sizes=100', '--epochs=3', '--use_svd=1', '--seed=2',
                              f'--save={self.path("kept")}')
        self.assertCountEqual(found, ['accuracy', 'train_accuracy', 'objective', 'test_objective'])
        self.assertEqual(os.listdir(self.directory), ['kept'])
        with np.load(self.path('kept/test.npz'), allow_pickle=False) as test:
            clusters, classes, labels = (test[name] for name in ('clusters', 'classes', 'labels'))
        self.assertAllClose(100 * np.mean(classes == labels), found['accuracy'])
        self.assertAllClose(clustering_accuracy(labels, clusters), found['accuracy'])
        again = self.found_by('acai_cluster', f'--load={self.path("kept")}', f'--save={self.path("again")}')
        self.assertEqual(again, found)
        with np.load(self.path('again/test.npz'), allow_pickle=False) as test:
            self.assertAllEqual(test['clusters'], clusters)

    def test_the_classifier_is_kept_and_applied_again(self):
        found = self.found_by('acai_classify', '--lr=0.01', '--total_kimg=16', f'--save={self.path("kept")}')
        with np.load(self.path('kept/train.npz'), allow_pickle=False) as train:
            self.assertAllClose(100 * np.mean(train['classes'] == train['labels']), found['train_accuracy'])
        self.assertEqual(self.found_by('acai_classify', f'--load={self.path("kept")}'), found)
        for flags, expected, message in (
                (['--lr=1'], 1, '--lr has no effect with --load, which keeps the options; leave it out'),
                ([f'--save={self.path("kept")}'], 1, 'kept exists and is not overwritten'),
                (['--dataset=lines32'], 0, '^$'),
                (['--dataset=pole64'], 2, 'kept was learned from 1024 numbers per image, but pixels has 4096')):
            self.wrong(['acai_classify', f'--load={self.path("kept")}', *flags], expected, message)
        self.wrong(['acai_cluster', f'--load={self.path("kept")}'], 1, 'was saved by the metric classify, not by cluster')
        os.truncate(self.path('kept/learned.npz'), 100)
        self.wrong(['acai_classify', f'--load={self.path("kept")}'], 2, 'kept is damaged or was not written by --save')

    def wrong(self, flags, expected, message):
        program, *flags = flags
        code, _, err = run(f'bin/{program}', *last_of_each(*self.pixels, *flags))
        self.assertEqual(code, expected, err)
        self.assertRegex(err, message)
        self.assertLen(err.splitlines(), 1 if expected else 0)

    @parameterized.parameters(
        (['--method=dbscan'], 1, "--method=dbscan: choose one of kmeans, dec, rim, imsat"),
        (['--method=rim', '--n_init=3'], 1, 'the clusterer rim has no option n_init; it has layer_sizes'),
        (['--epochs=3'], 1, 'the clusterer kmeans has no option epochs; it has n_init'),
        (['--method=imsat', '--epochs=0'], 1, '--epochs=0: must be at least 1'),
        (['--dataset=pole64'], 1, 'needs the number of clusters, at least 2, because pole64 has one class: --clusters=10'),
        (['--load=/nowhere'], 2, '/nowhere/learned.json does not exist; name a directory written with --save'))
    def test_wrong_use(self, flags, expected, message):
        self.wrong(['acai_cluster', *flags], expected, f'^acai_cluster: .*{message}')

    def test_killed_and_started_again_is_as_if_uninterrupted(self):
        def flags(name):
            return [*self.pixels, '--method=dec', '--layer_sizes=50,10', '--pretrain_steps=100', '--finetune_steps=60',
                    f'--output={self.path(name)}']
        process = Started('bin/acai_cluster', *flags('a.json'))
        deadline = time.monotonic() + 120
        while True:  # until it is stopped with a state, and not within a write, which would leave a hidden file
            process.signal(signal.SIGSTOP)
            time.sleep(0.02)  # all its threads stop
            if glob.glob(self.path('a.json.*.partial')) and not glob.glob(self.path('.acai-*')):
                break
            process.signal(signal.SIGCONT)
            self.assertTrue(process.is_running())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        process.kill()
        process.wait()
        self.assertFalse(os.path.exists(self.path('a.json')))
        for name in ('a.json', 'b.json'):
            code, _, err = run('bin/acai_cluster', *flags(name))
            self.assertEqual(code, 0, err)
        with open(self.path('a.json')) as resumed, open(self.path('b.json')) as uninterrupted:
            self.assertEqual(resumed.read(), uninterrupted.read())
        self.assertCountEqual(os.listdir(self.directory), ['a.json', 'b.json'])


if __name__ == '__main__':
    tf.test.main()
