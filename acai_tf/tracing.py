"""Compiling functions of tensors, and calling them on arrays."""

import functools

import numpy as np
import tensorflow as tf

# As tf.function, without AutoGraph, which rewrites the source of all that is called (a third of a program's start-up)
# for the sake of `if` and `for` over tensors; this package uses tf.cond and tf.map_fn. Keras traces `train_step` in `fit`
# without it too.
traced = functools.partial(tf.function, autograph=False, reduce_retracing=True)

# For the functions given to tf.data, which would rewrite them.
no_autograph = tf.autograph.experimental.do_not_convert


def in_batches(function, *arrays, batch=512):
    """Applies a function of tensors [n, ...] to some rows of arrays at a time; returns one array."""
    answers = [function(*(tf.constant(array[i:i + batch], tf.float32) for array in arrays)).numpy()
               for i in range(0, len(arrays[0]), batch)]
    return np.concatenate(answers)


def forward_products(function):
    """The compiled function (x, v) -> J v, where J is the Jacobian of a function of tensors at x, by forward-mode
    differentiation: exact, of a loaded function too."""
    @traced
    def products(x, v):
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            values = function(x)
        return accumulator.jvp(values, tf.UnconnectedGradients.ZERO)
    return products
