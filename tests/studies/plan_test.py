"""The cells and jobs of a choice."""

import dataclasses
import os
import subprocess

import tensorflow as tf

from acai_tf import studies
from acai_tf.errors import AcaiError, UsageError
from acai_tf.studies import reproduce
from acai_tf.studies.base import PIXELS, Cell, Study
from acai_tf.studies.plan import plan
from acai_tf.studies.programs import shell_line
from acai_tf.studies.runner import Failure
from acai_tf.studies.select import Choice, changes, refusal, select
from acai_tf.training.config import TrainConfig


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
        self.assertEqual(cells[-1].metric_options, {'total_kimg': 8, 'lr': 0.01})
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

    def test_another_system_is_not_added_to_a_cell_s_base(self):
        study = Study('own', 'Own', [Cell('acai', 'digits32', 'accuracy', 'latent_accuracy', base='vae')])
        cell, = select(study, Choice(models=['gaia']))
        self.assertEqual((cell.label, cell.base), ('gaia', 'baseline'))

    def test_changes_are_from_the_cell_s_preset(self):
        study = Study('own', 'Own', [Cell('acai', 'digits32', 'accuracy', 'latent_accuracy', {'preset': 'quick'})])
        quick, released = TrainConfig.lr.quick, TrainConfig.lr.default
        self.assertEqual(changes(study, select(study, Choice(lr=released))), {'lr': ([quick], [released])})
        self.assertEqual(changes(study, select(study, Choice(lr=quick))), {})
        self.assertEqual(changes(self.study, select(self.study, Choice(preset='quick'))),
                         {'preset': (['released'], ['quick'])})

    def test_cells_of_one_label_are_no_changes_of_each_other(self):
        study = Study('own', 'Own', [Cell(PIXELS, 'digits32', 'cluster', 'accuracy', metric_options={'n_init': n_init})
                                     for n_init in (1, 2)])
        self.assertEqual(changes(study, select(study, Choice())), {})
        self.assertEqual(changes(study, select(study, Choice(n_init=5))), {'n_init': ([1, 2], [5])})

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
                (Choice(n_init=5), '--n_init=5: no chosen cell of acai2 uses K-means'),
                (Choice(datasets=['mnist32'], dz=[1024]), 'no cell that matches all')):
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
                                 ({'published': '95'}, 'cell a: published must be a finite number or None'),
                                 ({'deviation': float('nan')}, 'cell a: deviation must be a finite number or None'),
                                 ({'options': {'seed': 5}}, 'cell a: cells take no seed'),
                                 ({'metric_options': {'nan_policy': 'ignore'}}, 'cell a: lines comes from the reports')):
            with self.assertRaisesRegex(UsageError, message):
                Cell('acai', 'lines32', 'lines', 'mean_distance', label='a', **changed)
        with self.assertRaisesRegex(UsageError, 'cell acai on digits32: the metric lines is for lines32, not digits32'):
            plan([Cell('acai', 'digits32', 'lines', 'mean_distance')], Choice(seeds=1))

    def test_two_cells_of_one_directory_must_be_one_run(self):
        short, long = (Cell('acai', 'digits32', 'accuracy', 'latent_accuracy', {'total_kimg': kimg}, label=label)
                       for label, kimg in (('short', 1), ('long', 4)))
        with self.assertRaisesRegex(UsageError, 'cells short and long would train in one directory, .*, but total_kimg is 1 '
                                                'in the first and 4 in the second; put one'):
            plan([short, long], Choice(seeds=1))

    def test_a_run_with_another_schedule_is_another_run(self):
        short, long = (Cell('acai', 'digits32', 'accuracy', 'latent_accuracy', options, label=label) for label, options in (
            ('short', {'lr_schedule': 'linear', 'schedule_kimg': 32}), ('long', {'lr_schedule': 'linear'})))
        for cells in ([short, long], [long, short]):
            with self.assertRaisesRegex(UsageError, 'schedule_kimg is (32|16384) in the first and (32|16384) in the second'):
                plan(cells, Choice(seeds=1))
        train_dir = self.create_tempdir().full_path
        (job,), _ = plan([short], Choice(seeds=1, train_dir=train_dir))
        os.makedirs(job.export)
        with open(job.run.config_path, 'w') as file:
            file.write(job.config.to_json())
        job.check_directory()
        (job,), _ = plan([long], Choice(seeds=1, train_dir=train_dir))
        with self.assertRaisesRegex(UsageError, 'holds another run .schedule_kimg is 32 there and 16384 here'):
            job.check_directory()

    def test_seeds_begin_where_the_study_says(self):
        jobs, (of_cell,) = plan([Cell('acai', 'digits32', 'reconstruction', 'rmse')], Choice(seeds=2), first_seed=3)
        self.assertEqual([job.config.seed for job in jobs], [3, 4])
        self.assertEqual(of_cell, jobs)

    def test_a_line_skips_the_metrics_that_are_done(self):
        train_dir = self.create_tempdir().full_path
        cells = [Cell('acai', 'digits32', 'reconstruction', 'rmse'), Cell('acai', 'digits32', 'rank', 'effective_rank')]
        (job,), _ = plan(cells, Choice(seeds=1, train_dir=train_dir))
        programs = self.create_tempdir().full_path
        for name in ('acai_train', 'acai_evaluate'):
            with open(os.path.join(programs, name), 'w') as file:
                file.write('echo "$@" >> "$LOG"')
        os.makedirs(os.path.dirname(job.output(job.calls[0])))
        with open(job.output(job.calls[0]), 'w') as file:
            file.write('{}')
        log = os.path.join(programs, 'log')
        subprocess.run(['sh', '-c', shell_line(job, programs, 'sh')], check=True, env=os.environ | {'LOG': log})
        with open(log) as file:
            train, metric = file.read().splitlines()
        self.assertIn('--model=acai', train)
        self.assertIn('--metrics=rank', metric)

    def test_a_job_trains_first_and_then_computes_what_has_not_failed(self):
        train_dir = self.create_tempdir().full_path
        cells = [Cell('acai', 'digits32', metric, value) for metric, value in (
            ('accuracy', 'latent_accuracy'), ('reconstruction', 'rmse'), ('rank', 'effective_rank'))]
        (job,), _ = plan(cells, Choice(seeds=1, train_dir=train_dir))
        (_, train), *metrics = job.commands()
        metrics = [command for _, command in metrics]
        self.assertLen(metrics, 2)
        self.assertEqual((job.next_command(), job.next_command(metrics)), (train, train))
        self.assertIsNone(job.next_command([train]))
        os.makedirs(job.run.path)
        with open(job.run.divergence_path, 'w') as file:
            file.write('{"message": "loss_ae is nan at step 7"}')
        self.assertIsNone(job.next_command())
        os.makedirs(job.export)  # a longer training diverged
        self.assertEqual([job.next_command(metrics[:count]) for count in range(3)], [*metrics, None])
        os.makedirs(os.path.dirname(job.output(job.calls[0])))
        with open(job.output(job.calls[0]), 'w') as file:
            file.write('{}')
        self.assertEqual((job.next_command(), job.next_command(metrics[1:])), (metrics[1], None))

    def test_trainings_that_diverged_are_no_failure(self):
        def failures(*codes):
            return [Failure(['acai_train'], code, f'it said {code}') for code in codes]
        reproduce.check_finished({'first': failures(3), 'second': failures(3)})
        with self.assertRaisesRegex(AcaiError, '^2 runs could not be finished; the first: it said 4$') as raised:
            reproduce.check_finished({'first': failures(3), 'second': failures(3, 4, 5), 'third': failures(2)})
        self.assertEqual(raised.exception.exit_code, 4)

    def test_tables_share_their_runs(self):
        paths = {name: {job.run.path for job in plan(select(studies.get('table', name), Choice(seeds=1)), Choice(seeds=1))[0]
                        if not job.is_pixels} for name in ('acai2', 'acai3')}
        self.assertLen(paths['acai3'], 28)
        self.assertContainsSubset(paths['acai3'], paths['acai2'])

    def test_a_method_that_no_program_has_is_refused(self):
        cell = Cell(PIXELS, 'digits32', 'cluster', 'accuracy', metric_options={'method': 'tea_leaves'})
        self.assertIsNotNone(refusal(cell))
        study = Study('own', 'Own', [cell])
        with self.assertRaisesRegex(UsageError, 'no cell of own can be run: method=tea_leaves: choose one of kmeans'):
            reproduce.Reproduction(study, Choice(), 'bin')
        both = Study('own', 'Own', [cell, dataclasses.replace(cell, metric_options={})])
        work = reproduce.Reproduction(both, Choice(seeds=1, train_dir=self.create_tempdir().full_path), 'bin')
        refused, other = work.result({}, 'command')['cells']
        self.assertStartsWith(refused['remarks'][0], 'cannot be run: ')
        self.assertEqual((refused['measured'], other['remarks']), (None, ['not measured yet']))


if __name__ == '__main__':
    tf.test.main()
