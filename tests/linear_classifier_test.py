import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from acai_tf import randomness
from acai_tf.evaluation.classification import accuracy, train_linear


def softmax(x):
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def reference(features, labels, nclass, steps, lr, smoothing):
    """Adam on the whole set at each step, in float64."""
    width = features.shape[1]
    limit = np.sqrt(6 / (width + nclass))
    weights = [(2 * randomness.uniform([width, nclass], randomness.key(0, 'classifier')).numpy() - 1.0) * limit,
               np.zeros(nclass)]
    m, v = ([np.zeros_like(w) for w in weights] for _ in range(2))
    target = np.eye(nclass)[labels] * (1 - smoothing) + smoothing / nclass
    for t in range(steps):
        error = (softmax(features @ weights[0] + weights[1]) - target) / len(features)
        rate = lr * 0.1**(2 * t / steps)
        for i, gradient in enumerate((features.T @ error, error.sum(axis=0))):
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.999 * v[i] + 0.001 * gradient**2
            m_hat, v_hat = m[i] / (1 - 0.9**(t + 1)), v[i] / (1 - 0.999**(t + 1))
            weights[i] = weights[i] - rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    return weights


class LinearClassifierTest(tf.test.TestCase):

    def test_steps_are_adams_at_a_falling_rate(self):
        random = np.random.default_rng(0)
        features, labels = random.normal(size=[20, 3]), random.integers(0, 4, 20)
        for smoothing in (0.0, 0.1):
            # A batch of the whole set is the whole set in another order.
            found = train_linear(features, labels, 4, steps=12, lr=0.05, batch=20, smoothing=smoothing)
            weights, bias = reference(features, labels, 4, 12, 0.05, smoothing)
            self.assertAllClose(found.weights, weights, rtol=1e-4, atol=1e-5)
            self.assertAllClose(found.bias, bias, rtol=1e-4, atol=1e-5)

    def test_progress_and_seeds(self):
        random = np.random.default_rng(0)
        features, labels, done = random.normal(size=[50, 2, 3]), random.integers(0, 2, 50), []
        one, same, other = (train_linear(features, labels, 2, 2500, batch=4, seed=seed, progress=done.append)
                            for seed in (0, 0, 1))
        self.assertEqual(done[:2], [2000, 2500])
        self.assertAllEqual(one.weights, same.weights)
        self.assertNotAllClose(one.weights, other.weights)

    def test_it_comes_near_to_logistic_regression_on_real_digits(self):
        digits = load_digits()
        features = (digits.data / 8 - 1).astype(np.float32)
        train, test = (features[:1400], digits.target[:1400]), (features[1400:], digits.target[1400:])
        found = train_linear(*train, 10, steps=3000, lr=0.01)
        regression = LogisticRegression(max_iter=1000).fit(*train)
        self.assertGreater(accuracy(found, [test]), 100 * regression.score(*test) - 3)


if __name__ == '__main__':
    tf.test.main()
