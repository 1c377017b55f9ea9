"""Layers on top of each other, each with a seed of its own."""

import keras
from keras import layers

from acai_tf.architectures.fast_layers import Conv2D
from acai_tf.randomness import layer_seed


class Stack:
    """Lists the layers of one network, which ends in float32.

    Args:
        name: of the network.
        input_shape: without the batch.
        seed: int; with `name` and a layer's number it gives the layer's initial weights.
        dtype: Keras dtype policy.
        activation: called without arguments for the layer after a `conv_relu`, as is `normalisation`, if any, for one
            before it.
        gain: the kernels' variance times the number of inputs of an output.
    """

    def __init__(self, name, input_shape, seed, dtype, activation, gain, normalisation=None):
        self.name, self.seed, self.dtype, self.gain = name, seed, dtype, gain
        self.layers, self.weighted = [keras.Input(input_shape)], 0
        self.activation, self.normalisation = activation, normalisation

    def add(self, layer, **kwargs):
        """Adds a layer of that class, in the stack's dtype."""
        self.layers.append(layer(dtype=self.dtype, **kwargs))

    def _add_weighted(self, layer, **kwargs):
        seed = layer_seed(self.seed, self.name, self.weighted)
        self.add(layer, kernel_initializer=keras.initializers.VarianceScaling(
            self.gain, 'fan_in', 'untruncated_normal', seed=seed), **kwargs)
        self.weighted += 1

    def conv(self, channels, size=3):
        """A linear convolution of stride 1 and zero padding, with a bias that starts at 0."""
        self._add_weighted(Conv2D, filters=channels, kernel_size=size, padding='same',
                           data_format='channels_last')

    def dense(self, units):
        """A linear layer on the flattened values, with a bias that starts at 0."""
        self.add(layers.Flatten, data_format='channels_last')
        self._add_weighted(layers.Dense, units=units)

    def relu(self):
        """The normalisation, if there is one, and the activation."""
        for layer in filter(None, (self.normalisation, self.activation)):
            self.add(layer)

    def dense_relu(self, sizes):
        """Linear layers of these sizes, each followed by what `relu` adds."""
        for units in sizes:
            self.dense(units)
            self.relu()

    def conv_relu(self, channels):
        """A 3x3 convolution and what `relu` adds."""
        self.conv(channels)
        self.relu()

    def network(self):
        """The keras.Sequential of the layers."""
        return keras.Sequential([*self.layers, layers.Identity(dtype='float32')], name=self.name)
