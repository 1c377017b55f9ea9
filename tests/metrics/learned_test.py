"""Metrics that learn: saving and loading."""

import os
from unittest import mock

import numpy as np
import tensorflow as tf
from made_up_data import Stripes

from acai_tf import metrics
from acai_tf.errors import DataError


class LearnedTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.data = Stripes()
        self.saved = os.path.join(self.create_tempdir().full_path, 'saved')

    def test_a_result_is_applied_to_the_latents_it_was_learned_from(self):
        class Export:
            image_shape, encode = None, staticmethod(np.asarray)

            def __init__(self, step):
                self.config = {'model': 'acai', 'step': step, 'sha256': {'variables/variables.index': f'of {step}'}}
        metric = metrics.create('cluster', n_init=2)
        values = metric(Export(1), self.data)
        metric.save(self.saved)
        with self.assertNoLogs('acai_tf', 'WARNING'):
            self.assertAllClose(metrics.create('cluster', load=self.saved)(Export(1), self.data), values)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            metrics.create('cluster', load=self.saved)(Export(2), self.data)
        self.assertRegex(logs.output[0], 'saved was learned from the latents of a different export: acai, step 1')
        with self.assertRaisesRegex(DataError, 'saved was learned from latents, not from pixels'):
            metrics.create('cluster', load=self.saved)('pixels', self.data)

    def test_it_learns_from_the_first_images_and_answers_for_all(self):
        with mock.patch.object(metrics.REGISTRY.get('cluster'), 'most_training_images', 20):
            metric = metrics.create('cluster', n_init=2)
            values = metric('pixels', self.data)
        metric.save(self.saved)
        points = self.data.load('train')[0][:20].reshape(20, -1) / 127.5 - 1
        centers = [points[np.arange(20) % 3 == label].mean(axis=0) for label in range(3)]
        self.assertAllClose(values['objective'], sum(np.sum((points[i] - centers[i % 3])**2) for i in range(20)), rtol=1e-4)
        with np.load(os.path.join(self.saved, 'train.npz')) as answers:
            self.assertAllEqual(answers['classes'], np.arange(30) % 3)


if __name__ == '__main__':
    tf.test.main()
