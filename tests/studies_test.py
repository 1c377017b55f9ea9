"""The papers' tables and figures as data, their runner on stand-in programs, and a small study for real."""

import contextlib
import csv
import dataclasses
import fcntl
import glob
import itertools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
import unittest.mock

import matplotlib.figure
import tensorflow as tf
from absl.testing import parameterized
from programs import ROOT, Started, run

from acai_tf import datasets, measures, models, studies, training
from acai_tf.config import TrainConfig, common_options
from acai_tf.errors import DataError, NonFiniteError, Stopped, UsageError
from acai_tf.models import hyperparameter
from acai_tf.studies import directory, estimate, output, reproduce, values
from acai_tf.studies.base import PIXELS, REPORTED, Cell, Study
from acai_tf.studies.plan import Choice, changes, plan, refusal, select, shell_line
from acai_tf.studies.runner import Runner
from acai_tf.training.run_directory import divergence, run_path

STUDIES = [(f'{kind}_{name}', study) for kind, known in (('table', studies.tables()), ('figure', studies.figures()))
           for name, study in known.items()]
# Table 3's columns of these wait for a program that has them.
COMING_METHODS = ('dec', 'rim', 'imsat')


class PapersTest(parameterized.TestCase, tf.test.TestCase):

    def test_there_are_all_that_are_promised(self):
        self.assertCountEqual(studies.tables(), ['acai1', 'acai2', 'acai3', 'midr1', 'midr2', 'midr3'])
        self.assertCountEqual(studies.figures(), [
            'acai3', *(f'acai{n}' for n in range(6, 12)), 'midr3', 'midr4', 'midr5', 'aeai2', 'aeai5',
            *(f'aeai{n}' for n in range(6, 16))])

    @parameterized.named_parameters(*STUDIES)
    def test_every_cell_names_what_exists_and_its_commands_say_it(self, study):
        choice = Choice(seeds=2)
        for cell in study.cells:
            self.assertIn(cell.model, [*models.names(), PIXELS])
            self.assertIn(cell.dataset, datasets.names())
            self.assertIn(cell.measure, measures.names())
            if refusal(cell):
                self.assertIn(cell.measure_options['method'], COMING_METHODS)
                self.assertIn('cluster has no option method', refusal(cell))
            self.assertEqual(cell.published is None, cell.source == '', cell)
            self.assertIsInstance(cell.published, (float, type(None)))
        runs, runs_of = plan(select(study, choice), choice)
        self.assertLen(runs_of, len(study.cells))
        for each in runs:
            for _, (program, *flags) in each.commands():
                self.assertTrue((ROOT / 'bin' / program).exists())
                given = dict(flag.removeprefix('--').split('=', 1) for flag in flags)
                if program == 'acai_train':
                    self.assertEqual(trained_by(given), each.config)
                else:
                    self.check_measure(program, given, each)

    def check_measure(self, program, given, each):
        given.pop('output')
        self.assertTrue(('space' in given) == each.is_pixels and ('saved_model' in given) != each.is_pixels)
        names = [given.pop('metrics')] if program == 'acai_evaluate' else [program.removeprefix('acai_')]
        for name in ('space', 'saved_model', 'dataset'):
            given.pop(name, None)
        for name in names:
            self.assertEqual(measures.measure_class(name).program, program)
            measures.create(name, **given)

    def test_recalled_digits_are_called_so(self):
        for name, study in STUDIES:
            for cell in study.cells:
                self.assertEqual(cell.recalled, cell.published is not None and cell.source == 'ACAI, Table 1', name)

    def test_published_numbers(self):
        """Some from every corner of the specification's tables."""
        numbers = {(name, cell.label, cell.dataset, cell.dz, cell.figure): (cell.published, cell.deviation)
                   for name, study in studies.tables().items() for cell in study.cells}
        for key, number in {
                ('acai1', 'acai', 'lines32', 64, 'mean_distance'): (0.24e-3, 0.01e-3),
                ('acai2', 'vqvae', 'cifar10', 1024, 'latent_accuracy'): (16.22, 12.44),
                ('acai2', 'pixels', 'svhn32', None, 'accuracy'): (23.48, None),
                ('acai3', 'acai', 'svhn32', 256, 'accuracy'): (24.98, None),
                ('acai3', 'dec on pixels', 'mnist32', None, 'accuracy'): (84.3, None),
                ('midr1', 'miae', 'celeba32', 256, 'correlation'): (.06, None),
                ('midr2', 'midrae', 'svhn32', 32, 'latent_accuracy'): (92.28, .62),
                ('midr3', 'lrae', 'mnist32', 256, 'accuracy'): (96.70, None)}.items():
            self.assertEqual(numbers[key], number)
        self.assertNotIn('rim on pixels', [cell.label for cell in studies.get('table', 'midr3').cells])


def trained_by(given):
    """The TrainConfig that flags {name: text} describe."""
    types_of = {field.name: field.type for field in common_options()}
    declared = hyperparameter.declared(models.model_class(given['model']))
    options = {name: types_of[name](text) for name, text in given.items() if name in types_of}
    own = {name: declared[name].parse(text) for name, text in given.items() if name not in types_of}
    return TrainConfig(**options, hyperparameters=own).validate()


class SelectionTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.study = studies.get('table', 'acai2')

    def test_what_is_chosen(self):
        cells = select(self.study, Choice(models=['acai', 'pixels'], datasets=['svhn32']))
        self.assertEqual([(cell.label, cell.dz) for cell in cells], [('acai', 32), ('acai', 256), ('pixels', None)])
        cells = select(self.study, Choice(models=['acai'], dz=[256]))
        self.assertEqual([cell.dataset for cell in cells], ['mnist32', 'svhn32', 'cifar10'])

    def test_scaled_down_and_stood_in_for(self):
        choice = Choice(models=['acai', 'pixels'], datasets=['mnist32'], total_kimg=8, depth=2, lr=0.01, report_kimg=1,
                        dataset_for={'mnist32': 'digits32'})
        cells = select(self.study, choice)
        self.assertEqual({(cell.dataset, cell.stands_for) for cell in cells}, {('digits32', 'mnist32')})
        self.assertEqual(cells[0].options, {'depth': 2, 'latent': 2, 'latent_width': 4, 'total_kimg': 8, 'lr': 0.01,
                                            'report_kimg': 1})
        self.assertEqual(cells[-1].measure_options, {'total_kimg': 8, 'lr': 0.01})
        self.assertEqual(cells[0].published, 98.25)
        self.assertEqual(changes(self.study, cells), {'total_kimg': ([16384], [8]), 'depth': ([16], [2]),
                                                      'lr': ([0.0001], [0.01]), 'report_kimg': ([64], [1])})
        self.assertEqual(changes(self.study, select(self.study, Choice(depth=16))), {'depth': ([64], [16])})
        self.assertEqual(changes(self.study, select(self.study, Choice(total_kimg=16384))), {})

    def test_another_system_gets_no_published_number(self):
        cells = select(self.study, Choice(models=['midrae'], datasets=['svhn32', 'cifar10']))
        self.assertEqual([(cell.dataset, cell.dz, cell.published, cell.source) for cell in cells],
                         [('svhn32', 32, None, ''), ('svhn32', 256, None, ''), ('cifar10', 256, None, ''),
                          ('cifar10', 1024, None, '')])
        self.assertEqual(cells[0].options['depth'], 64)

    def test_what_an_object_is_of_does_not_go_with_another_data_set(self):
        figure = studies.get('figure', 'aeai6')
        cell = select(figure, Choice(models=['gaia'], dataset_for={'coil100': 'pole64'}))[0]
        self.assertNotIn('coil_object', cell.options)
        self.assertEqual(changes(figure, [cell]), {})

    def test_wrong_choices(self):
        for choice, message in (
                (Choice(models=['acia']), "--models=acia: acai2 has baseline, .*unknown model 'acia'"),
                (Choice(datasets=['lines32']), '--datasets=lines32: acai2 has mnist32, svhn32, cifar10$'),
                (Choice(dz=[31]), '--dz=31: acai2 has 32, 256, 1024$'),
                (Choice(dataset_for={'lines32': 'digits32'}), '--dataset_for=lines32: acai2 has mnist32'),
                (Choice(datasets=['svhn32'], dataset_for={'mnist32': 'digits32'}),
                 '--dataset_for=mnist32:digits32: --datasets leaves mnist32 out'),
                (Choice(n_init=5), '--n_init=5: none of the chosen cells of acai2 is clustered by K-means'),
                (Choice(datasets=['mnist32'], dz=[1024]), 'no cell with all')):
            with self.assertRaisesRegex(UsageError, message):
                select(self.study, choice)

    def test_a_label_is_that_system_alone(self):
        figure = studies.get('figure', 'aeai6')
        self.assertEqual([cell.label for cell in select(figure, Choice(models=['aeai']))], ['aeai'])
        self.assertEqual([cell.label for cell in select(figure, Choice(models=['vae']))], ['beta-vae'])

    def test_how_often_is_reported_counts_where_reports_count(self):
        cells = select(self.study, Choice(models=['acai', 'pixels'], report_kimg=1))
        self.assertEqual(changes(self.study, cells), {'report_kimg': ([64], [1])})
        figure = studies.get('figure', 'aeai6')
        self.assertEqual(changes(figure, select(figure, Choice(report_kimg=1))), {})

    def test_wrong_cells(self):
        for changed, message in (({'options': None}, 'cell a: options must be a dictionary'),
                                 ({'published': '95'}, 'cell a: published must be a number or None'),
                                 ({'options': {'seed': 5}}, 'cell a: a cell has no seed of its own'),
                                 ({'measure_options': {'nan_policy': 'ignore'}}, 'cell a: lines is taken from the reports')):
            with self.assertRaisesRegex(UsageError, message):
                Cell('acai', 'lines32', 'lines', 'mean_distance', label='a', **changed)
        with self.assertRaisesRegex(UsageError, 'cell acai on digits32: the measure lines is for lines32, not digits32'):
            plan([Cell('acai', 'digits32', 'lines', 'mean_distance')], Choice(seeds=1))

    def test_two_cells_of_one_directory_must_be_one_run(self):
        short, long = (Cell('acai', 'digits32', 'accuracy', 'latent_accuracy', {'total_kimg': kimg}, label=label)
                       for label, kimg in (('short', 1), ('long', 4)))
        with self.assertRaisesRegex(UsageError, 'cells short and long would train in one directory, .*, but total_kimg is 1 '
                                                'in the first and 4 in the second; put one'):
            plan([short, long], Choice(seeds=1))

    def test_a_line_skips_the_measures_that_are_done(self):
        train_dir = self.create_tempdir().full_path
        cells = [Cell('acai', 'digits32', 'reconstruction', 'rmse'), Cell('acai', 'digits32', 'rank', 'effective_rank')]
        (run,), _ = plan(cells, Choice(seeds=1, train_dir=train_dir))
        programs = self.create_tempdir().full_path
        for name in ('acai_train', 'acai_evaluate'):
            with open(os.path.join(programs, name), 'w') as file:
                file.write('echo "$@" >> "$LOG"')
        os.makedirs(os.path.dirname(run.output(run.calls[0])))
        with open(run.output(run.calls[0]), 'w') as file:
            file.write('{}')
        log = os.path.join(programs, 'log')
        subprocess.run(['sh', '-c', shell_line(run, programs, 'sh')], check=True, env=os.environ | {'LOG': log})
        with open(log) as file:
            train, measure = file.read().splitlines()
        self.assertIn('--model=acai', train)
        self.assertIn('--metrics=rank', measure)

    def test_tables_share_their_runs(self):
        paths = {name: {run.path for run in plan(select(studies.get('table', name), Choice(seeds=1)), Choice(seeds=1))[0]
                        if not run.is_pixels} for name in ('acai2', 'acai3')}
        self.assertLen(paths['acai3'], 28)
        self.assertContainsSubset(paths['acai3'], paths['acai2'])

    def test_a_method_that_no_program_has_is_refused(self):
        cell = Cell(PIXELS, 'digits32', 'cluster', 'accuracy', measure_options={'method': 'tea_leaves'})
        self.assertIsNotNone(refusal(cell))
        study = Study('own', 'Own', [cell])
        with self.assertRaisesRegex(UsageError, 'nothing of own can be run: method=tea_leaves: choose one of kmeans'):
            reproduce.Reproduction(study, Choice(), 'bin')
        both = Study('own', 'Own', [cell, dataclasses.replace(cell, measure_options={})])
        work = reproduce.Reproduction(both, Choice(seeds=1, train_dir=self.create_tempdir().full_path), 'bin')
        refused, other = work.result({}, 'command')['cells']
        self.assertStartsWith(refused['remarks'][0], 'refused: ')
        self.assertEqual((refused['measured'], other['remarks']), (None, ['not measured yet']))


