"""The registry of measures: an exported model, a live one and pixels give what the formulas give."""

import glob
import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import run

from acai_tf import datasets, export, measures, models
from acai_tf.clusterers import kmeans
from acai_tf.config import TrainConfig
from acai_tf.datasets.base import InMemory
from acai_tf.errors import DataError, NonFiniteError, UsageError
from acai_tf.evaluation import correlation, lines
from acai_tf.measures import results
from acai_tf.models import hyperparameter


class Stripes(InMemory):
    """Thirty images of 4x4 in three classes that are easy to tell apart."""

    def __init__(self):
        super().__init__('stripes', (4, 4, 1), 3)

    def load(self, split):
        labels = np.arange(30) % 3
        noise = np.random.default_rng(len(split)).integers(0, 20, [30, 4, 4, 1])
        pixels = noise + 200 * (np.arange(4)[:, None, None] == labels[:, None, None, None])
        return pixels.astype(np.uint8), labels


class MeasuresTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data, cls.lines = Stripes(), datasets.get('lines32')
        cls.live = models.create('acai', (4, 4, 1), 3, depth=2, latent=2, latent_width=2)
        cls.images = next(iter(cls.data.test(100)))[0].numpy()

    def exported(self, model, dataset):
        return export.load(export.export_model(model, dataset, 1, self.create_tempdir().full_path))

    def test_a_live_model_and_its_export_agree(self):
        loaded = self.exported(self.live, self.data)
        for name in ('accuracy', 'correlation', 'reconstruction'):
            self.assertAllClose(measures.measure(name, self.live, self.data), measures.measure(name, loaded, self.data),
                                rtol=1e-4, msg=name)

    def test_the_formulas_on_what_the_model_gives(self):
        latents = self.live.encode(self.images).numpy().reshape(30, -1)
        self.assertAllClose(measures.measure('correlation', self.live, self.data)['correlation'],
                            correlation.mean_absolute_correlation(latents), rtol=1e-4)
        mse = np.square(self.live(self.images) - self.images).mean()
        self.assertAllClose(measures.measure('reconstruction', self.live, self.data),
                            {'mse': mse, 'rmse': 127.5 * np.sqrt(mse)}, rtol=1e-4)
        classes = np.argmax(self.live.logits(self.images), axis=1)
        self.assertAllClose(measures.measure('accuracy', self.live, self.data)['latent_accuracy'],
                            100 * np.mean(classes == np.arange(30) % 3))

    def test_pixels(self):
        found = measures.measure('cluster', 'pixels', self.data, n_init=20)
        self.assertEqual((found['accuracy'], found['train_accuracy']), (100, 100))
        points = next(iter(self.data.train_once(100)))[0].numpy().reshape(30, 16)
        self.assertAllClose(found['objective'], kmeans.kmeans(points, 3, 20)[0], rtol=1e-5)
        self.assertAllClose(measures.measure('correlation', measures.PIXELS, self.data)['correlation'],
                            correlation.mean_absolute_correlation(self.images))
        self.assertEqual(measures.measure('classify', 'pixels', self.data, lr=0.01, total_kimg=8)['accuracy'], 100)

    def test_latents_are_whitened_and_pixels_are_not_unless_asked(self):
        whitened, plain = (measures.measure('cluster', 'pixels', self.data, n_init=5, use_svd=svd) for svd in (1, 0))
        self.assertEqual(measures.measure('cluster', 'pixels', self.data, n_init=5), plain)
        # Sixteen whitened dimensions have a sum of squares of 16 at most.
        self.assertLess(whitened['objective'], 16)
        latents = measures.measure('cluster', self.live, self.data, n_init=5)
        self.assertEqual(latents, measures.measure('cluster', self.live, self.data, n_init=5, use_svd=1))

    def test_a_stopped_clustering_is_resumed_and_leaves_nothing_behind(self):
        prefix = os.path.join(self.create_tempdir().full_path, 'found.json')
        measure = measures.create('cluster', n_init=3, partial=prefix)
        found = measure('pixels', self.data)
        self.assertLen(glob.glob(f'{prefix}.*.partial'), 1)
        measure.clean_up()
        self.assertEqual(measures.measure('cluster', 'pixels', self.data, n_init=3, partial=prefix), found)
        self.assertEqual(glob.glob(f'{prefix}*'), [])

    def test_lines(self):
        class Fade:
            """Latents are the images: an interpolation fades one line out and the other in."""
            image_shape = (32, 32, 1)
            encode = decode = staticmethod(np.asarray)
        starts, ends = (images.numpy() for images in self.lines.evaluation_pairs)
        weights = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 16, 1, 1, 1)
        frames = (1 - weights) * starts[:, None] + weights * ends[:, None]
        for policy in ('zero', 'ignore'):
            self.assertAllClose(measures.measure('lines', Fade(), self.lines, nan_policy=policy),
                                lines.evaluate(frames, policy), rtol=1e-5)

    def test_whitening_of_fewer_images_than_dimensions(self):
        class Wide:
            image_shape = None

            def encode(self, images):
                return np.random.default_rng(len(images)).normal(size=[len(images), 50])
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            found = measures.measure('cluster', Wide(), self.data, n_init=2)
        self.assertIsNone(found['test_objective'])
        self.assertRegex(logs.output[0], '30 training images vary in 29 of the 50 dimensions')

    def test_fewer_images_than_clusters(self):
        class Few(Stripes):
            def load(self, split):
                return tuple(part[:2] for part in super().load(split))
        with self.assertRaisesRegex(DataError, 'stripes has 2 training images, which cannot make 3 clusters'):
            measures.measure('cluster', 'pixels', Few(), n_init=2)

    def test_latents_that_are_not_finite(self):
        class Broken:
            image_shape = None

            def encode(self, images):
                return np.full([len(images), 2], np.nan)
        for name in ('correlation', 'cluster', 'classify'):
            with self.assertRaisesRegex(NonFiniteError, 'encodes stripes to values that are not finite'):
                measures.measure(name, Broken(), self.data)

    def test_undefined_is_none(self):
        class Still:
            image_shape = None

            def encode(self, images):
                return np.zeros([len(images), 2])
        self.assertEqual(measures.measure('correlation', Still(), self.data), {'correlation': None})

    def test_what_does_not_apply(self):
        for name, model, data, options, error, message in (
                ('charm', self.live, self.data, {}, UsageError, "unknown measure 'charm'; choose one of accuracy, lines"),
                ('lines', self.live, self.data, {}, UsageError, 'the measure lines is for lines32, not stripes'),
                ('lines', 'pixels', self.lines, {}, UsageError, 'the measure lines needs a model, not pixels'),
                ('lines', self.live, self.lines, {}, DataError, 'lines32 has images of 32x32x1, but ACAI takes 4x4x1'),
                ('lines', self.live, self.lines, {'policy': 1}, UsageError,
                 'the measure lines has no option policy; it has nan_policy'),
                ('lines', self.live, self.lines, {'nan_policy': 'x'}, UsageError, 'nan_policy=x: choose one of zero, ign'),
                ('cluster', 'pixels', self.data, {'n_init': 0}, UsageError, r'n_init=0 is outside \[1, inf\]')):
            with self.assertRaisesRegex(error, message):
                measures.measure(name, model, data, **options)

    @parameterized.parameters(measures.names())
    def test_options_have_help_and_a_default_that_is_allowed(self, name):
        for key, option in hyperparameter.declared(measures.measure_class(name)).items():
            self.assertNotEmpty(option.help, key)
            self.assertEqual(option.parse(option.default), option.default)
        self.assertEqual(measures.create(name).name, name)
        self.assertNotEmpty(measures.measure_class(name).__doc__)


