"""How long a study takes."""

import os

import tensorflow as tf

from acai_tf import studies
from acai_tf.studies import estimate
from acai_tf.studies.plan import plan
from acai_tf.studies.select import Choice, select


class EstimateTest(tf.test.TestCase):

    def test_a_shape_is_measured_once_and_what_is_done_costs_nothing(self):
        choice = Choice(models=['baseline'], datasets=['mnist32'], seeds=2, total_kimg=8, depth=2,
                        dataset_for={'mnist32': 'digits32'}, train_dir=self.create_tempdir().full_path)
        jobs, _ = plan(select(studies.get('table', 'acai2'), choice), choice)
        os.makedirs(jobs[0].export)
        seconds, size = estimate.estimate(jobs)
        done, *todo = (seconds[job.key] for job in jobs)
        self.assertLen(jobs, 4)
        self.assertEqual((done, size[jobs[0].key]), (0.0, 0))
        self.assertGreater(todo[0], 0)
        self.assertEqual(todo, todo[:1] * 3)
        self.assertGreater(size[jobs[1].key], 1e5)


if __name__ == '__main__':
    tf.test.main()
