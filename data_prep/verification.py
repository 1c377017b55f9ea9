"""Checks of prepared files against their manifest."""

import collections
import contextlib
import os

import tensorflow as tf

from acai_tf import files, images
from acai_tf.datasets import manifests, record_files
from acai_tf.errors import DataError, short_message
from acai_tf.tracing import no_autograph


def verify(data_dir, names=None):
    """Checks files by their manifest: size, checksum, number of images, their shape, the labels. Yields (name, number of
    images, description of the problem or None) for each of `names`; default: all that exist or are in the manifest."""
    manifest = manifests.read(data_dir)
    present = [name for name in os.listdir(data_dir) if name.endswith('.tfrecord')]
    for name in sorted({*manifest, *present}) if names is None else names:
        try:
            yield name, _verify(os.path.join(data_dir, name), manifest.get(name)), None
        except DataError as error:
            yield name, 0, str(error)


def _verify(path, entry):
    if entry is None:
        raise DataError('is not in the manifest')
    if not os.path.isfile(path):
        raise DataError('is missing')
    if os.path.getsize(path) != entry.get('bytes', os.path.getsize(path)):
        raise DataError(f'has {os.path.getsize(path)} bytes, not {entry["bytes"]}')
    if 'sha256' in entry and files.sha256(path) != entry['sha256']:
        raise DataError('has another checksum')
    if 'image_shape' not in entry:
        raise DataError('has no image_shape in the manifest')
    shape, histogram, features = tuple(entry['image_shape']), collections.Counter(), record_files.schema(path)

    def parse(record):
        image, label = record_files.parse(record, shape[-1], features)
        return tf.shape(image), label
    try:
        for shapes, labels in (record_files.records(path).map(no_autograph(parse), num_parallel_calls=tf.data.AUTOTUNE)
                               .batch(1000).as_numpy_iterator()):
            if (shapes != shape).any():
                raise DataError(f'holds an image that is not {images.by(shape)}')
            histogram.update(labels.tolist())
    except (tf.errors.OpError, ValueError) as error:
        raise DataError(f'is damaged near record {histogram.total()} ({short_message(error)})') from None
    if not histogram:
        raise DataError('holds no images')
    if 'label_histogram' in entry and histogram != collections.Counter(dict(enumerate(entry['label_histogram']))):
        raise DataError('holds other labels than its manifest states')
    with contextlib.suppress(KeyError):  # entries of named data sets need not state the classes
        nclass = manifests.class_count(entry)
        if min(histogram) < 0 or max(histogram) >= nclass:
            raise DataError(f'has a label outside 0..{nclass - 1}')
    if histogram.total() != entry.get('count', histogram.total()):
        raise DataError(f'holds {histogram.total()} images, but its manifest states {entry["count"]}')
    return histogram.total()
