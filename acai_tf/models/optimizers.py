"""Optimizers: Adam with one operation per variable, and one learning rate for several optimizers."""

import math

import keras
import tensorflow as tf

from acai_tf.errors import UsageError

_FLOOR = 0.05  # share of its rate at which a schedule ends, so that an extended run keeps learning


@keras.saving.register_keras_serializable('acai_tf')
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises linearly over `warmup_steps` to `initial_learning_rate`, and falls to a twentieth at step `steps`,
    where it stays. `kind` is constant, or cosine or linear for the fall."""

    def __init__(self, initial_learning_rate, kind, steps, warmup_steps=0):
        self.initial_learning_rate, self.kind = initial_learning_rate, kind
        self.steps, self.warmup_steps = steps, warmup_steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        done = tf.minimum(step / self.steps, 1.0)
        left = {'constant': 1.0, 'linear': 1 - done, 'cosine': (1 + tf.cos(math.pi * done)) / 2}[self.kind]
        rise = tf.minimum((step + 1) / max(self.warmup_steps, 1), 1.0)
        return self.initial_learning_rate * rise * (_FLOOR + (1 - _FLOOR) * left)

    def get_config(self):
        return {'initial_learning_rate': self.initial_learning_rate, 'kind': self.kind, 'steps': self.steps,
                'warmup_steps': self.warmup_steps}


class BySteps(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that follows a model's steps, also for an optimizer that does not take every step; `factor` multiplies its
    rate. It is not saved: the model keeps the schedule and makes this object from it."""

    def __init__(self, schedule, steps, factor=1.0):
        self._schedule, self._steps, self._factor = schedule, steps, factor

    def __call__(self, step):
        del step
        return self._factor * self._schedule(self._steps.value)

    def beginning_at(self, rate):
        """The same schedule with another initial rate; `rate` itself if the schedule does not have an initial rate."""
        initial = getattr(self._schedule, 'initial_learning_rate', 0)
        return BySteps(self._schedule, self._steps, rate / initial) if initial else rate


class Adam(keras.optimizers.Adam):
    """Keras's Adam (epsilon is added to the root before its bias correction, as in TF1), without weight decay or clipping,
    for float32 variables. TensorFlow's one fused operation is faster than Keras's ten."""

    def apply(self, grads, trainable_variables=None, due=None):
        """One update of the variables. If the scalar bool tensor `due` is False, nothing changes except moving averages,
        not even the counter of updates; None means True."""
        object.__setattr__(self, '_due', due)  # not tracked: it belongs to one trace, or to one step
        object.__setattr__(self, '_arguments', None)
        super().apply(grads, trainable_variables)
        if due is not None:
            self.iterations.assign_sub(tf.cast(~due, self.iterations.dtype))

    def update_step(self, gradient, variable, learning_rate):
        if self._arguments is None:
            object.__setattr__(self, '_arguments', self._shared_arguments(learning_rate))
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype), **self._arguments)

    def _shared_arguments(self, learning_rate):
        """Arguments of the operation that all variables share."""
        step = tf.cast(self.iterations + 1, tf.float32)
        beta_1, beta_2, rate = tf.constant(self.beta_1), tf.constant(self.beta_2), tf.cast(learning_rate, tf.float32)
        power_1, power_2 = tf.pow(beta_1, step), tf.pow(beta_2, step)
        if self._due is not None:  # a rate of 0 and betas of 1 change nothing
            beta_1, beta_2, rate = (tf.where(self._due, value, idle) for value, idle in
                                    ((beta_1, 1.0), (beta_2, 1.0), (rate, 0.0)))
        return {'beta1_power': power_1, 'beta2_power': power_2, 'lr': rate, 'beta1': beta_1, 'beta2': beta_2,
                'epsilon': self.scaled_epsilon(tf.sqrt(1 - power_2))}

    def scaled_epsilon(self, correction):
        """Epsilon that is added to the root of the second moment before the root is divided by `correction`."""
        del correction
        return self.epsilon


def apply(optimizer, gradients, variables, due=None):
    """One update of the variables by any Keras optimizer; `due` as for `Adam.apply`."""
    if due is None:
        # Without labels the classifier has no gradient, and its variables may share an optimizer with others.
        pairs = [(gradient, variable) for gradient, variable in zip(gradients, variables) if gradient is not None]
        optimizer.apply(*map(list, zip(*pairs)))
        return
    if isinstance(optimizer, Adam):
        optimizer.apply(gradients, variables, due)
        return
    touched = [*variables, *optimizer.variables]
    before = [tf.identity(variable) for variable in touched]
    optimizer.apply(gradients, variables)

    def undo(strategy, due, before):
        for variable, value in zip(touched, before):
            strategy.extended.update(variable.value, lambda v, due, value: v.assign(tf.where(due, v, value)),
                                     args=(due, value))
    tf.distribute.get_replica_context().merge_call(undo, args=(due, before))


class LearningRate(tf.Module):
    """The object `model.optimizer`. LearningRateScheduler, ReduceLROnPlateau and similar callbacks read and set its
    `learning_rate`, and it carries all optimizers into a `tf.train.Checkpoint`. Setting the rate keeps each optimizer's
    ratio to `lr`, a number or a LearningRateSchedule, from when the model was compiled. `steps` counts the steps."""

    built = True

    def __init__(self, optimizers, lr, steps):
        super().__init__(name='learning_rate')
        self.parts, self.iterations = dict(optimizers), steps
        self._is_schedule = isinstance(lr, keras.optimizers.schedules.LearningRateSchedule)
        self._ratios = {} if self._is_schedule else {
            name: float(o.learning_rate.numpy()) / lr if lr else 1.0 for name, o in optimizers.items()}

    @property
    def learning_rate(self):
        """The rate of the optimizers that follow `lr`, a float."""
        # Read from the variables, because `load_model`, `load_weights` and checkpoints restore those.
        name, optimizer = next(iter(self.parts.items()))
        return float(optimizer.learning_rate.numpy()) / (self._ratios.get(name) or 1.0)

    @learning_rate.setter
    def learning_rate(self, rate):
        if self._is_schedule:
            raise UsageError('the learning rate follows the schedule given to compile(lr=); compile with a number to set it')
        for name, optimizer in self.parts.items():
            optimizer.learning_rate = float(rate) * self._ratios[name]

    @property
    def variables(self):
        """The variables of all optimizers."""
        return [variable for optimizer in self.parts.values() for variable in optimizer.variables]


class RootMean(keras.metrics.Mean):
    """Root of the mean of squares: turns the root mean squared errors of batches into the error over all rows."""

    def update_state(self, values, sample_weight=None):
        super().update_state(tf.square(values), sample_weight)

    def result(self):
        return tf.sqrt(super().result())
