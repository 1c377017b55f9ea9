"""Compiling functions of tensors, and calling them on arrays."""

import functools

import numpy as np
import tensorflow as tf

from acai_tf.errors import UsageError

# As tf.function, without AutoGraph, which rewrites the source of all that is called (a third of a program's start-up)
# for the sake of `if` and `for` over tensors; this package uses tf.cond and tf.map_fn. Keras traces `train_step` in `fit`
# without it too.
traced = functools.partial(tf.function, autograph=False, reduce_retracing=True)

# For the functions given to tf.data, which would rewrite them.
no_autograph = tf.autograph.experimental.do_not_convert


def as_rows(**inputs):
    """{name: float32 array [n, *shape]} of {name: (array, shape)}, checked.

    Raises:
        UsageError: an array has another shape, images are not floats, or the numbers of rows differ.
    """
    arrays = {}
    for name, (value, shape) in inputs.items():
        value = np.asarray(value)
        if name.startswith('images') and value.dtype.kind != 'f':
            raise UsageError(f'{name} are {value.dtype}; give floats in [-1, 1], which are pixels * (2 / 255) - 1')
        if value.ndim != 1 + len(shape) or value.shape[1:] != tuple(shape):
            raise UsageError(f'{name} has shape {list(value.shape)}; must be [{", ".join(map(str, ("n", *shape)))}]')
        arrays[name] = value.astype(np.float32)
    sizes = {len(value) for value in arrays.values()}
    if len(sizes) > 1:
        raise UsageError(f'{", ".join(arrays)} differ in their number of rows: {sorted(sizes)}')
    return arrays


def in_batches(function, *arrays, batch=512):
    """Applies a function of tensors [n, ...] to some rows of arrays at a time; returns what it returns as arrays: one, or a
    tuple of several."""
    # (An empty batch, which oneDNN's fused convolutions refuse, is one row that is dropped again.)
    rows = len(arrays[0])
    arrays = arrays if rows else [np.zeros([1, *array.shape[1:]], np.float32) for array in arrays]
    answers = [tf.nest.map_structure(lambda tensor: tensor.numpy(), function(
        *(tf.constant(array[i:i + batch], tf.float32) for array in arrays))) for i in range(0, max(rows, 1), batch)]
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts)[:rows], *answers)


def forward_products(function):
    """The compiled function (x, v) -> J v, where J is the Jacobian of a function of tensors at x, by forward-mode
    differentiation: exact, of a loaded function too."""
    @traced
    def products(x, v):
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            values = function(x)
        return accumulator.jvp(values, tf.UnconnectedGradients.ZERO)
    return products
