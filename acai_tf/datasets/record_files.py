"""One TFRecord file of the released schema: `image` (PNG or JPEG bytes), `label` (int64), and optionally poses."""

import functools
import gzip
import os
import zlib

import numpy as np
import tensorflow as tf

from acai_tf import images
from acai_tf.datasets import manifests
from acai_tf.errors import DataError, short_message
from acai_tf.tracing import no_autograph

CHUNK = 1000  # records that are parsed at a time
_READ_BYTES = 4 * 2**20
_IMAGE = tf.io.FixedLenFeature([], tf.string)
_LABEL, _NO_LABEL = tf.io.FixedLenFeature([], tf.int64), tf.io.FixedLenFeature([], tf.int64, default_value=-1)
_MIXED = 'a label after records without one; give every record one int64 label, or none'
# Features that are poses in degrees, and their kind: for the user's own images, for COIL-100.
_POSES = {('azimuth', 'altitude'): 'float', ('angle',): 'int64'}


class RecordFile:
    """A file and its entry in the manifest; reads nothing before it is needed. `command` makes the file, for messages."""

    def __init__(self, path, command):
        self.path, self._command = path, command

    @property
    def entry(self):
        """The file's entry in the manifest next to it; {} if the manifest does not list the file."""
        directory, name = os.path.split(self.path)
        return manifests.read(directory).get(name, {})

    def damaged(self, what):
        """Returns the DataError to raise for the file; `what` follows its name."""
        advice = (f'delete it and make it again with: {self._command}' if manifests.is_ours(self.entry) else
                  'correct it, or its entry in manifest.json')
        return DataError(f'{self.path} {what}; {advice}')

    def check(self, owner, image_shape, nclass):
        """Raises DataError if the file is missing, or if the file or its entry does not fit the data set `owner`, with
        stored images of `image_shape`; cheap."""
        if not os.path.isfile(self.path):
            raise DataError(f'{owner} needs {self.path}, which is missing; make it with: {self._command}')
        entry, size = self.entry, os.path.getsize(self.path)
        if size == 0:
            raise self.damaged('is empty')
        if entry.get('bytes') not in (None, size):
            raise self.damaged(f'has {size} bytes, but its manifest says {entry.get("bytes")}')
        shape = tuple(entry.get('image_shape', image_shape))
        if shape != image_shape:
            raise self.damaged(f'holds images of {shape} according to its manifest, not {image_shape}')
        if len(entry.get('label_histogram', [])) > nclass:
            raise self.damaged(f'has a label outside 0..{nclass - 1} according to its manifest')

    @property
    def checksum(self):
        """The sha256 that the manifest states; without one, the file's size."""
        return self.entry.get('sha256') or str(os.path.getsize(self.path))

    @property
    def count(self):
        """Number of images."""
        entry = self.entry
        return entry['count'] if 'count' in entry else len(self.labels)

    @functools.cached_property
    def labels(self):
        """Labels of all records, int64 [n]; no image is decoded."""
        features = schema(self.path)
        return np.concatenate([np.empty(0, np.int64), *self._parsed(
            features, lambda parsed: _known_label(parsed['label'], features))])

    @functools.cached_property
    def poses(self):
        """Azimuth and altitude of all images in degrees, float64 [n, 2]; None if the records have none."""
        features = _pose_schema(self.path)
        if not features:
            return None
        poses = np.concatenate(list(self._parsed(features, lambda parsed: tf.stack(
            [tf.cast(parsed[name], tf.float64) for name in features], axis=1))))
        # A single angle is the turntable's, photographed at altitude 0.
        return poses if len(features) == 2 else np.concatenate([poses, np.zeros_like(poses)], axis=1)

    def _parsed(self, features, select):
        return self.elements(records(self.path).batch(CHUNK).map(
            no_autograph(lambda serialized: select(tf.io.parse_example(serialized, features)))))

    def elements(self, dataset):
        """Yields the elements of a tf.data.Dataset of the file's records as arrays; DataError if the file is damaged."""
        position = 0
        try:
            for element in dataset.as_numpy_iterator():
                yield element
                position += len(element[0] if isinstance(element, tuple) else element)
        except (tf.errors.OpError, ValueError) as error:
            if 'Key: label' in str(error):
                raise self.damaged(f'has a record without exactly one label, at {position} or soon after; give every record '
                                   'one int64 label, or none') from None
            raise self.damaged(f'is damaged near record {position} ({short_message(error)})') from None

    def records(self, mask=None):
        """tf.data.Dataset of the serialized records, all or those in a mask. Iteration fails at the end of a file that holds
        fewer records than its manifest states."""
        serialized, entry = records(self.path), self.entry
        if 'count' in entry:
            serialized = serialized.apply(tf.data.experimental.assert_cardinality(entry['count']))
        if mask is None:
            return serialized
        chosen = serialized.enumerate().filter(no_autograph(lambda i, _: tf.gather(mask, i)))
        return chosen.map(no_autograph(lambda _, record: record))