class AggregationTest(tf.test.TestCase):

    def test_the_median_of_the_last_twenty_reports(self):
        self.assertEqual(values.final([1000.0] * 5 + [float(n) for n in range(1, 21)]), (10.5, ''))
        self.assertEqual(values.final([1000.0] * 5 + [None] * 3 + [float(n) for n in range(1, 18)]), (9.0, ''))
        self.assertEqual(values.final([None] * 20), (None, ''))

    def test_too_few_reports_are_said(self):
        self.assertEqual(values.final([1.0, 5.0, 3.0]), (3.0, 'last of 3 reports, not the median of 20'))
        self.assertEqual(values.final([1.0]), (1.0, 'last of 1 report, not the median of 20'))
        self.assertEqual(values.final([]), (None, 'no report'))

    def test_mean_and_population_deviation(self):
        mean, deviation = values.mean_and_deviation([1.0, 2.0, 6.0])
        self.assertAllClose((mean, deviation), (3.0, ((4 + 1 + 9) / 3)**0.5))
        self.assertEqual(values.mean_and_deviation([4.0]), (4.0, None))

    def test_minutes_by_the_rates_of_the_reports(self):
        # 1 kimg at 1024 images/s is a second, the next two at 512 four.
        self.assertEqual(values.training_minutes([{'kimg': 60, 'img_per_s': 1024.0}, {'kimg': 180, 'img_per_s': 512.0}]),
                         (60 + 240) / 60)
        self.assertIsNone(values.training_minutes([{'kimg': 1, 'img_per_s': 0.0}]))

    def test_which_orders_are_seen(self):
        def cell(system, published, deviation, measured, spread=None, **changes):
            return {'system': system, 'dataset': 'lines32', 'stands_for': None, 'd_z': 64, 'measure': 'lines',
                    'figure': 'mean_distance', 'published': published, 'published_deviation': deviation,
                    'measured': measured, 'measured_deviation': spread, 'recalled': False, **changes}
        cells = [cell('a', 1.0, 0.1, 5.0, 0.5), cell('b', 2.0, 0.1, 7.0, 0.5),  # a below b: seen
                 cell('c', 1.1, 0.1, 6.0, 0.1),  # as a, by what was published; below b: 6.0 + 0.6 < 7: seen
                 cell('d', 3.0, None, 6.4, 0.1)]  # above all: seen of a (5.6 < 6.4) and c, too close to b
        cells[2]['measured'], cells[3]['measured'] = 7.8, 7.4  # c above b: opposite; d below c: opposite; d, b close
        first, second, third = values.conclusions(cells, 'one seed')
        self.assertEqual(first, 'Of 5 pairs of systems that the published numbers put in an order, 2 are in the same order '
                         'here, 2 in the opposite one, and 1 too close to tell.')
        self.assertEqual(second, 'Not seen: b above c; d above c.')
        self.assertEqual(third, 'What it does not show: one seed.')
        self.assertIn('recalled numbers', values.conclusions([cell('a', 1.0, 0.0, 5.0, recalled=True),
                                                              cell('b', 2.0, 0.0, 7.0, recalled=True)], '')[0])
        single = [cell('a', 1.0, None, 5.0), cell('b', 2.0, None, 7.0), cell('b', 2.0, None, 7.0, measure='path')]
        self.assertEqual(values.conclusions(single, ''), [
            'Of 1 pair of systems that the published numbers, which have no deviations, put in an order, 1 is in the same '
            'order here, 0 in the opposite one, and 0 too close to tell.',
            'With one seed, chance may have decided all of them.'])
        self.assertEqual(values.conclusions([cell('a', None, None, 5.0)], ''),
                         ['There are no published numbers to compare these with.'])


# ---- the runner

PROGRAM = '''
import os, signal, sys, time
flags = dict(flag[2:].split('=', 1) for flag in sys.argv[1:])
path = flags['path']
os.makedirs(path, exist_ok=True)
with open(f'{path}/starts', 'a') as file:
    file.write('x')
starts = os.path.getsize(f'{path}/starts')
def stop(*_):
    print('acai_train: stopped', file=sys.stderr)
    sys.exit(42)
signal.signal(signal.SIGTERM, stop)
codes = [int(code) for code in flags['codes'].split(',')]
code = codes[min(starts, len(codes)) - 1]
time.sleep(float(flags['seconds']))
for _ in range(3000):
    if os.path.exists(flags['after']):
        break
    time.sleep(0.02)
else:
    sys.exit(1)
if code < 0:
    os.kill(os.getpid(), -code)
if code:
    print('acai_train: ' + flags['says'], file=sys.stderr)
else:
    open(f'{path}/done', 'w').close()
sys.exit(code)
'''


