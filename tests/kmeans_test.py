import os
import warnings

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from acai_tf.clusterers import kmeans


class KMeansTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter('ignore', ConvergenceWarning)  # repeated points can leave a cluster empty
        self.points = np.random.default_rng(0).normal(size=[300, 4])
        self.state = os.path.join(self.create_tempdir().full_path, 'state')

    def scikit_learns(self, points, clusters, seed):
        starts = np.random.default_rng(seed).choice(len(points), clusters, replace=False)
        return KMeans(clusters, init=points[starts], n_init=1, max_iter=1000).fit(points)

    def test_it_is_the_best_of_scikit_learns_from_the_same_starts(self):
        singles = [self.scikit_learns(self.points, 5, seed) for seed in kmeans.restart_seeds(3, 21)]
        best = min(singles, key=lambda single: single.inertia_)
        objective, centers = kmeans.kmeans(self.points, 5, n_init=21, seed=3)
        self.assertAllClose(objective, best.inertia_, rtol=1e-9)
        self.assertAllClose(centers, best.cluster_centers_, rtol=1e-9)
        index, total = kmeans.nearest(self.points, centers)
        self.assertAllEqual(index, best.labels_)
        self.assertAllClose(total, objective, rtol=1e-9)

    def test_one_restart(self):
        expected = self.scikit_learns(self.points, 5, kmeans.restart_seeds(3, 1)[0])
        objective, centers = kmeans.kmeans(self.points, 5, n_init=1, seed=3)
        self.assertAllClose(objective, expected.inertia_, rtol=1e-9)
        self.assertAllClose(centers, expected.cluster_centers_, rtol=1e-9)

    @parameterized.named_parameters(
        ('large_and_far_away', lambda rng: 1e25 * rng.normal(size=[5000, 3]) + 1e27, 7),
        ('ties', lambda rng: rng.integers(0, 6, size=[5000, 3]), 2),
        ('repeated_points', lambda rng: np.repeat(rng.normal(size=[4, 3]), 50, axis=0), 4),
        ('one_cluster', lambda rng: rng.normal(size=[100, 3]), 1),
        ('as_many_clusters_as_points', lambda rng: rng.normal(size=[6, 3]), 6))
    def test_each_restart_is_scikit_learns(self, draw, clusters):
        points = draw(np.random.default_rng(5)).astype(np.float64)
        lloyd = kmeans.Lloyd(points, clusters)
        for seed, (objective, centers) in enumerate(lloyd.run(range(8))):
            expected = kmeans.nearest(points, self.scikit_learns(points, clusters, seed).cluster_centers_)[1]
            spread = points.std()
            self.assertAllClose(objective / len(points) / spread**2, expected / len(points) / spread**2, atol=2e-4)
            self.assertAllClose(objective / spread**2, kmeans.nearest(points, centers)[1] / spread**2, rtol=1e-5, atol=1e-4)

    def test_more_restarts_have_the_seeds_of_fewer(self):
        self.assertAllEqual(kmeans.restart_seeds(3, 5), kmeans.restart_seeds(3, 50)[:5])
        self.assertNotAllEqual(kmeans.restart_seeds(3, 5), kmeans.restart_seeds(4, 5))

    def test_fewer_restarts_than_kept_are_done_again(self):
        many, _ = kmeans.kmeans(self.points, 30, 40, 1, self.state)
        few, _ = kmeans.kmeans(self.points, 30, 2, 1)
        self.assertLess(many, few)
        self.assertEqual(kmeans.kmeans(self.points, 30, 2, 1, self.state)[0], few)

    def test_stopped_and_resumed_equals_uninterrupted(self):
        class Stop(Exception):
            pass

        def stop(done):
            counts.append(done)
            if len(counts) == 2:
                raise Stop
        counts = []
        with self.assertRaises(Stop):
            kmeans.kmeans(self.points, 5, 150, 1, self.state, stop)
        self.assertTrue(os.path.exists(self.state))
        with open(self.state) as file:
            sound = file.read()
        for damage in ('', '{"done": 8}', sound[:50], '[]'):
            with open(self.state, 'w') as file:
                file.write(damage)
            with self.assertLogs('acai_tf', 'WARNING') as logs:
                self.assertEqual(kmeans._read_state(self.state), (0, None))
            self.assertRegex(logs.output[0], 'state is damaged .*redoing all restarts')
        with open(self.state, 'w') as file:
            file.write(sound)
        later = []
        resumed = kmeans.kmeans(self.points, 5, 150, 1, self.state, later.append)
        self.assertGreater(later[0], counts[-1])
        objective, centers = kmeans.kmeans(self.points, 5, 150, 1)
        self.assertEqual(resumed[0], objective)
        self.assertAllEqual(resumed[1], centers)


if __name__ == '__main__':
    tf.test.main()
