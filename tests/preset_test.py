"""Presets, schedules and averages of runs; their models are in models/start_test.py."""

import contextlib
import functools
import json
import logging
import os
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from training_test import OPTIONS, assert_same_weights, metrics, weights

from acai_tf import export, models, training
from acai_tf.errors import DataError, Stopped, UsageError
from acai_tf.models import aae, acai, start, vae
from acai_tf.models.optimizers import BySteps, Schedule
from acai_tf.options import declared
from acai_tf.training import distribution, loop, reports
from acai_tf.training.config import TrainConfig
from acai_tf.training.run_directory import RunDirectory

QUICK = {name: option.quick for name, option in declared(TrainConfig).items() if option.quick is not None}


class ScheduleTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(('linear', [1.0, .7625, .525, .2875, .05, .05]),
                              ('cosine', [1.0, .05 + .95 * .8535534, .525, .05 + .95 * .1464466, .05, .05]),
                              ('constant', [1.0] * 6))
    def test_by_hand(self, kind, shares):
        schedule = Schedule(0.2, kind, 8)
        self.assertAllClose([schedule(step) for step in (0, 2, 4, 6, 8, 100)], .2 * np.array(shares), rtol=1e-5)

    def test_warm_up(self):
        self.assertAllClose([Schedule(0.2, 'constant', 8, 4)(step) for step in range(6)], [.05, .1, .15, .2, .2, .2])

    def test_it_ends_with_the_run_even_if_that_is_one_step(self):
        config = TrainConfig(lr=0.25, lr_schedule='linear', batch=4096, total_kimg=1).resolve()
        self.assertEqual(float(config._rate()(0)), 0.25)

    def test_the_model_s_steps_count_and_rates_of_one_s_own_keep_their_ratio(self):
        model = aae.AAE((32, 32, 1), 10, depth=2, latent=2, adversary_lr=0.01)
        model.compile(lr=Schedule(0.1, 'linear', 10))
        model.steps.assign(5)
        self.assertAllClose(model.optimizers['autoencoder'].learning_rate, .1 * .525)
        self.assertAllClose(model.optimizers['critic'].learning_rate, .01 * .525)
        self.assertAllClose(model.optimizer.learning_rate, .1 * .525)

    def test_a_schedule_without_an_initial_rate_leaves_other_rates_alone(self):
        steps = keras.Variable(2, dtype='int64')
        rate = BySteps(keras.optimizers.schedules.PiecewiseConstantDecay([1], [1e-3, 1e-4]), steps)
        self.assertAllClose(rate(0), 1e-4)
        self.assertEqual(rate.beginning_at(0.5), 0.5)


class PresetTest(parameterized.TestCase, tf.test.TestCase):

    def test_it_sets_what_is_not_given_and_joins_the_name_only_through_that(self):
        quick = TrainConfig(preset='quick', dataset='digits32').resolve()
        of_model = {name: option.quick for name, option in declared(acai.ACAI).items() if option.quick is not None}
        spelled = TrainConfig(**{**QUICK, **of_model, **acai.ACAI.quick}, dataset='digits32').resolve()
        self.assertEqual(quick.run_path, spelled.run_path)
        self.assertEqual(quick.options() | {'preset': 'released'}, spelled.options())
        self.assertEqual(quick.difference(json.loads(spelled.to_json())), [])
        sums = []
        for config in (quick, spelled):
            with mock.patch.object(distribution, 'gather', lambda _, row: sums.append(row) or np.array([row])):
                distribution.check_alike(None, config)  # of the workers
        self.assertEqual(*sums)
        self.assertEqual(TrainConfig(dataset='digits32').resolve().options()['lr'], 1e-4)

    def test_systems_have_their_own(self):
        self.assertEqual(TrainConfig(preset='quick', model='aae').resolve().model_options['wgt_prior'],
                         declared(aae.AAE)['wgt_prior'].quick)
        self.assertEqual(TrainConfig(model='aae').resolve().model_options['wgt_prior'], 1.0)
        self.assertEqual(TrainConfig(preset='quick', model='aae', wgt_prior=0.5).resolve().model_options['wgt_prior'], 0.5)

    def test_systems_have_their_own_of_the_run_s_options(self):
        def resolved(**options):
            config = TrainConfig(**options).resolve()
            return TrainConfig.from_dict(json.loads(config.to_json())).resolve()

        def rate(**options):
            return resolved(**options).lr
        self.assertEqual(rate(preset='quick', model='vae'), vae.VAE.quick['lr'])
        self.assertEqual(rate(preset='quick', model='vae', lr=0.0002), 0.0002)
        self.assertEqual(rate(preset='quick', model='acai', base='vae'), QUICK['lr'])
        self.assertEqual(rate(model='vae'), 1e-4)
        for model in ('acai', 'miae', 'lrae', 'dracai'):
            self.assertEqual(resolved(preset='quick', model=model).lr_schedule, 'constant')
        self.assertEqual(resolved(preset='quick', model='acai', lr_schedule='cosine').lr_schedule, 'cosine')
        for model in ('vae', 'midrae'):
            self.assertEqual(resolved(preset='quick', model=model).lr_schedule, 'cosine')

    def test_a_schedule_kimg_without_a_schedule(self):
        with self.assertRaisesRegex(UsageError, '--schedule_kimg has no effect without --lr_schedule'):
            TrainConfig(schedule_kimg=8).resolve()


class RunTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path

    def config(self, folder='run', **changes):
        options = {**OPTIONS, 'start': 'mean', 'lr_schedule': 'linear', 'warmup_kimg': 0.5, 'average': 0.9}
        return TrainConfig(**{**options, 'train_dir': os.path.join(self.train_dir, folder), **changes}).resolve()

    def train(self, *folder, **changes):
        return training.train(self.config(*folder, **changes))

    def test_stopped_and_resumed_it_is_the_same_run_and_extended_one_with_that_schedule(self):
        train = functools.partial(self.train, model='acai', base='vae', lr=0.001)
        whole = train('whole')
        original, calls = reports.Reporter.report, []

        def stop(reporter, *args):
            record = original(reporter, *args)
            calls.append(args)
            if len(calls) == 1:
                raise Stopped('after the first report')
            return record
        with mock.patch.object(reports.Reporter, 'report', stop):
            with self.assertRaises(Stopped):
                train()
            resumed = train()
        self.assertEqual(metrics(whole), metrics(resumed))
        assert_same_weights(self, weights(whole, 64), weights(resumed, 64))
        images = tf.random.uniform([4, 32, 32, 1], -1, 1).numpy()
        models = [export.load(os.path.join(run, 'export')) for run in (whole, resumed)]
        self.assertAllEqual(*(model.encode(images) for model in models))

        extended, longer = train(total_kimg=3), train('longer', total_kimg=3, schedule_kimg=2)
        self.assertEqual(training.Run(extended).config['schedule_kimg'], 2)
        self.assertEqual(metrics(extended), metrics(longer))
        assert_same_weights(self, weights(extended, 96), weights(longer, 96))
        self.assertAllClose([report['learning_rate'] for report in metrics(extended)], [.001 * .525, .001 * .05, .001 * .05])

    def test_a_run_that_was_killed_before_it_saved_begins_anew(self):
        for total_kimg in (2, 1):
            config = self.config(total_kimg=total_kimg)
            with contextlib.closing(RunDirectory(config)) as directory:
                config.keep_schedule(directory.earlier_config())
                directory.begin()
        self.assertEqual(training.Run(config.run_path).config['schedule_kimg'], 1)

    def test_a_decoder_without_a_bias_is_refused_before_overwrite_removes_anything(self):
        config = self.config()
        os.makedirs(os.path.join(config.run_path, 'export'))
        with (mock.patch.object(start, '_last_bias', side_effect=UsageError('no bias')),
              self.assertRaisesRegex(UsageError, 'no bias')):
            training.train(config, overwrite=True)
        self.assertTrue(os.path.exists(os.path.join(config.run_path, 'export')))

    def test_reports_and_exports_use_the_average_and_checkpoints_keep_both(self):
        run = self.train(total_kimg=1)
        config = TrainConfig.from_dict(training.Run(run).config).resolve()
        model = config.create_model()
        tf.train.Checkpoint(**model.networks, **{f'{name}_optimizer': o for name, o in model.optimizers.items()}).restore(
            training.Run(run).checkpoint(32)).expect_partial()
        model.steps.assign(32)
        images = next(iter(config.data.test(8)))[0].numpy()
        with model.averaged():
            average = model.encode(images)
        self.assertNotAllClose(average, model.encode(images), rtol=1e-4)
        exported = export.load(os.path.join(run, 'export'))
        self.assertAllClose(exported.encode(images), average, atol=1e-6)
        again = export.load(training.export_run(run, os.path.join(self.train_dir, 'again')))
        self.assertAllEqual(again.encode(images), exported.encode(images))
        path = os.path.join(self.train_dir, 'own.py')
        with open(path, 'w') as file:
            file.write('from acai_tf.models.baseline import AEBaseline\nclass Own(AEBaseline):\n    pass\n')
        own = training.export_run(self.train(model=f'{path}:Own', total_kimg=1), os.path.join(self.train_dir, 'own'))
        self.assertAllEqual(export.load(own).encode(images), exported.encode(images))
        report, = metrics(run)
        pairs = [(exported.reconstruct(images.numpy()), images.numpy()) for images, _ in config.data.test(500)]
        images = np.concatenate([images for _, images in pairs])
        error = sum(np.square(a - b, dtype=np.float64).sum() for a, b in pairs)
        self.assertAllClose(report['explained_variance'],
                            1 - error / np.square(images - images.mean(axis=0), dtype=np.float64).sum(), rtol=1e-3)

    def test_a_blank_run_and_a_blank_export_say_so(self):
        # Reports are at 1 and 2 kimg, and any model may be blank at first; later on, every report says so.
        for preset, schedule, advice, most, times in (
                ('released', 'constant', '--preset=quick leaves.*', 1, 2),
                ('quick', 'constant', 'train for longer, with a larger --total_kimg', 32, 1),
                ('quick', 'cosine', 'train for longer, with a larger --total_kimg and --overwrite', 32, 1)):
            with self.assertLogs('acai_tf', logging.WARNING) as logs, mock.patch.object(loop, '_BLANK_KIMG', most):
                run = self.train(f'{preset}-{schedule}', preset=preset, lr=0.0, start='zero', lr_schedule=schedule)
                export.load(os.path.join(run, 'export'))
            *still, of_export = (line for line in logs.output if 'the same picture' in line)
            self.assertLen(still, times)
            for line in still:
                self.assertRegex(line, f'still blank: all images decode to nearly the same picture; {advice}$')
            self.assertIn('it needs a longer training', of_export)

    def test_a_run_that_becomes_blank_says_so(self):
        with (self.assertLogs('acai_tf', logging.WARNING) as logs,
              mock.patch.object(loop, 'is_blank', lambda record: record['kimg'] == 2)):
            self.train('unstable', model='acai')
        line, = logs.output
        self.assertRegex(line, 'blank again: .* but did not at 1 kimg; .* with --overwrite and a smaller --critic_lr$')

    def test_the_rate_to_make_smaller_is_lr_if_the_system_has_no_other(self):
        trainer = mock.Mock(model=models.create('baseline', (32, 32, 1), 10, depth=1, latent=2))
        trainer.directory.reports.return_value = [{'kimg': 1, 'explained_variance': 0.9}]
        with self.assertLogs('acai_tf', logging.WARNING) as logs:
            loop.Trainer._warn_of_blank(trainer, 2, True)
        self.assertRegex(logs.output[0], 'blank again: .* but did not at 1 kimg; .* with --overwrite and a smaller --lr$')

    def test_no_advice_that_is_known_not_to_help(self):
        trainer = mock.Mock()
        trainer.directory.reports.return_value, trainer.model.stays_blank_on = [], ('lines32',)
        trainer.config.model, trainer.config.data.name = 'gaia', 'lines32'
        with self.assertLogs('acai_tf', logging.WARNING) as logs:
            loop.Trainer._warn_of_blank(trainer, 48, False)
        self.assertRegex(logs.output[0], 'still blank: .*; gaia rarely or never leaves this state on lines32$')

    def test_systems_that_stay_blank_say_so_at_the_start(self):
        for model, dataset, warns in (('gaia', 'lines32', True), ('gaia', 'digits32', False), ('acai', 'lines32', False)):
            with (mock.patch.object(loop.Trainer, '_loop', side_effect=Stopped('begun')),
                  self.assertLogs('acai_tf', logging.INFO) as logs, self.assertRaisesRegex(Stopped, 'begun')):
                self.train(f'{model}-{dataset}', model=model, dataset=dataset, latent=1)
            told, = (i for i, line in enumerate(logs.output) if 'training in' in line)
            self.assertEqual([f'{model} on {dataset}: in some or all trainings tried' in line
                              for line in logs.output[told + 1:]], [True] * warns)

    def test_data_that_are_damaged_are_found_by_the_start_too(self):
        error = tf.errors.DataLossError(None, None, '{{function_node IteratorGetNext}} corrupted record at 7')
        with (mock.patch.object(start, '_mean', side_effect=error),
              self.assertRaisesRegex(DataError, 'digits32 cannot be read .corrupted record at 7')):
            self.train()


if __name__ == '__main__':
    tf.test.main()
