"""manifest.json, which describes the TFRecord files of a directory."""

import json
import os

from acai_tf.errors import DataError, short_message
from acai_tf.images import FITS

LARGEST_SIDE = 2**14  # of an image, in pixels


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_shape(value):
    return (isinstance(value, list) and len(value) == 3 and all(map(_is_count, value))
            and all(0 < side <= LARGEST_SIDE for side in value) and value[2] in (1, 3))


# Fields of a manifest's entry: a check of the value, and its description.
_FIELDS = {
    'count': (_is_count, 'a number of images'), 'bytes': (_is_count, 'a number of bytes'),
    'nclass': (_is_count, 'a number of classes'), 'sha256': (lambda value: isinstance(value, str), 'a checksum'),
    'image_shape': (_is_shape, '[height, width, 1 or 3]'),
    'generator': (lambda value: isinstance(value, str), 'the name of a data set'),
    'fit': (lambda value: value in FITS, f'one of {", ".join(FITS)}'),
    'label_histogram': (lambda value: isinstance(value, list) and all(map(_is_count, value)), 'a list of counts'),
    'classes': (lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value), 'a list of names')}


def read(directory):
    """Returns `files` of directory/manifest.json; {} if the manifest is missing.

    An entry needs `image_shape`, and one of `label_histogram`, `classes` and `nclass`. Other fields are optional, but if
    present they are trusted. Raises DataError if the manifest is damaged.
    """
    return read_whole(directory).get('files', {})


def read_whole(directory):
    """Returns all of directory/manifest.json, including other people's entries; {} if it is missing."""
    path = os.path.join(directory, 'manifest.json')
    try:
        with open(path, encoding='utf-8-sig') as file:
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
    """Returns True if acai_tf made the file that a manifest's entry describes."""
    versions = entry.get('versions') if isinstance(entry, dict) else None
    return isinstance(versions, dict) and 'acai_tf' in versions


def class_count(entry):
    """Returns the number of classes that an entry states; raises KeyError if it states none."""
    counts = [len(entry[key]) for key in ('label_histogram', 'classes') if entry.get(key)]
    return max([*counts, *([entry['nclass']] if 'nclass' in entry or not counts else [])])
