"""The single-layer classifier of the ACAI paper (section 4.1; released classify.py), and accuracy."""

import numpy as np
import tensorflow as tf

from acai_tf import randomness
from acai_tf.datasets.base import shuffled
from acai_tf.errors import NonFiniteError
from acai_tf.tracing import traced

_STEPS_PER_CALL = 2000


class LinearClassifier:
    """A linear layer and a softmax.

    Attributes:
        weights: float32 [d, nclass]. bias: float32 [nclass].
    """

    def __init__(self, weights, bias):
        self.weights, self.bias = np.asarray(weights), np.asarray(bias)

    def __call__(self, features):
        """Logits [n, nclass] of features [n, d]."""
        return np.asarray(features, np.float32).reshape(len(features), -1) @ self.weights + self.bias


def train_linear(features, labels, nclass, steps, lr=1e-4, batch=64, smoothing=0.0, seed=0, progress=None):
    """Trains a single-layer classifier by Adam on the cross-entropy.

    The learning rate falls exponentially, to 0.1 of itself in half the training and 0.01 in all, as released. Weights
    start Glorot uniform. Each epoch is shuffled.

    Args:
        features: [n, ...], flattened. labels: int [n] in 0..nclass-1.
        steps: how many updates.
        smoothing: of the labels; the released code uses 0.1 for raw pixels.
        progress: called with the number of steps done.

    Returns:
        LinearClassifier.

    Raises:
        NonFiniteError: a weight became NaN or infinite.
    """
    features = tf.constant(np.asarray(features, np.float32).reshape(len(features), -1))
    labels = tf.constant(np.asarray(labels), tf.int64)
    size, width = features.shape
    limit = np.sqrt(6 / (width + nclass))
    initial = (2 * randomness.uniform([width, nclass], randomness.key(seed, 'classifier')) - 1) * limit
    layer = [tf.Variable(initial), tf.Variable(tf.zeros([nclass]))]
    moments = [[tf.Variable(tf.zeros_like(v)) for v in layer] for _ in range(2)]
    order_key = randomness.key(seed, 'classifier/order')

    def step(t):
        position = t * batch + tf.range(batch, dtype=tf.int64)
        chosen = shuffled(position, size, order_key)
        x, y = tf.gather(features, chosen), tf.one_hot(tf.gather(labels, chosen), nclass)
        y = y * (1 - smoothing) + smoothing / nclass
        error = (tf.nn.softmax(x @ layer[0] + layer[1]) - y) / batch
        rate = lr * tf.pow(0.1, tf.cast(t, tf.float32) / (steps / 2))
        powers = [tf.pow(beta, tf.cast(t + 1, tf.float32)) for beta in (0.9, 0.999)]
        for v, m, s, gradient in zip(layer, *moments, (tf.matmul(x, error, transpose_a=True), tf.reduce_sum(error, 0))):
            tf.raw_ops.ResourceApplyAdam(
                var=v.handle, m=m.handle, v=s.handle, beta1_power=powers[0], beta2_power=powers[1], lr=rate, beta1=0.9,
                beta2=0.999, epsilon=1e-8, grad=gradient)
        return t + 1

    @traced
    def run(start, stop):
        tf.while_loop(lambda t: t < stop, step, [start])
    for start in range(0, steps, _STEPS_PER_CALL):
        stop = min(start + _STEPS_PER_CALL, steps)
        run(tf.constant(start, tf.int64), tf.constant(stop, tf.int64))
        if not all(np.isfinite(v.numpy()).all() for v in layer):
            raise NonFiniteError(f'the weights of the classifier are not finite after step {stop}; try a smaller --lr')
        if progress:
            progress(stop)
    return LinearClassifier(*(v.numpy() for v in layer))


def accuracy_by_class(classes, labels):
    """{class: percentage of its images classified correctly}, of the classes that there are images of.

    Args:
        classes: int [n], what the images were taken for. labels: int [n].
    """
    right = np.equal(classes, labels)
    return {int(label): 100.0 * float(right[labels == label].mean()) for label in np.unique(labels)}


def accuracy(classify, batches):
    """Percentage of images classified correctly.

    Args:
        classify: function, images [n, h, w, c] -> scores [n, nclass]; the largest wins.
        batches: iterable of (images, labels), all of which are counted.

    Returns:
        float in [0, 100].

    Raises:
        ValueError: there are no images.
    """
    right = total = 0
    for images, labels in batches:
        right += int(np.sum(np.argmax(classify(images), axis=-1) == np.asarray(labels)))
        total += len(labels)
    if not total:
        raise ValueError('no images to classify')
    return 100.0 * right / total
