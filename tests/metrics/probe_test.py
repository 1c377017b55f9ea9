import numpy as np
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

from acai_tf.metrics import probe


def blobs(count, spread, seed=0, classes=4):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return 10 * np.eye(classes)[labels] + spread * random.normal(size=[count, classes]), labels


class ProbeTest(tf.test.TestCase):

    def test_blobs_that_can_be_separated(self):
        (train, train_labels), (test, labels) = blobs(200, 1), blobs(80, 1, seed=1)
        # A dimension's scale does not matter to the regression.
        classes, _ = probe.logistic_regression(train * [1, 1e3, 1e-3, 1], train_labels, test * [1, 1e3, 1e-3, 1])
        self.assertEqual(probe.accuracy(classes, labels), (100, 100, 100))
        for classes in probe.nearest_neighbors(train, train_labels, test, (1, 10)).values():
            self.assertEqual(probe.accuracy(classes, labels)[0], 100)

    def test_noise_is_at_chance(self):
        random = np.random.default_rng(0)
        train, test = random.normal(size=[2, 2000, 8])
        train_labels, labels = random.integers(10, size=[2, 2000])
        regression, strength = probe.logistic_regression(train, train_labels, test)
        self.assertIn(strength, probe.STRENGTHS)
        for classes in (regression, *probe.nearest_neighbors(train, train_labels, test, (1, 10, 200)).values()):
            self.assertNear(probe.accuracy(classes, labels)[0], 10, 3 * 100 * (0.1 * 0.9 / 2000)**0.5)
        intervals = [probe.accuracy(random.integers(10, size=2000), labels)[1:] for _ in range(1000)]
        self.assertBetween(np.mean([low <= 10 <= high for low, high in intervals]), 0.93, 0.97)

    def test_weak_regularization_is_chosen_where_it_is_better(self):
        # The class is the sign along a direction with little variance, which strong regularization misses.
        random = np.random.default_rng(0)
        points = random.normal(size=[3000, 1]) + 0.03 * random.normal(size=[3000, 2])
        labels = (points[:, 0] > points[:, 1]).astype(int)
        classes, strength = probe.logistic_regression(points[:2000], labels[:2000], points[2000:])
        self.assertEqual(strength, probe.STRENGTHS[-1])
        self.assertGreater(probe.accuracy(classes, labels[2000:])[0], 95)

    def test_neighbours_are_those_of_scikit_learn(self):
        (train, train_labels), (test, _) = blobs(300, 8), blobs(100, 8, seed=1)
        for k, classes in probe.nearest_neighbors(train, train_labels, test, (1, 7, 200)).items():
            self.assertAllEqual(classes, KNeighborsClassifier(k, algorithm='brute').fit(train, train_labels).predict(test))

    def test_the_interval_is_that_of_resampling(self):
        random = np.random.default_rng(0)
        right = random.random(300) < 0.8
        accuracy, *interval = probe.accuracy(right, np.ones(300, bool))
        means = 100 * right[random.integers(300, size=[20000, 300])].mean(axis=1)
        self.assertAllClose(accuracy, 100 * right.mean())
        self.assertAllClose(interval, np.percentile(means, [2.5, 97.5]), atol=1.01 * 100 / 300)

    def test_few_points_and_one_class(self):
        points, labels = blobs(4, 0)
        self.assertEqual(probe.logistic_regression(points[:1], labels[:1], points)[0], None)
        classes, _ = probe.logistic_regression(points[:2], labels[:2], points)
        self.assertAllEqual(classes[:2], labels[:2])
        classes, _ = probe.logistic_regression(points, labels, points)
        self.assertAllEqual(classes, labels)
        self.assertAllEqual(probe.nearest_neighbors(points[:1], labels[:1], points, (1, 200))[200], [0] * 4)


if __name__ == '__main__':
    tf.test.main()
