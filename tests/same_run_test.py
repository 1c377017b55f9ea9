"""A run's identity depends on contents, not on names and places."""

import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import ProgramTestCase, run, run_anew

from acai_tf import datasets
from acai_tf.runs import Run

SMALL = ('--depth=1', '--latent=1', '--latent_width=16', '--report_kimg=1', '--batch=32')
SYSTEM = '''
import keras
from acai_tf.models.baseline import AEBaseline
from acai_tf.options import Option

class Mine(AEBaseline):
    {body}

class Other(AEBaseline):
    pass
'''


class FlagsTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(('acai_evaluate', '--saved_model=a', '--saved_model=b'),
                              ('acai_encode', '--batch=1', '--batch=1'), ('acai_classify', '--seed=1', '--seed=2'),
                              ('acai_train', '--overwrite', '--nooverwrite'),
                              ('acai_train', '--noise=1', '--noise=2'))
    def test_a_flag_given_twice(self, program, *flags):
        code, _, error = run(f'bin/{program}', *flags)
        self.assertEqual(code, 1)
        self.assertRegex(error, f'--{flags[0][2:].partition("=")[0]} is given twice; give it once')

    def test_some_flags_repeat(self):
        _, _, error = run('bin/acai_interpolate', '--saved_model=a', '--saved_model=b', '--output=x.png')
        self.assertRegex(error, '^acai_interpolate: .*a is not a SavedModel')


class DataTest(ProgramTestCase):

    def train(self, data, kimg=1):
        return run('bin/acai_train', '--model=baseline', f'--dataset={data}', f'--train_dir={self.path("runs")}',
                   f'--total_kimg={kimg}', *SMALL)

    def test_data_that_were_moved_are_the_same_data(self):
        self.run_well('acai_create_datasets', '--datasets=digits', f'--data_dir={self.path("old")}')
        code, _, error = self.train(f'records:{self.path("old/digits")}')
        self.assertEqual(code, 0, error)
        os.makedirs(self.path('new'))
        shutil.move(self.path('old/digits'), self.path('new/digits'))
        for place in (self.path('new/digits'), self.path('new/digits/'), os.path.relpath(self.path('new/digits'))):
            code, _, error = self.train(f'records:{place}')
            self.assertEqual(code, 0, error)
            self.assertIn('is already finished', error)
        run_dir, = (pathlib.Path(self.path('runs')) / 'records-digits').iterdir()
        code, _, error = run('bin/acai_export', f'--run_dir={run_dir}', f'--export_dir={self.path("again")}')
        self.assertEqual(code, 2)
        self.assertIn('--dataset=records:NEW', error)
        self.run_well('acai_export', f'--run_dir={run_dir}', f'--export_dir={self.path("again")}',
                      f'--dataset=records:{self.path("new/digits")}')
        code, _, error = run('bin/acai_evaluate', f'--saved_model={run_dir}/export')
        self.assertEqual(code, 2)
        self.assertIn('--dataset=records:NEW', error)

    def test_the_order_of_images_does_not_depend_on_where_they_are(self):
        self.run_well('acai_create_datasets', '--datasets=digits', f'--data_dir={self.path("old")}')
        np.savez(self.path('old/digits/data.npz'), x=np.arange(40 * 16, dtype=np.uint8).reshape(40, 4, 4))
        shutil.copytree(self.path('old/digits'), self.path('new'))
        for kind, file, cache_gib in (('records', '', 1), ('records', '', 0), ('arrays', '/data.npz', 1)):
            first, second = (datasets.get(f'{kind}:{self.path(place)}{file}', cache_gib=cache_gib).train(8, seed=3)
                             for place in ('old/digits', 'new'))
            self.assertAllEqual(next(iter(first))[0], next(iter(second))[0])

    def test_other_data_under_the_same_name_are_refused(self):
        for seed in (0, 1):
            images = np.random.default_rng(seed).integers(256, size=[40, 32, 32], dtype=np.uint8)
            np.savez(self.path('data.npz'), x=images, labels=np.arange(40) % 2)
            code, _, error = self.train(f'arrays:{self.path("data.npz")}', kimg=1 + seed)
            self.assertEqual(code, seed, error)
        self.assertIn('holds a run with another config (data checksum', error)


class UserFileTest(ProgramTestCase):

    def write(self, body):
        with open(self.path('mine.py'), 'w') as file:
            file.write(SYSTEM.format(body=body))

    def train(self, kimg=1):
        return run_anew('bin/acai_train', f'--model={self.path("mine.py")}:Mine', '--dataset=digits32',
                        f'--train_dir={self.path("runs")}', f'--total_kimg={kimg}', *SMALL)

    def test_a_file_that_failed_before_it_trained_may_be_corrected(self):
        self.write("loss_names = ('loss', 'rmse', 'classify_latent', 'loss_pull')")
        code, _, error = self.train()
        self.assertEqual(code, 1)
        self.assertIn('loss_names of Mine has loss_pull, which its train_step does not return', error)
        self.write('pass')
        code, _, error = self.train()
        self.assertEqual(code, 0, error)


class OneClassTest(ProgramTestCase):

    def test_images_of_one_class_have_no_accuracy(self):
        out = self.run_well('acai_train', '--dataset=pole64', '--resolution=32', '--model=baseline',
                            f'--train_dir={self.directory}', '--total_kimg=1', *SMALL)
        self.assertNotIn('latent_accuracy', out)
        path, = pathlib.Path(self.directory).glob('pole64*/*')
        self.assertNotIn('latent_accuracy', Run(path).reports()[-1])
        card, = path.glob('export/*/README.md')
        self.assertNotIn('latent_accuracy', card.read_text())


if __name__ == '__main__':
    tf.test.main()
