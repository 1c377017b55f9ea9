"""The programs as a user runs them: processes, files, signals."""

import functools
import glob
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized
from programs import ROOT, Started, last_checkpoint, last_of_each, run, run_from_the_start, run_in_a_process
from training_test import assert_same_weights, metrics, run_in, weights

import acai_tf
from acai_tf import benchmark, models
from acai_tf.cli import parsing
from acai_tf.options import declared
from acai_tf.training.config import TrainConfig

SMALL = ['--dataset=digits32', '--depth=1', '--latent=2', '--latent_width=16', '--batch=16', '--total_kimg=2',
         '--report_kimg=1', '--checkpoint_steps=10']


class WrongUseTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(
        (['--depht=3'], 1, "Unknown command line flag 'depht'"),
        (['--batch=many'], 1, '--batch'),
        (['stray'], 1, "unexpected argument 'stray'"),
        (['--model=gan'], 1, "unknown model 'gan'"),
        (['--model=baseline', '--reg=0.1'], 1, 'the model baseline has no option reg, and neither do .*; they have none'),
        (['--advwieght=1'], 1, 'advwieght'),
        (['--reg=2'], 1, '--reg=2: must be at least 0 and at most 1'),
        (['--strategy=mirrored', '--batch=63'], 1, '--batch=63 does not fit the 2 replicas'),
        (['--strategy=multi_worker'], 1, '--strategy=multi_worker: the environment variable TF_CONFIG is not set'),
        (['--latent_width=5'], 1, 'choose one of 16, 8, 4, 2, 1'),
        (['--total_kimg=-1'], 1, '--total_kimg=-1: must be at least 1'),
        (['--dataset=lines64'], 1, "unknown data set 'lines64'"),
        (['--dataset=svhn32', '--data_dir=/nowhere'], 2,
         '/nowhere/svhn-train.tfrecord, which is missing.*bin/acai_create_datasets --datasets=svhn --data_dir=/nowhere'),
        (['--train_dir=/proc/version'], 1, 'cannot be written'))
    def test_one_line_and_the_exit_code(self, flags, code, message):
        directory = self.create_tempdir().full_path
        flags = last_of_each(f'--train_dir={directory}', '--total_kimg=1', *flags)
        actual, out, err = run('bin/acai_train', *flags)
        self.assertEqual((actual, out), (code, ''), err)
        self.assertRegex(err, f'^acai_train: .*{message}')
        self.assertLen(err.splitlines(), 1)
        self.assertEqual(os.listdir(directory), [])


class HelpTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters([f'bin/{path.name}' for path in sorted((ROOT / 'bin').iterdir())] +
                              ['data_prep/create_datasets.py'])
    def test_help_exits_0(self, program):
        run_help = run_from_the_start if program in ('bin/acai_train', 'data_prep/create_datasets.py') else run_in_a_process
        code, out, err = run_help(program, '--help')
        self.assertEqual((code, err), (0, ''))
        self.assertRegex(out, r'^  (acai_\w+|create_datasets\.py) --')
        self.assertContainsSubset({'every program:', '  --flagfile: a file with more flags, one a line'}, out.splitlines())
        code, out, err = run(program, '--version')
        self.assertEqual((code, err), (0, ''))
        self.assertRegex(out, f'of acai_tf {acai_tf.__version__}, TensorFlow {tf.__version__}\n$')

    @parameterized.parameters(*(path.name for path in sorted((ROOT / 'bin').iterdir())))
    def test_help_lists_every_flag_once_under_a_heading(self, name):
        defined = []

        def spy(flags, doc, original=parsing.Flags.help):
            defined.extend([*flags.names(), 'flagfile', 'version'])
            return original(flags, doc)
        with mock.patch.object(parsing.Flags, 'help', spy):
            code, out, err = run(f'bin/{name}', '--help')
        self.assertEqual((code, err), (0, ''))
        groups = dict(paragraph.split('\n', 1) for paragraph in out.rstrip().split('\n\n') if '\n  --' in paragraph)
        self.assertEqual({heading for heading in groups if not re.fullmatch(
            '(data|networks|training|reporting|devices|run|model|metrics|figure|measurements|study|part of the study|server|'
            'your own images|output|every program|with --datasets=lines|(model|metric|method) [a-z, ]+):', heading)}, set())
        listed = [flag for text in groups.values() for flag in re.findall(r'^  --(\w+)(?:=\S+)?: \w', text, re.MULTILINE)]
        self.assertCountEqual(listed, defined)
        self.assertLessEqual(max(map(len, out.splitlines())), 100)
        self.assertNotIn('repeat this option', out)

    def test_help_groups_the_options_of_models(self):
        _, out, _ = run('bin/acai_train', '--help')
        self.assertIn('\nmodel vae, vqvae:\n  --beta: for vae: weight of the KL', out)
        self.assertIn('\nmodel acai, miae, lrae, dracai, midrae:\n  --advweight: ', out)
        self.assertRegex(out, r'\n  --jit=auto\|on\|off: .* \(default: auto\)\n')

    def test_help_is_complete(self):
        _, out, _ = run('bin/acai_train', '--help')
        text = ' '.join(out.split())
        for name, option in declared(TrainConfig).items():
            self.assertRegex(text, rf' --{name}(=\S+)?: {re.escape(" ".join(option.help.split()))}')
        for name in models.names():
            for key in declared(models.REGISTRY.get(name)):
                self.assertRegex(text, rf' --{key}(=\S+)?: ')

    def test_help_has_the_defaults_of_both_presets(self):
        _, out, _ = run('bin/acai_train', '--help')
        text = ' '.join(out.split())
        for shown in ('--batch: global batch size (default: 64; with --preset=quick: 16)',
                      '--lr: learning rate (default: 0.0001; with --preset=quick: 0.0002; for vae, amr: 0.001)',
                      '; with --preset=quick: cosine; for acai, miae, lrae, dracai: constant)',
                      '--critic_lr: learning rate of the critic; 0 means lr (default: 0; with --preset=quick: 0.001)'):
            self.assertIn(shown, text)

    def test_flagfile(self):
        path = os.path.join(self.create_tempdir().full_path, 'flags')
        with open(path, 'w') as file:
            file.write('# a run\n--model=vae\n--beta=4\n--depth=3\n')
        code, out, err = run('bin/acai_train', f'--flagfile={path}', '--depth=8', '--print_config')
        self.assertEqual(code, 0, err)
        config = json.loads(out)
        self.assertEqual((config['model'], config['model_options']['beta'], config['depth']), ('vae', 4, 8))
        code, out, err = run('bin/acai_encode', '--flagfile=/nowhere')
        self.assertEqual((code, out), (1, ''))
        self.assertRegex(err, '^acai_encode: .*/nowhere')
        self.assertLen(err.splitlines(), 1)

    def test_importing_the_package_does_not_import_tensorflow(self):
        code = 'import sys, acai_tf; sys.exit("tensorflow" in sys.modules)'
        self.assertEqual(subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode, 0)

    def test_keras_uses_tensorflow_or_importing_the_package_is_an_error(self):
        def run_python(code, backend):
            done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, env={**os.environ, 'KERAS_BACKEND': backend},
                                  capture_output=True, text=True)
            return done.returncode, done.stdout, done.stderr
        code = 'import acai_tf, os; print(os.environ["KERAS_BACKEND"])'
        self.assertEqual(run_python(code, 'jax'), (
            0, 'tensorflow\n', 'KERAS_BACKEND=jax is ignored: acai_tf uses TensorFlow\n'))
        for backend in ('tensorflow', ''):
            self.assertEqual(run_python(code, backend), (0, 'tensorflow\n', ''))
        code = """
import sys, types
sys.modules['keras'] = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: 'torch'))
import acai_tf"""
        code, _, err = run_python(code, 'torch')
        self.assertEqual(code, 1)
        self.assertEqual(err.splitlines()[-1], 'acai_tf.errors.UsageError: Keras uses torch, but acai_tf needs TensorFlow; '
                         'import acai_tf before keras, or set KERAS_BACKEND=tensorflow')


