import itertools
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from sklearn.cluster import KMeans

from acai_tf.clusterers import kmeans
from acai_tf.evaluation import clustering


class AccuracyTest(tf.test.TestCase):

    def test_brute_force_over_permutations(self):
        random = np.random.default_rng(0)
        for size in range(1, 8):
            labels, clusters = random.integers(0, size, [2, 60])
            best = max((np.array(order)[clusters] == labels).mean() for order in itertools.permutations(range(size)))
            self.assertAllClose(clustering.clustering_accuracy(labels, clusters), 100 * best)

    def test_more_clusters_than_classes_and_the_other_way_round(self):
        self.assertEqual(clustering.clustering_accuracy([0, 0, 0, 1], [5, 5, 3, 0]), 75.0)
        self.assertEqual(clustering.clustering_accuracy([3, 2, 1, 0], [0, 0, 0, 0]), 25.0)

    def test_the_class_that_each_cluster_is_matched_with(self):
        labels, clusters = np.array([0, 0, 1, 1, 1, 2]), np.array([4, 4, 0, 0, 4, 2])
        found = clustering.matching(labels, clusters, 6)
        self.assertAllEqual(found[[4, 0, 2]], [0, 1, 2])
        self.assertAllEqual(found[[1, 3, 5]], [-1] * 3)
        self.assertAllClose(clustering.clustering_accuracy(labels, clusters), 100 * (found[clusters] == labels).mean())

    def test_a_negative_label_is_refused(self):
        with self.assertRaisesRegex(ValueError, 'counted from 0; -1 is negative'):
            clustering.clustering_accuracy([0, 0, 1, 1, -1, 2], [0, 0, 1, 1, 2, 2])

    def test_wrong_sizes(self):
        for labels, clusters in (([], []), ([1, 2], [1])):
            with self.assertRaisesRegex(ValueError, 'must be'):
                clustering.clustering_accuracy(labels, clusters)


class WhitenTest(tf.test.TestCase):

    def test_variance_of_the_training_set_is_one_nth_each_way(self):
        random = np.random.default_rng(0)
        train = random.normal(size=[400, 5]) @ random.normal(size=[5, 5]) + 3
        white, _ = clustering.whiten(train, train[:1])
        self.assertEqual(white.dtype, np.float64)
        self.assertAllClose(white.T @ white, np.eye(5), atol=1e-4)
        self.assertAllClose(white.mean(axis=0), np.zeros(5), atol=1e-12)

    def test_the_test_set_goes_through_the_training_sets_map(self):
        random = np.random.default_rng(1)
        train, test = random.normal(size=[50, 3]).astype(np.float32), random.normal(size=[7, 3]).astype(np.float32)
        white_train, white_test = clustering.whiten(train, test)
        affine = np.linalg.lstsq(np.c_[train, np.ones(50)].astype(np.float64), white_train, rcond=None)[0]
        self.assertAllClose(white_test, np.c_[test, np.ones(7)] @ affine, atol=1e-9)

    def test_the_constant_beside_the_singular_values(self):
        train = np.array([[1.0], [-1.0]])  # singular value sqrt(2)
        self.assertAllClose(np.abs(clustering.whiten(train, train)[0]), np.full([2, 1], 1 / (np.sqrt(2) + 1e-5)), rtol=1e-12)

    def test_the_rank_does_not_fall_as_images_come_in(self):
        deviations = np.array([1, .1, .006, .0005])
        for count in (100, 60000):
            train = np.random.default_rng(0).normal(3, deviations, [count, 4]).astype(np.float32)
            constant = np.concatenate([train, np.full([count, 1], 0.1, np.float32)], axis=1)
            self.assertEqual([clustering.whitening(points)[2] for points in (train, constant)], [4, 4])

    def test_fewer_images_than_dimensions(self):
        train = np.random.default_rng(2).normal(size=[4, 9])
        white, _ = clustering.whiten(train, train)
        self.assertTrue(np.isfinite(white).all())


class KMeansTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
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
            self.assertRegex(logs.output[0], 'state is damaged .*all restarts are made again')
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
