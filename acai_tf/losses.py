"""Losses as formulas: tensors in, one value per example out, nothing reduced over the batch, nothing logged.

Sources: ACAI (Berthelot et al., ICLR 2019) and the released programs acai.py, baseline.py.
"""

import tensorflow as tf

__all__ = ['critic_loss', 'cross_entropy', 'mean_squared_error', 'rmse']


def _mean_over_example(x):
    return tf.reduce_mean(x, axis=list(range(1, x.shape.rank)))


def mean_squared_error(x, y):
    """Mean squared difference of each example.

    Args:
        x, y: float tensors [batch, ...].

    Returns:
        [batch]. The paper writes ||x - y||^2; the released code takes the mean, to which its weights are tuned.
    """
    return _mean_over_example(tf.math.squared_difference(x, y))


def rmse(mse):
    """Root mean squared error on the 0..255 scale, from a mean squared error of images in [-1, 1]."""
    return 127.5 * tf.sqrt(mse)


def critic_loss(prediction, target):
    """Squared error of a critic that predicts the mixing coefficient (ACAI eq. 1; with target 0, eq. 2).

    Args:
        prediction: [batch] for a critic with one answer an image, [batch, h, w, c] for an elementwise one.
        target: the coefficient, of the same shape, or a number for all.

    Returns:
        [batch].
    """
    target = tf.convert_to_tensor(target, prediction.dtype)
    if target.shape.rank not in (0, prediction.shape.rank):
        raise ValueError(f'target of shape {target.shape} for predictions of shape {prediction.shape}: '
                         'broadcasting would compare every prediction with every target')
    return _mean_over_example(tf.math.squared_difference(prediction, target))


def cross_entropy(logits, labels):
    """Softmax cross-entropy of the single-layer classifier.

    Args:
        logits: [batch, nclass].
        labels: int [batch]; one outside 0..nclass-1 has no class and costs nothing, as in the released code's one-hot.

    Returns:
        [batch].
    """
    one_hot = tf.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return tf.nn.softmax_cross_entropy_with_logits(one_hot, logits)