@functools.cache
def uninterrupted(flags):
    """A temporary train_dir with a finished run, shared by the tests of this process."""
    directory = tempfile.TemporaryDirectory()
    code, _, err = run_in_a_process('bin/acai_train', *flags, f'--train_dir={directory.name}')
    assert code == 0, err
    return directory


class Interrupted(tf.test.TestCase):
    """An interrupted run must end like an uninterrupted one."""

    flags = (*SMALL, '--deterministic')

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path

    def train(self):
        code, _, err = run_in_a_process('bin/acai_train', *self.flags, f'--train_dir={self.train_dir}')
        self.assertEqual(code, 0, err)

    def run_dir(self):
        return run_in(self.train_dir)

    def start(self):
        return Started('bin/acai_train', *self.flags, f'--train_dir={self.train_dir}')

    def wait_for_checkpoint(self, process, step):
        deadline = time.monotonic() + 120
        while process.is_running() and time.monotonic() < deadline and last_checkpoint(self.train_dir) < step:
            time.sleep(0.02)

    def assert_equals_uninterrupted(self):
        whole = run_in(uninterrupted(self.flags).name)
        self.assertEqual(metrics(self.run_dir()), metrics(whole))
        last = last_checkpoint(self.train_dir)
        assert_same_weights(self, weights(self.run_dir(), last), weights(whole, last))

    def kill_and_resume(self, times, wait):
        """Kills the run up to `wait` seconds after it has saved something, then lets it end."""
        source = random.Random(0)
        for _ in range(times):
            process = self.start()
            self.wait_for_checkpoint(process, last_checkpoint(self.train_dir) + 1)
            time.sleep(source.uniform(0, wait))
            process.kill()
            self.assertEqual(process.wait()[0], -signal.SIGKILL)
        self.train()
        self.assert_equals_uninterrupted()


@unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
class ManyKillsTest(Interrupted, parameterized.TestCase):

    def test_twenty_kills(self):
        self.flags = (*self.flags, '--checkpoint_steps=5', '--total_kimg=64')
        self.kill_and_resume(times=20, wait=0.5)

    @parameterized.parameters(*(f'--model={name}' for name in models.names() if name != 'acai'),
                              *(f'--base={name}' for name in models.BASES.split(', ') if name != 'baseline'))
    def test_every_system_and_base_killed_and_resumed_equals_uninterrupted(self, flag):
        self.flags = (*self.flags, flag, '--total_kimg=16')
        self.kill_and_resume(times=2, wait=0.5)


class TrainTest(Interrupted):

    def test_killed_and_resumed_equals_uninterrupted(self):
        self.kill_and_resume(times=2, wait=0.1)

    def test_sigterm_checkpoints_and_exits_42_and_the_same_command_resumes(self):
        process = self.start()
        self.wait_for_checkpoint(process, 10)
        process.signal(signal.SIGTERM)
        code, _, err = process.wait(seconds=60)
        self.assertEqual(code, 42, err)
        self.assertRegex(err.splitlines()[-1], r'stopped by SIGTERM after step \d+; the same command resumes from there')
        stopped = int(err.rsplit('after step ', 1)[1].split(';')[0])
        self.assertTrue(glob.glob(os.path.join(self.run_dir(), 'checkpoints', f'step-{stopped}.index')))
        self.train()
        self.assert_equals_uninterrupted()


