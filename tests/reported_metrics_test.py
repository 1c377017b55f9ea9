"""Metrics in the programs: in the reports of acai_train, and kept with the run by acai_evaluate and acai_cluster."""

import glob
import json
import os

import tensorflow as tf
from programs import ProgramTestCase, run


class ReportedMetricsTest(ProgramTestCase):

    def test_metrics_join_the_reports_and_results_join_the_run(self):
        self.run_well('acai_train', '--model=baseline', '--dataset=digits32', '--depth=1', '--latent=1', '--total_kimg=1',
                      f'--train_dir={self.directory}', '--report_metrics=reconstruction,cluster,accuracy,path,conditioning,'
                      'rank,probe,samples')
        run_dir, = glob.glob(self.path('*/*'))
        with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
            report = json.loads(file.read())
        self.assertAllClose(report['rmse'], 127.5 * report['loss']**.5, rtol=0.1)  # of the training images
        self.assertContainsSubset(['mse', 'test_rmse', 'cluster_objective', 'latent_accuracy', 'path_pairs',
                                   'log_condition_number', 'effective_rank', 'probe_accuracy',
                                   'samples_mixture_precision'], report)
        values = json.loads(self.run_well('acai_evaluate', f'--saved_model={run_dir}/export',
                                          '--metrics=reconstruction,accuracy,correlation'))
        for name in ('mse', 'latent_accuracy'):
            self.assertAllClose(values[name], report[name], rtol=1e-4)
        results = os.path.join(run_dir, 'results', '16')
        self.assertCountEqual(os.listdir(results), ['reconstruction.json', 'accuracy.json', 'correlation.json'])
        values = json.loads(self.run_well('acai_cluster', f'--saved_model={run_dir}/export/16', '--n_init=3', '--use_svd=0'))
        with open(os.path.join(results, 'cluster.json')) as file:
            kept = json.load(file)
        self.assertEqual(kept['values'], values)
        self.assertEqual(kept['dataset'], 'digits32')
        self.assertEqual(kept['options'], {'method': 'kmeans', 'clusters': 0, 'n_init': 3, 'use_svd': 0, 'seed': 0})
        self.assertIn('tensorflow', kept['versions'])

    def test_a_metric_that_does_not_apply_is_refused_before_training(self):
        for name, message in (('lines', 'the metric lines is for lines32, not digits32'), ('nope', 'unknown metric')):
            code, _, err = run('bin/acai_train', '--dataset=digits32', f'--train_dir={self.directory}', '--depth=1',
                               f'--report_metrics={name}')
            self.assertEqual(code, 1)
            self.assertRegex(err.splitlines()[-1], f'^acai_train: .*{message}')


if __name__ == '__main__':
    tf.test.main()
