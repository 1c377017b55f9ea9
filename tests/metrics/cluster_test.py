"""The metric `cluster`: matching of clusters and classes, whitening, and the options of the methods."""

import glob
import itertools
import os
from unittest import mock

import numpy as np
import tensorflow as tf
from made_up_data import Stripes, first_images

from acai_tf import metrics, models
from acai_tf.clusterers.dec import DEC
from acai_tf.errors import DataError, UsageError
from acai_tf.metrics import cluster


class ClusteringAccuracyTest(tf.test.TestCase):

    def test_brute_force_over_permutations(self):
        random = np.random.default_rng(0)
        for size in range(1, 8):
            labels, clusters = random.integers(0, size, [2, 60])
            best = max((np.array(order)[clusters] == labels).mean() for order in itertools.permutations(range(size)))
            self.assertAllClose(cluster.clustering_accuracy(labels, clusters), 100 * best)

    def test_more_clusters_than_classes_and_the_other_way_round(self):
        self.assertEqual(cluster.clustering_accuracy([0, 0, 0, 1], [5, 5, 3, 0]), 75.0)
        self.assertEqual(cluster.clustering_accuracy([3, 2, 1, 0], [0, 0, 0, 0]), 25.0)

    def test_the_class_that_each_cluster_is_matched_with(self):
        labels, clusters = np.array([0, 0, 1, 1, 1, 2]), np.array([4, 4, 0, 0, 4, 2])
        classes = cluster.matching(labels, clusters, 6)
        self.assertAllEqual(classes[[4, 0, 2]], [0, 1, 2])
        self.assertAllEqual(classes[[1, 3, 5]], [-1] * 3)
        self.assertAllClose(cluster.clustering_accuracy(labels, clusters), 100 * (classes[clusters] == labels).mean())

    def test_a_negative_label_is_refused(self):
        with self.assertRaisesRegex(ValueError, 'must be at least 0, but one is -1'):
            cluster.clustering_accuracy([0, 0, 1, 1, -1, 2], [0, 0, 1, 1, 2, 2])

    def test_wrong_sizes(self):
        for labels, clusters in (([], []), ([1, 2], [1])):
            with self.assertRaisesRegex(ValueError, 'must be'):
                cluster.clustering_accuracy(labels, clusters)


class WhiteningTest(tf.test.TestCase):

    def test_variance_of_the_training_set_is_one_nth_along_each_axis(self):
        random = np.random.default_rng(0)
        train = random.normal(size=[400, 5]) @ random.normal(size=[5, 5]) + 3
        white = cluster.whitening(train)(train)
        self.assertEqual(white.dtype, np.float64)
        self.assertAllClose(white.T @ white, np.eye(5), atol=1e-4)
        self.assertAllClose(white.mean(axis=0), np.zeros(5), atol=1e-12)

    def test_the_test_set_goes_through_the_training_sets_map(self):
        random = np.random.default_rng(1)
        train, test = random.normal(size=[50, 3]).astype(np.float32), random.normal(size=[7, 3]).astype(np.float32)
        white_train, white_test = map(cluster.whitening(train), (train, test))
        affine = np.linalg.lstsq(np.c_[train, np.ones(50)].astype(np.float64), white_train, rcond=None)[0]
        self.assertAllClose(white_test, np.c_[test, np.ones(7)] @ affine, atol=1e-9)

    def test_the_constant_added_to_the_singular_values(self):
        train = np.array([[1.0], [-1.0]])  # singular value sqrt(2)
        self.assertAllClose(np.abs(cluster.whitening(train)(train)), np.full([2, 1], 1 / (np.sqrt(2) + 1e-5)), rtol=1e-12)

    def test_the_rank_does_not_fall_as_images_are_added(self):
        deviations = np.array([1, .1, .006, .0005])
        for count in (100, 60000):
            train = np.random.default_rng(0).normal(3, deviations, [count, 4]).astype(np.float32)
            constant = np.concatenate([train, np.full([count, 1], 0.1, np.float32)], axis=1)
            self.assertEqual([cluster.whitening(points).rank for points in (train, constant)], [4, 4])

    def test_fewer_images_than_dimensions(self):
        train = np.random.default_rng(2).normal(size=[4, 9])
        self.assertTrue(np.isfinite(cluster.whitening(train)(train)).all())


