"""Writes TFRecord files of the released schema (`image` PNG or JPEG bytes, `label` int64) and their manifest.

The files of a data set appear together: they are written to a work directory, their entries join the manifest, and then
they are moved into place.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import datetime
import fcntl
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tqdm

import acai_tf
from acai_tf import files, images
from acai_tf.datasets import record_files
from acai_tf.datasets.record_files import read_manifest
from acai_tf.errors import DataError, StorageError, UsageError, short_message
from acai_tf.tracing import as_written

_logger = logging.getLogger('acai_tf.data_prep')
_CHUNK = 64


def in_order(function, items, ahead=32):
    """Yields function(item) for each item, in order, computed by threads; at most `ahead` results wait."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = collections.deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of one file.

    Attributes:
        count: int, how many.
        image_shape: (height, width, colors).
        examples: function without arguments -> iterator over (PNG or JPEG bytes, int label), or (bytes, label, {feature:
            int or float}) where more is kept.
        checksums: {name of an original file: its sha256}.
        classes: names of the classes, if they have any.
        generator: name of the generated data set that these are images of, if they are.
    """
    count: int
    image_shape: tuple
    examples: Callable
    checksums: dict = dataclasses.field(default_factory=dict)
    classes: list | None = None
    generator: str | None = None

    @classmethod
    def from_arrays(cls, pixels, labels, **kwargs):
        """From images uint8 [n, h, w, c] and labels int [n]."""
        def chunks():
            for start in range(0, len(labels), _CHUNK):
                yield pixels[start:start + _CHUNK], labels[start:start + _CHUNK]
        return cls.from_chunks(len(labels), pixels.shape[1:], chunks, **kwargs)

    @classmethod
    def from_chunks(cls, count, image_shape, chunks, **kwargs):
        """From a function that gives pairs of images uint8 [k, h, w, c] and labels int [k], or triples, the third {feature:
        [k]}; encoded as PNG."""
        def encode(chunk):
            pixels, labels, *features = chunk
            encoded = tf.io.encode_png(pixels).numpy().tolist()
            columns = {name: np.asarray(values).tolist() for name, values in (features[0] if features else {}).items()}
            return [(image, int(label), *([{name: values[i] for name, values in columns.items()}] if columns else []))
                    for i, (image, label) in enumerate(zip(encoded, labels))]

        def examples():
            for encoded in in_order(encode, chunks()):
                yield from encoded
        return cls(count, tuple(image_shape), examples, **kwargs)

    @classmethod
    def from_encoded(cls, image_shape, read, items, **kwargs):
        """From `items`, tuples of a name, an int label, and if there are any {feature: value}; `read(name)` gives PNG or
        JPEG bytes, which stay as they are.

        Its examples raise DataError for an image that does not decode or has another shape.
        """
        def checked(item):
            name, *rest = item
            content = read(name)
            try:  # by TensorFlow, which will read these very bytes
                shape = tuple(images.decode_tensor(content, image_shape[-1]).shape)
            except (tf.errors.OpError, ValueError) as error:
                raise images.does_not_decode(name, error) from None
            if shape != tuple(image_shape):
                raise DataError(f'{name} is an image of {images.by(shape)}, not {images.by(image_shape)}')
            return content, *rest
        return cls(len(items), tuple(image_shape), lambda: in_order(checked, items), **kwargs)


def file_name(prepared, split):
    """Name of the file that holds a split; the user's own images have no name before the dash."""
    return f'{prepared}-{split}.tfrecord' if prepared else f'{split}.tfrecord'


def prepare(data_dir, prepared, split_names, source, make_splits, listing=None):
    """Prepares one data set unless it already exists.

    Args:
        data_dir: directory; made if it is missing.
        prepared: name that the files begin with, or ''.
        split_names: names of all its splits.
        source: str, where it comes from; kept in the manifest.
        make_splits: function without arguments -> {split: Split}; called only if there is something to do.
        listing: {...} that tells whether the source has changed since (image_folder.listing), and under 'contents' a
            function that gives the checksum of its contents.

    Returns:
        The paths.

    Raises:
        UsageError: a file of that name exists that acai_tf did not make, or made from another source.
        DataError: as `make_splits` and its examples.
        StorageError: it cannot be written.
    """
    names = [file_name(prepared, split) for split in split_names]
    paths = [os.path.join(data_dir, name) for name in names]
    with _work_directory(data_dir, prepared) as beside:
        manifest = read_manifest(data_dir)
        for name, path in zip(names, paths):
            if os.path.lexists(path) and not record_files.is_ours(manifest.get(name)):
                raise UsageError(f'{path} already exists and was not made by acai_tf; choose another --data_dir')
        there = [name for name, path in zip(names, paths) if os.path.lexists(path)]
        shown = ', '.join(os.path.join(data_dir, name) for name in there)
        complete = all(_size(path) == manifest.get(name, {}).get('bytes') for name, path in zip(names, paths))
        if complete and listing and (change := _change(manifest[names[0]], listing)):
            raise UsageError(f'{source} has changed since {shown} were made: {change}; delete them to make them again, or '
                             'choose another --data_dir')
        if any(manifest[name].get('source') != source for name in there):
            was, it = ('was', 'it') if len(there) == 1 else ('were', 'them')
            raise UsageError(f'{shown} {was} made from {manifest[there[0]].get("source")}; to make {it} from {source}, '
                             f'delete {it}, or choose another --data_dir')
        if not complete:
            write_dataset(data_dir, prepared, make_splits(), source, beside, listing)
        else:
            _logger.info('nothing to do, already prepared: %s; to make them again, delete them', ', '.join(paths))
    return paths


