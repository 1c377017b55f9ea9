"""Data sets in TFRecord files of the released schema, which data_prep writes next to a `manifest.json`.

A set that fits into `cache_gib` is decoded once and kept in memory; a larger one is streamed from its files.
"""

import functools
import glob
import hashlib
import math
import os

import numpy as np
import tensorflow as tf

from acai_tf import images as images_lib
from acai_tf.datasets import lines, manifests, preparing, record_files
from acai_tf.datasets.base import RESOLUTION, InMemory, shard_slice
from acai_tf.datasets.record_files import RecordFile
from acai_tf.datasets.streams import shuffled_records
from acai_tf.errors import DataError, UsageError, program_name
from acai_tf.tracing import no_autograph

# Size of a stream's shuffle buffer, which holds encoded images.
_SHUFFLE_BYTES = 256 * 2**20


class Records(InMemory):
    """A data set of TFRecord files.

    Args:
        raw_shape: (height, width, channels) of the stored images.
        train, test: names of the files that make up each split, without `.tfrecord`.
        command: the command that makes the files, for messages.
        cache_gib: a larger set is streamed.
        resolution: height and width to which images are resized (bilinear, antialiased); 0: none. For other
            preprocessing, a subclass overrides `preprocess`.
    """

    reads_files = True

    def __init__(self, directory, raw_shape, nclass, *, name, train, test, command, cache_gib=4.0, resolution=0):
        self._resolution = resolution
        blank = self.preprocess(tf.zeros([1, *raw_shape], tf.uint8))
        super().__init__(name, blank.shape[1:], nclass, raw_shape)
        self.directory, self._command, self._cache_bytes = directory, command, cache_gib * 2**30
        # Splits may share a file.
        files = {file: RecordFile(os.path.join(directory, f'{file}.tfrecord'), command) for file in (*train, *test)}
        self._files = list(files.values())
        self._files_of = {'train': [files[file] for file in train], 'test': [files[file] for file in test]}
        self._masks = {}

    def preprocess(self, images):
        if not self._resolution:
            return images
        return images_lib.round_to_uint8(images_lib.resize(images, [self._resolution, self._resolution]))

    def select(self, split, labels):
        """Returns a mask of the images that belong to the split, from the labels of a file; None: all."""

    def check(self):
        for file in self._files:
            file.check(self.name, self.raw_shape, self.nclass)
        self._schema  # noqa: B018  (raises)

    @functools.cached_property
    def _schema(self):
        return record_files.common_schema([file.path for file in self._files])

    def fingerprint(self):
        return {**super().fingerprint(),
                'shuffling': 'in a buffer, above --cache_gib' if self.streams else 'as a whole, within --cache_gib',
                'checksum': hashlib.sha256(' '.join(file.checksum for file in self._files).encode()).hexdigest(),
                'count': sum(file.count for file in self._files)}

    def empty(self, file):
        """Returns the error to raise for a RecordFile without images of this data set."""
        return file.damaged('holds no images')

    def unreadable(self, error):
        return DataError(f'{super().unreadable(error)}; find the file with: {program_name("acai_create_datasets")} --verify '
                         f'--data_dir={self.directory}')

    # ---- contents of the files

    def _mask(self, split, file):
        """Returns the mask of `select` for a file, or None."""
        if type(self).select is Records.select:
            return None
        if (split, file) not in self._masks:
            self._masks[split, file] = self.select(split, file.labels)
        return self._masks[split, file]

    def _size(self, split, file):
        mask = self._mask(split, file)
        return file.count if mask is None else int(mask.sum())

    def load_poses(self):
        poses = []
        for split, files in self._files_of.items():
            for file in files:
                if file.poses is None:
                    raise self.without_poses(file.path)
                mask = self._mask(split, file)
                poses.append(file.poses if mask is None else file.poses[mask])
        images, labels = zip(*map(self._arrays, self._files_of))
        if np.ptp(np.concatenate(labels)):
            raise UsageError(f'{self.name} has several classes, but poses are for a single object; prepare the images of '
                             'each object in their own directory')
        is_test = np.repeat([False, True], [len(each) for each in images])
        return images_lib.to_float(np.concatenate(images)).numpy(), np.concatenate(poses), is_test

    def without_poses(self, path):
        """Returns the error to raise for a file of records without poses."""
        return DataError(f'{path} holds no poses of its images; put a file poses.csv (file, azimuth, altitude) next to the '
                         f'images, and prepare them again in another directory with: {self._command}')

    @functools.cached_property
    def evaluation_pairs(self):
        are_lines = self.generator == 'lines32' and self.image_shape == self.raw_shape
        return (lines.evaluation_pairs(self.test) if are_lines and
                sum(self._size('test', file) for file in self._files_of['test']) >= 512 else None)

    @functools.cached_property
    def streams(self):
        """True if the images do not fit into `cache_gib`."""
        self.check()
        sizes = [(file, self._size(split, file)) for split, files in self._files_of.items() for file in files]
        for file, size in sizes:
            if not size:
                raise self.empty(file)
        return sum(size for _, size in sizes) * math.prod(self.image_shape) > self._cache_bytes

    # ---- in memory

    def preload(self):
        if not self.streams:
            super().preload()

    def load(self, split):
        self.check()
        sizes = [self._size(split, file) for file in self._files_of[split]]
        pixels, labels = np.empty([sum(sizes), *self.image_shape], np.uint8), np.empty(sum(sizes), np.int64)
        begin = 0
        for file, size in zip(self._files_of[split], sizes):
            end = begin + size
            count = self._fill(pixels[begin:end], labels[begin:end], file, self._mask(split, file))
            if not count:
                raise self.empty(file)
            if count != size:
                raise file.damaged(f'holds {count} images of {self.name}, not {size}')
            begin = end
        return pixels, labels

    def _fill(self, pixels, labels, file, mask):
        """Decodes a file's images, all or those in a mask, into arrays; returns their number, even if more than fit."""
        position = count = 0
        for chunk, chunk_labels in file.elements(self._decoded(file)):
            if len(chunk_labels) and (chunk_labels.min() < 0 or chunk_labels.max() >= self.nclass):
                raise file.damaged(f'has a label outside 0..{self.nclass - 1}')
            if mask is not None:
                chosen = mask[position:position + len(chunk_labels)]
                position += len(chunk_labels)
                chunk, chunk_labels = chunk[chosen], chunk_labels[chosen]
            room = pixels[count:count + len(chunk_labels)]
            room[:] = chunk[:len(room)]
            labels[count:count + len(room)] = chunk_labels[:len(room)]
            count += len(chunk_labels)
        return count

    def _parse(self, record):
        image, label = record_files.parse(record, self.raw_shape[-1], self._schema)
        return tf.ensure_shape(image, self.raw_shape), label

    def _decoded(self, file):
        """tf.data.Dataset of chunks (images uint8 [k, *image_shape], labels [k]) of a file, in order."""
        parsed = record_files.records(file.path).map(no_autograph(self._parse), num_parallel_calls=tf.data.AUTOTUNE)
        return parsed.batch(record_files.CHUNK).map(
            no_autograph(lambda pixels, labels: (self.preprocess(pixels), labels))).prefetch(2)

    # ---- streamed

    def train(self, batch, seed=0, start_step=0, shard=0, shards=1):
        if not self.streams:
            return super().train(batch, seed, start_step, shard, shards)
        files = self._files_of['train']
        sizes = [self._size('train', file) for file in files]
        mean_bytes = sum(os.path.getsize(file.path) for file in files) / sum(file.count for file in files)
        buffer = int(np.clip(_SHUFFLE_BYTES / mean_bytes, 1024, sum(sizes)))
        records = shuffled_records(self._records('train'), sizes, buffer, self.shuffle_key(seed), start_step * batch)
        if shards > 1:
            # Every shard reads all records and decodes its own.
            mine = shard_slice(batch, shard, shards)
            records = records.batch(batch, drop_remainder=True).map(no_autograph(lambda records: records[mine])).unbatch()
        return self._batches(records, batch // shards, drop_remainder=True)

    def _records(self, split):
        return [file.records(self._mask(split, file)) for file in self._files_of[split]]

    def _batches(self, records, batch, drop_remainder=False):
        def ready(pixels, labels):
            last = tf.cast(self.nclass - 1, tf.int64)
            with tf.control_dependencies([tf.debugging.assert_equal(labels, tf.clip_by_value(labels, 0, last),
                                                                    'a label has no class')]):
                return images_lib.to_float(self.preprocess(pixels)), labels
        return (records.map(no_autograph(self._parse), num_parallel_calls=tf.data.AUTOTUNE).batch(batch, drop_remainder)
                .map(no_autograph(ready), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE))

    def _in_order(self, split, batch, limit=None):
        if not self.streams:
            return super()._in_order(split, batch, limit)
        records = functools.reduce(lambda a, b: a.concatenate(b), self._records(split))
        return self._batches(records if limit is None else records.take(limit), batch)


def command_of(prepared_name, data_dir):
    """Returns the command that prepares a data set, for messages."""
    return f'{program_name("acai_create_datasets")} --datasets={prepared_name} --data_dir={data_dir}'


class OwnRecords(Records):
    """Your own records, named as records:DIR: train.tfrecord, test.tfrecord and manifest.json in a directory. Raises
    DataError if a file is missing, or the manifest does not describe the files."""

    resolution = RESOLUTION

    def __init__(self, name, data_dir=None, cache_gib=4.0, resolution=0):
        directory = os.path.expanduser(name.partition(':')[2])
        path = os.path.join(directory, 'manifest.json')
        made_by = f'{program_name("acai_create_datasets")} --images_dir=DIR --data_dir={directory}'
        manifest = manifests.read(directory)
        if not manifest and os.path.isdir(directory) and not glob.glob(os.path.join(glob.escape(directory), '*.tfrecord')):
            raise DataError(f'{directory} holds no records; to use the images in it, {preparing(directory)}')
        if not manifest:
            raise DataError(f'{path} is missing, so {name} cannot be read; if you moved the data, use '
                            f'--dataset=records:NEW; to make it: {made_by}')
        try:
            entries = [manifest[f'{split}.tfrecord'] for split in ('train', 'test')]
            shape, other = (tuple(entry['image_shape']) for entry in entries)
            nclass = max(map(manifests.class_count, entries))
        except KeyError as error:
            raise DataError(f'{path} does not describe train.tfrecord and test.tfrecord (it lacks {error}); make them with: '
                            f'{made_by}') from None
        if other != shape or not nclass:
            raise DataError(f'{path}: train.tfrecord and test.tfrecord do not hold images of one shape; make them with: '
                            f'{made_by}')
        super().__init__(directory, shape, nclass, name=name, train=['train'], test=['test'], command=made_by,
                         cache_gib=cache_gib, resolution=resolution)
        names = {tuple(entry['classes']) for entry in entries if entry.get('classes')}
        class_names = list(names.pop()) if len(names) == 1 else []
        self.class_names = class_names if len(class_names) == len(set(class_names)) == nclass else None
        self.aspect = entries[0].get('fit', 'stretch')
        generators = {entry.get('generator') for entry in entries}
        self.generator = generators.pop() if len(generators) == 1 else None
