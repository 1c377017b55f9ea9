"""Starts the decoder's last bias at the mean color of the training images."""

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize

from acai_tf.errors import UsageError
from acai_tf.models.batches import check_images

_BATCH = 500
_LARGEST = 30.0  # bounds the search for the value before the output activation
_MOST_BATCHES = 100  # of a tf.data.Dataset that is or may be infinite


def set_mean(model, data):
    """See `base.Autoencoder.start_from`."""
    biases = last_biases(model)
    mean = _mean(_image_batches(data, model.image_shape))
    value = _inverse(model.to_images, mean)
    for bias in biases:
        bias.assign(value)


def last_biases(model):
    """The last bias of each decoder; UsageError if there is none for each channel."""
    return [_last_bias(getattr(model, name), model.image_shape[-1], name) for name in model.decoders]


def first_images(data, count, image_shape):
    """The first `count` training images, as one tensor."""
    images, size = [], 0
    for batch in _image_batches(data, image_shape):
        images.append(batch)
        size += len(batch)
        if size >= count:
            break
    return tf.concat(images, axis=0)[:count]


def _image_batches(data, image_shape):
    """Yields batches of images [n, *image_shape] from anything that `start_from` takes; UsageError for other images."""
    if hasattr(data, 'train_once'):
        data = data.train_once(_BATCH)
    elif isinstance(data, tf.data.Dataset):
        data = data.take(_MOST_BATCHES) if data.cardinality() < 0 else data
    elif isinstance(data, (np.ndarray, tf.Tensor)):
        data = [data]
    else:
        raise UsageError(f'start=mean: cannot read the images of a {type(data).__name__} in advance; create the model '
                         'without start and call model.start_from(images)')
    for batch in data:
        images = batch[0] if isinstance(batch, (tuple, list)) else batch
        check_images(tf.TensorSpec(images.shape, images.dtype), image_shape, any_float=True)  # a tensor would be a copy
        yield images


def _mean(batches):
    """float64 [c], the mean color."""
    total, pixels = 0.0, 0
    for images in batches:
        images = np.asarray(images, np.float64)
        total += images.sum(axis=(0, 1, 2))
        pixels += images[..., 0].size
    if not pixels:
        raise UsageError('start=mean: there are no training images')
    return total / pixels


def _last_bias(decoder, channels, name):
    last = _last_layer(decoder)
    bias = getattr(last, 'bias', None)
    if bias is None or bias.shape != (channels,) or not _is_linear(last):
        raise UsageError(f'start=mean: the {name} ends in {last.name}, not in a linear layer with a bias for each channel; '
                         'use --start=zero')
    return bias


def _last_layer(network):
    """The layer that a Keras model ends in, also if it is in a nested model; layers that change nothing do not count."""
    layer, tensor = network, None
    while True:
        if getattr(layer, 'outputs', None):
            tensor = layer.outputs[0]
        elif isinstance(layer, keras.layers.Identity) or isinstance(layer, keras.layers.Activation) and _is_linear(layer):
            tensor = layer._inbound_nodes[tensor._keras_history.node_index].input_tensors[0]
        else:
            return layer
        layer = tensor._keras_history.operation


def _is_linear(layer):
    return getattr(layer, 'activation', None) in (None, keras.activations.linear)


def _inverse(output, mean):
    """The values [c] that the output activation (an increasing function of each value) maps to `mean`."""
    def excess(value, channel):
        values = tf.fill([1, 1, 1, len(mean)], tf.cast(value, tf.float32))
        return float(output(values)[0, 0, 0, channel]) - mean[channel]
    try:
        return [optimize.brentq(excess, -_LARGEST, _LARGEST, args=(channel,)) for channel in range(len(mean))]
    except ValueError:
        raise UsageError(f'start=mean: the output activation does not reach the mean color {mean.tolist()}; use '
                         '--start=zero') from None
