"""Runs many training steps in one call of a compiled function, as many as take about a second."""

import time

import numpy as np
import tensorflow as tf

from acai_tf.errors import NonFiniteError, UsageError
from acai_tf.tracing import traced

# Short enough to respond to signals, long enough that calls cost nothing.
_CALL_SECONDS = 1.0


def compile_steps(model, step, replicas=lambda losses: losses):
    """Compiles several training steps into one call.

    Args:
        step: function (*args) -> float32 [local replicas, len(model.loss_names)], the losses of one step.
        replicas: function, the losses of all steps [count, local replicas, losses] -> [count, all replicas, losses].

    Returns:
        Function (count, *args) -> float32 [count, replicas, losses].
    """
    @traced
    def run(count, *args):
        losses = tf.map_fn(lambda _: step(*args), tf.range(count),
                           fn_output_signature=tf.TensorSpec([None, len(model.loss_names)], tf.float32))
        return replicas(losses)
    return run


def losses_of(model, terms):
    """Stacks the loss terms {name: scalar} of a step into one tensor, in the order of `model.loss_names`."""
    for name in model.loss_names:
        if name not in terms:
            raise UsageError(f'loss_names of {type(model).__name__} has {name}, which its train_step does not return; add '
                             'it to the terms, or remove it from loss_names')
    return tf.stack([terms[name] for name in model.loss_names])


class Calls:
    """Calls a function made by `compile_steps`, with as many steps at a time (at most `most`) as take about a second.

    Attributes:
        seconds_per_step: of the last call; None until the second call, because the first one traces. Can be set, so that
            several workers agree.
    """

    def __init__(self, run, loss_names, most=10_000):
        self._run, self._loss_names, self._most = run, loss_names, most
        self._calls, self.seconds_per_step = 0, None

    def make(self, step, last, *args):
        """Makes steps after `step`, at most up to `last`; `args` are passed to the function.

        Returns:
            float32 [count, replicas, losses].

        Raises:
            NonFiniteError: a loss is NaN or infinite.
        """
        count = 1 if self.seconds_per_step is None else int(np.clip(_CALL_SECONDS / self.seconds_per_step, 1, self._most))
        started = time.monotonic()
        losses = self._run(tf.constant(min(count, last - step)), *args).numpy()
        seconds = time.monotonic() - started
        self._calls += 1
        self.seconds_per_step = seconds / len(losses) if self._calls > 1 else None
        self._check_finite(losses, step)
        return losses

    def _check_finite(self, losses, step):
        by_loss = losses.swapaxes(1, 2)  # terms first: a term of the global batch is bad on all replicas
        bad = np.argwhere(~np.isfinite(by_loss))
        if len(bad):
            row, column, replica = bad[0]
            where = f' on replica {replica}' if losses.shape[1] > 1 else ''
            raise NonFiniteError(f'{self._loss_names[column]} is {by_loss[tuple(bad[0])]} at step {step + row + 1}{where}')
