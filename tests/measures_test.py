"""The registry of measures: an exported model, a live one and pixels give what the formulas give."""

import glob
import json
import os
import types
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import run

from acai_tf import datasets, export, features, measures, models
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
        for name in ('accuracy', 'correlation', 'reconstruction', 'path', 'conditioning', 'rank', 'probe', 'samples'):
            self.assertAllClose(measures.measure(name, self.live, self.data), measures.measure(name, loaded, self.data),
                                rtol=1e-3, atol=1e-5, msg=name)

    def test_products_of_the_decoder(self):
        latents, directions = np.random.default_rng(0).normal(size=[2, 7, 2, 2, 2]).astype(np.float32)
        def decode(z):
            return self.live.decode(z).numpy().astype(np.float64)
        difference = (decode(latents + 1e-2 * directions) - decode(latents - 1e-2 * directions)) / 2e-2
        for model in (measures.subject(self.live), self.exported(self.live, self.data)):
            self.assertAllClose(model.decoder_products(latents, directions), difference, atol=1e-3)

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
        self.assertRegex(logs.output[0], 'the clustered images vary in 29 of the 50 dimensions')

    def test_what_was_learned_elsewhere(self):
        class Export:
            image_shape, encode = None, staticmethod(np.asarray)

            def __init__(self, step):
                self.config = {'model': 'acai', 'step': step, 'sha256': {'variables/variables.index': f'of {step}'}}
        kept = os.path.join(self.create_tempdir().full_path, 'kept')
        learned = measures.create('cluster', n_init=2)
        found = learned(Export(1), self.data)
        learned.save(kept)
        with self.assertNoLogs('acai_tf', 'WARNING'):
            self.assertAllClose(measures.create('cluster', load=kept)(Export(1), self.data), found)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            measures.create('cluster', load=kept)(Export(2), self.data)
        self.assertRegex(logs.output[0], 'kept was learned from the latents of another export than this: acai, step 1')
        with self.assertRaisesRegex(DataError, 'kept was learned from latents, not from pixels'):
            measures.create('cluster', load=kept)('pixels', self.data)

    def test_all_images_have_an_answer_and_the_first_are_learned_from(self):
        kept = os.path.join(self.create_tempdir().full_path, 'kept')
        with mock.patch.object(measures.measure_class('cluster'), 'most_training_images', 20):
            learned = measures.create('cluster', n_init=2)
            found = learned('pixels', self.data)
        learned.save(kept)
        points = self.data.load('train')[0][:20].reshape(20, -1) / 127.5 - 1
        centers = [points[np.arange(20) % 3 == label].mean(axis=0) for label in range(3)]
        self.assertAllClose(found['objective'], sum(np.sum((points[i] - centers[i % 3])**2) for i in range(20)), rtol=1e-4)
        with np.load(os.path.join(kept, 'train.npz')) as answers:
            self.assertAllEqual(answers['classes'], np.arange(30) % 3)

    def test_options_of_a_method_without_effect(self):
        for options, message in (({'method': 'dec', 'pretrain_steps': 0, 'layer_sizes': '5,2'},
                                  'layer_sizes=5,2 has no effect with pretrain_steps=0; leave it out'),
                                 ({'method': 'dec', 'finetune_steps': 0, 'refresh': 7},
                                  'refresh=7 has no effect with finetune_steps=0; leave it out'),
                                 ({'method': 'imsat', 'lam': 0, 'mu': 7}, 'mu=7.* has no effect with lam=0; leave it out'),
                                 ({'method': 'rim', 'rim': 'linear', 'layer_sizes': '5'},
                                  'layer_sizes=5 has no effect with rim=linear; leave it out')):
            with self.assertRaisesRegex(UsageError, message):
                measures.measure('cluster', 'pixels', self.data, **options)

    def test_a_single_class(self):
        class One(Stripes):
            def __init__(self):
                super().__init__()
                self.nclass = 1
        for name in ('classify', 'cluster', 'probe'):
            with self.assertRaisesRegex(UsageError, f'the measure {name} needs '):
                measures.measure(name, 'pixels', One())

    def test_results_of_another_data_set_stand_beside_those_of_the_runs_own(self):
        run_dir = self.create_tempdir()
        run_dir.create_file('config.json')
        own, other = datasets.get('digits32'), datasets.get('lines32')
        loaded = types.SimpleNamespace(path=os.path.join(run_dir.full_path, 'export', '5'),
                                       config={'step': 5, 'dataset': 'digits32', 'dataset_options': {}})
        for value, dataset in enumerate((own, other)):
            results.keep(loaded, measures.create('reconstruction'), dataset, {'mse': value})
        found = results.read_all(os.path.join(run_dir.full_path, 'results', '5'))
        self.assertEqual({name: (content['figures']['mse'], content['dataset']) for name, content in found.items()},
                         {'reconstruction': (0, 'digits32'), 'reconstruction.lines32': (1, 'lines32')})

    def test_rows_of_a_split(self):
        images = self.data.load('test')[0] / 127.5 - 1
        self.assertEqual(features.size(self.data, 'test'), 30)
        self.assertAllClose(features.rows(self.data, 'test', [7, 2, 7]), images[[7, 2, 7]], atol=1e-6)
        with self.assertRaisesRegex(IndexError, 'stripes has 30 test images; none has the number 30'):
            features.rows(self.data, 'test', [7, 30])

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
        for name in ('correlation', 'cluster', 'classify', 'rank', 'probe'):
            with self.assertRaisesRegex(NonFiniteError, 'encodes stripes to values that are not finite'):
                measures.measure(name, Broken(), self.data)

    def test_undefined_is_none(self):
        class Still:
            image_shape = None

            def encode(self, images):
                return np.zeros([len(images), 2])
        self.assertEqual(measures.measure('correlation', Still(), self.data), {'correlation': None})
        found = measures.measure('rank', Still(), self.data)
        self.assertEqual((found['effective_rank'], found['dead_dimensions']), (None, 2))
        self.assertAllClose(measures.measure('probe', Still(), self.data)['probe_accuracy'], 100 / 3)

    def test_what_does_not_apply(self):
        for name, model, data, options, error, message in (
                ('charm', self.live, self.data, {}, UsageError, "unknown measure 'charm'; choose one of accuracy, lines"),
                ('lines', self.live, self.data, {}, UsageError, 'the measure lines is for lines32, not stripes'),
                ('path', 'pixels', self.data, {}, UsageError, 'the measure path needs a model, not pixels'),
                ('probe', 'pixels', datasets.get('pole64'), {}, UsageError, 'probe needs classes, and pole64 has one'),
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


class Ring(InMemory):
    """A bump at an angle of a ring of 16 pixels; of the training images the angles are 64 that lie even."""

    def __init__(self):
        super().__init__('ring', (4, 4, 1), 2)

    def load(self, split):
        angles = (np.arange(64) * 2 * np.pi / 64 if split == 'train' else
                  np.random.default_rng(0).uniform(-3, 3, 20))
        return self.draw(angles), np.arange(len(angles)) % 2

    @staticmethod
    def draw(angles):
        angles = np.reshape(angles, [-1, 1])
        return np.exp(2 * np.cos(np.arange(16) * 2 * np.pi / 16 - angles) - 2).astype(np.float32).reshape(-1, 4, 4, 1)


class OnTheRing:
    """Latents are angles; what is decoded has them changed by `function`."""

    image_shape, latent_shape = (4, 4, 1), (1, 1, 1)

    def __init__(self, function=lambda angles: angles):
        self.function = function

    def encode(self, images):
        waves = np.asarray(images).reshape(-1, 16) @ np.exp(1j * np.arange(16) * 2 * np.pi / 16)
        return np.angle(waves).astype(np.float32).reshape(-1, 1, 1, 1)

    def decode(self, latents):
        return Ring.draw(self.function(latents))


class AnyDataTest(tf.test.TestCase):

    def test_a_perfect_and_a_broken_path(self):
        data = Ring()
        perfect = measures.measure('path', OnTheRing(), data)
        # Turning by equal angles is even; ten pairs are all there are.
        self.assertEqual((perfect['path_pairs'], perfect['path_still']), (10, 0))
        self.assertAllClose([perfect['path_step_variation'], perfect['path_largest_step']], [0, 1], atol=1e-2)
        self.assertGreater(perfect['path_length'], 1.1)
        fade = [perfect[f'path_fade_{name}'] for name in ('step_variation', 'largest_step', 'length')]
        self.assertAllClose(fade, [0, 1, 1], atol=1e-4)
        # Half of the spacing of the training images is 0.05: even there the bump is near one of them.
        self.assertLess(perfect['path_nearest_train'], 1e-3)
        self.assertLess(perfect['path_test_nearest_train'], 1e-3)
        self.assertGreater(perfect['path_fade_nearest_train'], 10 * perfect['path_nearest_train'])
        jumping = measures.measure('path', OnTheRing(lambda z: np.where(z < 0, -1, 1)), data)
        self.assertAllClose([jumping['path_step_variation'], jumping['path_largest_step'], jumping['path_length']],
                            [14**0.5, 15, 1], rtol=1e-5)
        self.assertGreater(jumping['path_still'], 0)
        self.assertIsNone(measures.measure('path', OnTheRing(lambda z: z * np.nan), data)['path_nearest_train'])

    def test_fewer_images_than_wanted(self):
        class Few(Ring):
            def load(self, split):
                return tuple(part[:2] for part in super().load(split))

        class Single(Ring):
            def load(self, split):
                return tuple(part[:1] for part in super().load(split))
        for name, count in (('path', 'path_pairs'), ('samples', 'samples_draws')):
            self.assertEqual(measures.measure(name, OnTheRing(), Few())[count], {'path': 1, 'samples': 2}[name])
            with self.assertRaisesRegex(DataError, 'ring has 1 test images|at least 2 latents'):
                measures.measure(name, OnTheRing(), Single())
        found = measures.measure('probe', OnTheRing(), Few())
        self.assertEqual((found['probe_train_images'], found['probe_test_images']), (2, 2))
        found = measures.measure('probe', OnTheRing(), Single())
        self.assertEqual((found['probe_accuracy'], found['knn200_accuracy']), (None, 100))
        self.assertIsNone(measures.measure('rank', OnTheRing(), Single())['effective_rank'])

    def test_which_systems_can_be_sampled_from(self):
        class Normal(InMemory):
            def load(self, split):
                return np.random.default_rng(len(split)).normal(size=[400, 2, 2, 1]).astype(np.float32), np.zeros(400)

        class Moved:
            """Latents are the images, which are normal, elsewhere."""
            image_shape = latent_shape = (2, 2, 1)

            def __init__(self, by):
                self.by = by

            def encode(self, images):
                return np.asarray(images) + self.by

            def decode(self, latents):
                return latents - self.by
        data = Normal('normal', (2, 2, 1), 1)
        for by in (0, 30):
            found = measures.measure('samples', Moved(by), data, draws=300, components=2)
            self.assertEqual(found['samples_draws'], 300)
            good = ['mixture'] if by else ['prior', 'mixture']
            for space in ('', 'latent_'):
                perfect = found[f'samples_test_{space}precision']
                self.assertGreater(perfect, 0.8)
                for source in good:
                    for figure in ('precision', 'recall'):
                        self.assertAllClose(found[f'samples_{source}_{space}{figure}'], perfect, atol=0.1)
            for source in good:
                self.assertAllClose(found[f'samples_{source}_nearest_train'], found['samples_test_nearest_train'], rtol=0.3)
            if by:
                self.assertEqual([found[f'samples_prior_{figure}'] for figure in (
                    'precision', 'recall', 'latent_precision', 'latent_recall')], [0] * 4)


class ResultsTest(tf.test.TestCase):

    def test_they_join_the_run_and_measures_join_the_reports(self):
        train_dir = self.create_tempdir().full_path
        code, _, err = run('bin/acai_train', '--model=baseline', '--dataset=digits32', '--depth=1', '--latent=1',
                           '--total_kimg=1', f'--train_dir={train_dir}', '--report_measures=reconstruction,cluster,accuracy,'
                           'path,conditioning,rank,probe,samples')
        self.assertEqual(code, 0, err)
        run_dir, = glob.glob(os.path.join(train_dir, '*', '*'))
        with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
            report = json.loads(file.read())
        self.assertContainsSubset(['mse', 'cluster_objective', 'latent_accuracy', 'path_pairs', 'log_condition_number',
                                   'effective_rank', 'probe_accuracy', 'samples_mixture_precision'], report)
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
