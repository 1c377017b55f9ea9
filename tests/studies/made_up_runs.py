"""Run directories as acai_train leaves them, with made-up numbers."""

import json
import os

import tensorflow as tf

from acai_tf.runs import Run
from acai_tf.training.config import TrainConfig


class MadeUpRuns(tf.test.TestCase):
    """Makes run directories as acai_train leaves them."""

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path

    def make(self, model, curve, seed=0, finished=True, img_per_s=1024.0, total_kimg=None):
        """Makes a run directory with these values of mean_distance in its reports; returns its runs.Run."""
        config = TrainConfig(model=model, dataset='lines32', depth=16, latent=16, latent_width=2, seed=seed, report_kimg=1,
                             total_kimg=total_kimg or len(curve), train_dir=self.train_dir).resolve()
        run = Run(config.run_path)
        os.makedirs(run.path)
        with open(run.config_path, 'w') as file:
            file.write(config.to_json())
        with open(run.reports_path, 'w') as file:
            for kimg, distance in enumerate(curve, 1):
                file.write(json.dumps({'kimg': kimg, 'step': 16 * kimg, 'img_per_s': img_per_s, 'latent_accuracy': 50.0,
                                       'mean_distance': distance, 'mean_smoothness': None}) + '\n')
        if finished:
            os.makedirs(run.export(16 * len(curve)))
        return run
