"""Results that are kept with the run."""

import os
import types

import tensorflow as tf

from acai_tf import datasets, metrics
from acai_tf.metrics import results
from acai_tf.runs import Run
from acai_tf.training.config import TrainConfig


class ResultsTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.run = Run(self.create_tempdir().full_path)
        with open(self.run.config_path, 'w', encoding='utf-8') as file:
            file.write(TrainConfig().resolve().to_json())

    def test_results_on_another_data_set_have_their_own_files(self):
        loaded = types.SimpleNamespace(path=self.run.export(5),
                                       config={'step': 5, 'dataset': 'digits32', 'dataset_options': {}})
        for value, name in enumerate(('digits32', 'lines32')):
            results.keep(loaded, metrics.create('reconstruction'), datasets.get(name), {'mse': value})
        self.assertEqual({name: (content['values']['mse'], content['dataset'])
                          for name, content in self.run.results(5).items()},
                         {'reconstruction': (0, 'digits32'), 'reconstruction.lines32': (1, 'lines32')})

    def test_only_an_export_in_a_run_has_results(self):
        elsewhere = os.path.join(self.create_tempdir().full_path, 'export', '7')
        loaded = types.SimpleNamespace(path=elsewhere, config={})
        results.keep(loaded, metrics.create('reconstruction'), datasets.get('digits32'), {'mse': 0})
        self.assertFalse(os.path.exists(os.path.dirname(os.path.dirname(elsewhere)) + '/results'))


if __name__ == '__main__':
    tf.test.main()