class FinishedRunTest(tf.test.TestCase):
    """Programs on finished and damaged runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sound = cls.enterClassContext(tempfile.TemporaryDirectory())
        code, cls.out, err = run('bin/acai_train', *SMALL, f'--train_dir={cls.sound}')
        assert code == 0, err

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.train_dir = os.path.join(self.directory, 'runs')

    def train(self, train_dir, *flags):
        return run('bin/acai_train', *SMALL, f'--train_dir={train_dir}', *flags)

    def test_results_on_stdout_and_what_the_second_run_does(self):
        run_dir = run_in(self.sound)
        self.assertRegex(self.out, 'final metrics\n.*kimg +2\n')
        self.assertIn(f'SavedModel  {run_dir}/export/128', self.out)
        code, again, err = self.train(self.sound)
        self.assertEqual((code, again), (0, self.out))
        self.assertIn('is already finished', err)
        code, _, err = run_in_a_process('bin/acai_train', *SMALL, f'--train_dir={self.sound}', '--deterministic')
        self.assertEqual(code, 1)
        self.assertRegex(err, '^acai_train: .*deterministic is False there and True here.*--overwrite')
        self.assertLen(err.splitlines(), 1)

        exports = os.path.join(self.directory, 'exports')
        code, out, err = run('bin/acai_export', f'--run_dir={run_dir}', f'--export_dir={exports}')
        self.assertEqual((code, out.strip()), (0, os.path.join(exports, '128')), err)
        code, _, err = run('bin/acai_export', f'--run_dir={run_dir}', f'--export_dir={exports}')
        self.assertEqual(code, 1)
        self.assertIn('exists and is not overwritten', err)

    def test_a_file_that_a_finished_run_needs_is_named_if_missing_empty_cut_or_edited_and_others_may_be(self):
        files = ['config.json', 'metrics.jsonl', 'checkpoints/checkpoint', 'checkpoints/step-128.index', '.lock',
                 'export/128/saved_model.pb', 'export/128/assets.extra/acai_config.json',
                 'export/128/variables/variables.index']
        for name, change in itertools.product(files, ('missing', 'empty', 'cut', 'edited')):
            shutil.rmtree(self.train_dir, ignore_errors=True)
            shutil.copytree(self.sound, self.train_dir)
            run_dir = run_in(self.train_dir)
            path = os.path.join(run_dir, name)
            with open(path, 'rb') as file:
                content = file.read()
            os.remove(path)
            if change != 'missing':
                with open(path, 'wb') as file:
                    file.write({'empty': b'', 'cut': content[:2 * len(content) // 3], 'edited': b'[7]\n'}[change])
            code, out, err = self.train(self.train_dir)
            case = f'{name} {change}: {code} {err}'
            expected = {('config.json', 'missing'): 1, ('metrics.jsonl', 'cut'): 0}  # the first of two reports is left
            self.assertEqual(code, expected.get((name, change), 0 if name.startswith(('checkpoints', '.lock')) else 4), case)
            if code:
                self.assertRegex(err.splitlines()[-1], f'^acai_train: .*{os.path.basename(run_dir)}', case)
            else:
                self.assertIn('final metrics', out, case)

    def test_non_finite_is_exit_3(self):
        code, _, err = self.train(self.train_dir, '--lr=1e20')
        self.assertEqual(code, 3)
        self.assertRegex(err.splitlines()[-1], r'^acai_train: \w+ is (nan|inf) at step \d+')

    def test_print_config(self):
        code, out, err = self.train(self.train_dir, '--print_config', '--reg=0.5')
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)['model_options'], {'advdepth': 1, 'advweight': 0.5, 'critic_lr': 0.0,
                                                            'critic_beta_2': 0.999, 'reg': 0.5})
        self.assertFalse(os.path.exists(self.train_dir))


class BenchmarkTest(tf.test.TestCase):

    @mock.patch.object(benchmark, '_REPEATS', 1)
    @mock.patch.object(benchmark.matmul_gflops, '__defaults__', (512, 6))
    def test_encode(self):
        path = os.path.join(self.create_tempdir().full_path, 'speed.json')
        code, out, err = run('bin/acai_benchmark', '--what=encode', f'--output={path}')
        self.assertEqual(code, 0, err)
        *table, last = out.splitlines()
        results = json.loads(last)
        with open(path) as file:
            self.assertEqual(json.load(file), results)
        self.assertRegex('\n'.join(table), r'encode\.batch1_median_ms +\d')
        self.assertGreater(results['matmul_gflops']['float32'], 0)
        self.assertGreaterEqual(results['encode']['batch1_p99_ms'], results['encode']['batch1_median_ms'])
        self.assertBetween(results['encode']['fraction'], 0.01, 1.5)

    def test_unknown(self):
        code, _, err = run('bin/acai_benchmark', '--what=coffee')
        self.assertEqual(code, 1)
        self.assertRegex(err, "^acai_benchmark: cannot measure 'coffee'")


if __name__ == '__main__':
    tf.test.main()
