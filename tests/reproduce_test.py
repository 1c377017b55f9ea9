"""bin/acai_reproduce as a user runs it, directly and with schedulers."""

import glob
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

import tensorflow as tf
from programs import ROOT, Started, run

from acai_tf import export, metrics, studies, training
from acai_tf.studies import output
from acai_tf.studies.base import REPORTED
from acai_tf.studies.plan import plan
from acai_tf.studies.select import Choice, select

FAKE_SRUN = '''#!/bin/bash
setsid "$@" &
STEP=$!
if [ -n "$TERM_WHEN" ]; then
  until [ -e "$TERM_WHEN" ]; do sleep 0.02; done
  kill -TERM -- -$STEP
fi
wait $STEP
'''
# Saves on SIGTERM like acai_train, which takes a moment.
TRAINS = 'import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), open("{0}.saved", "w"), ' \
    'sys.exit(42))); open("{0}.started", "w"); time.sleep({1}); sys.exit({2})'


def from_docs(name):
    """Returns the code block after the comment <!-- name -->."""
    text = (ROOT / 'docs' / 'studies.md').read_text()
    return text.split(f'<!-- {name} -->')[1].split('```')[1].partition('\n')[2]


class SchedulersTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.create_tempdir().full_path)
        self.lines = [self.line('well', 0, 0), self.line('long', 60, 0), self.line('diverges', 0, 3)]
        (self.directory / 'runs.txt').write_text('\n'.join(self.lines) + '\n')

    def line(self, name, seconds, code):
        first = [sys.executable, '-c', TRAINS.format(name, seconds, code)]
        return f'{shlex.join(first)} && touch {name}.measured'

    def files(self):
        return {path.name for path in self.directory.iterdir() if path.suffix in ('.started', '.saved', '.measured')}

    def test_slurm(self):
        for name, text in (('srun', FAKE_SRUN), ('scontrol', '#!/bin/bash\necho "$@" >> requeued\n')):
            path = self.directory / name
            path.write_text(text)
            path.chmod(0o755)
        (self.directory / 'study.sh').write_text(from_docs('slurm'))

        def task(number, **env):
            return subprocess.run(['bash', 'study.sh'], cwd=self.directory, timeout=60, env=os.environ | env | {
                'PATH': f'{self.directory}:{os.environ["PATH"]}', 'SLURM_ARRAY_TASK_ID': str(number),
                'SLURM_ARRAY_JOB_ID': '7'}).returncode
        self.assertEqual([task(1), task(3), task(2, TERM_WHEN='long.started')], [0, 3, 42])
        self.assertEqual(self.files(), {'well.started', 'well.measured', 'diverges.started', 'long.started', 'long.saved'})
        self.assertEqual((self.directory / 'requeued').read_text(), 'requeue 7_2\n')

    def test_kubernetes(self):
        block = from_docs('kubernetes')
        script = block.split('- |\n')[1].split('        volumeMounts')[0].replace('cd /shared', f'cd {self.directory}')
        pods = [subprocess.Popen(['bash', '-c', script], env=os.environ | {'JOB_COMPLETION_INDEX': str(index)})
                for index in range(3)]
        self.assertEqual([pods[0].wait(60), pods[2].wait(60)], [0, 3])
        while 'long.started' not in self.files():
            time.sleep(0.02)
        pods[1].terminate()
        self.assertEqual(pods[1].wait(60), 42)
        self.assertEqual(self.files(), {'well.started', 'well.measured', 'diverges.started', 'long.started', 'long.saved'})

    def test_xargs(self):
        (self.directory / 'runs.txt').write_text('\n'.join([self.lines[0], self.lines[2]]) + '\n')
        done = subprocess.run(['bash', '-c', from_docs('xargs')], cwd=self.directory, timeout=60)
        self.assertEqual(done.returncode, 123)  # xargs reports that one of them failed
        self.assertEqual(self.files(), {'well.started', 'well.measured', 'diverges.started'})

    def test_ones_own_study(self):
        path = self.directory / 'my_study.py'
        path.write_text(from_docs('my_study.py').replace('records:photos', 'digits32'))
        study = studies.from_file(str(path))
        jobs, _ = plan(select(study, Choice()), Choice())
        self.assertLen(jobs, 3 * 3)
        self.assertEqual([call.metric for call in jobs[0].calls], ['reconstruction', 'correlation'])


