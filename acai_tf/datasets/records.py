"""Data sets in TFRecord files of the released schema: `image` (PNG or JPEG bytes) and `label` (int64).

Files are `<data_dir>/<prepared name>-<split>.tfrecord`, made by data_prep/create_datasets.py, which also writes
`manifest.json`. Images are decoded once.
"""

import json
import os

import numpy as np
import tensorflow as tf

from acai_tf.datasets.base import InMemory
from acai_tf.errors import DataError


def pad(pixels):
    """A `preprocess` that pads each side with background (-1), as the released code pads MNIST."""
    def padded(images):
        return tf.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]])
    return padded


def celeba_crop(images):
    """218x178 -> rows 36..182 and columns 16..162 -> 32x32, bicubic without antialiasing on TF1's pixel grid (released
    lib/data.py)."""
    cropped = tf.cast(images[:, 36:-36, 16:-16], tf.float32)
    resized = tf.raw_ops.ResizeBicubic(images=cropped, size=[32, 32], align_corners=False, half_pixel_centers=False)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)


class Records(InMemory):
    """A data set of TFRecord files.

    Args:
        prepared: name under which data_prep prepares it.
        raw_shape: (height, width, colors) of the stored images.
        nclass: number of classes.
        train, once, test: the files, by the last part of their name, that make each split; without test files a fixed
            fifth of the training files' images is the test set.
        preprocess: stored images uint8 [n, *raw_shape] -> uint8 [n, *image_shape].
    """

    def __init__(self, prepared, raw_shape, nclass, *, name, data_dir, train=('train',), once=None, test=('test',),
                 preprocess=None):
        self._preprocess = preprocess or (lambda images: images)
        blank = self._preprocess(tf.zeros([1, *raw_shape], tf.uint8))
        super().__init__(name, blank.shape[1:], nclass, raw_shape)
        self.prepared, self.data_dir = prepared, data_dir
        self._files = {'train': train, 'once': once or train, 'test': test or train}
        self._has_test_files = test is not None

    def preprocess(self, images):
        return self._preprocess(images)

    @property
    def _command(self):
        return f'bin/acai_create_datasets --datasets={self.prepared} --data_dir={self.data_dir}'

    def path(self, part):
        """Path of the file whose name ends in `part`."""
        return os.path.join(self.data_dir, f'{self.prepared}-{part}.tfrecord')

    def check(self):
        manifest = read_manifest(self.data_dir)
        for part in dict.fromkeys(sum(self._files.values(), ())):
            path = self.path(part)
            if not os.path.isfile(path):
                raise DataError(f'{self.name} needs {path}, which is missing; make it with: {self._command}')
            expected = manifest.get(os.path.basename(path), {}).get('bytes')
            actual = os.path.getsize(path)
            if actual == 0 or expected not in (None, actual):
                raise DataError(f'{path} has {actual} bytes, its manifest says {expected}; delete it and make it again '
                                f'with: {self._command}')

    def load(self, split):
        self.check()
        parts = [read_images(self.path(part), self.raw_shape, self.nclass, self.preprocess, self._command)
                 for part in self._files[split]]
        images, labels = (np.concatenate(column) if len(parts) > 1 else column[0] for column in zip(*parts))
        if self._has_test_files:
            return images, labels
        is_test = np.zeros(len(labels), bool)
        is_test[np.random.default_rng(0).permutation(len(labels))[:len(labels) // 5]] = True
        chosen = is_test if split == 'test' else ~is_test
        return images[chosen], labels[chosen]


def read_manifest(data_dir):
    """The `files` entry of data_dir/manifest.json; {} where there is none. Raises DataError for a damaged one."""
    path = os.path.join(data_dir, 'manifest.json')
    try:
        with open(path, encoding='utf-8') as file:
            return dict(json.load(file)['files'])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path} cannot be read ({error}); delete it and prepare the data sets again') from None


def read_images(path, raw_shape, nclass, preprocess, command, batch=1000):
    """All images and labels of one file.

    Returns:
        (uint8 [n, *image_shape], int64 [n]) numpy arrays.

    Raises:
        DataError: names the file and what is wrong: a record that does not parse, an image that does not decode or
            has another shape, a label outside 0..nclass-1, another count than the manifest's, no image at all.
    """
    features = {'image': tf.io.FixedLenFeature([], tf.string), 'label': tf.io.FixedLenFeature([], tf.int64)}

    def parse(record):
        example = tf.io.parse_single_example(record, features)
        image = tf.io.decode_image(example['image'], channels=raw_shape[-1], expand_animations=False)
        return tf.ensure_shape(image, raw_shape), example['label']

    def make_ready(images, labels):
        return preprocess(images), labels
    parsed = tf.data.TFRecordDataset(path).map(parse, num_parallel_calls=tf.data.AUTOTUNE).batch(batch)
    images, labels = [], []
    try:
        for some_images, some_labels in parsed.map(make_ready).prefetch(2).as_numpy_iterator():
            images.append(some_images)
            labels.append(some_labels)
    except (tf.errors.OpError, ValueError) as error:
        reason = (getattr(error, 'message', '') or str(error)).splitlines()[0]
        raise DataError(f'{path} is damaged near record {sum(map(len, labels))} ({reason[:200]}); delete it and make '
                        f'it again with: {command}') from None
    if not images:
        raise DataError(f'{path} holds no images; delete it and make it again with: {command}')
    images, labels = np.concatenate(images), np.concatenate(labels)
    expected = read_manifest(os.path.dirname(path)).get(os.path.basename(path), {}).get('count', len(labels))
    if len(labels) != expected:
        raise DataError(f'{path} holds {len(labels)} images, its manifest says {expected}; delete it and make it again '
                        f'with: {command}')
    if labels.min() < 0 or labels.max() >= nclass:
        raise DataError(f'{path} has a label outside 0..{nclass - 1}; delete it and make it again with: {command}')
    return images, labels
