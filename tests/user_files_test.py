"""Systems and networks in files of the user's, in Python and as a user runs the programs."""

import glob
import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import run

from acai_tf import architectures, export, models, user_files
from acai_tf.errors import UsageError

SYSTEM = '''
import keras
import tensorflow as tf
from acai_tf.models.acai import ACAI
from acai_tf.models.hyperparameter import Hyperparameter


class Shifted(ACAI):
    strength = Hyperparameter(0.5, 'how strongly latents are pulled to 0', minimum=0)
    tags = (*ACAI.tags, 'loss_size')

    def autoencoder_and_critic_terms(self, images, latents, draws, training):
        return {**super().autoencoder_and_critic_terms(images, latents, draws, training),
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


class Small:
    def __init__(self, depth, latent, latent_width, seed, dtype):
        self.depth, self.latent = depth, latent

    def encoder(self, image_shape, name='encoder', **_):
        return keras.Sequential([keras.Input(image_shape), keras.layers.Conv2D(self.depth, 3, 2, 'same', activation='relu'),
                                 keras.layers.Conv2D(self.latent, 3, 2, 'same')], name=name)

    def decoder(self, latent_shape, colors, **_):
        return keras.Sequential([keras.Input(latent_shape), keras.layers.Conv2DTranspose(self.depth, 3, 2, 'same'),
                                 keras.layers.Conv2DTranspose(colors, 3, 2, 'same')], name='decoder')

    def critic(self, image_shape, **_):
        return self.encoder(image_shape, 'critic')
'''


class UserFilesTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.system, self.networks = self.write('system.py', SYSTEM), self.write('networks.py', NETWORKS)
        self.train_dir = os.path.join(self.directory, 'runs')

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    def train(self, *flags, model='Shifted', total_kimg=1):
        return run('bin/acai_train', f'--model={self.system}:{model}', f'--architecture={self.networks}:Small',
                   '--dataset=digits32', '--depth=2', '--latent=2', '--batch=32', f'--total_kimg={total_kimg}',
                   '--report_kimg=1', f'--train_dir={self.train_dir}', *flags)

    def test_in_python(self):
        model = models.create(f'{self.system}:Shifted', (16, 16, 1), 3, depth=2, latent=2, strength='2',
                              architecture=f'{self.networks}:Small')
        self.assertEqual((type(model).__name__, model.strength, model.latent_shape), ('Shifted', 2.0, (4, 4, 2)))
        self.assertEqual((models.name_of(model), architectures.name_of(model.architecture)), ('Shifted', 'Small'))

    def test_a_name_in_a_config_of_keras_is_never_run(self):
        model = models.create('acai', (16, 16, 1), 3, depth=2, latent=2, architecture=f'{self.networks}:Small')
        evil = self.write('evil.py', 'raise SystemExit("run")')
        with self.assertRaisesRegex(UsageError, 'a file that a saved model names is not run'):
            type(model).from_config({**model.get_config(), 'architecture': f'{evil}:Small'})

    def test_what_cannot_be_used(self):
        broken, failing = self.write('broken.py', 'class A(:'), self.write('failing.py', '\n\nimport no_such_module')
        for reference, message in (
                (f'{self.directory}/nothing.py:A', 'nothing.py does not exist'),
                (f'{self.system}:Nothing', 'system.py has no Nothing'), (f'{self.system}:function', 'is not a class'),
                (f'{broken}:A', 'broken.py cannot be run .invalid syntax, line 1'),
                (f'{failing}:A', 'failing.py fails .failing.py, line 3: ModuleNotFoundError: No module')):
            with self.assertRaisesRegex(UsageError, message):
                user_files.load_class(reference)
        with self.assertRaisesRegex(UsageError, 'Stranger of .* does not derive from acai_tf.models.base.Autoencoder'):
            models.model_class(f'{self.system}:Stranger')

    def test_trained_resumed_exported_and_put_to_work(self):
        code, out, err = self.train('--strength=0.25')
        self.assertEqual(code, 0, err)
        run_dir, = glob.glob(os.path.join(self.train_dir, 'digits32', '*'))
        self.assertEqual(os.path.basename(run_dir), 'Shifted_advdepth2_advweight0.5_architectureSmall_batch32_depth2_'
                         'latent2_latent_width4_reg0.2_strength0.25')
        with open(os.path.join(run_dir, 'config.json')) as file:
            config = json.load(file)
        self.assertEqual((config['model'], config['hyperparameters']['strength']), (f'{self.system}:Shifted', 0.25))
        self.assertCountEqual(config['checksums'], ['model', 'architecture'])
        self.assertIn('loss_size', out)
        loaded = export.load(os.path.join(run_dir, 'export'))
        self.assertEqual((loaded.config['model'], loaded.config['architecture']), ('Shifted', 'Small'))

        code, _, err = self.train('--strength=0.25', total_kimg=2)
        self.assertEqual(code, 0, err)
        self.write('system.py', SYSTEM + '\n# another file now')
        code, _, err = self.train('--strength=0.25', total_kimg=3)
        self.assertEqual(code, 1)
        self.assertRegex(err, 'holds a run with another config .model is system.py:Shifted .sha256 .* and system.py:Shifted')
        os.remove(self.system)
        code, _, err = self.train()
        self.assertEqual(code, 2, err)
        self.assertRegex(err, '^acai_train: .*system.py does not exist, but .*; put it back to resume')
        self.assertLen(err.splitlines(), 1)
        # Exports, and the programs that use them, need neither file.
        os.remove(self.networks)
        for step in (32, 64):
            code, out, err = run('bin/acai_export', f'--run_dir={run_dir}', f'--step={step}',
                                 f'--export_dir={self.directory}/exports')
            self.assertEqual((code, out.strip()), (0, f'{self.directory}/exports/{step}'), err)
            trained, again = (export.load(f'{path}/{step}') for path in (f'{run_dir}/export', f'{self.directory}/exports'))
            self.assertEqual({**trained.config, 'sha256': None}, {**again.config, 'sha256': None})
            with open(f'{trained.path}/README.md') as card, open(f'{again.path}/README.md') as other:
                self.assertEqual(card.read(), other.read())
            images = np.random.default_rng(0).uniform(-1, 1, [3, 32, 32, 1])
            for answer in ('encode', 'reconstruct'):
                self.assertAllClose(getattr(trained, answer)(images), getattr(again, answer)(images), atol=1e-6)
        code, out, err = run('bin/acai_evaluate', f'--saved_model={run_dir}/export', '--metrics=reconstruction')
        self.assertEqual(code, 0, err)
        self.assertIn('mse', out)

    def test_help_shows_the_systems_own_hyperparameters(self):
        code, out, _ = run('bin/acai_train', f'--model={self.system}:Shifted', '--help')
        self.assertEqual(code, 0)
        self.assertIn('--strength: how strongly latents are pulled to 0', out)

    @parameterized.parameters(
        (['--model=HERE/no.py:A'], 'no.py does not exist'),
        (['--model=HERE/system.py:Stranger'], 'does not derive from'),
        (['--model=HERE/system.py:Shifted', '--strength=-1'], r'strength=-1 is outside \[0, inf\]'),
        (['--architecture=HERE/networks.py:Large'], 'has no Large'))
    def test_wrong_use(self, flags, message):
        code, out, err = run('bin/acai_train', f'--train_dir={self.train_dir}', '--dataset=digits32',
                             *(flag.replace('HERE', self.directory) for flag in flags))
        self.assertEqual((code, out), (1, ''), err)
        self.assertRegex(err, f'^acai_train: .*{message}')
        self.assertLen(err.splitlines(), 1)


if __name__ == '__main__':
    tf.test.main()
