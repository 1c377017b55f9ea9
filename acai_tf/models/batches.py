"""Checks the data that Keras or the training loop passes to a step."""

import numpy as np
import tensorflow as tf

from acai_tf.errors import UsageError


def check_images(images, image_shape, any_float=False):
    """Raises UsageError if a batch of images does not have the shape that a model takes, or is not float32; with
    `any_float`, not float."""
    if images.dtype != tf.float32 and not (any_float and images.dtype.is_floating):
        raise UsageError(f'images are {images.dtype.name}; give float32 in [-1, 1], which are pixels * (2 / 255) - 1')
    shape = images.shape
    if len(shape) != 4 or any(size not in (None, wanted) for size, wanted in zip(shape[1:], image_shape)):
        raise UsageError(f'images have shape {list(shape)}; the model takes [n, {", ".join(map(str, image_shape))}]')


def refuse_endless(data, name, steps):
    """Raises UsageError for a tf.data.Dataset without an end if `steps`, the argument `name`, is not given."""
    if steps is None and isinstance(data, tf.data.Dataset) and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UsageError(f'the data set repeats without end; give {name}')


def refuse_text(labels):
    """Raises UsageError for text labels, which Keras does not accept."""
    if isinstance(labels, (list, tuple, np.ndarray)) and np.asarray(labels).dtype.kind in 'OSU':
        raise UsageError('labels are text; give class numbers: np.unique(labels, return_inverse=True)[1]')


def class_numbers(labels):
    """Returns labels as integers [n]; None if there are none, or if they are the images.

    Raises:
        UsageError: they are one-hot, or not integers.
    """
    if labels is None or len(labels.shape) == 4:
        return None
    if len(labels.shape) == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if len(labels.shape) != 1:
        raise UsageError(f'labels have shape {list(labels.shape)}; give class numbers [n] (for one-hot labels: '
                         'np.argmax(labels, axis=-1))')
    if not labels.dtype.is_integer:
        raise UsageError(f'labels are {labels.dtype.name}; give class numbers, integers from 0')
    return labels
