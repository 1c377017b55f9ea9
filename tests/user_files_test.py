"""Systems, networks, data sets and metrics in users' files, in Python and in the programs."""

import glob
import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import run, run_anew

from acai_tf import architectures, datasets, export, metrics, models, training
from acai_tf.errors import UsageError

SYSTEM = '''
import keras
import tensorflow as tf
from acai_tf.models.acai import ACAI
from acai_tf.options import Option


class Shifted(ACAI):
    strength = Option(0.5, 'how strongly latents are pulled to 0', minimum=0)
    loss_names = (*ACAI.loss_names, 'loss_size')

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        return {**super().regularizer_terms(images, latents, reconstruction, random_inputs, training),
                'loss_size': tf.reduce_mean(latents**2)}

    def objectives(self, terms):
        objectives = super().objectives(terms)
        objectives['autoencoder'] += self.strength * terms['loss_size']
        return objectives


class Stranger(keras.Model):
    pass


def function():
    pass
'''
NETWORKS = '''
import keras
from acai_tf.options import Option


class Small:
    kernel = Option(3, 'height and width of the kernels', minimum=1)

    def __init__(self, depth, latent, latent_width, seed, dtype, kernel):
        self.depth, self.latent, self.size = depth, latent, kernel

    def encoder(self, image_shape, name='encoder', **_):
        return keras.Sequential([
            keras.Input(image_shape), keras.layers.Conv2D(self.depth, self.size, 2, 'same', activation='relu'),
            keras.layers.Conv2D(self.latent, self.size, 2, 'same')], name=name)

    def decoder(self, latent_shape, channels, **_):
        return keras.Sequential([
            keras.Input(latent_shape), keras.layers.Conv2DTranspose(self.depth, self.size, 2, 'same'),
            keras.layers.Conv2DTranspose(channels, self.size, 2, 'same')], name='decoder')

    def critic(self, image_shape, **_):
        return self.encoder(image_shape, 'critic')
'''
DATA = '''
import numpy as np
from acai_tf.datasets.base import InMemory
from acai_tf.options import Option


class Squares(InMemory):
    brightness = Option(255, 'of the squares', minimum=1, maximum=255)

    def __init__(self, name, data_dir=None, brightness=255):
        super().__init__(name, (16, 16, 1), nclass=2)
        self.brightness = brightness

    def load(self, split):
        random = np.random.default_rng({'train': 0, 'test': 1}[split])
        labels = random.integers(0, 2, 200 if split == 'train' else 50)
        images = np.zeros([len(labels), 16, 16, 1], np.uint8)
        for image, label in zip(images, labels):
            row, column = random.integers(0, 8, 2)
            image[row:row + 4 * (label + 1), column:column + 4 * (label + 1)] = self.brightness
        return images, labels


class Named(Squares):
    list = Option('train.txt', 'the images to use')


class Listed(Squares):
    split = Option('letters', 'the images to use')


class Broken(InMemory):
    def __init__(self, name, data_dir=None):
        super().__init__(name, (16, 16), nclass=[][0])
'''
METRIC = '''
import numpy as np
import tensorflow as tf
from acai_tf.metrics.base import Metric
from acai_tf.options import Option


class Darkness(Metric):
    exponent = Option(1.0, 'of the distance from white', minimum=0)

    def compute(self, model, dataset):
        images = next(iter(dataset.test(20)))[0].numpy()
        return {'darkness': np.mean(((1 - images) / 2)**self.exponent),
                'error': tf.reduce_mean(tf.abs(images - model.reconstruct(images))), 'undefined': None, 'by': {'class': 1}}


class Raising(Metric):
    def compute(self, model, dataset):
        raise RuntimeError('boom')


class Nothing(Metric):
    def compute(self, model, dataset):
        return None


class Array(Metric):
    def compute(self, model, dataset):
        return {'array': np.arange(3)}
'''


class UserFilesTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.system, self.networks = self.write('system.py', SYSTEM), self.write('networks.py', NETWORKS)
        self.data, self.metric = self.write('data.py', DATA), self.write('metric.py', METRIC)
        self.train_dir = os.path.join(self.directory, 'runs')

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    def run_well(self, program, *flags):
        code, out, err = run_anew(f'bin/{program}', *flags)
        self.assertEqual(code, 0, err)
        return out

    def train(self, *flags, total_kimg=1):
        return run_anew(
            'bin/acai_train', f'--model={self.system}:Shifted', f'--architecture={self.networks}:Small',
            f'--dataset={self.data}:Squares', f'--report_metrics={self.metric}:Darkness,rank', '--depth=2', '--latent=2',
            '--batch=32', f'--total_kimg={total_kimg}', '--report_kimg=1', '--strength=0.25', '--kernel=5',
            '--brightness=200', f'--train_dir={self.train_dir}', *flags)

    def test_in_python(self):
        model = models.create(f'{self.system}:Shifted', (16, 16, 1), 3, depth=2, latent=2, strength='2', kernel=5,
                              architecture=f'{self.networks}:Small')
        self.assertEqual((type(model).__name__, model.strength, model.latent_shape), ('Shifted', 2.0, (4, 4, 2)))
        self.assertEqual(model.encoder.layers[0].kernel_size, (5, 5))
        self.assertEqual((models.name_of(model), architectures.name_of(model.architecture)), ('Shifted', 'Small'))
        data = datasets.get(f'{self.data}:Squares', brightness='200')
        self.assertEqual((data.name, data.image_shape, data.options), ('Squares', (16, 16, 1), {'brightness': 200}))
        images, labels = next(iter(data.test(50)))
        self.assertAllClose(sorted(set(images.numpy().ravel())), [-1, 200 / 127.5 - 1])
        share = np.mean((images.numpy() > 0).mean(axis=(1, 2, 3)))
        self.assertAllClose(share, np.mean(np.where(labels.numpy() == 0, 16, 64)) / 256)
        values = metrics.compute(f'{self.metric}:Darkness', model, data, exponent=2)
        self.assertCountEqual(values, ['darkness', 'error', 'undefined', 'by'])

    def test_a_name_in_a_config_of_keras_is_never_run(self):
        model = models.create('acai', (16, 16, 1), 3, depth=2, latent=2, architecture=f'{self.networks}:Small')
        evil = self.write('evil.py', 'raise SystemExit("run")')
        with self.assertRaisesRegex(UsageError, 'code in a file that a saved model names is never run'):
            type(model).from_config({**model.get_config(), 'architecture': f'{evil}:Small'})

    def test_what_cannot_be_used(self):
        for kind, what in ((models, 'models.base.Autoencoder'), (datasets, 'datasets.base.Dataset'),
                           (metrics, 'metrics.base.Metric')):
            with self.assertRaisesRegex(UsageError, f'Stranger of .* does not derive from acai_tf.{what}'):
                kind.REGISTRY.get(f'{self.system}:Stranger')
        with self.assertRaisesRegex(UsageError, 'Stranger is not an architecture: it has no method encoder'):
            models.create('acai', (16, 16, 1), 3, architecture=f'{self.system}:Stranger')
        with self.assertRaisesRegex(UsageError, 'the data set Broken fails .data.py, line [0-9]+: IndexError'):
            datasets.get(f'{self.data}:Broken')

    def test_trained_resumed_exported_and_put_to_work(self):
        code, out, err = self.train()
        self.assertEqual(code, 0, err)
        run_dir, = glob.glob(os.path.join(self.train_dir, 'Squares-brightness200', '*'))
        self.assertEqual(os.path.basename(run_dir), 'Shifted_advdepth2_advweight0.5_architectureSmall_batch32_depth2_'
                         'kernel5_latent2_latent_width4_reg0.2_strength0.25')
        config = training.Run(run_dir).config
        self.assertEqual([config[name] for name in ('model', 'architecture', 'dataset')],
                         [f'{self.system}:Shifted', f'{self.networks}:Small', f'{self.data}:Squares'])
        self.assertEqual((config['model_options']['strength'], config['architecture_options'], config['dataset_options']),
                         (0.25, {'kernel': 5}, {'brightness': 200}))
        self.assertCountEqual(config['checksums'], ['model', 'architecture', 'dataset'])
        for name in ('loss_size', 'darkness', 'effective_rank', 'undefined '):
            self.assertIn(name, out)
        loaded = export.load(os.path.join(run_dir, 'export'))
        self.assertEqual([loaded.config[name] for name in ('model', 'architecture', 'dataset', 'dataset_options')],
                         ['Shifted', 'Small', 'Squares', {'brightness': 200}])

        code, _, err = self.train(total_kimg=2)
        self.assertEqual(code, 0, err)
        self.assertEqual([report['step'] for report in training.Run(run_dir).reports()], [32, 64])
        for name, text, what in (('system.py', SYSTEM, 'model is system.py:Shifted'),
                                 ('data.py', DATA, 'dataset is data.py:Squares')):
            self.write(name, text + '\n# another file now')
            for total_kimg in (2, 3):  # a finished run is that of the earlier file, too
                code, _, err = self.train(total_kimg=total_kimg)
                self.assertEqual(code, 1)
                self.assertRegex(err, f'holds a run with another config .{what} .sha256 .* and {what.split()[-1]}')
            self.write(name, text)
        # The metrics of reports may change, and so may their files.
        self.write('metric.py', METRIC + '\n# another file now')
        self.run_well('acai_train', *self.flags_of(run_dir))
        for path in (self.system, self.networks, self.data):
            os.rename(path, f'{path}.gone')
            code, _, err = self.train(total_kimg=3)
            self.assertEqual(code, 2, err)
            self.assertRegex(err, f'^acai_train: {path} does not exist, but .*; put it back to resume')
            self.assertLen(err.splitlines(), 1)
            os.rename(f'{path}.gone', path)

        # Exports, and the programs that use them, do not need the files.
        for path in (self.system, self.networks, self.data, self.metric):
            os.rename(path, f'{path}.gone')
        for step in (32, 64):
            out = self.run_well('acai_export', f'--run_dir={run_dir}', f'--step={step}',
                                f'--export_dir={self.directory}/exports')
            self.assertEqual(out.strip(), f'{self.directory}/exports/{step}')
            trained, again = (export.load(f'{path}/{step}') for path in (f'{run_dir}/export', f'{self.directory}/exports'))
            self.assertEqual({**trained.config, 'sha256': None}, {**again.config, 'sha256': None})
            with open(f'{trained.path}/README.md') as card, open(f'{again.path}/README.md') as other:
                self.assertEqual(card.read(), other.read())
            images = np.random.default_rng(0).uniform(-1, 1, [3, 16, 16, 1])
            for answer in ('encode', 'reconstruct'):
                self.assertAllClose(getattr(trained, answer)(images), getattr(again, answer)(images), atol=1e-6)
        saved_model = f'--saved_model={run_dir}/export'
        code, _, err = run('bin/acai_evaluate', saved_model, '--metrics=reconstruction')
        self.assertEqual(code, 1, err)
        self.assertRegex(err, '(?m)^acai_evaluate: the model was trained on Squares, your own data; name it with '
                         '--dataset=path/to/file.py:Class')

        # The data set's options come from the export.
        for path in (self.data, self.metric):
            os.rename(f'{path}.gone', path)
        out = self.run_well('acai_evaluate', saved_model, f'--dataset={self.data}:Squares', '--exponent=2',
                            f'--metrics={self.metric}:Darkness,reconstruction')
        values = json.loads(out)
        self.assertCountEqual(values, ['darkness', 'error', 'undefined', 'by', 'mse', 'rmse'])
        data = datasets.get(f'{self.data}:Squares', brightness=200)
        images = next(iter(data.test(20)))[0].numpy()
        self.assertAllClose(values['darkness'], np.mean(((1 - images) / 2)**2), rtol=1e-6)
        kept = training.Run(run_dir).results(64)
        self.assertEqual(kept['Darkness']['values']['darkness'], values['darkness'])
        latents = f'{self.directory}/latents.npz'
        self.run_well('acai_encode', saved_model, f'--dataset={self.data}:Squares', f'--output={latents}')
        with np.load(latents, allow_pickle=False) as file:
            self.assertEqual(file['latents'].shape, (50, 4, 4, 2))

    def flags_of(self, run_dir):
        """Returns the flags that start the run again, from its config.json."""
        config = training.Run(run_dir).config
        parts = [config.pop(f'{part}_options') for part in ('model', 'architecture', 'dataset')]
        names = set(training.TrainConfig().options())
        return [f'--{name}={value}' for part in (config, *parts) for name, value in part.items()
                if name in names or part is not config]

    def test_a_metric_that_fails_stops_neither_the_training_nor_the_metrics_before_it(self):
        trained = run('bin/acai_train', '--model=baseline', '--dataset=digits32', '--depth=1', '--latent=1',
                      '--total_kimg=1', f'--train_dir={self.train_dir}', f'--report_metrics={self.metric}:Raising,rank')
        raised = 'the metric Raising fails .metric.py, line [0-9]+: RuntimeError: boom.'
        self.assertEqual(trained[0], 0, trained[2])
        self.assertRegex(trained[1] + trained[2], f'{raised}; its values are missing in this report')
        run_dir, = glob.glob(os.path.join(self.train_dir, '*', '*'))
        report, = training.Run(run_dir).reports()
        self.assertIn('effective_rank', report)
        for name, message in (('Raising', raised), ('Nothing', 'the metric Nothing returns NoneType; return a dictionary'),
                              ('Array', 'the metric Array fails .*: Object of type ndarray is not JSON serializable')):
            code, out, err = run('bin/acai_evaluate', f'--saved_model={run_dir}/export',
                                 f'--metrics=rank,{self.metric}:{name}')
            self.assertEqual(code, 1)
            self.assertRegex(err.splitlines()[-1], f'^acai_evaluate: {message}')
            self.assertNotIn('Traceback', err)
            self.assertAllClose(json.loads(out)['effective_rank'], report['effective_rank'], rtol=1e-3)

    def test_a_run_is_overwritten_only_if_its_data_can_be_read(self):
        flags = ['bin/acai_train', '--model=baseline', '--depth=1', '--latent=1', '--total_kimg=1',
                 f'--dataset={self.data}:Squares', f'--train_dir={self.train_dir}']
        code, _, err = run(*flags)
        self.assertEqual(code, 0, err)
        run_dir, = glob.glob(os.path.join(self.train_dir, '*', '*'))
        before = sorted(glob.glob(f'{run_dir}/**', recursive=True))
        self.write('data.py', DATA.replace("'train': 0", "'none': 0"))
        code, out, err = run_anew(*flags, '--overwrite')
        self.assertEqual((code, out), (1, ''))
        self.assertRegex(err, "^acai_train: the data set Squares fails .data.py, line [0-9]+: KeyError: 'train'.\n$")
        self.assertEqual(sorted(glob.glob(f'{run_dir}/**', recursive=True)), before)

    def test_help_shows_the_options_of_the_files(self):
        out = self.run_well('acai_train', f'--model={self.system}:Shifted', f'--architecture={self.networks}:Small',
                            f'--dataset={self.data}:Squares', '--help')
        for text in ('--strength: how strongly latents are pulled to 0', '--kernel: height and width of the kernels',
                     '--brightness: of the squares'):
            self.assertIn(text, out)
        out = self.run_well('acai_evaluate', f'--metrics={self.metric}:Darkness', '--help')
        self.assertIn('--exponent: of the distance from white', out)
        code, _, err = run_anew('bin/acai_encode', f'--dataset={self.data}:Listed', '--help')
        self.assertEqual(code, 1)
        self.assertRegex(err, 'the option split of your own class has the name of a flag of .*acai_encode; rename it')

    @parameterized.parameters(
        (['--model=HERE/no.py:A'], 'no.py does not exist'),
        (['--model=HERE/system.py:Stranger'], 'does not derive from acai_tf.models.base.Autoencoder'),
        (['--model=HERE/system.py:Shifted', '--strength=-1'], '--strength=-1: must be at least 0'),
        (['--architecture=HERE/networks.py:Large'], 'has no Large'),
        (['--architecture=HERE/networks.py:Small', '--kernel=x'], "--kernel='x' is not of type int"),
        (['--dataset=HERE/data.py:Circles'], 'data.py has no Circles'),
        (['--dataset=HERE/networks.py:Small'], 'does not derive from acai_tf.datasets.base.Dataset'),
        (['--dataset=HERE/data.py:Broken'], 'the data set Broken fails .data.py, line'),
        (['--dataset=HERE/ends.py:A'], 'ends.py fails .ends.py, line 2: SystemExit'),
        (['--dataset=HERE/data.py:Named'], 'the option list of .*data.py:Named has the name of another option; rename it'),
        (['--dataset=HERE/data.py:Squares', '--brightness=256'], '--brightness=256: must be at least 1 and at most 255'),
        (['--report_metrics=rank,HERE/data.py:Squares'], 'does not derive from acai_tf.metrics.base.Metric'),
        (['--report_metrics=HERE/no.py:A'], 'no.py does not exist'),
        (['--report_metrics=HERE/metric.py:Darkness', '--exponent=2'], "Unknown command line flag 'exponent'"))
    def test_wrong_use(self, flags, message):
        self.write('ends.py', 'import sys\nsys.exit()')
        if not any(flag.startswith('--dataset') for flag in flags):
            flags = [*flags, '--dataset=digits32']
        code, out, err = run('bin/acai_train', f'--train_dir={self.train_dir}',
                             *(flag.replace('HERE', self.directory) for flag in flags))
        self.assertEqual((code, out), (1, ''), err)
        self.assertRegex(err, f'^acai_train: .*{message}')
        self.assertLen(err.splitlines(), 1)
        self.assertFalse(os.path.exists(self.train_dir))


if __name__ == '__main__':
    tf.test.main()
