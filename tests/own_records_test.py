"""Users' own records, prepared by acai_tf or made by hand."""

import json
import os

import numpy as np
import tensorflow as tf

from acai_tf import datasets
from acai_tf.errors import DataError
from data_prep import tfrecord
from data_prep.splits import Split
from data_prep.verification import verify


class OwnRecordsTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.images = np.random.default_rng(0).integers(0, 256, [12, 20, 24, 3], np.uint8)
        self.labels = np.arange(12) % 3
        self.manifest = os.path.join(self.directory, 'manifest.json')
        self.write(self.images)

    def write(self, images):
        splits = {'train': Split.from_arrays(images, self.labels),
                  'test': Split.from_arrays(self.images[:2], self.labels[:2])}
        tfrecord.write_dataset(self.directory, '', splits, '')

    def test_size_colors_and_classes_come_from_the_manifest(self):
        dataset = datasets.get(f'records:{self.directory}')
        self.assertEqual((dataset.image_shape, dataset.nclass), ((20, 24, 3), 3))
        images, labels = next(iter(dataset.train_once(100)))
        self.assertAllClose(images, self.images * (2 / 255) - 1, atol=1e-6)
        self.assertAllEqual(labels, self.labels)
        self.assertEqual(next(iter(dataset.test(100)))[0].shape, (2, 20, 24, 3))

    def test_names_of_classes_come_from_the_manifest_if_they_are_clear(self):
        path = os.path.join(self.directory, 'manifest.json')
        with open(path) as file:
            manifest = json.load(file)
        for classes, expected in ((['ant', 'bee', 'cat'], ['ant', 'bee', 'cat']), (['ant', 'bee', 'bee'], None),
                                  (['ant', 'bee'], None), ([], None)):
            manifest['files']['train.tfrecord']['classes'] = classes
            with open(path, 'w') as file:
                json.dump(manifest, file)
            dataset = datasets.get(f'records:{self.directory}')
            self.assertEqual(dataset.class_names, expected)
            self.assertEqual(dataset.class_name(2), 'cat' if expected else '2')

    def test_resolution(self):
        dataset = datasets.get(f'records:{self.directory}', resolution=16)
        self.assertEqual(next(iter(dataset.train(4)))[0].shape, (4, 16, 16, 3))

    def test_manifests_that_do_not_describe_the_files(self):
        with open(self.manifest) as file:
            files = json.load(file)['files']
        self.write(self.images[:, :10])
        with self.assertRaisesRegex(DataError, 'manifest.json: train.tfrecord and test.tfrecord do not hold images of one'):
            datasets.get(f'records:{self.directory}')
        for change, reason in (({'test.tfrecord': None}, "does not describe .*test.tfrecord"),
                               ({'train.tfrecord': {**files['train.tfrecord'], 'image_shape': 'x'}}, 'image_shape of'),
                               ({'train.tfrecord': 7}, 'cannot be read')):
            changed = {name: entry for name, entry in {**files, **change}.items() if entry}
            with open(self.manifest, 'w') as file:
                json.dump({'files': changed}, file)
            with self.assertRaisesRegex(DataError, f'manifest.json.*{reason}'):
                datasets.get(f'records:{self.directory}')
        os.remove(self.manifest)
        with self.assertRaisesRegex(DataError, 'manifest.json is missing.*--images_dir=DIR'):
            datasets.get(f'records:{self.directory}')


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


class HandMadeRecordsTest(tf.test.TestCase):
    """Files not made by acai_tf, with a hand-written manifest."""

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.images = np.random.default_rng(0).integers(0, 256, [5, 8, 8, 1], np.uint8)

    def write(self, compression='', entry=(), key='image', **features):
        for split in ('train', 'test'):
            path = os.path.join(self.directory, f'{split}.tfrecord')
            with tf.io.TFRecordWriter(path, compression) as writer:
                for image in self.images:
                    values = {key: tf.io.encode_png(image).numpy(), **features}
                    writer.write(tf.train.Example(features=tf.train.Features(
                        feature={name: feature(value) for name, value in values.items()})).SerializeToString())
        entry = {'image_shape': [8, 8, 1], 'nclass': 3, **dict(entry)}
        with open(os.path.join(self.directory, 'manifest.json'), 'w') as file:
            json.dump({'files': {f'{split}.tfrecord': entry for split in ('train', 'test')}}, file)
        return datasets.get(f'records:{self.directory}')

    def assert_read(self, dataset, label):
        dataset.check()
        images, labels = next(iter(dataset.train_once(100)))
        self.assertAllClose(images, self.images * (2 / 255) - 1, atol=1e-6)
        self.assertAllEqual(labels, np.full(5, label))
        self.assertLen(next(iter(dataset.train(4)))[1], 4)

    def test_what_is_optional(self):
        self.assert_read(self.write(label=2), 2)
        self.assert_read(self.write(), 0)
        self.assert_read(self.write('GZIP', label=1), 1)
        self.assertEqual(list(verify(self.directory)), [('test.tfrecord', 5, None), ('train.tfrecord', 5, None)])

    def test_streams_alike(self):
        self.write('GZIP', label=1)
        dataset = datasets.get(f'records:{self.directory}', cache_gib=0)
        self.assertTrue(dataset.streams)
        self.assert_read(dataset, 1)

    def test_what_is_missing_is_said_and_the_files_stay(self):
        for options, message in (({'label': 1.0}, 'rain.tfrecord has no int64 `label`; it has bytes `image`, float `label`'),
                                 ({'label': b'cat'}, 'has no int64 `label`; it has bytes `image`, bytes `label`'),
                                 ({'key': 'picture', 'label': 1}, 'has no bytes `image`; it has int64 `label`, bytes `pic'),
                                 ({'label': 7}, 'has a label outside 0..2; correct it, or its entry in manifest.json'),
                                 ({'label': 1, 'entry': {'bytes': 3}}, 'bytes, but its manifest says 3; correct it')):
            dataset = self.write(**options)
            with self.assertRaisesRegex(DataError, message) as caught:
                dataset.check()
                list(dataset.train_once(5))
            self.assertNotIn('delete', str(caught.exception))

    def test_fields_of_the_wrong_type(self):
        for field, value in (('count', 'many'), ('image_shape', [8, 8, 2]), ('label_histogram', 5), ('bytes', -1),
                             ('classes', [1])):
            with self.assertRaisesRegex(DataError, f'manifest.json cannot be read .ValueError: {field} of train.tf'):
                self.write(entry={field: value})

    def test_a_byte_order_mark(self):
        self.write(label=1)
        path = os.path.join(self.directory, 'manifest.json')
        with open(path, encoding='utf-8') as file:
            content = file.read()
        with open(path, 'w', encoding='utf-8-sig') as file:
            file.write(content)
        self.assert_read(datasets.get(f'records:{self.directory}'), 1)

    def test_an_empty_file(self):
        dataset = self.write(label=1)
        with open(os.path.join(self.directory, 'train.tfrecord'), 'w'):
            pass
        with self.assertRaisesRegex(DataError, 'train.tfrecord is empty; correct it'):
            dataset.check()

    def test_the_identity_of_the_data(self):
        first = self.write(label=1).fingerprint()
        self.assertEqual({key: first[key] for key in ('count', 'image_shape', 'nclass')},
                         {'count': 10, 'image_shape': [8, 8, 1], 'nclass': 3})
        self.images = np.concatenate([self.images, self.images])
        self.assertNotEqual(self.write(label=1).fingerprint()['checksum'], first['checksum'])

if __name__ == '__main__':
    tf.test.main()
