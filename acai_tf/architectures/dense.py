"""Dense networks on a latent: classifier, heads, critic of latents."""

import keras
from keras import layers

from acai_tf.randomness import layer_seed


def dense(input_shape, units, seed=0, name='dense', activation=None):
    """Flattens, then linear layers in float32, Glorot uniform as in TF1: [n, *input_shape] -> [n, units[-1]]. `units` are
    the sizes of the layers, or one size; `activation` is between layers."""
    sizes = [units] if isinstance(units, int) else units
    stack = [keras.Input(input_shape), layers.Flatten('channels_last', dtype='float32')]
    for i, size in enumerate(sizes):
        stack.append(_dense_layer(size, seed, name, i))
        if i < len(sizes) - 1:
            stack.append(layers.Activation(activation, dtype='float32'))
    return keras.Sequential(stack, name=name)


def heads(input_shape, units, count, seed=0, name='heads'):
    """Flattens, then `count` parallel linear layers: [n, *input_shape] -> list of [n, units]."""
    inputs = keras.Input(input_shape)
    flat = layers.Flatten('channels_last', dtype='float32')(inputs)
    return keras.Model(inputs, [_dense_layer(units, seed, name, i)(flat) for i in range(count)], name=name)


def _dense_layer(units, seed, name, index):
    initializer = keras.initializers.GlorotUniform(seed=layer_seed(seed, name, index))
    return layers.Dense(units, kernel_initializer=initializer, dtype='float32')
