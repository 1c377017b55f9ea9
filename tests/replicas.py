"""Two replicas on this machine's CPU."""

import functools

import tensorflow as tf


# One a process: a second strategy would reuse the first one's collective keys. (Test modules can be imported under two
# names, so it is not in one of them.)
@functools.cache
def mirrored():
    return tf.distribute.MirroredStrategy([d.name for d in tf.config.list_logical_devices('CPU')])
