"""The registry of metrics, and `metrics.compute` on a live model, on pixels, and if a metric does not apply."""

import json

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from made_up_data import Constant, OnTheRing, Ring, Stripes, first_images

from acai_tf import datasets, metrics, models
from acai_tf.clusterers import kmeans
from acai_tf.errors import DataError, NonFiniteError, UsageError
from acai_tf.metrics import correlation
from acai_tf.values import defined


class ComputeTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data, cls.lines = Stripes(), datasets.get('lines32')
        cls.live = models.create('acai', (4, 4, 1), 3, depth=2, latent=2, latent_width=2)

    def test_the_formulas_on_what_the_model_gives(self):
        images = next(iter(self.data.test(100)))[0].numpy()
        latents = self.live.encode(images).reshape(30, -1)
        self.assertAllClose(metrics.compute('correlation', self.live, self.data)['correlation'],
                            correlation.mean_absolute_correlation(latents), rtol=1e-4)
        mse = np.square(self.live(images) - images).mean()
        self.assertAllClose(metrics.compute('reconstruction', self.live, self.data),
                            {'mse': mse, 'rmse': 127.5 * np.sqrt(mse)}, rtol=1e-4)
        classes = np.argmax(self.live.logits(images), axis=1)
        self.assertAllClose(metrics.compute('accuracy', self.live, self.data)['latent_accuracy'],
                            100 * np.mean(classes == np.arange(30) % 3))

    def test_pixels(self):
        values = metrics.compute('cluster', 'pixels', self.data, n_init=20)
        self.assertEqual((values['accuracy'], values['train_accuracy']), (100, 100))
        points = next(iter(self.data.train_once(100)))[0].numpy().reshape(30, 16)
        self.assertAllClose(values['objective'], kmeans.kmeans(points, 3, 20)[0], rtol=1e-5)
        images = next(iter(self.data.test(100)))[0].numpy()
        self.assertAllClose(metrics.compute('correlation', metrics.PIXELS, self.data)['correlation'],
                            correlation.mean_absolute_correlation(images))
        self.assertEqual(metrics.compute('classify', 'pixels', self.data, lr=0.01, total_kimg=8)['accuracy'], 100)

    def test_undefined_is_none(self):
        self.assertEqual(metrics.compute('correlation', Constant(), self.data), {'correlation': None})
        values = metrics.compute('rank', Constant(), self.data)
        self.assertEqual((values['effective_rank'], values['dead_dimensions']), (None, 2))
        self.assertAllClose(metrics.compute('probe', Constant(), self.data)['probe_accuracy'], 100 / 3)

    def test_values_become_those_of_json(self):
        values = defined({'a': {'b': np.float32(0.5), 'c': np.float64('nan')}, 'd': np.inf, 'e': np.int64(3),
                          'f': (tf.constant(2.5), np.array(1), float('nan'))})
        self.assertEqual(json.loads(json.dumps(values, allow_nan=False)),
                         {'a': {'b': 0.5, 'c': None}, 'd': None, 'e': 3, 'f': [2.5, 1, None]})

    def test_latents_that_are_not_finite(self):
        for name in ('correlation', 'cluster', 'classify', 'rank', 'probe'):
            with self.assertRaisesRegex(NonFiniteError, 'encodes stripes to values that are not finite'):
                metrics.compute(name, Constant(np.nan), self.data)

    def test_a_single_class(self):
        class OneClass(Stripes):
            def __init__(self):
                super().__init__()
                self.nclass = 1
        for name in ('classify', 'probe'):
            with self.assertRaisesRegex(UsageError, f'metric {name} needs a data set with classes; stripes has one class'):
                metrics.compute(name, 'pixels', OneClass())

    def test_clusters_without_classes(self):
        class Unlabeled(Stripes):
            def __init__(self):
                super().__init__()
                self.nclass = 1

            def load(self, split):
                images, labels = super().load(split)
                return images, np.zeros_like(labels)
        for clusters in (0, 1):
            with self.assertRaisesRegex(UsageError, 'needs the number of clusters, at least 2'):
                metrics.compute('cluster', 'pixels', Unlabeled(), clusters=clusters)
        values = metrics.compute('cluster', 'pixels', Unlabeled(), clusters=3, n_init=2)
        self.assertEqual((values['accuracy'], values['train_accuracy']), (None, None))
        with_two = metrics.compute('cluster', 'pixels', self.data, clusters=2, n_init=2)
        self.assertEqual(values['objective'], metrics.compute('cluster', 'pixels', self.data, n_init=2)['objective'])
        self.assertLess(values['objective'], with_two['objective'])
        self.assertAllClose(with_two['accuracy'], 200 / 3)

    def test_fewer_images_than_wanted(self):
        few, single = first_images(Ring(), 2), first_images(Ring(), 1)
        for name, count in (('path', 'path_pairs'), ('samples', 'samples_draws')):
            self.assertEqual(metrics.compute(name, OnTheRing(), few)[count], {'path': 1, 'samples': 2}[name])
            with self.assertRaisesRegex(DataError, 'ring has 1 test images|at least 2 latents'):
                metrics.compute(name, OnTheRing(), single)
        values = metrics.compute('probe', OnTheRing(), few)
        self.assertEqual((values['probe_train_images'], values['probe_test_images']), (2, 2))
        values = metrics.compute('probe', OnTheRing(), single)
        self.assertEqual((values['probe_accuracy'], values['knn200_accuracy']), (None, 100))
        self.assertIsNone(metrics.compute('rank', OnTheRing(), single)['effective_rank'])

    def test_metrics_that_do_not_apply(self):
        for name, model, data, options, error, message in (
                ('charm', self.live, self.data, {}, UsageError, "unknown metric 'charm'; choose one of accuracy, lines"),
                (['rank'], self.live, self.data, {}, UsageError, r"unknown metric \['rank'\]; choose one of"),
                ('lines', self.live, self.data, {}, UsageError, 'the metric lines is for lines32, not stripes'),
                ('path', 'pixels', self.data, {}, UsageError, 'the metric path needs a model, not pixels'),
                ('probe', 'pixels', datasets.get('pole64'), {}, UsageError, 'probe needs .*classes; pole64 has one class'),
                ('lines', 'pixels', self.lines, {}, UsageError, 'the metric lines needs a model, not pixels'),
                ('lines', self.live, self.lines, {}, DataError, 'lines32 has images of 32x32x1, but ACAI takes 4x4x1'),
                ('lines', self.live, self.lines, {'policy': 1}, UsageError,
                 'the metric lines has no option policy; it has nan_policy'),
                ('lines', self.live, self.lines, {'nan_policy': 'x'}, UsageError, 'nan_policy=x: choose one of zero, ign'),
                ('cluster', 'pixels', self.data, {'n_init': 0}, UsageError, 'n_init=0: must be at least 1')):
            with self.assertRaisesRegex(error, message):
                metrics.compute(name, model, data, **options)

    @parameterized.parameters(metrics.names())
    def test_metrics_have_a_name_and_a_description(self, name):
        self.assertEqual(metrics.create(name).name, name)
        self.assertNotEmpty(metrics.REGISTRY.get(name).__doc__)


if __name__ == '__main__':
    tf.test.main()
