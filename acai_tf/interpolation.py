"""Mixing coefficients and paths through the latent space."""

import tensorflow as tf


def fold_alpha(u):
    """Mixing coefficients in [0, 0.5] from uniform numbers in [0, 1) (acai.py: 0.5 - |u - 0.5|)."""
    return 0.5 - tf.abs(u - 0.5)


def mix_with_reversed(latents, alpha):
    """alpha * z + (1 - alpha) * z[::-1], for z [batch, h, w, c] and alpha [batch, 1, 1, 1] or of the same shape: sample i is
    mixed with sample batch-1-i (acai.py). In an odd batch the middle sample is its own partner."""
    return alpha * latents + (1 - alpha) * tf.reverse(latents, axis=[0])


def lerp(a, b, t):
    """Straight line from `a` (t = 0) to `b` (t = 1); `t` broadcasts against both."""
    return (1 - t) * a + t * b


def slerp(a, b, t):
    """Great-circle path from `a` (t = 0) to `b` (t = 1), both [batch, ...], along the angle between the flattened examples;
    t is a scalar, or [batch, 1, ...].

    Parallel, opposite and zero vectors have no unique great circle and get the straight line (the released code gives NaN).
    """
    def flat_dot(x, y):
        return tf.reduce_sum(x * y, axis=list(range(1, x.shape.rank)), keepdims=True)
    cosine = tf.math.divide_no_nan(flat_dot(a, b), tf.sqrt(flat_dot(a, a) * flat_dot(b, b)))
    omega = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    sine = tf.sin(omega)
    on_circle = tf.math.divide_no_nan(tf.sin((1 - t) * omega) * a + tf.sin(t * omega) * b, sine)
    return tf.where((sine < 1e-6) | (flat_dot(a, a) * flat_dot(b, b) == 0), lerp(a, b, t), on_circle)


def path(a, b, steps, curve=lerp):
    """`steps` points from each a to its b, both ends included: two [batch, ...] -> [batch, steps, ...]."""
    return tf.stack([curve(a, b, k / (steps - 1)) for k in range(steps)], axis=1)


def bilinear(corners, rows, columns):
    """The grid between four latents: corners [4, ...] (top left, top right, bottom left, bottom right) ->
    [rows, columns, ...]."""
    left, right = tf.unstack(path(corners[:2], corners[2:], rows))
    return path(left, right, columns)
