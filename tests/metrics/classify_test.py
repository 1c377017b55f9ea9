"""The single-layer classifier of `classify`: its steps against a derivation, and its accuracy on real digits."""

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from acai_tf.metrics.accuracy import accuracy
from acai_tf.metrics.classify import LinearClassifier
from acai_tf.models.fitting import Fitting


def create(width, nclass, steps, lr=1e-4, smoothing=0.0, seed=0):
    model = LinearClassifier(width, nclass, steps, smoothing, seed)
    model.compile(lr)
    return model


def train(model, points, labels, steps, batch=64):
    """Weights and bias after training."""
    with Fitting({'classifier': model}, None, steps) as fitting:
        fitting.train('classifier', [np.asarray(points, np.float32), labels], steps, batch)
    return model.classifier.get_weights()


def softmax(x):
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def reference(weights, points, labels, steps, lr, smoothing):
    """Runs Adam on the whole set at each step, in float64, from these weights."""
    weights, nclass = [w.astype(np.float64) for w in weights], len(weights[1])
    m, v = ([np.zeros_like(w) for w in weights] for _ in range(2))
    target = np.eye(nclass)[labels] * (1 - smoothing) + smoothing / nclass
    for t in range(steps):
        error = (softmax(points @ weights[0] + weights[1]) - target) / len(points)
        rate = lr * 0.1**(2 * t / steps)
        for i, gradient in enumerate((points.T @ error, error.sum(axis=0))):
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.999 * v[i] + 0.001 * gradient**2
            m_hat, v_hat = m[i] / (1 - 0.9**(t + 1)), v[i] / (1 - 0.999**(t + 1))
            weights[i] = weights[i] - rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    return weights


class LinearClassifierTest(tf.test.TestCase):

    def test_steps_are_adams_at_a_falling_rate(self):
        random = np.random.default_rng(0)
        points, labels = random.normal(size=[20, 3]), random.integers(0, 4, 20)
        for smoothing in (0.0, 0.1):
            model = create(3, 4, 12, 0.05, smoothing)
            expected = reference(model.classifier.get_weights(), points, labels, 12, 0.05, smoothing)
            # A batch as large as the set is the set in another order.
            for found, value in zip(train(model, points, labels, 12, batch=20), expected, strict=True):
                self.assertAllClose(found, value, rtol=1e-4, atol=1e-5)

    def test_weights_start_glorot_uniform(self):
        weights, bias = create(300, 10, 1).classifier.get_weights()
        limit = np.sqrt(6 / (300 + 10))
        self.assertBetween(np.abs(weights).max(), 0.99 * limit, limit)
        self.assertNear(weights.std(), limit / np.sqrt(3), 0.03 * limit)
        self.assertAllEqual(bias, np.zeros(10))

    def test_the_seed_decides_the_weights_and_the_batches(self):
        random = np.random.default_rng(0)
        points, labels = random.normal(size=[50, 6]), random.integers(0, 2, 50)

        def batches(seed):
            model = create(6, 2, 20, lr=0.01, seed=seed)
            model.classifier.set_weights([np.zeros([6, 2]), np.zeros(2)])
            return train(model, points, labels, 20, batch=4)[0]

        def weights(seed):
            return create(6, 2, 20, seed=seed).classifier.get_weights()[0]
        for decided in (weights, batches):
            one, same, other = map(decided, (0, 0, 1))
            self.assertAllEqual(one, same)
            self.assertNotAllClose(one, other, rtol=1e-3, atol=1e-3)

    def test_it_comes_near_to_logistic_regression_on_real_digits(self):
        digits = load_digits()
        points = (digits.data / 8 - 1).astype(np.float32)
        training, test = (points[:1400], digits.target[:1400]), (points[1400:], digits.target[1400:])
        model = create(64, 10, 3000, lr=0.01)
        train(model, *training, 3000)
        regression = LogisticRegression(max_iter=1000).fit(*training)
        self.assertGreater(accuracy(model, [test]), 100 * regression.score(*test) - 3)


if __name__ == '__main__':
    tf.test.main()
