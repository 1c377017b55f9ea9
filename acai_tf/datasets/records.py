"""Data sets in TFRecord files of the released schema: `image` (PNG or JPEG bytes) and `label` (int64).

data_prep/create_datasets.py makes the files, and `manifest.json`, which says what they hold. A set that fits into
`cache_gib` is decoded once and kept in memory; a larger one streams from the files.
"""

import functools
import hashlib
import math
import os

import numpy as np
import tensorflow as tf

from acai_tf import images as images_lib
from acai_tf import randomness
from acai_tf.datasets import lines, record_files
from acai_tf.datasets.base import InMemory, permuted, shard_slice
from acai_tf.errors import DataError, UsageError, short_message
from acai_tf.tracing import as_written

_CHUNK = 1000
# Encoded images held, from which the next of a stream is drawn.
_SHUFFLE_BYTES = 256 * 2**20


def pad(width):
    """A `preprocess` that pads each side with background (-1), as the released code pads MNIST."""
    def padded(pixels):
        return tf.pad(pixels, [[0, 0], [width, width], [width, width], [0, 0]])
    return padded


def resize(size):
    """A `preprocess` that resizes to size x size (bilinear, antialiased)."""
    def resized(pixels):
        return images_lib.round_to_uint8(images_lib.resize(pixels, [size, size]))
    return resized


def celeba_crop(pixels):
    """218x178 -> rows 36..182 and columns 16..162 -> 32x32, bicubic without antialiasing on TF1's pixel grid (released
    lib/data.py)."""
    cropped = tf.cast(pixels[:, 36:-36, 16:-16], tf.float32)
    resized = tf.raw_ops.ResizeBicubic(images=cropped, size=[32, 32], align_corners=False, half_pixel_centers=False)
    return images_lib.round_to_uint8(resized)


