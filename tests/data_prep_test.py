import gzip
import json
import os
import struct
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from acai_tf.errors import DataError
from data_prep import sources, tfrecord


def idx(array):
    return struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist_layout(directory, train=12, test=5, zipped=True):
    """Files in MNIST's layout; returns {split: (images, labels)}."""
    random, splits = np.random.default_rng(0), {}
    for split, prefix, count in (('train', 'train', train), ('test', 't10k', test)):
        images = random.integers(0, 256, [count, 28, 28], np.uint8)
        labels = random.integers(0, 10, count).astype(np.uint8)
        for name, array in (('images-idx3', images), ('labels-idx1', labels)):
            path = os.path.join(directory, f'{prefix}-{name}-ubyte' + ('.gz' if zipped else ''))
            with (gzip.open if zipped else open)(path, 'wb') as file:
                file.write(idx(array))
        splits[split] = images, labels
    return splits


class IdxTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.path = os.path.join(self.directory, 'file')

    def read(self, content):
        with open(self.path, 'wb') as file:
            file.write(content)
        return sources.read_idx(self.path)

    def test_plain_and_gzipped(self):
        array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
        self.assertAllEqual(self.read(idx(array)), array)
        self.assertAllEqual(self.read(gzip.compress(idx(array))), array)

    def test_hostile_content_is_refused_with_the_files_name(self):
        content = idx(np.arange(24, dtype=np.uint8))
        for bad in (b'', b'\0\0', b'<html>', b'\0\0\x0d\x01' + content[4:], content[:-1], content + b'x',
                    gzip.compress(content)[:-9], gzip.compress(content)[:30], b'\x1f\x8bgarbage',
                    struct.pack('>HBB3I', 0, 8, 3, 2**31, 2**31, 2**31)):
            with self.assertRaisesRegex(DataError, self.path):
                self.read(bad)

    def test_layouts(self):
        for zipped in (True, False):
            directory = self.create_tempdir().full_path
            expected = write_mnist_layout(directory, zipped=zipped)
            for split, content in sources.read_mnist_layout(directory).items():
                self.assertEqual((content.count, content.image_shape), (len(expected[split][1]), (28, 28, 1)))
                encoded, labels = zip(*content.examples())
                self.assertAllEqual([tf.io.decode_png(image)[..., 0] for image in encoded], expected[split][0])
                self.assertAllEqual(labels, expected[split][1])

    def test_files_that_do_not_fit_together(self):
        write_mnist_layout(self.directory, zipped=False)
        labels = os.path.join(self.directory, 'train-labels-idx1-ubyte')
        for array, reason in ((np.zeros(11, np.uint8), '11 labels for the 12 images'),
                              (np.full(12, 10, np.uint8), 'label 10')):
            with open(labels, 'wb') as file:
                file.write(idx(array))
            with self.assertRaisesRegex(DataError, reason):
                sources.read_mnist_layout(self.directory)
        os.remove(labels)
        with self.assertRaisesRegex(DataError, 'train-labels-idx1-ubyte.* is missing'):
            sources.read_mnist_layout(self.directory)


class DownloadTest(tf.test.TestCase):
    """With data sets in the format that tensorflow-datasets prepares, so that nothing is downloaded."""

    def prepare(self, source, features, examples):
        directory = self.create_tempdir().full_path
        builder = tfds.builder(source.tfds_name, data_dir=directory)
        datasets = {split: tf.data.Dataset.from_generator(
            lambda: iter(examples), output_signature={key: tf.TensorSpec(np.shape(value), np.asarray(value).dtype)
                                                      for key, value in examples[0].items()})
            for split in source.splits.values()}
        tfds.dataset_builders.store_as_tfds_dataset(
            name=source.tfds_name, version=str(builder.version), data_dir=directory, split_datasets=datasets,
            features=tfds.features.FeaturesDict(features))
        patch = mock.patch.dict(os.environ, {'TFDS_DATA_DIR': directory})
        patch.start()
        self.addCleanup(patch.stop)
        return sources.download(source)

    def test_labels_and_png_bytes(self):
        images = np.random.default_rng(0).integers(0, 256, [3, 32, 32, 3], np.uint8)
        splits = self.prepare(
            sources.SOURCES['svhn'],
            {'id': tfds.features.Text(), 'image': tfds.features.Image(shape=(32, 32, 3)),
             'label': tfds.features.ClassLabel(num_classes=10)},
            [{'id': f'{i}', 'image': image, 'label': label} for i, (image, label) in enumerate(zip(images, [3, 0, 9]))])
        self.assertCountEqual(splits, ['train', 'extra', 'test'])
        self.assertEqual((splits['extra'].count, splits['extra'].image_shape), (3, (32, 32, 3)))
        encoded, labels = zip(*splits['extra'].examples())
        self.assertCountEqual([tf.io.decode_png(png).numpy().tobytes() for png in encoded],
                              [image.tobytes() for image in images])
        self.assertCountEqual(labels, [3, 0, 9])

    def test_without_a_network_the_files_are_listed(self):
        source = sources.SOURCES['svhn']
        directory = self.create_tempdir().full_path
        with (mock.patch.dict(os.environ, {'TFDS_DATA_DIR': directory}),
              mock.patch.object(tfds.core.DatasetBuilder, 'download_and_prepare', side_effect=ConnectionError('down')),
              self.assertRaises(DataError) as raised):
            sources.download(source)
        first, *rows = str(raised.exception).splitlines()
        self.assertRegex(first, rf'svhn_cropped could not be downloaded \(down\).*{directory}/downloads/manual')
        self.assertLen(rows, 3)
        self.assertRegex('\n'.join(rows), r'extra_32x32.mat  sha256 [0-9a-f]{64}  http')


class WriteTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2, 1)
        self.labels = np.array([0, 1, 1, 2, 2, 2])
        self.split = tfrecord.Split.from_arrays(self.images, self.labels)

    def test_schema_and_manifest(self):
        path, = tfrecord.write_dataset(self.directory, 'some', {'train': self.split}, 'here')
        records = [tf.train.Example.FromString(r) for r in tf.data.TFRecordDataset(path).as_numpy_iterator()]
        self.assertEqual([r.features.feature['label'].int64_list.value[0] for r in records], list(self.labels))
        self.assertAllEqual([tf.io.decode_png(r.features.feature['image'].bytes_list.value[0]) for r in records],
                            self.images)
        with open(os.path.join(self.directory, 'manifest.json')) as file:
            entry = json.load(file)['files']['some-train.tfrecord']
        self.assertEqual((entry['count'], entry['image_shape'], entry['label_histogram'], entry['source']),
                         (6, [2, 2, 1], [1, 2, 3], 'here'))
        self.assertEqual((entry['bytes'], entry['sha256']), (os.path.getsize(path), tfrecord.sha256(path)))

    def test_data_sets_share_a_manifest(self):
        for name in ('one', 'two'):
            tfrecord.write_dataset(self.directory, name, {'train': self.split}, '')
        with open(os.path.join(self.directory, 'manifest.json')) as file:
            self.assertCountEqual(json.load(file)['files'], ['one-train.tfrecord', 'two-train.tfrecord'])

    def test_failure_leaves_no_file(self):
        bad = np.zeros([2, 2, 2, 7], np.uint8)  # no PNG has 7 channels
        with self.assertRaises(tf.errors.InvalidArgumentError):
            tfrecord.write_dataset(self.directory, 'some', {
                'train': self.split, 'test': tfrecord.Split.from_arrays(bad, self.labels[:2])}, '')
        self.assertEqual(os.listdir(self.directory), [])


if __name__ == '__main__':
    tf.test.main()
