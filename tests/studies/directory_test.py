"""The page about everything in a directory."""

import fcntl
import json
import os

import tensorflow as tf
from made_up_runs import MadeUpRuns

from acai_tf.errors import DataError, UsageError
from acai_tf.studies import directory


class DirectoryTest(MadeUpRuns):

    def test_runs_in_every_state(self):
        finished = self.make('acai', [3e-3] * 2)
        self.make('acai', [5e-3] * 2, seed=1)
        self.make('vae', [3e-3], finished=False, total_kimg=2)
        diverged = self.make('aae', [3e-3], finished=False, total_kimg=2)
        with open(diverged.divergence_path, 'w') as file:
            json.dump({'message': 'loss_ae is nan at step 20'}, file)
        running = self.make('lrae', [], finished=False, total_kimg=2)
        os.makedirs(os.path.join(self.train_dir, 'lines32', 'empty'))
        damaged = self.make('miae', [1e-3])
        with open(damaged.config_path, 'w') as file:
            file.write('{')
        with open(running.lock_path, 'w') as lock:
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
        self.assertIn('| 0, 1 | 50 ± 0 | 4e-3 ± 1.4e-3 |', text)
        self.assertIn('| finished: last of 2 reports, not the median of 20 | 2 of 2 |', text)
        self.assertIn('Runs: 1 finished.\n\n## lines32', directory.report(finished.path))

    def test_runs_that_differ_only_in_seed_and_preset_are_averaged(self):
        for seed in (0, 1):
            run = self.make('acai', [0.1], seed)
        with open(run.config_path) as file:
            content = json.load(file)
        with open(run.config_path, 'w') as file:
            json.dump({**content, 'preset': 'quick'}, file)
        self.assertIn('| 0, 1 | ', directory.report(self.train_dir))

    def test_metrics_and_pixels(self):
        results = self.make('acai', [3e-3]).results_dir(16)
        for place, name, content in ((results, 'correlation', {'values': {'correlation': 0.25}}),
                                     (os.path.join(results, 'studies'), 'cluster_n_init5', {'accuracy': 61.0}),
                                     (os.path.join(results, 'studies'), 'classify', {'accuracy': 90.0}),
                                     (os.path.join(self.train_dir, 'lines32', 'pixels'), 'cluster', {'accuracy': 33.0})):
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, f'{name}.json'), 'w') as file:
                json.dump(content, file)
        text = directory.report(self.train_dir)
        self.assertIn('| correlation 0.25, classify.accuracy 90, cluster_n_init5.accuracy 61 |', text)
        self.assertIn('| `pixels` | measured |  |  |  |  |  | accuracy 33 |', text)

    def test_nothing_there(self):
        with self.assertRaisesRegex(DataError, 'holds neither runs nor results'):
            directory.report(self.train_dir)
        with self.assertRaisesRegex(UsageError, 'does not exist'):
            directory.report(os.path.join(self.train_dir, 'nowhere'))


if __name__ == '__main__':
    tf.test.main()
