"""How functions of tensors are compiled."""

import functools

import tensorflow as tf

# As tf.function, without AutoGraph, which rewrites the source of all that is called (a third of a program's start-up)
# for the sake of `if` and `for` over tensors; this package uses tf.cond and tf.map_fn. Keras traces `train_step` in `fit`
# without it too.
traced = functools.partial(tf.function, autograph=False, reduce_retracing=True)

# For the functions given to tf.data, which would rewrite them.
as_written = tf.autograph.experimental.do_not_convert