class StandIn:
    """A run whose program does as it is told: it ends with the first of the codes, then with the second, ..."""

    is_pixels = False
    config = types.SimpleNamespace(total_kimg=8)

    def __init__(self, parent, name, codes=(0,), seconds=0.0, says='something is wrong', waits_for='.'):
        self.path, self.name, self.key = os.path.join(parent, name), f'set/{name}', name
        self._flags = [f'--path={self.path}', f'--codes={",".join(map(str, codes))}', f'--seconds={seconds}',
                       f'--says={says}', f'--after={os.path.join(parent, waits_for)}']

    def is_trained(self):
        return os.path.exists(os.path.join(self.path, 'done'))

    def divergence(self):
        return None

    def next_command(self, failed=()):
        command = ['acai_train', *self._flags]
        return None if self.is_trained() or command in failed else command

    def starts(self):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(os.path.join(self.path, 'starts'))
        return 0


class RunnerTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.train_dir, self.programs = (self.create_tempdir().full_path for _ in range(2))
        with open(os.path.join(self.programs, 'acai_train'), 'w') as file:
            file.write(PROGRAM)

    def carry_out(self, runs, jobs=1):
        return Runner(runs, self.programs, self.train_dir, jobs, pause=0.05).carry_out()

    def stand_in(self, name, *args, **kwargs):
        return StandIn(self.train_dir, name, *args, **kwargs)

    def test_what_is_interrupted_is_started_again_and_what_is_done_is_not(self):
        runs = [self.stand_in('plain'), self.stand_in('stubborn', (42, 5, 4, 0)), self.stand_in('killed', (-9, 0))]
        self.assertEqual(self.carry_out(runs), {})
        self.assertEqual([run.starts() for run in runs], [1, 4, 2])
        self.assertEqual(self.carry_out(runs), {})
        self.assertEqual([run.starts() for run in runs], [1, 4, 2])

    def test_what_cannot_be_finished_says_why_and_does_not_stop_the_others(self):
        runs = [self.stand_in('diverged', (3,), says='loss_ae is nan at step 7'),
                self.stand_in('full', (4,), says='disk full'), self.stand_in('wrong', (1,), says='no such thing'),
                self.stand_in('plain')]
        failures = {key: (failure.exit_code, failure.message) for key, (failure,) in self.carry_out(runs).items()}
        self.assertEqual(failures, {
            'diverged': (3, 'loss_ae is nan at step 7'), 'full': (4, 'disk full'), 'wrong': (1, 'no such thing')})
        self.assertEqual([run.starts() for run in runs], [1, 4, 1, 1])

    def test_what_is_killed_again_and_again_says_so(self):
        run = self.stand_in('killed', (-9,))
        (failure,) = self.carry_out([run])['killed']
        self.assertEqual((failure.exit_code, run.starts()), (137, 4))
        self.assertRegex(failure.message, r'^acai_train was ended by signal 9; .*/set/killed\.log has what it printed$')

    def test_one_measure_that_fails_does_not_stop_the_next(self):
        for name in ('acai_cluster', 'acai_evaluate'):
            shutil.copy(os.path.join(self.programs, 'acai_train'), os.path.join(self.programs, name))
        run, first, second = self.stand_in('run'), self.stand_in('cluster', (1,)), self.stand_in('evaluate')
        parts = {'acai_cluster': first, 'acai_evaluate': second}
        commands = [[program, *part.next_command()[1:]] for program, part in parts.items()]
        run.next_command = lambda failed=(): next((command for command, part in zip(commands, parts.values())
                                                   if command not in failed and not part.is_trained()), None)
        failures = self.carry_out([run])
        self.assertEqual([failure.command for failure in failures['run']], commands[:1])
        self.assertEqual((first.starts(), second.starts()), (1, 1))

    def test_a_run_in_use_is_looked_at_again(self):
        held, other, told = self.stand_in('held'), self.stand_in('other'), self.stand_in(
            'told', (1, 0), says='/somewhere is in use by another process; wait')
        os.makedirs(held.path)
        with open(os.path.join(held.path, '.lock'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            thread = threading.Thread(target=self.carry_out, args=[[held, other, told]])
            thread.start()
            deadline = time.monotonic() + 60
            while not (other.is_trained() and told.is_trained()) and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            self.assertEqual((held.starts(), other.starts(), told.starts()), (0, 1, 2))
        thread.join(60)
        self.assertTrue(held.is_trained())

    def test_two_divide_the_work(self):
        runs = [self.stand_in(f'run{number}', seconds=0.3) for number in range(6)]
        threads = [threading.Thread(target=self.carry_out, args=[runs]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual([run.starts() for run in runs], [1] * 6)
        self.assertTrue(all(run.is_trained() for run in runs))

    def test_several_at_once(self):
        names = ['first', 'second', 'third']
        runs = [self.stand_in(name, waits_for=other) for name, other in zip(names, names[1:] + names[:1])]
        self.assertEqual(self.carry_out(runs, jobs=3), {})
        self.assertEqual([run.starts() for run in runs], [1] * 3)

    def test_a_signal_stops_the_programs_first(self):
        runs = [self.stand_in('long', seconds=60), self.stand_in('next')]
        timer = threading.Thread(target=self.signal_when_started, args=[runs[0]])
        timer.start()
        with self.assertRaisesRegex(Stopped, 'stopped by SIGTERM; the same command goes on'):
            self.carry_out(runs)
        timer.join()
        self.assertEqual((runs[0].is_trained(), runs[1].starts()), (False, 0))
        with open(os.path.join(self.train_dir, '.study', 'set', 'long.log')) as file:
            self.assertEndsWith(file.read(), 'acai_train: stopped\n')

    def signal_when_started(self, run):
        while not run.starts():
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    def test_a_program_whose_runner_was_killed_keeps_its_run(self):
        orphan = self.stand_in('orphan', seconds=1.0)
        lock = os.path.join(self.train_dir, '.study', 'set', 'orphan.lock')
        os.makedirs(os.path.dirname(lock))
        with open(lock, 'w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            program = os.path.join(self.programs, 'acai_train')
            process = subprocess.Popen([sys.executable, program, *orphan.next_command()[1:]], pass_fds=[file.fileno()])
        self.assertEqual(self.carry_out([orphan]), {})
        process.wait()
        self.assertEqual(orphan.starts(), 1)


# ---- results of made-up runs


class MadeUpRuns(tf.test.TestCase):
    """Writes run directories as acai_train leaves them."""

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path

    def make(self, model, curve, seed=0, finished=True, img_per_s=1024.0, total_kimg=None, **metrics):
        config = TrainConfig(model=model, dataset='lines32', depth=16, latent=16, latent_width=2, seed=seed, report_kimg=1,
                             total_kimg=total_kimg or len(curve), train_dir=self.train_dir).validate()
        path = run_path(config, (32, 32, 1))
        os.makedirs(path)
        with open(os.path.join(path, 'config.json'), 'w') as file:
            file.write(config.to_json())
        with open(os.path.join(path, 'metrics.jsonl'), 'w') as file:
            for kimg, distance in enumerate(curve, 1):
                file.write(json.dumps({'kimg': kimg, 'step': 16 * kimg, 'img_per_s': img_per_s, 'latent_accuracy': 50.0,
                                       'mean_distance': distance, 'mean_smoothness': None}) + '\n')
        if finished:
            os.makedirs(os.path.join(path, 'export', str(16 * len(curve))))
        return path


class ResultTest(MadeUpRuns):

    def result(self, img_per_s=1024.0):
        self.make('acai', [1.0] * 5 + [n * 1e-3 for n in range(1, 21)], img_per_s=img_per_s)  # median 10.5e-3
        self.make('acai', [1.0] * 5 + [12.5e-3] * 20, seed=1, img_per_s=img_per_s)
        self.make('baseline', [20e-3] * 25, img_per_s=img_per_s)
        failed = self.make('baseline', [1.0] * 3, seed=1, finished=False, total_kimg=25, img_per_s=img_per_s)
        with open(os.path.join(failed, 'diverged.json'), 'w') as file:
            json.dump({'message': 'loss is nan at step 50'}, file)
        choice = Choice(models=['acai', 'baseline'], seeds=2, total_kimg=25, report_kimg=1, train_dir=self.train_dir)
        work = reproduce.Reproduction(studies.get('table', 'acai1'), choice, 'bin')
        return work.result({}, 'acai_reproduce --table=acai1')

    def test_values_differences_and_remarks(self):
        result = self.result()
        cells = {(cell['system'], cell['figure']): cell for cell in result['cells']}
        acai = cells['acai', 'mean_distance']
        self.assertAllClose([acai[name] for name in ('measured', 'measured_deviation', 'difference', 'kimg', 'minutes')],
                            [11.5e-3, 1e-3, 11.5e-3 - 0.24e-3, 25, round(25 / 60, 2)])
        self.assertEqual((acai['remarks'], [seed['reports'] for seed in acai['seeds']]), ([], [25, 25]))
        baseline = cells['baseline', 'mean_distance']
        self.assertAllClose(baseline['measured'], 20e-3)
        self.assertIsNone(baseline['measured_deviation'])
        self.assertEqual(baseline['remarks'], ['1 of 2 seeds', 'seed 1: diverged: loss is nan at step 50'])
        self.assertEqual(cells['acai', 'mean_smoothness']['remarks'], ['undefined'])
        self.assertIn('the recalled numbers put in an order, 1 is in the same order', result['conclusions'][0])

    def test_the_last_report_counts_also_where_the_batch_does_not_divide(self):
        path = self.make('acai', [1e-3, 2e-3])
        with open(os.path.join(path, 'metrics.jsonl'), 'w') as file:
            file.write(json.dumps({'kimg': 2.05, 'step': 32, 'img_per_s': 1.0, 'mean_distance': 5e-3}) + '\n')
        choice = Choice(models=['acai'], seeds=1, total_kimg=2, report_kimg=1, train_dir=self.train_dir)
        cells = reproduce.Reproduction(studies.get('table', 'acai1'), choice, 'bin').result({}, '')['cells']
        self.assertEqual([(cell['measured'], cell['remarks'][0][:7]) for cell in cells],
                         [(5e-3, 'last of'), (None, 'the rep')])
        self.assertEqual(cells[1]['remarks'], ['the reports have no figure mean_smoothness'])

    def test_another_run_in_the_directory_is_refused(self):
        path = self.make('acai', [1e-3, 2e-3])
        choice = Choice(models=['acai'], seeds=1, total_kimg=2, report_kimg=1, train_dir=self.train_dir)
        table = studies.get('table', 'acai1')
        reproduce.Reproduction(table, choice, 'bin')
        with self.assertRaisesRegex(UsageError, 'holds another run .total_kimg is 2 there and 1 here.; choose another'):
            reproduce.Reproduction(table, dataclasses.replace(choice, total_kimg=1), 'bin')
        with open(os.path.join(path, 'config.json')) as file:
            config = json.load(file)
        with open(os.path.join(path, 'config.json'), 'w') as file:
            json.dump(config | {'deterministic': True}, file)
        with self.assertRaisesRegex(UsageError, 'holds another run .deterministic is True there and False here'):
            reproduce.Reproduction(table, choice, 'bin')

    def test_figures_of_one_name_are_told_apart_by_their_measures(self):
        cells = [Cell(model, 'digits32', measure, 'accuracy', published=value) for value, (model, measure) in enumerate(
            itertools.product(('acai', 'vae'), ('cluster', 'classify')))]
        work = reproduce.Reproduction(Study('own', 'Own', cells), Choice(seeds=1, train_dir=self.train_dir), 'bin')
        self.assertEqual(work.scaled(), '')
        result = work.result({}, '')
        for cell in result['cells']:
            cell['measured'] = 5 - cell['published']
        self.assertIn('Of 2 pairs', values.conclusions(result['cells'], '')[0])
        text = output.markdown(result)
        for name in ('cluster accuracy', 'classify accuracy'):
            self.assertEqual(text.count(f'| {name} |'), 2)
        self.assertEqual([axes.get_title() for axes in output.draw(result).axes],
                         ['cluster accuracy (black: published)', 'classify accuracy (black: published)'])

    def test_poses_beside_another_measure_are_drawn(self):
        place = self.create_tempdir().full_path
        cells = [Cell('acai', 'pole64', 'reconstruction', 'rmse'), Cell('acai', 'pole64', 'poses', 'poses.model.all.mse')]
        work = reproduce.Reproduction(Study('own', 'Own', cells), Choice(seeds=2, train_dir=self.train_dir), 'bin')
        result = work.result({}, '')
        curves = {'all': {'mse': 1.0}}
        result['cells'][0] |= {'measured': 1.0, 'seeds': [{'seed': 0, 'value': 1.0}]}
        result['cells'][1] |= {'measured': 1.0, 'seeds': [
            {'seed': 0, 'value': None}, {'seed': 1, 'value': 1.0, 'figures': {'poses': {'model': curves}}}]}
        with unittest.mock.patch('acai_tf.figures.poses.draw', return_value=matplotlib.figure.Figure()) as draw:
            work.draw(result, os.path.join(place, 'own.md'))
        draw.assert_called_once_with({'acai': curves})
        self.assertEqual(result['pictures'], ['own.png', 'own-poses.png'])

    def test_what_is_printed(self):
        result = self.result()
        text = output.markdown(result)
        lines = text.splitlines()
        self.assertEqual(lines[0], '**Scaled down: total_kimg 25 in place of 16384, report_kimg 1 in place of 64.**')
        self.assertEqual(lines[2], '# ACAI, Table 1: Mean Distance and Smoothness of interpolations between lines')
        self.assertIn('| recalled, not checked | measured | difference |', text)
        self.assertNotIn('| published |', text)
        self.assertIn('| mean_distance | acai | 0.24e-3 ± 0.01e-3 | 11.5e-3 ± 1e-3 | 11.3e-3 | 2 | 25 | 0.42 |', text)
        rows = [line for line in lines if line.startswith('| lines32 |')]
        self.assertEqual([row.split(' | ')[2:4] for row in rows], [
            [figure, system] for figure in ('mean_distance', 'mean_smoothness') for system in ('baseline', 'acai')])
        self.assertIn('| 0.44 ± 0.04 |', rows[2])
        self.assertIn('acai_train --model=acai --dataset=lines32 --depth=16', text)
        rows = list(csv.DictReader(line for line in output.as_csv(result).splitlines() if line[0] != '#'))
        self.assertStartsWith(output.as_csv(result), '# Scaled down')
        self.assertEqual((rows[-2]['system'], float(rows[-2]['measured']), rows[-2]['recalled'], rows[-2]['seeds']),
                         ('acai', acai_mean(result), 'True', '2'))

    def test_what_holds_for_all_cells_is_said_once(self):
        result = self.result()
        for cell in result['cells'][:-1]:  # the last, ACAI's Smoothness, is not measured
            cell['remarks'].append('by candlelight')
        text = output.markdown(result)
        self.assertIn('\n\nAll measured numbers: by candlelight.\n', text)
        self.assertEqual(text.count('by candlelight'), 1)
        self.assertEqual(text.count('diverged: loss is nan at step 50'), 2)

    def test_a_table_is_made_again_from_its_json(self):
        result, path = self.result(), os.path.join(self.create_tempdir().full_path, 'table.md')
        output.write(result, path)
        with open(path) as file:
            self.assertEqual(directory.report(output.beside(path, '.json')), file.read())
        with self.assertRaisesRegex(DataError, 'is not a JSON file of acai_reproduce'):
            directory.report(glob.glob(os.path.join(self.train_dir, '*', '*', 'config.json'))[0])
        self.assertIn('## ACAI, Table 1', directory.report(os.path.dirname(path)))
        output.write(result | {'scaled': '', 'pictures': ['table.png', 'table-lerp.png']}, path)
        elsewhere = os.path.join(self.create_tempdir().full_path, 'page.md')
        text = directory.report(os.path.dirname(path), elsewhere)
        self.assertIn('\n## ACAI, Table 1', text)
        links = re.findall(r'!\[.*\]\((.*)\)', text)
        self.assertEqual([os.path.normpath(os.path.join(os.path.dirname(elsewhere), link)) for link in links],
                         [output.beside(path, ending) for ending in ('.png', '-lerp.png')])
        links = re.findall(r'!\[.*\]\((.*)\)', directory.report(output.beside(path, '.json'), elsewhere))
        self.assertEqual(links, ['page.png', os.path.relpath(output.beside(path, '-lerp.png'), os.path.dirname(elsewhere))])
        with open(output.beside(path, '.json'), 'w') as file:
            json.dump(result | {'cells': []}, file)
        with self.assertRaisesRegex(DataError, 'is not a JSON file of acai_reproduce'):
            directory.report(output.beside(path, '.json'))

    def test_only_clock_values_depend_on_the_clock(self):
        first = timeless(self.result())
        earlier, self.train_dir = self.train_dir, self.create_tempdir().full_path
        second = timeless(self.result(img_per_s=100.0))
        self.assertEqual(json.dumps(first), json.dumps(second).replace(self.train_dir, earlier))

    def test_the_figure_has_bars_marks_and_curves(self):
        bars, *curves = output.draw(self.result()).axes
        self.assertIn('black: recalled', bars.get_title())
        heights = [patch.get_height() for patch in bars.patches if patch.get_height()]
        self.assertAllClose(heights, [20e-3, 11.5e-3])
        (points,) = [line for line in bars.lines if line.get_marker() == 'o']  # the baseline has one seed that ended
        self.assertAllClose(points.get_ydata(), [10.5e-3, 12.5e-3])
        acai = next(line for line in curves[0].lines if line.get_label() == 'acai')
        self.assertAllClose(acai.get_ydata()[5:7], [(1 + 12.5) / 2 * 1e-3, (2 + 12.5) / 2 * 1e-3])

    def test_a_system_has_one_color_in_all_figures(self):
        def colors(result):
            curves = output.draw(result).axes[1]
            return {line.get_label(): line.get_color() for line in curves.lines}
        both = self.result()
        alone = both | {'cells': [cell for cell in both['cells'] if cell['system'] == 'acai']}
        self.assertEqual(set(colors(both)), {'baseline', 'acai'})
        self.assertEqual(colors(alone), {'acai': colors(both)['acai']})
        self.assertLen(set(colors(both).values()), 2)

    def test_one_number_far_off_does_not_hide_the_curves(self):
        result = self.result()
        for first, scale in ((0.05, 'linear'), (100.0, 'log')):
            for cell in result['cells']:
                for seed in cell['seeds']:
                    seed['curve'] = [[1, first], [2, 0.02], [3, 0.01], [4, 0.01]]
            self.assertEqual(output.draw(result).axes[1].get_yscale(), scale)

    def test_a_stand_in_is_named_in_the_head(self):
        choice = Choice(models=['acai'], datasets=['mnist32'], dataset_for={'mnist32': 'digits32'}, train_dir=self.train_dir)
        result = reproduce.Reproduction(studies.get('table', 'acai2'), choice, 'bin').result({}, 'command')
        text = output.markdown(result)
        self.assertIn('**digits32 stands in for mnist32: the published numbers are of mnist32.**', text)
        self.assertIn('| data, digits32 for mnist32 |', text)
        self.assertIn('# digits32 stands in for mnist32\n', output.as_csv(result))
        self.assertEqual(result['conclusions'][0], 'Nothing is measured yet.')
        self.assertEqual(result['scaled'], '')
        self.assertIn('not started', text)


def acai_mean(result):
    return next(cell['measured'] for cell in result['cells'] if cell['system'] == 'acai')


def timeless(content):
    """JSON values without those that depend on the clock."""
    if isinstance(content, dict):
        return {key: timeless(value) for key, value in content.items()
                if not any(word in key for word in ('seconds', 'minutes', 'img_per_s'))}
    return [timeless(value) for value in content] if isinstance(content, list) else content


class DirectoryTest(MadeUpRuns):

    def test_runs_in_every_state(self):
        finished = self.make('acai', [3e-3] * 2)
        self.make('acai', [5e-3] * 2, seed=1)
        self.make('vae', [3e-3], finished=False, total_kimg=2)
        diverged = self.make('aae', [3e-3], finished=False, total_kimg=2)
        with open(os.path.join(diverged, 'diverged.json'), 'w') as file:
            json.dump({'message': 'loss_ae is nan at step 20'}, file)
        running = self.make('lrae', [], finished=False, total_kimg=2)
        os.makedirs(os.path.join(self.train_dir, 'lines32', 'empty'))
        damaged = self.make('miae', [1e-3])
        with open(os.path.join(damaged, 'config.json'), 'w') as file:
            file.write('{')
        with open(os.path.join(running, '.lock'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = directory.look(self.train_dir)['runs']
        runs = {run['run'].split('_')[0] + str(run.get('seed') or ''): run for run in found}
        self.assertEqual({name: run['state'] for name, run in runs.items()}, {
            'ACAI': 'finished', 'ACAI1': 'finished', 'VAE': 'interrupted', 'AAE': 'diverged', 'LRAE': 'running',
            'empty': 'empty', 'MIAE': 'damaged'})
        text = directory.report(self.train_dir)
        self.assertIn('Runs: 1 diverged, ', text)
        self.assertIn('diverged: loss_ae is nan at step 20', text)
        self.assertIn('| interrupted | 1 of 2 |', text)
        self.assertIn('| 0, 1 | 50 ± 0 | 4e-3 ± 1e-3 |', text)
        self.assertIn('| finished: last of 2 reports, not the median of 20 | 2 of 2 |', text)
        self.assertIn('Runs: 1 finished.\n\n## lines32', directory.report(finished))

    def test_measures_and_pixels(self):
        path = self.make('acai', [3e-3])
        results = os.path.join(path, 'results', '16')
        for place, name, content in ((results, 'correlation', {'figures': {'correlation': 0.25}}),
                                     (os.path.join(results, 'studies'), 'cluster_n_init5', {'accuracy': 61.0}),
                                     (os.path.join(self.train_dir, 'lines32', 'pixels'), 'cluster', {'accuracy': 33.0})):
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, f'{name}.json'), 'w') as file:
                json.dump(content, file)
        text = directory.report(self.train_dir)
        self.assertIn('correlation: correlation 0.25; cluster_n_init5: accuracy 61 |', text)
        self.assertIn('| `pixels` | measured |  |  |  |  |  | cluster: accuracy 33 |', text)

    def test_nothing_there(self):
        with self.assertRaisesRegex(DataError, 'holds neither runs nor results'):
            directory.report(self.train_dir)
        with self.assertRaisesRegex(UsageError, 'does not exist'):
            directory.report(os.path.join(self.train_dir, 'nowhere'))


class DivergenceTest(tf.test.TestCase):

    def test_training_keeps_why_it_diverged(self):
        config = TrainConfig(model='baseline', dataset='digits32', depth=2, latent=2, batch=32, total_kimg=1, lr=1e20,
                             train_dir=self.create_tempdir().full_path)
        with self.assertRaises(NonFiniteError) as raised:
            training.train(config)
        path = run_path(config.validate(), (32, 32, 1))
        self.assertEqual(divergence(path), str(raised.exception))
        self.assertEqual(values.state(path, trained=False), 'diverged')


class EstimateTest(tf.test.TestCase):

    def test_a_shape_is_measured_once_and_what_is_done_costs_nothing(self):
        choice = Choice(models=['baseline'], datasets=['mnist32'], seeds=2, total_kimg=8, depth=2,
                        dataset_for={'mnist32': 'digits32'}, train_dir=self.create_tempdir().full_path)
        runs, _ = plan(select(studies.get('table', 'acai2'), choice), choice)
        os.makedirs(runs[0].export)
        seconds, size = estimate.estimate(runs)
        done, *todo = (seconds[run.key] for run in runs)
        self.assertLen(runs, 4)
        self.assertEqual((done, size[runs[0].key]), (0.0, 0))
        self.assertGreater(todo[0], 0)
        self.assertEqual(todo, todo[:1] * 3)
        self.assertGreater(size[runs[1].key], 1e5)


# ---- the scripts of docs/studies.md, with a stand-in for the scheduler

FAKE_SRUN = '''#!/bin/bash
setsid "$@" &
STEP=$!
if [ -n "$TERM_WHEN" ]; then
  until [ -e "$TERM_WHEN" ]; do sleep 0.02; done
  kill -TERM -- -$STEP
fi
wait $STEP
'''
# Saves on SIGTERM, as acai_train does, and takes a moment for it.
TRAINS = 'import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), open("{0}.saved", "w"), ' \
    'sys.exit(42))); open("{0}.started", "w"); time.sleep({1}); sys.exit({2})'


def from_docs(name):
    """The code block after the comment <!-- name -->."""
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
        self.assertEqual(done.returncode, 123)  # xargs says that one of them failed
        self.assertEqual(self.files(), {'well.started', 'well.measured', 'diverges.started'})

    def test_ones_own_study(self):
        path = self.directory / 'my_study.py'
        path.write_text(from_docs('my_study.py').replace('records:photos', 'digits32'))
        study = studies.from_file(str(path))
        runs, _ = plan(select(study, Choice()), Choice())
        self.assertLen(runs, 3 * 3)
        self.assertEqual([call.measure for call in runs[0].calls], ['reconstruction', 'correlation'])


# ---- as a user runs it

OWN = '''
from acai_tf.studies import Cell, Study

OPTIONS = {'depth': 2, 'latent': 2, 'latent_width': 4, 'total_kimg': KIMG, 'report_kimg': 1, 'batch': 32, 'lr': 0.01,
           'checkpoint_steps': 8}
STUDY = Study('small', 'A study of my own', [
    Cell('baseline', 'digits32', 'accuracy', 'latent_accuracy', OPTIONS, published=95.0, source='a guess'),
    Cell('denoising', 'digits32', 'accuracy', 'latent_accuracy', OPTIONS, {'noise': 0.5}, label='noisy'),
    *MORE
], notes='Small on purpose.')
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
        for name, _ in STUDIES:
            self.assertIn(f'--{name.replace("_", "=")}\n', out)

    def test_only_print_gives_a_line_a_run(self):
        code, out, err = run('bin/acai_reproduce', '--table=acai2', '--only_print', '--total_kimg=8')
        self.assertEqual(code, 0, err)
        self.assertStartsWith(err, 'Scaled down: total_kimg 8 in place of 16384')
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
                (['--table=acai2', '--output=x.json'], 'is the Markdown'),
                (['--report=.', '--seeds=2'], '--seeds has no effect with --report'),
                (['--table=acai2', '--precision=float8', '--only_print'], '--precision=float8: choose one of float32'),
                ([f'--study={study}:OPTIONS'], 'is not an acai_tf.studies.Study'),
                ([f'--study={study}:OTHER'], 'has no OTHER'),
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

    @unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
    def test_ones_own_study_stopped_resumed_and_divided_equals_an_uninterrupted_one(self):
        self.compare(self.study(), seeds=1, signals=[signal.SIGTERM])

    @unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
    def test_the_same_with_a_measure_two_seeds_and_8_kimg_killed_twice(self):
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
        self.assertEqual(sum(log.count('training in') for log in logs), 2 * seeds)  # nobody began a run that another had
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
        """The values of every seed of every cell, from trainings in one go, in this process."""
        choice = Choice(seeds=seeds, train_dir=self.create_tempdir().full_path)
        study = studies.from_file(path)
        _, runs_of = plan(select(study, choice), choice)
        found = []
        for cell, runs in zip(study.cells, runs_of):
            found.append([])
            for each in runs:
                path = training.train(each.config)
                with open(os.path.join(path, 'metrics.jsonl')) as file:
                    reports = [json.loads(line) for line in file]
                if cell.measure in REPORTED:
                    found[-1].append(reports[-1][cell.figure])
                else:
                    from acai_tf import export
                    found[-1].append(measures.measure(cell.measure, export.load(each.export),
                                                      each.config.open_dataset())[cell.figure])
        return found


def measured(path):
    with open(output.beside(path, '.json')) as file:
        return [[seed['value'] for seed in cell['seeds']] for cell in json.load(file)['cells']]


def flags_of(program, lines):
    """Flags of the last line's program of that name."""
    return [shlex.split(line)[2:] for line in lines.splitlines() if f'/{program} ' in line][-1]


if __name__ == '__main__':
    tf.test.main()
