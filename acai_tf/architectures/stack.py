"""Builds networks layer by layer, with a separate seed for each layer."""

import keras
from keras import layers

from acai_tf.architectures.fast_layers import Conv2D
from acai_tf.randomness import layer_seed


class Stack:
    """Collects the layers of one network, which ends in float32.

    Args:
        name, seed: with a layer's number they determine the layer's initial weights.
        input_shape: without the batch.
        dtype: Keras dtype policy.
        activation, normalization: classes or functions that make the layers of `relu`; None: no normalization.
        gain: variance of a kernel times the number of inputs per output.
    """

    def __init__(self, name, input_shape, seed, dtype, activation, gain, normalization=None):
        self.name, self.seed, self.dtype, self.gain = name, seed, dtype, gain
        self.layers, self.weighted = [keras.Input(input_shape)], 0
        self.activation, self.normalization = activation, normalization

    def add(self, layer, **kwargs):
        """Adds a layer of the given class, with the stack's dtype."""
        self.layers.append(layer(dtype=self.dtype, **kwargs))

    def _add_weighted(self, layer, **kwargs):
        seed = layer_seed(self.seed, self.name, self.weighted)
        self.add(layer, kernel_initializer=keras.initializers.VarianceScaling(
            self.gain, 'fan_in', 'untruncated_normal', seed=seed), **kwargs)
        self.weighted += 1

    def conv(self, channels, size=3):
        """Adds a linear convolution with stride 1, zero padding and a bias that starts at 0."""
        self._add_weighted(Conv2D, filters=channels, kernel_size=size, padding='same', data_format='channels_last')

    def dense(self, units):
        """Adds a linear layer on the flattened values, with a bias that starts at 0."""
        self.add(layers.Flatten, data_format='channels_last')
        self._add_weighted(layers.Dense, units=units)

    def relu(self):
        """Adds the normalization, if there is one, and the activation."""
        for layer in filter(None, (self.normalization, self.activation)):
            self.add(layer)

    def dense_relu(self, sizes):
        """Adds linear layers of these sizes, each followed by `relu`."""
        for units in sizes:
            self.dense(units)
            self.relu()

    def conv_relu(self, channels):
        """Adds a 3x3 convolution, followed by `relu`."""
        self.conv(channels)
        self.relu()

    def network(self):
        """Returns the layers as a keras.Sequential."""
        return keras.Sequential([*self.layers, layers.Identity(dtype='float32')], name=self.name)
