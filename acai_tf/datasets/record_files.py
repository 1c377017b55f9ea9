"""TFRecord files of the released schema (`image` PNG or JPEG bytes, `label` int64) and their manifest."""

import gzip
import json
import os
import zlib

import tensorflow as tf

from acai_tf import images
from acai_tf.errors import DataError, short_message

_READ_BYTES = 4 * 2**20
_IMAGE = tf.io.FixedLenFeature([], tf.string)
_LABEL, _NO_LABEL = tf.io.FixedLenFeature([], tf.int64), tf.io.FixedLenFeature([], tf.int64, default_value=0)
# Features that are poses in degrees, and their kind: of the user's own images, of COIL-100.
_POSES = {('azimuth', 'altitude'): 'float', ('angle',): 'int64'}
_KINDS = {'bytes_list': 'bytes', 'float_list': 'float', 'int64_list': 'int64', None: 'empty'}


def records(path):
    """tf.data.Dataset of a file's serialised records, gzipped or not."""
    return tf.data.TFRecordDataset(os.fsencode(path), compression_type=_compression(path), buffer_size=_READ_BYTES)


def _compression(path):
    try:
        with gzip.open(path) as file:
            file.read(12)
        return 'GZIP'
    except (OSError, EOFError, zlib.error):
        return ''


def schema(path):
    """How the records of a file are parsed, by its first one; without labels, every label is 0.

    Raises:
        DataError: it cannot be read, or has another schema; says what it lacks.
    """
    kinds = _kinds(path)
    if kinds is None:
        return {'image': _IMAGE, 'label': _LABEL}
    if kinds.get('image') != 'bytes':
        raise DataError(f'{path} has no bytes `image`; it has {_listed(kinds)}')
    if kinds.get('label', 'int64') != 'int64':
        raise DataError(f'{path} has no int64 `label`; it has {_listed(kinds)}')
    return {'image': _IMAGE, 'label': _LABEL if 'label' in kinds else _NO_LABEL}


def pose_schema(path):
    """How the poses in the records of a file are parsed, in degrees: azimuth and altitude, or an angle alone; {} if it has
    none. Raises as `schema`."""
    kinds = _kinds(path) or {}
    found = next((names for names, kind in _POSES.items() if all(kinds.get(name) == kind for name in names)), ())
    return {name: tf.io.FixedLenFeature([], tf.float32 if kinds[name] == 'float' else tf.int64) for name in found}


def _kinds(path):
    """{feature: kind} of a file's first record; None for an empty file."""
    try:
        with tf.init_scope():  # also where a function is being traced
            first = next(iter(records(path).take(1).as_numpy_iterator()), None)
        if first is None:
            return None
        found = tf.train.Example.FromString(first).features.feature
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise DataError(f'{path} is not a TFRecord file of examples ({short_message(error)})') from None
    except Exception as error:  # protobuf's DecodeError derives from Exception alone
        raise DataError(f'{path} holds records that are not examples ({short_message(error)})') from None
    return {name: _KINDS[feature.WhichOneof('kind')] for name, feature in found.items()}


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


LARGEST_SIDE = 2**14  # of an image, in pixels

# Of a manifest's entry: what a field must be, if it is there.
_FIELDS = {
    'count': (_is_count, 'a number of images'), 'bytes': (_is_count, 'a number of bytes'),
    'nclass': (_is_count, 'a number of classes'), 'sha256': (lambda value: isinstance(value, str), 'a checksum'),
    'image_shape': (lambda value: isinstance(value, list) and len(value) == 3 and all(map(_is_count, value))
                    and all(0 < side <= LARGEST_SIDE for side in value) and value[2] in (1, 3), '[height, width, 1 or 3]'),
    'generator': (lambda value: isinstance(value, str), 'the name of a data set'),
    'label_histogram': (lambda value: isinstance(value, list) and all(map(_is_count, value)), 'a list of counts'),
    'classes': (lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value), 'a list of names')}


def _listed(kinds):
    return ', '.join(f'{kind} `{name}`' for name, kind in sorted(kinds.items())) or 'nothing'


def parse(record, colors, features):
    """A serialised record -> (image uint8 [h, w, colors], label int64)."""
    example = tf.io.parse_single_example(record, features)
    return images.decode_tensor(example['image'], colors), example['label']


def read_manifest(directory):
    """The `files` entry of directory/manifest.json; {} if it is missing.

    Of an entry, `image_shape` is needed, and `label_histogram`, `classes` or `nclass`; the others are optional, but are
    believed where they are.

    Raises:
        DataError: it is damaged.
    """
    return read_whole_manifest(directory).get('files', {})


def read_whole_manifest(directory):
    """All of directory/manifest.json, other people's entries included; {} if it is missing."""
    path = os.path.join(directory, 'manifest.json')
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        for name, entry in content['files'].items():
            for field, (fits, what) in _FIELDS.items():
                if field in entry and not fits(entry[field]):
                    raise ValueError(f'{field} of {name} is not {what}')
        return {**content, 'files': {name: dict(entry) for name, entry in content['files'].items()}}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f'{path} cannot be read ({type(error).__name__}: {short_message(error)}); correct it, or prepare '
                        'the data sets again in another --data_dir') from None


def is_ours(entry):
    """Whether acai_tf made the file that a manifest's entry describes."""
    versions = entry.get('versions') if isinstance(entry, dict) else None
    return isinstance(versions, dict) and 'acai_tf' in versions


def class_count(entry):
    """Number of classes that an entry tells; raises KeyError if it does not."""
    counts = [len(entry[key]) for key in ('label_histogram', 'classes') if entry.get(key)]
    return max([*counts, *([int(entry['nclass'])] if 'nclass' in entry or not counts else [])])
