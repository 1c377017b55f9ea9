"""Reading a run directory."""

import fcntl
import json
import os
from unittest import mock

import tensorflow as tf
from files_test import no_locks

from acai_tf import training
from acai_tf.errors import StorageError
from acai_tf.runs import Run, last_step
from acai_tf.training.config import TrainConfig


class RunTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.run_ = Run(os.path.join(self.create_tempdir().full_path, 'run'))

    def write(self, name, content=''):
        path = self.run_.file(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def begin(self, **options):
        config = TrainConfig(model='baseline', batch=100, total_kimg=2, **options).resolve()
        self.write('config.json', config.to_json())
        return config

    def test_only_checkpoints_count_as_such(self):
        for name in ('step-64.index', 'step-8.index', 'step-best.index', 'step-64-copy.index', 'step-9.index.old'):
            self.write(f'checkpoints/{name}')
        self.assertEqual(self.run_.checkpoint_steps(), [8, 64])

    def test_it_is_offered_by_training_too(self):
        self.assertIs(training.Run, Run)

    def test_a_run_that_is_not_there(self):
        run = self.run_
        self.assertEqual((run.reports(), run.checkpoint_steps(), run.export_steps(), run.results(5), run.divergence),
                         ([], [], [], {}, None))
        self.assertEqual((run.in_use, run.is_finished), (False, False))
        with self.assertRaises(FileNotFoundError):
            run.config  # noqa: B018

    def test_config(self):
        config = self.begin(lr=0.5)
        self.assertEqual(self.run_.config, json.loads(config.to_json()))
        self.assertEqual((last_step(self.run_.config), last_step({'total_kimg': 1, 'batch': 64})), (21, 16))

    def test_a_damaged_config(self):
        sound = json.loads(self.begin().to_json())
        for content, what in (
                ('{', 'Expecting property name'), ('[]', 'it is not a JSON object'), ('[' * 100000, 'recursion'),
                ({**sound, 'batch': 0}, 'batch is 0'), ({**sound, 'total_kimg': '1'}, "total_kimg is '1'"),
                ({**sound, 'checksums': None}, 'checksums is None'), ({**sound, 'model_options': 1}, 'model_options is 1')):
            self.write('config.json', content)
            with self.assertRaisesRegex(StorageError, f'config.json is damaged .*{what}.*; correct it, or start over with'):
                self.run_.config  # noqa: B018

    def test_steps(self):
        for name in ('step-20.index', 'step-3.index', 'step-100.index', 'step-100.data-00000-of-00001', 'checkpoint'):
            self.write(f'checkpoints/{name}')
        for name in ('100', '21', 'README.md'):
            self.write(f'export/{name}/saved_model.pb')
        self.assertEqual((self.run_.checkpoint_steps(), self.run_.export_steps()), ([3, 20, 100], [21, 100]))
        self.assertEqual(self.run_.checkpoint(20), self.run_.file('checkpoints', 'step-20'))
        self.assertEqual(self.run_.export(20), self.run_.file('export', '20'))

    def test_it_is_finished_with_the_export_of_its_last_step(self):
        self.begin()
        self.write('export/20/saved_model.pb')
        self.assertFalse(self.run_.is_finished)
        self.write('export/21/saved_model.pb')
        self.assertTrue(self.run_.is_finished)

    def test_it_is_not_in_use_where_there_are_no_locks(self):
        self.write('.lock')
        with mock.patch.object(fcntl, 'flock', no_locks):
            self.assertFalse(self.run_.in_use)

    def test_it_is_in_use_while_its_lock_is_held(self):
        self.write('.lock')
        self.assertFalse(self.run_.in_use)
        with open(self.run_.lock_path, 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertTrue(self.run_.in_use)
        self.assertFalse(self.run_.in_use)

    def test_divergence(self):
        self.write('diverged.json', {'message': 'loss is nan at step 5'})
        self.assertEqual(self.run_.divergence, 'loss is nan at step 5')
        self.write('diverged.json', '{')
        self.assertEqual(self.run_.divergence, 'training became non-finite')

    def test_reports_that_cannot_be_read_are_left_out_with_a_warning(self):
        self.write('metrics.jsonl', '{"step": 1, "loss": 2}\n7\n{"loss": 3}\n{"step": 2}\n{"step": 3, "lo')
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.assertEqual(self.run_.reports(), [{'step': 1, 'loss': 2}, {'step': 2}])
        self.assertRegex(logs.output[0], '3 lines of .*metrics.jsonl cannot be read')
        with self.assertNoLogs('acai_tf', 'WARNING'):
            self.assertLen(self.run_.reports(warn=False), 2)

    def test_results(self):
        self.write('results/21/rank.json', {'values': {'effective_rank': 3.0}, 'dataset': 'lines32'})
        self.write('results/21/lines.json', '{')
        self.write('results/21/other.json', {'numbers': 3})
        self.assertEqual(self.run_.results(21), {'rank': {'values': {'effective_rank': 3.0}, 'dataset': 'lines32'}})

    def test_the_run_of_an_export(self):
        self.begin()
        self.assertEqual(Run.of_export(self.run_.export(21)).path, self.run_.path)
        self.assertIsNone(Run.of_export(self.run_.file('results', '21')))
        self.assertIsNone(Run.of_export(os.path.join(self.create_tempdir().full_path, 'export', '21')))


if __name__ == '__main__':
    tf.test.main()