class ResultsTest(tf.test.TestCase):

    def test_they_join_the_run_and_measures_join_the_reports(self):
        train_dir = self.create_tempdir().full_path
        code, _, err = run('bin/acai_train', '--model=baseline', '--dataset=digits32', '--depth=1', '--latent=1',
                           '--total_kimg=1', f'--train_dir={train_dir}', '--report_measures=reconstruction,cluster,accuracy')
        self.assertEqual(code, 0, err)
        run_dir, = glob.glob(os.path.join(train_dir, '*', '*'))
        with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
            report = json.loads(file.read())
        self.assertContainsSubset(['mse', 'cluster_objective', 'latent_accuracy'], report)
        code, out, err = run('bin/acai_evaluate', f'--saved_model={run_dir}/export',
                             '--metrics=reconstruction,accuracy,correlation')
        self.assertEqual(code, 0, err)
        found = json.loads(out)
        self.assertAllClose([found['mse'], found['latent_accuracy']], [report['mse'], report['latent_accuracy']], rtol=1e-4)
        self.assertCountEqual(os.listdir(os.path.join(run_dir, 'results', '16')),
                              ['reconstruction.json', 'accuracy.json', 'correlation.json'])
        code, out, err = run('bin/acai_cluster', f'--saved_model={run_dir}/export/16', '--n_init=3', '--use_svd=0')
        self.assertEqual(code, 0, err)
        with open(os.path.join(run_dir, 'results', '16', 'cluster.json')) as file:
            kept = json.load(file)
        self.assertEqual(kept['figures'], json.loads(out))
        self.assertEqual(kept['dataset'], 'digits32')
        self.assertEqual(kept['options'], {'method': 'kmeans', 'n_init': 3, 'use_svd': 0, 'seed': 0})
        self.assertIn('tensorflow', kept['versions'])

    def test_an_export_elsewhere_keeps_nothing(self):
        directory = self.create_tempdir().full_path
        self.assertIsNone(results.run_of(os.path.join(directory, 'export', '7')))
        with open(os.path.join(directory, 'config.json'), 'w') as file:
            file.write(TrainConfig().to_json())
        self.assertEqual(results.run_of(os.path.join(directory, 'export', '7')), directory)
        self.assertIsNone(results.run_of(os.path.join(directory, 'other', '7')))

    def test_a_measure_that_does_not_apply_is_refused_before_training(self):
        train_dir = self.create_tempdir().full_path
        for name, message in (('lines', 'the measure lines is for lines32, not digits32'), ('nope', 'unknown measure')):
            code, _, err = run('bin/acai_train', '--dataset=digits32', f'--train_dir={train_dir}', '--depth=1',
                               f'--report_measures={name}')
            self.assertEqual(code, 1)
            self.assertRegex(err.splitlines()[-1], f'^acai_train: .*{message}')


if __name__ == '__main__':
    tf.test.main()