class Records(InMemory):
    """A data set of TFRecord files.

    Args:
        directory: where the files are.
        raw_shape: (height, width, colors) of the stored images.
        nclass: number of classes.
        train, test: names of the files that make up each split, without `.tfrecord`.
        train_once: names of the training files that `train_once` reads, the first ones; default all.
        command: what makes the files, for messages.
        cache_gib: a larger set is streamed.
        preprocess: stored images uint8 [n, *raw_shape] -> uint8 [n, *image_shape].
        class_names: list of str.
    """

    def __init__(self, directory, raw_shape, nclass, *, name, train, test, command, train_once=None, cache_gib=4.0,
                 preprocess=None, class_names=None):
        self._preprocess = preprocess or (lambda pixels: pixels)
        blank = self._preprocess(tf.zeros([1, *raw_shape], tf.uint8))
        super().__init__(name, blank.shape[1:], nclass, raw_shape)
        self.class_names = class_names or self.class_names
        self.directory, self._command, self._cache_bytes = directory, command, cache_gib * 2**30
        self._paths = {split: [os.path.join(directory, f'{name}.tfrecord') for name in names]
                       for split, names in (('train', train), ('test', test))}
        self._once_files = train if train_once is None else train_once

    def preprocess(self, images):
        return self._preprocess(images)

    def select(self, split, labels):
        """Mask of the images of a file, given its labels, that belong to the split; None: all."""
        del split, labels

    def check(self):
        manifest = record_files.read_manifest(self.directory)
        for path in self._files:
            if not os.path.isfile(path):
                raise DataError(f'{self.name} needs {path}, which is missing; make it with: {self._command}')
            entry = manifest.get(os.path.basename(path), {})
            size = os.path.getsize(path)
            if size == 0 or entry.get('bytes') not in (None, size):
                raise self._damaged(path, f'has {size} bytes, but its manifest says {entry.get("bytes")}')
            shape = tuple(entry.get('image_shape', self.raw_shape))
            if shape != self.raw_shape:
                raise self._damaged(path, f'holds images of {shape} according to its manifest, not {self.raw_shape}')
            if len(entry.get('label_histogram', [])) > self.nclass:
                raise self._damaged(path, f'has a label outside 0..{self.nclass - 1} according to its manifest')
        self._features  # noqa: B018  (raises)

    @property
    def _files(self):
        return list(dict.fromkeys(sum(self._paths.values(), [])))

    @functools.cached_property
    def _features(self):
        """How records are parsed; a DataError if a file has another schema."""
        schemas = [record_files.schema(path) for path in self._files]
        return next((schema for schema in schemas if schema['label'].default_value == 0), schemas[0])

    def identity(self):
        manifest = record_files.read_manifest(self.directory)
        entries = [manifest.get(os.path.basename(path), {}) for path in self._files]
        sums = [entry.get('sha256') or str(os.path.getsize(path)) for path, entry in zip(self._files, entries)]
        return {**super().identity(),
                'shuffling': 'in a buffer, above --cache_gib' if self.streams else 'as a whole, within --cache_gib',
                'checksum': hashlib.sha256(' '.join(sums).encode()).hexdigest(),
                'count': sum(entry['count'] if 'count' in entry else self._count(path)
                             for path, entry in zip(self._files, entries))}

    def _entry(self, path):
        """A file's entry in the manifest; {} if it has none."""
        return record_files.read_manifest(self.directory).get(os.path.basename(path), {})

    def empty(self, path):
        """The error to raise where a file holds no images of this data set."""
        return self._damaged(path, 'holds no images')

    def _damaged(self, path, what):
        ours = record_files.is_ours(self._entry(path))
        advice = (f'delete it and make it again with: {self._command}' if ours else
                  'correct it, or its entry in manifest.json')
        return DataError(f'{path} {what}; {advice}')

    def unreadable(self, error):
        return DataError(f'{super().unreadable(error)}; find the file with: bin/acai_create_datasets --verify '
                         f'--data_dir={self.directory}')

    # ---- what the files hold

    @functools.cached_property
    def _masks(self):
        return {}

    def _mask(self, split, path):
        """`select`'s mask of a file, or None."""
        if (split, path) not in self._masks:
            chooses = type(self).select is not Records.select
            labels = self._scan(path) if chooses else None
            self._masks[split, path] = self.select(split, labels)
        return self._masks[split, path]

    def _scan(self, path):
        """Labels of all records of a file; nothing is decoded."""
        labels = record_files.records(path).batch(_CHUNK).map(as_written(
            lambda records: tf.io.parse_example(records, self._features)['label']))
        return np.concatenate([np.empty(0, np.int64), *self._elements(path, labels)])

    def posed(self):
        images, labels, poses = [], [], []
        for split, paths in self._paths.items():
            some_images, some_labels = self._arrays(split)
            images.append(some_images)
            labels.append(some_labels)
            poses += [self._poses(split, path) for path in paths]
        if np.ptp(np.concatenate(labels)):
            raise UsageError(f'{self.name} has several classes, and poses are those of one object; prepare the images of '
                             'each object in a directory of their own')
        is_test = np.repeat([False, True], list(map(len, images)))
        return images_lib.to_float(np.concatenate(images)).numpy(), np.concatenate(poses), is_test

    def _poses(self, split, path):
        """[n, 2] of a split's images in a file."""
        schema = record_files.pose_schema(path)
        if not schema:
            raise self.without_poses(path)

        def parse(records):
            parsed = tf.io.parse_example(records, schema)
            return tf.stack([tf.cast(parsed[name], tf.float64) for name in schema], axis=1)
        poses = np.concatenate(list(self._elements(path, record_files.records(path).batch(_CHUNK).map(as_written(parse)))))
        if len(schema) == 1:  # of a turntable, seen from its own height
            poses = np.concatenate([poses, np.zeros_like(poses)], axis=1)
        mask = self._mask(split, path)
        return poses if mask is None else poses[mask]

    def without_poses(self, path):
        """The error to raise where a file's records have no poses."""
        return DataError(f'{path} holds no poses of its images; put a file poses.csv (file, azimuth, altitude) beside the '
                         f'images, and prepare them again in another directory with: {self._command}')

    @functools.cached_property
    def evaluation_pairs(self):
        are_lines = self.generator == 'lines32' and self.image_shape == self.raw_shape
        count = sum(self._size('test', path) for path in self._paths['test'])
        return lines.evaluation_pairs(self.test) if are_lines and count >= 512 else None

    def _elements(self, path, dataset):
        """Elements of a data set made of a file's records; damage raises DataError."""
        position = 0
        try:
            for element in dataset.as_numpy_iterator():
                yield element
                position += len(element[0] if isinstance(element, tuple) else element)
        except (tf.errors.OpError, ValueError) as error:
            raise self._damaged(path, f'is damaged near record {position} ({short_message(error)})') from None

    def _count(self, path):
        """Number of images in a file."""
        entry = self._entry(path)
        return entry['count'] if 'count' in entry else len(self._scan(path))

    def _size(self, split, path):
        mask = self._mask(split, path)
        return self._count(path) if mask is None else int(mask.sum())

    @functools.cached_property
    def streams(self):
        """Whether the images are too many for the memory that `cache_gib` allows."""
        self.check()
        count = 0
        for split, paths in self._paths.items():  # which may share a file
            for path in paths:
                size = self._size(split, path)
                if not size:
                    raise self.empty(path)
                count += size
        return count * math.prod(self.image_shape) > self._cache_bytes

    # ---- in memory

    def load(self, split):
        self.check()
        sizes = [self._size(split, path) for path in self._paths[split]]
        pixels, labels = np.empty([sum(sizes), *self.image_shape], np.uint8), np.empty(sum(sizes), np.int64)
        begin = 0
        for path, size in zip(self._paths[split], sizes):
            end = begin + size
            found = self._fill(pixels[begin:end], labels[begin:end], path, self._mask(split, path))
            if not found:
                raise self.empty(path)
            if found != size:
                raise self._damaged(path, f'holds {found} images of {self.name}, not {size}')
            begin = end
        return pixels, labels

    def _fill(self, pixels, labels, path, mask):
        """Decodes a file's images, or those of a mask, into arrays; returns their number, even if more than fit."""
        position = found = 0
        for some_pixels, some_labels in self._elements(path, self._decoded(path)):
            self._check_labels(path, some_labels)
            if mask is not None:
                chosen = mask[position:position + len(some_labels)]
                position += len(some_labels)
                some_pixels, some_labels = some_pixels[chosen], some_labels[chosen]
            room = pixels[found:found + len(some_labels)]
            room[:] = some_pixels[:len(room)]
            labels[found:found + len(room)] = some_labels[:len(room)]
            found += len(some_labels)
        return found

    def _check_labels(self, path, labels):
        if len(labels) and (labels.min() < 0 or labels.max() >= self.nclass):
            raise self._damaged(path, f'has a label outside 0..{self.nclass - 1}')

    def _parse(self, record):
        image, label = record_files.parse(record, self.raw_shape[-1], self._features)
        return tf.ensure_shape(image, self.raw_shape), label

    def _decoded(self, path):
        """Chunks of (images uint8 [k, *image_shape], labels [k]) of a file, in order."""
        parsed = record_files.records(path).map(as_written(self._parse), num_parallel_calls=tf.data.AUTOTUNE)
        return parsed.batch(_CHUNK).map(
            as_written(lambda pixels, labels: (self.preprocess(pixels), labels))).prefetch(2)

    def once_count(self):
        return sum(self._size('train', path) for path in self._paths['train'][:len(self._once_files)])

    # ---- streamed

    def train(self, batch, seed=0, start_step=0, shard=0, shards=1):
        if not self.streams:
            return super().train(batch, seed, start_step, shard, shards)
        paths = self._paths['train']
        ends = np.cumsum([self._size('train', path) for path in paths])
        size = int(ends[-1])
        mean_bytes = sum(map(os.path.getsize, paths)) / sum(map(self._count, paths))
        buffer = int(np.clip(_SHUFFLE_BYTES / mean_bytes, 1024, size))
        base_key = randomness.key(seed, f'shuffle/{self.name}')
        first_epoch, offset = divmod(start_step * batch, size)

        def records(epoch):
            # Each file in order, but mixed as if every record came from a random place in the whole set; then through
            # a buffer. In the epoch in which a run resumes, what it has already seen is read but not decoded.
            def file_of(index):
                place = permuted(index[None], tf.concat([base_key, epoch[None]], 0)[None], size)[0]
                return tf.searchsorted(ends, place[None], side='right', out_type=tf.int64)[0]
            mixed = tf.data.Dataset.choose_from_datasets(
                [self._records('train', path) for path in paths], tf.data.Dataset.range(size).map(as_written(file_of)),
                stop_on_empty_dataset=False)
            seeds = tf.random.stateless_uniform([], tf.stack([base_key[0] + epoch, base_key[1]]), None, None, tf.int64)
            shuffled = mixed.shuffle(buffer, seeds, reshuffle_each_iteration=False)
            return shuffled.skip(tf.where(epoch == first_epoch, tf.constant(offset, tf.int64), 0))
        epochs = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(as_written(records))
        if shards > 1:
            # Every shard reads all records and decodes its own.
            mine = shard_slice(batch, shard, shards)
            epochs = epochs.batch(batch, drop_remainder=True).map(as_written(lambda records: records[mine])).unbatch()
        return self._batches(epochs, batch // shards, drop_remainder=True)

    def _records(self, split, path):
        """The serialised records of a file that belong to a split, in order."""
        records = record_files.records(path)
        entry = self._entry(path)
        if 'count' in entry:  # it fails at the end of a file that holds fewer
            records = records.apply(tf.data.experimental.assert_cardinality(entry['count']))
        mask = self._mask(split, path)
        if mask is None:
            return records
        chosen = records.enumerate().filter(as_written(lambda i, _: tf.gather(mask, i)))
        return chosen.map(as_written(lambda _, record: record))

    def _batches(self, records, batch, drop_remainder=False):
        def ready(pixels, labels):
            last = tf.cast(self.nclass - 1, tf.int64)
            with tf.control_dependencies([tf.debugging.assert_equal(labels, tf.clip_by_value(labels, 0, last),
                                                                    'a label has no class')]):
                return images_lib.to_float(self.preprocess(pixels)), labels
        return (records.map(as_written(self._parse), num_parallel_calls=tf.data.AUTOTUNE).batch(batch, drop_remainder)
                .map(as_written(ready), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE))

    def _in_order(self, split, batch, limit=None):
        if not self.streams:
            return super()._in_order(split, batch, limit)
        parts = [self._records(split, path) for path in self._paths[split]]
        records = functools.reduce(lambda a, b: a.concatenate(b), parts)
        return self._batches(records if limit is None else records.take(limit), batch)


def prepared(prepared_name, raw_shape, class_names, *, name, data_dir, train=('train',), test=('test',), train_once=None,
             preprocess=None, cache_gib=4.0):
    """A data set that data_prep prepares under `prepared_name`; `train`, `test` and `train_once` are the last parts of file
    names."""
    parts = {'train': train, 'test': test, 'train_once': train_once or train}
    return Records(data_dir, raw_shape, len(class_names), name=name, preprocess=preprocess, cache_gib=cache_gib,
                   class_names=class_names,
                   **{key: [f'{prepared_name}-{part}' for part in value] for key, value in parts.items()},
                   command=command_of(prepared_name, data_dir))


def command_of(prepared_name, data_dir):
    """The command that prepares a data set, for messages."""
    return f'bin/acai_create_datasets --datasets={prepared_name} --data_dir={data_dir}'


def of_directory(name, directory, cache_gib=4.0, resolution=0):
    """The data set of a user's own records: train.tfrecord, test.tfrecord and manifest.json in a directory.

    Raises:
        DataError: something is missing, or the manifest does not say what the files hold.
    """
    command = f'bin/acai_create_datasets --images_dir=DIR --data_dir={directory}'
    manifest = record_files.read_manifest(directory)
    if not manifest:
        raise DataError(f'{os.path.join(directory, "manifest.json")} is missing, which gives the size, colors and classes '
                        f'of {name}; make it with: {command}')
    try:
        entries = [manifest[f'{split}.tfrecord'] for split in ('train', 'test')]
        shape, *others = [tuple(map(int, entry['image_shape'])) for entry in entries]
        nclass = max(map(record_files.class_count, entries))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{os.path.join(directory, "manifest.json")} does not describe train.tfrecord and test.tfrecord '
                        f'({type(error).__name__} {error}); make them with: {command}') from None
    if others != [shape] or len(shape) != 3 or shape[2] not in (1, 3) or not nclass:
        raise DataError(f'{os.path.join(directory, "manifest.json")}: train.tfrecord and test.tfrecord do not hold images '
                        f'of one shape in 1 or 3 colors; make them with: {command}')
    generators = {entry.get('generator') for entry in entries}
    named = {tuple(entry['classes']) for entry in entries if entry.get('classes')}
    class_names = list(named.pop()) if len(named) == 1 else []
    are_clear = len(class_names) == len(set(class_names)) == nclass
    dataset = Records(directory, shape, nclass, name=name, train=['train'], test=['test'], command=command,
                      cache_gib=cache_gib, preprocess=resize(resolution) if resolution else None,
                      class_names=class_names if are_clear else None)
    dataset.generator = generators.pop() if len(generators) == 1 else None
    return dataset
