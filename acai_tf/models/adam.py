"""Adam as one operation a variable."""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Keras's Adam (as in TF1, epsilon joins the root before its bias correction), without decay, clipping of weights or
    the like of its own, for float32 variables; TensorFlow's fused operation is faster than Keras's ten."""

    def apply(self, grads, trainable_variables=None):
        object.__setattr__(self, '_of_this_step', None)  # not tracked: it is of one trace, or of one step
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """One update of a variable."""
        if self._of_this_step is None:
            object.__setattr__(self, '_of_this_step', self._arguments(learning_rate))
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype), **self._of_this_step)

    def _arguments(self, learning_rate):
        """The arguments of the operation that are the same for all variables."""
        step = tf.cast(self.iterations + 1, tf.float32)
        beta_1, beta_2 = tf.constant(self.beta_1), tf.constant(self.beta_2)
        beta_2_power = tf.pow(beta_2, step)
        return {'beta1_power': tf.pow(beta_1, step), 'beta2_power': beta_2_power, 'lr': tf.cast(learning_rate, tf.float32),
                'beta1': beta_1, 'beta2': beta_2, 'epsilon': self.epsilon_beside(tf.sqrt(1 - beta_2_power))}

    def epsilon_beside(self, correction):
        """What joins the root of the second moment, whose bias correction is a division by `correction`."""
        del correction
        return self.epsilon
