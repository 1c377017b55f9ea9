"""Stateless random draws, keyed by (seed, step, replica, name).

A run that was killed and resumed draws the same numbers as an uninterrupted one. Replicas draw different numbers, and a
draw that is added to a model does not shift the others. The algorithm is always Philox, so the numbers do not depend on
the device. Only XLA makes different numbers from the same keys, so resuming with another `jit` changes the draws.
"""

import zlib

import tensorflow as tf

_ALGORITHM = 'philox'


def key(seed, name, step=0, replica=0):
    """Returns the key of the named draw: an int64 tensor [2], for the functions below and every `tf.random.stateless_*`.

    Args:
        seed: the run's seed, any Python integer; only its low 63 bits are used.
        step, replica: int or scalar integer tensor, the training step and the replica's number.
    """
    low, high = seed & 0x7FFFFFFF, (seed >> 31) & 0xFFFFFFFF
    folded = tf.constant([low, high], tf.int64)
    for part in (zlib.crc32(name.encode()), step, replica):
        folded = tf.random.fold_in(folded, tf.cast(part, tf.int64), alg=_ALGORITHM)
    return folded


def layer_seed(seed, *path):
    """Returns a non-negative int that seeds the initializer of the variable at `path` (names and numbers)."""
    return zlib.crc32('/'.join(str(part) for part in (seed, *path)).encode())


def uniform(shape, draw_key, dtype=tf.float32):
    """Uniform numbers in [0, 1) of the given shape."""
    return tf.random.stateless_uniform(shape, draw_key, dtype=dtype, alg=_ALGORITHM)


def normal(shape, draw_key):
    """Standard normal numbers of the given shape."""
    return tf.random.stateless_normal(shape, draw_key, alg=_ALGORITHM)


def permutation(size, draw_key):
    """A random order of 0..size-1, int32 [size]."""
    return tf.argsort(uniform([size], draw_key, tf.float64))


def current_replica():
    """Number of the replica that runs this code; 0 outside `strategy.run`."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group