class ClusterTest(tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = Stripes()

    def test_latents_are_whitened_and_pixels_only_if_asked(self):
        whitened, plain = (metrics.compute('cluster', 'pixels', self.data, n_init=5, use_svd=svd) for svd in (1, 0))
        self.assertEqual(metrics.compute('cluster', 'pixels', self.data, n_init=5), plain)
        # Sixteen whitened dimensions have a sum of squares of 16 at most.
        self.assertLess(whitened['objective'], 16)
        model = models.create('acai', (4, 4, 1), 3, depth=2, latent=2, latent_width=2)
        latents = metrics.compute('cluster', model, self.data, n_init=5)
        self.assertEqual(latents, metrics.compute('cluster', model, self.data, n_init=5, use_svd=1))

    def test_options_are_known_before_and_after(self):
        """acai_reproduce compares them with those in results.json, which acai_cluster writes after it has computed."""
        metric = metrics.create('cluster', method='dec', finetune_steps=2)
        before = metric.options()
        model = models.create('acai', (4, 4, 1), 3, depth=2, latent=2, latent_width=2)
        metric(model, self.data)
        self.assertEqual(metric.options(), before)
        self.assertEqual(before['pretrain_steps'], 0)
        with mock.patch.object(DEC, 'learn'):  # the published 50,000 steps of pretraining are too many for a test
            metric('pixels', self.data)
        self.assertEqual(metric.options(), before | {'pretrain_steps': 50000})
        metric(model, self.data)
        self.assertEqual(metric.options(), before)

    def test_whitening_of_fewer_images_than_dimensions(self):
        class Wide:
            image_shape = None

            def encode(self, images):
                return np.random.default_rng(len(images)).normal(size=[len(images), 50])
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            values = metrics.compute('cluster', Wide(), self.data, n_init=2)
        self.assertIsNone(values['test_objective'])
        self.assertRegex(logs.output[0], 'the clustered images vary in only 29 of 50 dimensions')

    def test_a_stopped_clustering_is_resumed_and_leaves_nothing_behind(self):
        prefix = os.path.join(self.create_tempdir().full_path, 'clusters.json')
        metric = metrics.create('cluster', n_init=3, partial=prefix)
        values = metric('pixels', self.data)
        self.assertLen(glob.glob(f'{prefix}.*.partial'), 1)
        metric.clean_up()
        self.assertEqual(metrics.compute('cluster', 'pixels', self.data, n_init=3, partial=prefix), values)
        self.assertEqual(glob.glob(f'{prefix}*'), [])

    def test_options_of_a_method_that_have_no_effect(self):
        for options, message in (({'method': 'dec', 'pretrain_steps': 0, 'layer_sizes': '5,2'},
                                  'layer_sizes=5,2 has no effect with pretrain_steps=0; leave it out'),
                                 ({'method': 'dec', 'finetune_steps': 0, 'refresh': 7},
                                  'refresh=7 has no effect with finetune_steps=0; leave it out'),
                                 ({'method': 'imsat', 'lam': 0, 'mu': 7}, 'mu=7.* has no effect with lam=0; leave it out'),
                                 ({'method': 'rim', 'rim': 'linear', 'layer_sizes': '5'},
                                  'layer_sizes=5 has no effect with rim=linear; leave it out')):
            with self.assertRaisesRegex(UsageError, message):
                metrics.compute('cluster', 'pixels', self.data, **options)

    def test_fewer_images_than_clusters(self):
        with self.assertRaisesRegex(DataError, 'stripes has 2 training images, too few for 3 clusters'):
            metrics.compute('cluster', 'pixels', first_images(self.data, 2), n_init=2)


if __name__ == '__main__':
    tf.test.main()