def _change(entry, listing):
    """What has changed in a folder since its images were prepared, for people; None if it is as it was."""
    then = entry.get('source_listing')
    if not isinstance(then, dict) or then.get('listing') == listing['listing']:
        return None
    if then.get('images') != listing['images']:
        return f'it holds {listing["images"]} images now, {then.get("images")} then'
    if listing['contents']() == entry.get('source_sha256', {}).get('files'):
        return None  # other times, as a copy has them
    return 'files have other names or contents'


def _size(path):
    return os.path.getsize(path) if os.path.isfile(path) else -1


@contextlib.contextmanager
def _work_directory(data_dir, prepared):
    """An empty directory in data_dir that this process holds exclusively until it is removed at the end; others wait.
    """
    path = os.path.join(data_dir, f'.{prepared or "images"}.partial')
    while True:
        os.makedirs(path, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.isdir(path) and os.path.samestat(os.stat(path), os.fstat(descriptor)):
            break
        os.close(descriptor)  # whoever held it has removed it
    try:
        for entry in os.scandir(path):  # left by a process that was killed
            os.remove(entry.path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def write_dataset(data_dir, prepared, splits, source, beside=None, listing=None):
    """Writes the files of `splits` and their entries of manifest.json, as `prepare` does, but replaces existing ones.

    Args:
        beside: an empty directory on the same file system to write in; default: a new one.
        listing: as for `prepare`.

    Returns:
        The paths.
    """
    if beside is None:
        with _work_directory(data_dir, prepared) as path:
            return write_dataset(data_dir, prepared, splits, source, path, listing)
    entries = {}
    for split, content in splits.items():
        name = file_name(prepared, split)
        path = os.path.join(beside, name)
        if max(content.image_shape) > record_files.LARGEST_SIDE:
            raise DataError(f'{name}: images of {images.by(content.image_shape)} are too large; a side may have '
                            f'{record_files.LARGEST_SIDE:,} pixels at most')
        histogram = _write(path, content)
        if content.count != histogram.total() or not content.count:
            raise DataError(f'{name}: the source holds {histogram.total()} images, not {content.count} as announced')
        entries[name] = {
            'count': content.count, 'bytes': os.path.getsize(path), 'sha256': files.sha256(path),
            'image_shape': list(content.image_shape),
            'label_histogram': [histogram[label] for label in range(max([*histogram, len(content.classes or []) - 1]) + 1)],
            'source': source, 'source_sha256': content.checksums,
            'date': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
            'versions': {'acai_tf': acai_tf.__version__, 'tensorflow': tf.__version__}}
        if listing:
            entries[name]['source_listing'] = {key: value for key, value in listing.items() if key != 'contents'}
        if content.classes:
            entries[name]['classes'] = content.classes
        if content.generator:
            entries[name]['generator'] = content.generator
    # The manifest first: a process killed in between leaves files missing, not unlisted.
    _join_manifest(data_dir, entries)
    for name in entries:
        os.replace(os.path.join(beside, name), os.path.join(data_dir, name))
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
    """A serialised tf.train.Example of the released schema; with {feature: int or float}, what stands beside the label."""
    def number(value):
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    found = {'image': tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
             **{name: number(value) for name, value in {'label': label, **(features or {})}.items()}}
    return tf.train.Example(features=tf.train.Features(feature=found)).SerializeToString()


def _join_manifest(data_dir, entries):
    lock = os.open(data_dir, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two programs may prepare two data sets into one directory
        manifest = record_files.read_whole_manifest(data_dir)
        manifest = {**manifest, 'files': {**manifest.get('files', {}), **entries}}
        with files.atomic_write(os.path.join(data_dir, 'manifest.json')) as file:
            json.dump(manifest, file, indent=2, sort_keys=True)
            file.write('\n')
    finally:
        os.close(lock)


def checksums(*paths):
    """{name: sha256} of files."""
    return {os.path.basename(path): files.sha256(path) for path in paths}


def verify(data_dir, names=None):
    """Checks every file of a manifest: size, checksum, number of images, their shape, the labels.

    Args:
        names: the files to check; default all that exist or are in the manifest.

    Yields:
        (name, number of images, None or what is wrong).
    """
    manifest = read_manifest(data_dir)
    found = [name for name in os.listdir(data_dir) if name.endswith('.tfrecord')]
    for name in sorted({*manifest, *found}) if names is None else names:
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
        for shapes, labels in (record_files.records(path).map(as_written(parse), num_parallel_calls=tf.data.AUTOTUNE)
                               .batch(1000).as_numpy_iterator()):
            if (shapes != shape).any():
                raise DataError(f'holds an image that is not {images.by(shape)}')
            histogram.update(labels.tolist())
    except (tf.errors.OpError, ValueError) as error:
        raise DataError(f'is damaged near record {histogram.total()} ({short_message(error)})') from None
    if not histogram:
        raise DataError('holds no images')
    expected = collections.Counter(dict(enumerate(entry.get('label_histogram', []))))
    if 'label_histogram' in entry and histogram != expected:
        raise DataError('holds other labels than its manifest says')
    with contextlib.suppress(KeyError):  # of a named data set the entry need not tell the classes
        nclass = record_files.class_count(entry)
        if min(histogram) < 0 or max(histogram) >= nclass:
            raise DataError(f'has a label outside 0..{nclass - 1}')
    if histogram.total() != entry.get('count', histogram.total()):
        raise DataError(f'holds {histogram.total()} images, not {entry["count"]} as its manifest says')
    return histogram.total()
