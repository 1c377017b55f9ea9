import fcntl
import json
import os
from unittest import mock

import tensorflow as tf
from files_test import no_locks

from acai_tf import datasets
from acai_tf.errors import StorageError, UsageError
from acai_tf.training import Run
from acai_tf.training.config import TrainConfig
from acai_tf.training.run_directory import RunDirectory


class RunNameTest(tf.test.TestCase):

    def names(self, **options):
        """Names of the run directory and its data set's directory."""
        directory, name = os.path.split(TrainConfig(**options).resolve().run_path)
        return name, os.path.basename(directory)

    def test_released_names(self):
        self.assertEqual(self.names(dataset='svhn32'),
                         ('ACAI_advdepth64_advweight0.5_depth64_latent16_reg0.2_scales3', 'svhn32'))
        self.assertEqual(self.names(model='baseline', depth=16, latent_width=2),
                         ('AEBaseline_depth16_latent16_scales4', 'lines32'))

    def test_a_seed_of_ones_own_joins(self):
        self.assertEqual(self.names(model='baseline', seed=1)[0], 'AEBaseline_depth64_latent16_scales3_seed1')

    def test_what_differs_from_its_default_joins(self):
        self.assertEqual(self.names(model='baseline', lr=0.002, batch=32, precision='mixed_bfloat16')[0],
                         'AEBaseline_batch32_depth64_latent16_lr0.002_precisionmixed_bfloat16_scales3')

    def test_options_that_the_released_code_does_not_have_join_where_they_differ(self):
        self.assertEqual(self.names(model='vae')[0], 'VAE_beta1.0_depth64_latent16_scales3')
        self.assertEqual(self.names(model='vae', sample_latent=True)[0],
                         'VAE_beta1.0_depth64_latent16_sample_latentTrue_scales3')

    def test_options_of_other_networks_join_where_they_differ(self):
        self.assertEqual(self.names(model='baseline', architecture='vgg')[0],
                         'AEBaseline_architecturevgg_depth64_latent16_latent_width4')
        self.assertEqual(self.names(model='baseline', architecture='vgg', batch_norm=True, gain=2)[0],
                         'AEBaseline_architecturevgg_batch_normTrue_depth64_gain2.0_latent16_latent_width4')

    def test_names_of_data_sets(self):
        for options, name in (({}, 'lines32'), ({'dataset': 'coil100'}, 'coil100'),
                              ({'dataset': 'coil100', 'coil_object': 7, 'resolution': 64}, 'coil100-object7-64px')):
            self.assertEqual(self.names(**options)[1], name)
        self.assertEqual(datasets.short_name('records:/some/where/photos/'), 'records-photos')


class RunDirectoryTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path

    def config(self, fingerprint=None, **changes):
        config = TrainConfig(**{'model': 'baseline', 'train_dir': self.train_dir, **changes}).resolve()
        config.fingerprint = fingerprint or {}
        return config

    def open(self, overwrite=False, **changes):
        directory = RunDirectory(self.config(**changes), overwrite)
        self.addCleanup(directory.close)
        directory.begin()
        return directory

    def test_nothing_is_changed_before_the_run_begins(self):
        directory = self.open()
        directory.append_report({'step': 1})
        directory.close()
        with open(directory.file('config.json')) as file:
            before = file.read()
        RunDirectory(self.config(total_kimg=99999)).close()
        RunDirectory(self.config(deterministic=True), overwrite=True).close()
        with open(directory.file('config.json')) as file:
            self.assertEqual(file.read(), before)
        self.assertLen(directory.reports(), 1)

    def test_the_versions_that_a_run_began_with_are_kept(self):
        directory = self.open()
        directory.close()
        with open(directory.file('config.json')) as file:
            content = json.load(file)
        with open(directory.file('config.json'), 'w') as file:
            json.dump(content | {'versions': {'tensorflow': '1.99'}}, file)
        self.open(total_kimg=99999).close()
        self.assertEqual(Run(directory.path).config['versions'], {'tensorflow': '1.99'})
        self.open(overwrite=True).close()
        self.assertEqual(Run(directory.path).config['versions'], content['versions'])

    def test_a_shorter_run_is_another_only_where_more_is_trained(self):
        directory = self.open(total_kimg=99999)
        directory.close()
        self.open(total_kimg=5).close()
        os.makedirs(directory.file('checkpoints'))
        open(os.path.join(directory.file('checkpoints'), 'step-81.index'), 'w').close()
        with self.assertRaisesRegex(UsageError, 'total_kimg is 6 there and 5 here'):
            self.open(total_kimg=6).close()
            self.open(total_kimg=5)

    def test_an_export_counts_as_trained(self):
        directory = self.open(total_kimg=99999)
        directory.close()
        os.makedirs(directory.export(1000))
        with self.assertRaisesRegex(UsageError, 'total_kimg is 99999 there and 5 here'):
            self.open(total_kimg=5)

    def test_the_same_run_again_and_a_longer_one(self):
        self.open().close()
        directory = self.open(total_kimg=99999)
        with open(directory.file('config.json')) as file:
            self.assertEqual(json.load(file)['total_kimg'], 99999)

    def test_runs_of_two_learning_rates_have_two_directories(self):
        self.assertNotEqual(self.open().path, self.open(lr=0.5).path)

    def test_another_config_is_refused_and_changes_nothing(self):
        directory = self.open()
        directory.append_report({'step': 1})
        directory.close()
        with open(directory.file('config.json')) as file:
            before = file.read()
        with self.assertRaisesRegex(UsageError, 'deterministic is False there and True here'):
            self.open(deterministic=True)
        with open(directory.file('config.json')) as file:
            self.assertEqual(file.read(), before)

    def test_other_data_is_refused(self):
        self.open().close()  # not read yet
        directory = self.open(fingerprint={'count': 5, 'nclass': 2})
        directory.append_report({'step': 1})
        directory.close()
        with self.assertRaisesRegex(UsageError, 'data count is 5 there and 6 here, data nclass is 2 there and 3 here'):
            self.open(fingerprint={'count': 6, 'nclass': 3})

    def test_in_use(self):
        self.open()
        with self.assertRaisesRegex(UsageError, 'in use'):
            self.open()

    def test_overwrite_clears_the_run_and_follows_no_links(self):
        outside = self.create_tempdir()
        outside.create_file('kept', content='x')
        directory = self.open()
        directory.close()
        os.symlink(outside.full_path, directory.file('link'))
        os.makedirs(directory.file('images'))
        directory.append_report({'step': 1})
        self.open(overwrite=True, deterministic=True)
        self.assertCountEqual(os.listdir(directory.path), ['.lock', 'config.json'])
        self.assertEqual(os.listdir(outside.full_path), ['kept'])

    def test_a_link_in_place_of_the_directory_is_refused(self):
        path = self.config().run_path
        os.makedirs(os.path.dirname(path))
        os.symlink(self.create_tempdir().full_path, path)
        with self.assertRaisesRegex(UsageError, 'is a link'):
            self.open(overwrite=True)

    def test_foreign_files_are_refused(self):
        path = self.config().run_path
        os.makedirs(path)
        with open(os.path.join(path, 'thesis.tex'), 'w'):
            pass
        with self.assertRaisesRegex(UsageError, 'not empty'):
            self.open()
        self.assertTrue(os.path.exists(os.path.join(path, 'thesis.tex')))

    def test_unwritable(self):
        blocker = self.create_tempfile('file').full_path
        with self.assertRaisesRegex(UsageError, 'cannot be written'):
            self.open(train_dir=blocker)

    def test_damaged_config(self):
        directory = self.open()
        directory.close()
        with open(directory.file('config.json'), 'w') as file:
            file.write('{')
        with self.assertRaisesRegex(StorageError, 'config.json is damaged'):
            self.open()

    def test_reports_are_cut_back_and_nan_is_null(self):
        directory = self.open()
        for step in (1, 2, 3):
            directory.append_report({'step': step, 'mean_smoothness': float('nan')})
        with open(directory.file('metrics.jsonl'), 'a') as file:
            file.write('{"step": 4, "lo')  # a process died here
        directory.cut_reports(2)
        with open(directory.file('metrics.jsonl')) as file:
            self.assertEqual(file.read(), '{"step": 1, "mean_smoothness": null}\n{"step": 2, "mean_smoothness": null}\n')

    def test_a_file_system_without_locks_is_named(self):
        with mock.patch.object(fcntl, 'flock', no_locks), self.assertRaisesRegex(
                StorageError, r'/AEBaseline\w* cannot be locked \(No locks available\); choose a --train_dir on'):
            self.open()


if __name__ == '__main__':
    tf.test.main()
