"""Adam as one operation a variable."""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Keras's Adam (as in TF1, epsilon joins the root before its bias correction), without decay, clipping of weights or
    the like of its own; TensorFlow's fused operation is faster than Keras's ten."""

    def update_step(self, gradient, variable, learning_rate):
        """One update of a variable."""
        index, step = self._get_variable_index(variable), tf.cast(self.iterations + 1, variable.dtype)
        beta_1, beta_2 = (tf.cast(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        beta_1_power, beta_2_power = tf.pow(beta_1, step), tf.pow(beta_2, step)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            beta1_power=beta_1_power, beta2_power=beta_2_power, lr=tf.cast(learning_rate, variable.dtype), beta1=beta_1,
            beta2=beta_2, epsilon=self.epsilon_beside(tf.sqrt(1 - beta_2_power)),
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype))

    def epsilon_beside(self, correction):
        """What joins the root of the second moment, whose bias correction is a division by `correction`."""
        del correction
        return self.epsilon
