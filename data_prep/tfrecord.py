"""Writes TFRecord files of the released schema (`image` PNG or JPEG bytes, `label` int64) and their manifest."""

import collections
import dataclasses
import datetime
import fcntl
import hashlib
import json
import os
import sys
import tempfile
from typing import Callable

import tensorflow as tf
import tqdm

import acai_tf
from acai_tf import files
from acai_tf.datasets.records import read_manifest


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of one file.

    Attributes:
        count: int, how many.
        image_shape: (height, width, colors).
        examples: function without arguments -> iterator over (PNG or JPEG bytes, int label).
    """
    count: int
    image_shape: tuple
    examples: Callable

    @classmethod
    def from_arrays(cls, images, labels):
        """Of images uint8 [n, h, w, c] and labels int [n]; encoded as PNG on all cores, in order."""
        def examples():
            def encode(image, label):
                return tf.io.encode_png(image), label
            return (tf.data.Dataset.from_tensor_slices((images, labels))
                    .map(encode, num_parallel_calls=tf.data.AUTOTUNE).prefetch(1024).as_numpy_iterator())
        return cls(len(labels), tuple(images.shape[1:]), examples)


def write_dataset(data_dir, prepared, splits, source):
    """Writes `<data_dir>/<prepared>-<split>.tfrecord` for every split, and their entries of manifest.json.

    All files are written beside before the first one is renamed, so a run that fails leaves none behind.

    Args:
        splits: {split: Split}.
        source: str, where they come from; kept in the manifest.

    Returns:
        The paths.
    """
    os.makedirs(data_dir, exist_ok=True)
    entries = {}
    with tempfile.TemporaryDirectory(prefix=f'.{prepared}-', dir=data_dir) as beside:
        for split, content in splits.items():
            name = f'{prepared}-{split}.tfrecord'
            path = os.path.join(beside, name)
            histogram = collections.Counter()
            with tf.io.TFRecordWriter(path) as writer:
                for image, label in tqdm.tqdm(content.examples(), total=content.count, unit='image', desc=name,
                                              disable=not sys.stderr.isatty()):
                    writer.write(_example(image, label))
                    histogram[int(label)] += 1
            entries[name] = {
                'count': histogram.total(), 'bytes': os.path.getsize(path), 'sha256': sha256(path),
                'image_shape': list(content.image_shape),
                'label_histogram': [histogram[label] for label in range(max(histogram) + 1)], 'source': source,
                'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
                'versions': {'acai_tf': acai_tf.__version__, 'tensorflow': tf.__version__}}
        for name in entries:
            os.replace(os.path.join(beside, name), os.path.join(data_dir, name))
    _join_manifest(data_dir, entries)
    return [os.path.join(data_dir, name) for name in entries]


def _example(image, label):
    features = {'image': tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                'label': tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _join_manifest(data_dir, entries):
    with open(os.path.join(data_dir, '.manifest.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two programs may prepare two data sets into one directory
        manifest = {**read_manifest(data_dir), **entries}
        with files.replaced(os.path.join(data_dir, 'manifest.json')) as file:
            json.dump({'files': manifest}, file, indent=2, sort_keys=True)
            file.write('\n')


def sha256(path):
    """Checksum of a file, as hexadecimal digits."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
