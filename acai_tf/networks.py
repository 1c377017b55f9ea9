"""The networks of the released code (lib/layers.py): convolutional encoder and decoder, dense classifier.

Images and latents are NHWC. Convolutions have stride 1, zero padding, a bias that starts at 0; leaky ReLU has slope
0.2; there are no normalisation layers. Each network ends in float32, whatever its compute dtype, so that losses are
computed in float32.
"""

import keras
from keras import layers

from acai_tf.randomness import layer_seed

_SLOPE = 0.2


def _kernel_initializer(seed):
    """N(0, 1 / ((1 + 0.2^2) * fan_in)), as released."""
    return keras.initializers.VarianceScaling(1 / (1 + _SLOPE**2), 'fan_in', 'untruncated_normal', seed=seed)


class _Stack:
    """Lists the layers of one network, each convolution with a seed of its own."""

    def __init__(self, name, input_shape, seed, dtype):
        self.name, self.seed, self.dtype = name, seed, dtype
        self.layers = [keras.Input(input_shape)]
        self.convolutions = 0

    def conv(self, channels, size=3):
        self.layers.append(layers.Conv2D(channels, size, padding='same', dtype=self.dtype, kernel_initializer=(
            _kernel_initializer(layer_seed(self.seed, self.name, self.convolutions)))))
        self.convolutions += 1

    def conv_relu(self, channels):
        self.conv(channels)
        self.layers.append(layers.LeakyReLU(negative_slope=_SLOPE, dtype=self.dtype))

    def downsample(self):
        self.layers.append(layers.AveragePooling2D(2, dtype=self.dtype))

    def upsample(self):
        self.layers.append(layers.UpSampling2D(2, dtype=self.dtype))

    def network(self):
        return keras.Sequential([*self.layers, layers.Identity(dtype='float32')], name=self.name)


def encoder(image_shape, scales, depth, latent, seed=0, dtype=None, name='encoder'):
    """Convolutional encoder; ACAI's critic is another one.

    A linear 1x1 convolution to `depth`; per scale s two 3x3 convolutions to depth * 2^s and 2x2 average pooling; a 3x3
    convolution to depth * 2^scales; a linear 3x3 convolution to `latent`. (The 1x1 convolution and the doubling after,
    not before, each pooling are the released code's; the paper's text differs.)

    Returns:
        keras.Sequential, [n, h, w, c] -> [n, h / 2^scales, w / 2^scales, latent] float32.
    """
    stack = _Stack(name, image_shape, seed, dtype)
    stack.conv(depth, size=1)
    for scale in range(scales):
        stack.conv_relu(depth << scale)
        stack.conv_relu(depth << scale)
        stack.downsample()
    stack.conv_relu(depth << scales)
    stack.conv(latent)
    return stack.network()


def decoder(latent_shape, scales, depth, colors, seed=0, dtype=None, name='decoder'):
    """Convolutional decoder: per scale s, from the last to 0, two 3x3 convolutions to depth * 2^s and nearest-neighbour
    upsampling; a 3x3 convolution to `depth`; a linear 3x3 convolution to `colors`, neither squashed nor clipped.

    Returns:
        keras.Sequential, [n, *latent_shape] -> [n, h, w, colors] float32.
    """
    stack = _Stack(name, latent_shape, seed, dtype)
    for scale in reversed(range(scales)):
        stack.conv_relu(depth << scale)
        stack.conv_relu(depth << scale)
        stack.upsample()
    stack.conv_relu(depth)
    stack.conv(colors)
    return stack.network()


def dense(input_shape, units, seed=0, name='dense', activation=None):
    """Flattens and applies linear layers in float32, Glorot uniform as in TF1: [n, *input_shape] -> [n, units[-1]].

    Args:
        units: sizes of the layers, or one size.
        activation: function between two layers.
    """
    sizes = [units] if isinstance(units, int) else units
    stack = [keras.Input(input_shape), layers.Flatten()]
    for i, size in enumerate(sizes):
        stack += [_dense_layer(size, seed, name, i)] + [layers.Activation(activation)] * (i < len(sizes) - 1)
    return keras.Sequential(stack, name=name)


def heads(input_shape, units, count, seed=0, name='heads'):
    """Flattens and applies `count` linear layers side by side: [n, *input_shape] -> list of [n, units]."""
    inputs = keras.Input(input_shape)
    flat = layers.Flatten()(inputs)
    return keras.Model(inputs, [_dense_layer(units, seed, name, i)(flat) for i in range(count)], name=name)


def _dense_layer(units, seed, name, index):
    initializer = keras.initializers.GlorotUniform(seed=layer_seed(seed, name, index))
    return layers.Dense(units, kernel_initializer=initializer, dtype='float32')


def leaky_relu(x):
    """Leaky ReLU of the released slope."""
    return keras.activations.leaky_relu(x, negative_slope=_SLOPE)
