"""Distances stay exact where all points lie far from the origin, and empty clusters are counted by their points."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import clusterers, losses
from acai_tf.clusterers.kmeans import nearest
from acai_tf.metrics.probe import nearest_neighbors
from acai_tf.models.vqvae import Codebook


class OffsetTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(0)

    def test_kmeans_assigns_blobs_at_an_offset(self):
        centers = np.array([[0, 0], [10, 0], [0, 10]], np.float64)
        labels = np.repeat(np.arange(3), 40)
        points = centers[labels] + self.random.normal(0, 0.15, [120, 2])
        near = clusterers.fit('kmeans', points, 3, n_init=5)
        far = clusterers.fit('kmeans', points + 1e8, 3, n_init=5)
        self.assertAllClose(far.objective, near.objective, rtol=1e-3)
        clusters = far.predict(points + 1e8)
        for label in range(3):
            self.assertLen(np.unique(clusters[labels == label]), 1)
        self.assertLen(np.unique(clusters), 3)

    def test_nearest_centers(self):
        points, centers = self.random.normal(size=[50, 3]), self.random.normal(size=[4, 3])
        index = ((points[:, None] - centers)**2).sum(axis=2).argmin(axis=1)
        for offset in (0.0, 1e7):
            self.assertAllEqual(nearest(points + offset, centers + offset)[0], index)

    def test_neighbours_of_a_probe(self):
        train, test, labels = self.random.normal(size=[60, 4]), self.random.normal(size=[30, 4]), np.arange(60) % 5
        expected = labels[((test[:, None] - train)**2).sum(axis=2).argmin(axis=1)]
        for offset in (0.0, 1e7):
            self.assertAllEqual(nearest_neighbors(train + offset, labels, test + offset, [1])[1], expected)

    def test_mmd(self):
        x, y = np.float32(self.random.normal(size=[16, 4])), np.float32(self.random.normal(size=[16, 4]))
        offset = np.float32(2.0**14)  # float32 keeps the points' digits down to 1e-3
        rounded = [(each + offset) - offset for each in (x, y)]
        self.assertAllClose(losses.mmd(*(tf.constant(each + offset) for each in (x, y))),
                            losses.mmd(*map(tf.constant, rounded)), atol=1e-5)

    def test_codes_of_a_codebook(self):
        codebook = Codebook(8, 4, 0)
        vectors, codes = np.float32(self.random.normal(size=[20, 4])), np.float32(self.random.normal(size=[8, 4]))
        offset = np.float32(2.0**14)
        rounded = [(each + offset) - offset for each in (vectors, codes)]
        expected = ((rounded[0][:, None] - rounded[1])**2).sum(axis=2).argmin(axis=1)
        codebook.codes.assign(codes + offset)
        self.assertAllEqual(codebook(tf.constant(vectors + offset))[1], expected)


class EmptyClustersTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(*range(10))
    def test_more_clusters_than_different_points(self, seed):
        points = np.repeat(np.random.default_rng(seed).normal(size=[4, 3]) + 0.1, 25, axis=0)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            clusterers.fit('kmeans', points, 6, seed, n_init=3)
        self.assertIn('the points make 4 different clusters, not 6', logs.output[-1])


if __name__ == '__main__':
    tf.test.main()
