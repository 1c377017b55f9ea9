"""Losses as formulas: tensors in, one value per example out, nothing reduced over the batch, nothing logged.

Sources: ACAI (Berthelot et al., ICLR 2019), MIDR-AE (Qian et al., IJCAI 2019), IMSAT (Hu et al., ICML 2017) and their
released programs.
"""

import tensorflow as tf

_SMALLEST_PROBABILITY = 1e-8  # as released with IMSAT
_MMD_BANDWIDTHS = (2, 5, 10, 20, 40, 80)


def _mean_over_example(x):
    return tf.reduce_mean(x, axis=list(range(1, x.shape.rank)))


def mean_squared_error(x, y):
    """Mean squared difference of each example: two [batch, ...] -> [batch].

    The paper writes ||x - y||^2; the released code takes the mean, for which its weights are tuned.
    """
    return _mean_over_example(tf.math.squared_difference(x, y))


def rmse(mse):
    """Root mean squared error on the 0..255 scale, from a mean squared error of images in [-1, 1]."""
    return 127.5 * tf.sqrt(mse)


def critic_loss(prediction, target):
    """Squared error of a critic that predicts the mixing coefficient (ACAI eq. 1; with target 0, eq. 2): [batch].

    Args:
        prediction: [batch] for a critic with one answer per image, [batch, h, w, c] for an elementwise one.
        target: the coefficient, of the same shape, or a number for all.
    """
    target = tf.convert_to_tensor(target, prediction.dtype)
    if target.shape.rank not in (0, prediction.shape.rank):
        raise ValueError(f'target of shape {target.shape} for predictions of shape {prediction.shape}: '
                         'broadcasting would compare every prediction with every target')
    return _mean_over_example(tf.math.squared_difference(prediction, target))


def cross_entropy(logits, labels, smoothing=0.0):
    """Softmax cross-entropy of the single-layer classifier: [batch].

    Args:
        logits: [batch, nclass].
        labels: int [batch]; a label outside 0..nclass-1 adds no loss, as in the released code's one-hot.
        smoothing: share of a label that is spread evenly over all classes.
    """
    one_hot = tf.one_hot(labels, logits.shape[-1], 1 - smoothing + smoothing / logits.shape[-1],
                         smoothing / logits.shape[-1], dtype=logits.dtype)
    return tf.nn.softmax_cross_entropy_with_logits(one_hot, logits)


def binary_cross_entropy(logits, target):
    """Loss of a critic that distinguishes two kinds: logits [batch], the kind as 0 or 1 for all -> [batch]."""
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), float(target)), logits)


def gaussian_kl(mean, log_variance):
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1), summed over dimensions (section 2.2 of the paper; vae.py):
    two [batch, d] -> [batch]."""
    return 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1, axis=-1)


def entropy(probabilities):
    """Entropy of distributions, in nats: [..., k] -> [...]."""
    return -tf.reduce_sum(probabilities * tf.math.log(probabilities + _SMALLEST_PROBABILITY), axis=-1)


def kl_divergence(p, q):
    """KL divergence of the distributions p from q, in nats: two [..., k] -> [...]."""
    ratio = (p + _SMALLEST_PROBABILITY) / (q + _SMALLEST_PROBABILITY)
    return tf.reduce_sum(p * tf.math.log(ratio), axis=-1)


def bernoulli_log_likelihood(images, logits):
    """Log-likelihood of pixels that are read as probabilities, summed over each image: images [batch, h, w, c] in [-1, 1],
    not rounded to black and white, and logits of the same shape -> [batch], negative."""
    probabilities = 0.5 * (images + 1)
    return -tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(probabilities, logits), axis=[1, 2, 3])


def mmd(x, y):
    """Unbiased estimate of the squared maximum mean discrepancy of two samples (MIDR-AE eq. 5; lib/mmd.py).

    The kernel is the sum of exp(-|a - b|^2 / (2 s^2)) over s = 2, 5, 10, 20, 40, 80, for any dimension. For samples [n, d]
    and [m, d] the result is a scalar. It is negative if n = m = 1, or if the samples are closer than two samples of one
    distribution are on average.
    """
    origin = tf.stop_gradient(tf.reduce_mean(x, 0))  # differences of large squares would lose digits
    x, y = x - origin, y - origin

    def kernel(a, b):
        distance = (tf.reduce_sum(tf.square(a), 1)[:, None] + tf.reduce_sum(tf.square(b), 1)[None]
                    - 2 * tf.matmul(a, b, transpose_b=True))
        return tf.reduce_sum(tf.exp(-distance[..., None] / (2 * tf.square(tf.constant(_MMD_BANDWIDTHS, a.dtype)))), -1)

    def mean_of_pairs(a):
        n = tf.cast(tf.shape(a)[0], a.dtype)
        similarity = kernel(a, a)
        return (tf.reduce_sum(similarity) - tf.linalg.trace(similarity)) / tf.maximum(n * (n - 1), 1)
    return mean_of_pairs(x) + mean_of_pairs(y) - 2 * tf.reduce_mean(kernel(x, y))
