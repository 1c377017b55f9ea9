import functools
import glob
import json
import os
import shutil
import signal
import tempfile
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

from acai_tf import datasets, export, training
from acai_tf.errors import DataError, NonFiniteError, StorageError, UsageError
from acai_tf.export import write
from acai_tf.metrics.accuracy import accuracy
from acai_tf.training import Run, loop
from acai_tf.training.config import TrainConfig


def weights(run_dir, step):
    """All values in a checkpoint, except the number of checkpoints."""
    reader = tf.train.load_checkpoint(os.path.join(run_dir, 'checkpoints', f'step-{step}'))
    return {key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()
            if 'VARIABLE_VALUE' in key and 'save_counter' not in key}  # a stopped run may have saved more often


def metrics(run_dir):
    """metrics.jsonl without the values that depend on the clock."""
    with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
        return [{k: v for k, v in json.loads(line).items() if k != 'img_per_s'} for line in file]


def assert_same_weights(test, first, second):
    test.assertCountEqual(first, second)
    for key, value in first.items():
        test.assertAllEqual(value, second[key], key)


OPTIONS = {'model': 'baseline', 'dataset': 'digits32', 'depth': 1, 'latent': 2, 'latent_width': 16, 'batch': 32,
           'total_kimg': 2, 'report_kimg': 1, 'lr': 0.01, 'checkpoint_steps': 16}


@functools.cache
def trained_in_one_go(total_kimg, model='baseline'):
    """A temporary train_dir with a finished run, shared by the tests of this process and changed by none."""
    directory = tempfile.TemporaryDirectory()
    training.train(TrainConfig(**{**OPTIONS, 'model': model, 'total_kimg': total_kimg, 'train_dir': directory.name}))
    return directory


def run_in(train_dir):
    run_dir, = glob.glob(os.path.join(train_dir, 'digits32', '*'))
    return run_dir


class TrainTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path

    def train(self, overwrite=False, **changes):
        return training.train(TrainConfig(**{**OPTIONS, 'train_dir': self.train_dir, **changes}), overwrite)

    def finished(self, *args, **kwargs):
        """The directory of a finished run (see `trained_in_one_go`), in the test's own train_dir."""
        shutil.copytree(trained_in_one_go(*args, **kwargs).name, self.train_dir, dirs_exist_ok=True)
        return run_in(self.train_dir)

    def assert_is_as_in_one_go(self, run_dir):
        whole = run_in(trained_in_one_go(2).name)
        self.assertEqual(metrics(run_dir), metrics(whole))
        assert_same_weights(self, weights(run_dir, 64), weights(whole, 64))

    def test_a_run_directory_has_everything(self):
        run_dir = self.finished(2, 'acai')
        reports = metrics(run_dir)
        self.assertEqual([(r['kimg'], r['step']) for r in reports], [(1, 32), (2, 64)])
        self.assertContainsSubset({'loss_ae', 'rmse', 'loss_disc', 'loss_ae_disc', 'loss_disc_real', 'classify_latent',
                                   'latent_accuracy'}, reports[0])
        self.assertLess(reports[1]['loss_ae'], reports[0]['loss_ae'])
        self.assertEqual(Run(run_dir).checkpoint_steps(), [32, 48, 64])
        for kind in ('reconstruction', 'interpolation', 'slerp', 'samples'):
            with open(os.path.join(run_dir, 'images', f'{kind}-00000064.png'), 'rb') as file:
                self.assertEqual(tf.io.decode_png(file.read()).shape, (8 * 34 + 2, 16 * 34 + 2, 1))
        self.assertNotEmpty(glob.glob(os.path.join(run_dir, 'summaries', 'events*')))
        loaded = export.load(os.path.join(run_dir, 'export'))
        self.assertEqual((loaded.config['step'], loaded.config['model']), (64, 'acai'))

    def test_the_accuracy_in_the_report_is_that_of_the_exported_model(self):
        run_dir = self.finished(2)
        loaded = export.load(os.path.join(run_dir, 'export'))
        self.assertAllClose(accuracy(lambda x: loaded.classify(x)[0], datasets.get('digits32').test(77)),
                            metrics(run_dir)[-1]['latent_accuracy'])

    def test_tensorboard_has_the_released_names_and_the_pictures(self):
        run_dir = self.finished(2, 'acai')
        names = set()
        for path in glob.glob(os.path.join(run_dir, 'summaries', 'events*')):
            for event in tf.compat.v1.train.summary_iterator(path):
                names.update(value.tag for value in event.summary.value)
        self.assertContainsSubset({'loss_ae', 'loss_disc', 'latent_accuracy', 'interpolation', 'config'}, names)

    def sessions(self):
        """Content of TensorBoard's HParams plugin for a train_dir."""
        multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(self.train_dir)
        multiplexer.Reload()
        provider = data_provider.MultiplexerDataProvider(multiplexer, self.train_dir)
        context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
        request = api_pb2.ListSessionGroupsRequest(slice_size=10, allowed_statuses=api_pb2.Status.values())
        return list_session_groups.Handler(RequestContext(), context, '', request).run().session_groups

    def test_tensorboard_shows_runs_with_their_options_and_final_metrics_once(self):
        def train(noise, total_kimg=1):
            return self.train(model='denoising', depth=1, noise=noise, total_kimg=total_kimg)
        runs = [train(noise) for noise in (0.5, 0.75)]
        self.assertEqual(train(0.5, total_kimg=2), runs[0])
        groups = sorted(self.sessions(), key=lambda group: group.hparams['noise'].number_value)
        self.assertLen(groups, 2)
        for group, run_dir, noise in zip(groups, runs, (0.5, 0.75)):
            self.assertEqual(group.hparams['model'].string_value, 'denoising')
            self.assertEqual(group.hparams['noise'].number_value, noise)
            session, = group.sessions
            self.assertEqual(session.status, api_pb2.STATUS_SUCCESS)
            self.assertGreater(session.end_time_secs, session.start_time_secs)
            self.assertEqual(session.name, os.path.relpath(os.path.join(run_dir, 'summaries'), self.train_dir))
            found = {value.name.tag: value.value for value in session.metric_values}
            last = metrics(run_dir)[-1]
            for name in ('rmse', 'latent_accuracy'):
                self.assertAllClose(found[name], last[name], rtol=1e-5)

    def test_an_export_needs_no_file_that_the_config_names_and_runs_none(self):
        run_dir = self.finished(1)
        config, evil = Run(run_dir).config, self.create_tempfile('evil.py', 'raise SystemExit("run")').full_path
        for name, value in (('report_metrics', f'{evil}:M'), ('model', f'{evil}:M'), ('base', f'{evil}:M')):
            with open(Run(run_dir).config_path, 'w') as file:
                json.dump({**config, name: value}, file)
            if name == 'report_metrics':
                training.export_run(run_dir, os.path.join(self.train_dir, 'again'))
            else:
                with self.assertRaisesRegex(StorageError, 'template/0 is missing'):
                    training.export_run(run_dir, os.path.join(self.train_dir, 'never'))
                with self.assertRaisesRegex(UsageError, '^--dataset has no effect on exports of your own system'):
                    training.export_run(run_dir, os.path.join(self.train_dir, 'never'), dataset='digits32')

    def test_a_longer_run_is_resumed_and_equals_one_in_one_go(self):
        first = self.finished(1)
        self.assertEqual(self.train(), first)
        self.assert_is_as_in_one_go(first)

    def test_a_finished_run_is_left_alone(self):
        run_dir = self.finished(2)
        before = os.stat(os.path.join(run_dir, 'metrics.jsonl')).st_mtime_ns
        self.train()
        self.assertEqual(os.stat(os.path.join(run_dir, 'metrics.jsonl')).st_mtime_ns, before)

    def test_reports_and_checkpoints_need_not_divide_anything(self):
        run_dir = self.train(batch=100, checkpoint_steps=7, keep_checkpoints=2)
        # 1024 and 2048 images are complete after 11 and 21 steps of 100.
        self.assertEqual([r['step'] for r in metrics(run_dir)], [11, 21])
        self.assertEqual(Run(run_dir).checkpoint_steps(), [14, 21])

    def test_steps_per_call_do_not_matter(self):
        with mock.patch.object(loop, '_MOST_STEPS_PER_CALL', 1):
            self.assert_is_as_in_one_go(self.train())

    def test_non_finite_losses_stop_the_run_and_keep_the_last_checkpoint(self):
        with self.assertRaisesRegex(NonFiniteError, r'\w+ is (nan|inf) at step \d+') as raised:
            self.train(model='acai', lr=1e20, checkpoint_steps=1)
        run_dir = run_in(self.train_dir)
        self.assertEqual(Run(run_dir).divergence, str(raised.exception))
        steps = Run(run_dir).checkpoint_steps()
        self.assertNotEmpty(steps)
        for step in steps:
            for key, value in weights(run_dir, step).items():
                self.assertTrue(np.all(np.isfinite(value)), key)

    def test_a_damaged_checkpoint_falls_back_to_the_one_before(self):
        run_dir = self.finished(1)
        path = os.path.join(run_dir, 'checkpoints', 'step-32.data-00000-of-00001')
        with open(path, 'r+b') as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 255]))
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.train()
        self.assertRegex(logs.output[0], 'step-32 is damaged.*the previous one')
        self.assert_is_as_in_one_go(run_dir)

    def test_what_a_death_while_saving_leaves_and_a_damaged_list(self):
        run_dir = self.finished(1)
        checkpoints = os.path.join(run_dir, 'checkpoints')
        os.makedirs(os.path.join(checkpoints, 'step-40_temp'))
        for left in (20, 0):
            with open(os.path.join(checkpoints, 'checkpoint'), 'r+') as file:
                file.truncate(left)
            with self.assertLogs('acai_tf', 'WARNING') as logs:
                self.train()
            self.assertRegex(logs.output[0], 'checkpoints/checkpoint is damaged: rebuilding it')
            shutil.rmtree(os.path.join(run_dir, 'export'))
        self.assertFalse(os.path.exists(os.path.join(checkpoints, 'step-40_temp')))
        self.assert_is_as_in_one_go(run_dir)
        self.assertEqual(Run(run_dir).checkpoint_steps(), [32, 48, 64])  # checkpoints from before the damage count too

    def test_a_full_disk(self):
        earlier = self.finished(1)
        full = tf.errors.ResourceExhaustedError(None, None, '{{function_node x}} checkpoints/step-48_temp/part')
        with (mock.patch.object(tf.train.CheckpointManager, 'save', side_effect=full),
              self.assertRaisesRegex(StorageError, 'the checkpoint of step 48 could not be written .ResourceExhaustedError: '
                                     'checkpoints/step-48_temp/part.; is the disk full')):
            self.train()
        self.assertEqual(Run(earlier).checkpoint_steps(), [16, 32])

    def test_nothing_is_overwritten_by_a_command_that_is_wrong(self):
        run_dir = self.finished(1)
        before = {path: os.path.getmtime(path) for path in glob.glob(f'{run_dir}/**', recursive=True)}
        for wrong in ('correlatoin', 'poses'):  # unknown; does not apply
            for overwrite in (True, False):
                with self.assertRaises(UsageError):
                    self.train(total_kimg=9, report_metrics=wrong, overwrite=overwrite)
        self.assertEqual({path: os.path.getmtime(path) for path in before if not path.endswith('.lock')},
                         {path: time for path, time in before.items() if not path.endswith('.lock')})

    def test_damaged_test_data_is_found_by_a_report(self):
        error = tf.errors.DataLossError(None, None, 'corrupted record at 5 [Op:IteratorGetNext]')
        with (mock.patch('acai_tf.training.reports.Reporter.report', side_effect=error),
              self.assertRaisesRegex(DataError, 'digits32 cannot be read .corrupted record at 5')):
            self.train()

    def test_a_signal_while_the_export_is_written_lets_it_end(self):
        def signalled(*args):
            os.kill(os.getpid(), signal.SIGTERM)
            return real(*args)
        self.finished(1)
        real = write.export_model
        with mock.patch.object(write, 'export_model', signalled), self.assertLogs('acai_tf') as logs:
            run_dir = self.train()
        self.assertTrue(os.path.isdir(os.path.join(run_dir, 'export', '64')))
        self.assertIn('SIGTERM: finishing the step and saving a checkpoint, or the export', ' '.join(logs.output))

    def test_checkpoints_all_damaged(self):
        run_dir = self.finished(1)
        for path in glob.glob(os.path.join(run_dir, 'checkpoints', '*.index')):
            with open(path, 'wb'):
                pass
        with self.assertRaisesRegex(StorageError, '--overwrite starts over'), self.assertLogs('acai_tf', 'WARNING'):
            self.train()

    def test_export_of_an_earlier_step(self):
        run_dir = self.finished(2)
        exports = self.create_tempdir().full_path
        path = training.export_run(run_dir, exports, step=32)
        self.assertEqual(path, os.path.join(exports, '32'))
        self.assertEqual(export.load(path).config['step'], 32)
        self.assertEqual(training.export_run(run_dir, exports), os.path.join(exports, '64'))
        last, again = (export.load(d).encode(np.ones([1, 32, 32, 1])) for d in (os.path.join(run_dir, 'export'), exports))
        self.assertAllEqual(last, again)
        with self.assertRaisesRegex(UsageError, 'no checkpoint of step 5; it has 32, 48, 64'):
            training.export_run(run_dir, exports, step=5)
        with self.assertRaisesRegex(UsageError, 'is not a run directory'):
            training.export_run(exports)

    @unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
    def test_memory_and_files_stay_as_they_are_over_20000_steps(self):
        def measured(reporter, *args):
            with open('/proc/self/statm') as file:
                pages = int(file.read().split()[1])
            table.append((args[0], pages * os.sysconf('SC_PAGE_SIZE') / 2**20, len(os.listdir('/proc/self/fd'))))
            return original(reporter, *args)
        table, original = [], loop.Reporter.report
        traced = []
        make = loop.step_function
        with (mock.patch.object(loop.Reporter, 'report', measured),
              mock.patch.object(loop, 'step_function', lambda *args: traced.append(make(*args)) or traced[0])):
            self.train(batch=2, total_kimg=40, report_kimg=8, depth=1, latent=1)
        print(*(f'step {step}: {mib:.0f} MiB, {files} files' for step, mib, files in table), sep='\n')
        self.assertEqual([step for step, _, _ in table], [4096 * i for i in range(1, 6)])
        self.assertLess(table[-1][1] - table[1][1], 20)  # MiB in 12,288 steps and three reports
        self.assertEqual(len({files for _, _, files in table[1:]}), 1)
        self.assertEqual(traced[0].experimental_get_tracing_count(), 1)

    def test_reports_of_lines_have_the_metric(self):
        run_dir = self.train(dataset='lines32', model='baseline', total_kimg=1, report_kimg=64)
        report, = metrics(run_dir)
        self.assertBetween(report['mean_distance'], 0.001, 0.2)
        self.assertBetween(report['undefined_interpolations'], 0, 256)


if __name__ == '__main__':
    tf.test.main()