def records(path):
    """tf.data.Dataset of a file's serialized records, gzipped or not."""
    return tf.data.TFRecordDataset(os.fsencode(path), compression_type=_compression(path), buffer_size=_READ_BYTES)


def _compression(path):
    try:
        with gzip.open(path) as file:
            file.read(12)
        return 'GZIP'
    except (OSError, EOFError, zlib.error):
        return ''


def schema(path):
    """Returns the features for parsing the records of a file, from its first record. Either all records have one label or
    none has; without labels, every label is 0. Raises DataError if the file cannot be read or has another schema."""
    kinds = _kinds(path)
    if kinds is None:
        return {'image': _IMAGE, 'label': _LABEL}
    listed = ', '.join(f'{kind} `{name}`' for name, kind in sorted(kinds.items())) or 'nothing'
    if kinds.get('image') != 'bytes':
        raise DataError(f'{path} has no bytes `image`; it has {listed}')
    if kinds.get('label', 'int64') != 'int64':
        raise DataError(f'{path} has no int64 `label`; it has {listed}')
    return {'image': _IMAGE, 'label': _LABEL if 'label' in kinds else _NO_LABEL}


def common_schema(paths):
    """Returns the schema of all the files. Raises like `schema`, and if only some files have labels."""
    schemas = {path: schema(path) for path in paths}
    labeled = [path for path in paths if schemas[path]['label'] == _LABEL]
    if 0 < len(labeled) < len(schemas):
        other = next(path for path in paths if path not in labeled)
        raise DataError(f'{labeled[0]} has labels, but {other} does not; give every record one int64 label, or none')
    return schemas[paths[0]]


def _pose_schema(path):
    """Returns the features for parsing the poses of a file: azimuth and altitude, or a single angle; {} without poses."""
    kinds = _kinds(path) or {}
    names = next((names for names, kind in _POSES.items() if all(kinds.get(name) == kind for name in names)), ())
    return {name: tf.io.FixedLenFeature([], tf.float32 if kinds[name] == 'float' else tf.int64) for name in names}


def _kinds(path):
    """Returns {feature: bytes, float, int64 or empty} of a file's first record; None for an empty file."""
    try:
        with tf.init_scope():  # eager even while a function is being traced
            first = next(iter(records(path).take(1).as_numpy_iterator()), None)
        if first is None:
            return None
        features = tf.train.Example.FromString(first).features.feature
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise DataError(f'{path} is not a TFRecord file of examples ({short_message(error)})') from None
    except Exception as error:  # protobuf's DecodeError derives from Exception alone
        raise DataError(f'{path} holds records that are not examples ({short_message(error)})') from None
    return {name: (feature.WhichOneof('kind') or 'empty').removesuffix('_list') for name, feature in features.items()}


def parse(record, channels, features):
    """A serialized record -> (image uint8 [h, w, channels], label int64)."""
    example = tf.io.parse_single_example(record, features)
    return images.decode_tensor(example['image'], channels), _known_label(example['label'], features)


def _known_label(label, features):
    """Returns parsed labels; zeros if the schema has no labels."""
    if features['label'] == _LABEL:
        return label
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(label == -1), [_MIXED])]):
        return tf.zeros_like(label)