OWN = '''
from acai_tf.studies import Cell, Study

OPTIONS = {'depth': 2, 'latent': 2, 'latent_width': 4, 'total_kimg': KIMG, 'report_kimg': 1, 'batch': 32, 'lr': 0.01,
           'checkpoint_steps': 8}
STUDY = Study('small', 'A study of my own', [
    Cell('baseline', 'digits32', 'accuracy', 'latent_accuracy', OPTIONS, published=95.0, source='a guess'),
    Cell('denoising', 'digits32', 'accuracy', 'latent_accuracy', OPTIONS, {'noise': 0.5}, label='noisy'),
    *MORE
], notes='Small on purpose.')
UNKNOWN_MODE = Study('mode', 'No such figure', STUDY.cells, mode='walk')
UNKNOWN_OPTION = Study('option', 'A figure without rows', STUDY.cells, mode='lerp', mode_options={'row': 2})
'''

OF_PIXELS = '''
from acai_tf.studies import Cell, Study

STUDY = Study('pixels', 'Clusters of digits', [
    Cell('pixels', 'digits32', 'cluster', 'accuracy', metric_options={'n_init': n_init}, label=f'best of {n_init}')
    for n_init in (1, 2)])
'''


class ProgramTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.train_dir = os.path.join(self.directory, 'runs')

    def study(self, kimg=1, more=''):
        path = os.path.join(self.directory, 'my_study.py')
        with open(path, 'w') as file:
            file.write(OWN.replace('KIMG', str(kimg)).replace('MORE', f'[{more}]'))
        return path

    def test_list(self):
        code, out, err = run('bin/acai_reproduce', '--list')
        self.assertEqual(code, 0, err)
        for flag in [f'--{kind}={name}' for kind, known in studies.STUDIES.items() for name in known]:
            self.assertIn(f'{flag}\n', out)

    def test_only_print_gives_a_line_a_run(self):
        code, out, err = run('bin/acai_reproduce', '--table=acai2', '--only_print', '--total_kimg=8')
        self.assertEqual(code, 0, err)
        self.assertStartsWith(err, 'Scaled down: total_kimg 8 instead of 16384')
        # 7 systems on 6 sizes, and pixels of 3 data sets; 3 seeds
        self.assertLen(out.splitlines(), (7 * 6 + 3) * 3)
        for line in out.splitlines():
            words = shlex.split(line)
            program = words[words.index(sys.executable) + 1]
            self.assertEqual(os.path.dirname(program), str(ROOT / 'bin'))
        code, config, err = run('bin/acai_train', *flags_of('acai_train', out), '--print_config')
        self.assertEqual((code, json.loads(config)['seed']), (0, 2), err)

    def test_wrong_use(self):
        study = self.study()
        for flags, message in (
                ([], 'choose one of --table, --figure, --study, --report and --list'),
                (['--table=acai1', '--list'], 'choose one of'),
                (['--table=acai4'], '--table=acai4: choose one of acai1, acai2'),
                (['--table=acai2', '--dz=small'], '--dz=small: must be numbers'),
                (['--table=acai2', '--dataset_for=mnist32'], 'must be PUBLISHED:OTHER'),
                (['--table=acai2', '--output=x.json'], 'must name the Markdown file'),
                (['--report=.', '--seeds=2'], '--seeds has no effect with --report'),
                (['--table=acai2', '--precision=float8', '--only_print'], '--precision=float8: choose one of float32'),
                ([f'--study={study}:OPTIONS'], 'is not an acai_tf.studies.Study'),
                ([f'--study={study}:OTHER'], 'has no OTHER'),
                ([f'--study={study}:UNKNOWN_MODE'], "has the mode 'walk'; choose one of lerp, slerp"),
                ([f'--study={study}:UNKNOWN_OPTION'], 'has the mode_options row; lerp takes rows, steps'),
                (['--study=my_study.txt'], 'must be a Python file'),
                (['--study=nowhere.py'], 'nowhere.py does not exist')):
            code, out, err = run('bin/acai_reproduce', *flags)
            self.assertEqual((code, out), (1, ''), err)
            self.assertRegex(err, f'^acai_reproduce: .*{message}')
            self.assertLen(err.splitlines(), 1)

    def test_missing_data_is_said_before_anything_runs(self):
        code, out, err = run('bin/acai_reproduce', '--table=acai3', '--datasets=svhn32', '--models=acai',
                             '--data_dir=/nowhere', f'--train_dir={self.train_dir}')
        self.assertEqual((code, out), (2, ''), err)
        self.assertRegex(err, '^acai_reproduce: .*bin/acai_create_datasets --datasets=svhn --data_dir=/nowhere')
        self.assertFalse(os.path.exists(self.train_dir))

    def test_a_study_is_carried_out_once(self):
        study, page = os.path.join(self.directory, 'pixels.py'), os.path.join(self.directory, 'page.md')
        with open(study, 'w') as file:
            file.write(OF_PIXELS)
        flags = [f'--study={study}', '--seeds=1', '--jobs=2', f'--train_dir={self.train_dir}', f'--output={page}']
        code, out, err = run('bin/acai_reproduce', *flags)
        self.assertEqual((code, out), (0, pathlib.Path(page).read_text()), err)
        for n_init, (value,) in enumerate(measured(page), 1):
            self.assertBetween(value, 50, 90)
            self.assertRegex(out, rf'\| best of {n_init} \| {output.number(value)} \| 1 \|')
        with mock.patch.object(subprocess, 'Popen', side_effect=AssertionError('started again')):
            self.assertEqual(run('bin/acai_reproduce', *flags)[:2], (0, out))

    @unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
    def test_ones_own_study_stopped_resumed_and_divided_equals_an_uninterrupted_one(self):
        self.compare(self.study(), seeds=1, signals=[signal.SIGTERM])

    @unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
    def test_the_same_with_a_metric_two_seeds_and_8_kimg_killed_twice(self):
        study = self.study(8, "Cell('baseline', 'digits32', 'reconstruction', 'rmse', OPTIONS)")
        self.compare(study, seeds=2, signals=[signal.SIGTERM, signal.SIGKILL])

    def compare(self, study, seeds, signals):
        flags = [f'--study={study}', f'--seeds={seeds}', f'--train_dir={self.train_dir}']
        for count, number in enumerate(signals):
            process = Started('bin/acai_reproduce', *flags)
            self.wait_for_checkpoints(more_than=4 * count)
            os.kill(process.pid, number)
            code, _, err = process.wait()
            self.assertEqual(code, 42 if number == signal.SIGTERM else -number, err)
        paths = [os.path.join(self.directory, f'{name}.md') for name in ('first', 'second')]
        for process in [Started('bin/acai_reproduce', *flags, f'--output={path}') for path in paths]:
            code, _, err = process.wait()
            self.assertEqual(code, 0, err)
        first, second = (measured(path) for path in paths)
        self.assertEqual(first, second)
        self.assertEqual(first, self.uninterrupted(study, seeds))
        logs = [pathlib.Path(path).read_text() for path in glob.glob(f'{self.train_dir}/.study/digits32/*.log')]
        self.assertLen(logs, 2 * seeds)
        self.assertEqual(sum(log.count('training in') for log in logs), 2 * seeds)  # no process started a run of another
        for ending in ('.md', '.csv', '.png'):
            self.assertGreater(os.path.getsize(output.beside(paths[0], ending)), 100)

    def wait_for_checkpoints(self, more_than):
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if len(glob.glob(f'{self.train_dir}/digits32/*/checkpoints/*.index')) > more_than:
                return
            time.sleep(0.1)
        raise TimeoutError

    def uninterrupted(self, path, seeds):
        """Returns the values of every seed of every cell, from uninterrupted trainings in this process."""
        choice = Choice(seeds=seeds, train_dir=self.create_tempdir().full_path)
        study = studies.from_file(path)
        _, jobs_of = plan(select(study, choice), choice)
        numbers = []
        for cell, jobs in zip(study.cells, jobs_of):
            numbers.append([])
            for job in jobs:
                training.train(job.config)
                values = job.run.reports()[-1] if cell.metric in REPORTED else metrics.compute(
                    cell.metric, export.load(job.export), job.data)
                numbers[-1].append(values[cell.value])
        return numbers


def measured(path):
    with open(output.beside(path, '.json')) as file:
        return [[seed['value'] for seed in cell['seeds']] for cell in json.load(file)['cells']]


def flags_of(program, lines):
    """Returns the flags of a program by name in the last line."""
    return [shlex.split(line)[2:] for line in lines.splitlines() if f'/{program} ' in line][-1]


if __name__ == '__main__':
    tf.test.main()
