"""Compiles functions of tensors, and calls them on arrays."""

import functools

import numpy as np
import tensorflow as tf

from acai_tf.errors import UsageError

# tf.function without AutoGraph. AutoGraph rewrites the source of every called function to support `if` and `for` over
# tensors, which takes a third of a program's start-up; this package uses tf.cond and tf.map_fn instead. Keras also traces
# `train_step` in `fit` without it.
traced = functools.partial(tf.function, autograph=False, reduce_retracing=True)

# For functions that are passed to tf.data, which would rewrite them.
no_autograph = tf.autograph.experimental.do_not_convert


def as_rows(**inputs):
    """Checks and converts {name: (array, shape)} to {name: float32 array [n, *shape]}; if `shape` is (), a single number
    becomes [n]. UsageError if an array has the wrong shape, images are not floats, or the numbers of rows differ."""
    arrays = {}
    for name, (value, shape) in inputs.items():
        value = np.asarray(value)
        if name.startswith('images') and value.dtype.kind != 'f':
            raise UsageError(f'{name} are {value.dtype}; give floats in [-1, 1], which are pixels * (2 / 255) - 1')
        if value.shape == tuple(shape) == () and arrays:
            value = np.full(len(next(iter(arrays.values()))), value)
        if value.ndim != 1 + len(shape) or value.shape[1:] != tuple(shape):
            raise UsageError(f'{name} has shape {list(value.shape)}; must be [{", ".join(map(str, ("n", *shape)))}]')
        arrays[name] = value.astype(np.float32)
    sizes = {len(value) for value in arrays.values()}
    if len(sizes) > 1:
        raise UsageError(f'{", ".join(arrays)} differ in their number of rows: {sorted(sizes)}')
    return arrays


def in_batches(function, *arrays, batch=512):
    """Applies a function of tensors [n, ...] to arrays, `batch` rows at a time; returns its results as one array, or as a
    tuple of arrays."""
    # oneDNN's fused convolutions reject an empty batch, so it becomes one row, which is dropped again.
    rows = len(arrays[0])
    arrays = arrays if rows else [np.zeros([1, *array.shape[1:]], np.float32) for array in arrays]
    answers = [tf.nest.map_structure(lambda tensor: tensor.numpy(), function(
        *(tf.constant(array[i:i + batch], tf.float32) for array in arrays))) for i in range(0, max(rows, 1), batch)]
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts)[:rows], *answers)


def forward_products(function):
    """Returns the compiled function (x, v) -> J v, where J is the Jacobian of `function` at x. Forward-mode differentiation:
    exact, and also works on a function loaded from an export."""
    @traced
    def products(x, v):
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            values = function(x)
        return accumulator.jvp(values, tf.UnconnectedGradients.ZERO)
    return products
