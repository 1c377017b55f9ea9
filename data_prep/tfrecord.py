"""Writes TFRecord files of the released schema (`image` PNG or JPEG bytes, `label` int64) and their manifest.

The files of a data set appear together: they are written to a work directory, their entries are added to the manifest, and
then they are moved into place.
"""

import collections
import contextlib
import datetime
import logging
import os
import shutil
import sys

import tensorflow as tf
import tqdm

import acai_tf
from acai_tf import files, images
from acai_tf.datasets import manifests
from acai_tf.errors import DataError, StorageError, UsageError, short_message

_logger = logging.getLogger('acai_tf.data_prep')


def file_name(prepared, split):
    """Returns the file name of a split; files of the user's own images have no prefix."""
    return f'{prepared}-{split}.tfrecord' if prepared else f'{split}.tfrecord'


def prepare(data_dir, prepared, split_names, source, make_splits, listing=None):
    """Prepares one data set if it does not exist yet; returns the paths.

    Args:
        data_dir: directory; made if it is missing.
        prepared: prefix of the file names, or ''.
        split_names: names of all its splits.
        source: str, description of the source; kept in the manifest.
        make_splits: function without arguments -> {split: Split}; called only if the data set does not exist.
        listing: `image_folder.listing` of the source, for detecting changes.

    Raises:
        UsageError: a file exists that acai_tf did not make, or made from another source.
        DataError: raised by `make_splits` and its examples.
        StorageError: a file cannot be written.
    """
    paths = {name: os.path.join(data_dir, name) for name in (file_name(prepared, split) for split in split_names)}
    with _work_directory(data_dir, prepared) as work_dir:
        manifest = manifests.read(data_dir)
        for name, path in paths.items():
            if os.path.lexists(path) and not manifests.is_ours(manifest.get(name)):
                raise UsageError(f'{path} already exists and was not made by acai_tf; choose another --data_dir')
        existing = [name for name, path in paths.items() if os.path.lexists(path)]
        shown = ', '.join(paths[name] for name in existing)
        complete = all(os.path.isfile(path) and os.path.getsize(path) == manifest.get(name, {}).get('bytes')
                       for name, path in paths.items())
        if complete and listing and (change := _change(manifest[existing[0]], listing)):
            raise UsageError(f'{source} has changed since {shown} were made: {change}; delete them to make them again, or '
                             'choose another --data_dir')
        if any(manifest[name].get('source') != source for name in existing):
            was, it = ('was', 'it') if len(existing) == 1 else ('were', 'them')
            raise UsageError(f'{shown} {was} made from {manifest[existing[0]].get("source")}; to make {it} from {source}, '
                             f'delete {it}, or choose another --data_dir')
        if not complete:
            write_dataset(data_dir, prepared, make_splits(), source, work_dir, listing)
        else:
            _logger.info('nothing to do, already prepared: %s; to make them again, delete them', shown)
    return list(paths.values())


def _change(entry, listing):
    """Describes what has changed in a folder since its images were prepared; None if nothing has changed."""
    then = entry.get('source_listing')
    if not isinstance(then, dict) or then.get('listing') == listing['listing']:
        return None
    if then.get('images') != listing['images']:
        return f'it holds {listing["images"]} images now, and held {then.get("images")} then'
    if listing['contents']() == entry.get('source_sha256', {}).get('files'):
        return None  # only the times differ, as in a copy
    return 'file names or contents differ'


@contextlib.contextmanager
def _work_directory(data_dir, prepared):
    """Yields an empty directory in data_dir, locked by this process until it is removed at the end; others wait."""
    path = os.path.join(data_dir, f'.{prepared or "images"}.partial')
    while True:
        os.makedirs(path, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            files.lock(descriptor, data_dir, 'data_dir')
        except StorageError:
            os.close(descriptor)
            shutil.rmtree(path, ignore_errors=True)
            raise
        if os.path.isdir(path) and os.path.samestat(os.stat(path), os.fstat(descriptor)):
            break
        os.close(descriptor)  # the previous owner has removed it
    try:
        for entry in os.scandir(path):  # left by a killed process
            os.remove(entry.path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def write_dataset(data_dir, prepared, splits, source, work_dir=None, listing=None):
    """Writes the files of `splits` and their entries in manifest.json like `prepare`, but replaces existing files. They are
    written to `work_dir` first, an empty directory on the same file system; default: a new one. Returns the paths."""
    if work_dir is None:
        with _work_directory(data_dir, prepared) as path:
            return write_dataset(data_dir, prepared, splits, source, path, listing)
    entries = {}
    for split, content in splits.items():
        name = file_name(prepared, split)
        path = os.path.join(work_dir, name)
        if max(content.image_shape) > manifests.LARGEST_SIDE:
            raise DataError(f'{name}: images of {images.by(content.image_shape)} are too large; a side may have '
                            f'at most {manifests.LARGEST_SIDE:,} pixels')
        histogram = _write(path, content)
        if content.count != histogram.total() or not content.count:
            raise DataError(f'{name}: the source holds {histogram.total()} images instead of {content.count}')
        entries[name] = {
            'count': content.count, 'bytes': os.path.getsize(path), 'sha256': files.sha256(path),
            'image_shape': list(content.image_shape),
            'label_histogram': [histogram[label] for label in range(max([*histogram, len(content.classes or []) - 1]) + 1)],
            'source': source, 'source_sha256': content.checksums,
            'date': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
            'versions': {'acai_tf': acai_tf.__version__, 'tensorflow': tf.__version__}}
        optional = {'classes': content.classes, 'generator': content.generator, 'fit': content.fit,
                    'source_listing': {key: value for key, value in (listing or {}).items() if key != 'contents'}}
        entries[name] |= {key: value for key, value in optional.items() if value}
    # Manifest first: if killed in between, files are missing rather than unlisted.
    _join_manifest(data_dir, entries)
    for name in entries:
        os.replace(os.path.join(work_dir, name), os.path.join(data_dir, name))
    return [os.path.join(data_dir, name) for name in entries]


def _write(path, content):
    """Writes one file; returns {label: count}."""
    histogram = collections.Counter()
    examples = tqdm.tqdm(content.examples(), total=content.count, unit='image', desc=os.path.basename(path),
                         disable=not sys.stderr.isatty())
    with contextlib.ExitStack() as stack:
        with _storage_errors(path):
            writer = stack.enter_context(tf.io.TFRecordWriter(path))
        for image, label, *features in examples:
            record = example(image, label, *features)
            with _storage_errors(path):
                writer.write(record)
            histogram[int(label)] += 1
        with _storage_errors(path):
            stack.close()
    return histogram


@contextlib.contextmanager
def _storage_errors(path):
    try:
        yield
    except tf.errors.OpError as error:
        raise StorageError(f'{path} cannot be written ({short_message(error)}); nothing was left behind') from None


def example(image, label, features=None):
    """Returns a serialized tf.train.Example of the released schema, plus `features` {name: int or float}."""
    def number(value):
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    feature = {'image': tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
               **{name: number(value) for name, value in {'label': label, **(features or {})}.items()}}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _join_manifest(data_dir, entries):
    lock = os.open(data_dir, os.O_RDONLY)
    try:
        files.lock(lock, data_dir, 'data_dir')  # two programs may prepare two data sets into one directory
        manifest = manifests.read_whole(data_dir)
        manifest = {**manifest, 'files': {**manifest.get('files', {}), **entries}}
        files.write_json(manifest, os.path.join(data_dir, 'manifest.json'), sort_keys=True)
    finally:
        os.close(lock)
