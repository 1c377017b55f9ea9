import fcntl
import json
import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from files_test import no_locks

from acai_tf import files
from acai_tf.datasets import manifests
from acai_tf.errors import DataError, StorageError, UsageError
from data_prep import tfrecord
from data_prep.splits import Split
from data_prep.verification import verify


class WriteTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2, 1)
        self.labels = np.array([0, 1, 1, 2, 2, 2])
        self.split = Split.from_arrays(self.images, self.labels)

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
        self.assertEqual((entry['bytes'], entry['sha256']), (os.path.getsize(path), files.sha256(path)))

    def test_data_sets_share_a_manifest(self):
        for name in ('one', 'two'):
            tfrecord.write_dataset(self.directory, name, {'train': self.split}, '')
        with open(os.path.join(self.directory, 'manifest.json')) as file:
            self.assertCountEqual(json.load(file)['files'], ['one-train.tfrecord', 'two-train.tfrecord'])

    def test_failure_leaves_no_file(self):
        bad = np.zeros([2, 2, 2, 7], np.uint8)  # no PNG has 7 channels
        with self.assertRaises(tf.errors.InvalidArgumentError):
            tfrecord.write_dataset(self.directory, 'some', {
                'train': self.split, 'test': Split.from_arrays(bad, self.labels[:2])}, '')
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_file_system_without_locks_is_named_and_nothing_is_left(self):
        with mock.patch.object(fcntl, 'flock', no_locks), self.assertRaisesRegex(
                StorageError, f'^{self.directory} cannot be locked .No locks available.; choose a --data_dir'):
            tfrecord.write_dataset(self.directory, 'some', {'train': self.split}, '')
        self.assertEqual(os.listdir(self.directory), [])


class PrepareTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.calls = 0

    def make(self):
        self.calls += 1
        images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2, 1)
        return {split: Split.from_arrays(images, np.arange(6) % 3) for split in ('train', 'test')}

    def prepare(self, make=None, source='here'):
        return tfrecord.prepare(self.directory, 'some', ('train', 'test'), source, make or self.make)

    def content(self):
        return {path.name: path.read_bytes() for path in pathlib.Path(self.directory).iterdir()}

    def test_a_second_run_does_nothing(self):
        paths = self.prepare()
        content = self.content()
        self.assertCountEqual(content, ['manifest.json', 'some-train.tfrecord', 'some-test.tfrecord'])
        self.assertEqual(self.prepare(), paths)
        self.assertEqual((self.calls, self.content()), (1, content))

    def test_what_is_missing_or_cut_is_made_again(self):
        path, _ = self.prepare()
        content = self.content()
        os.remove(path)
        self.prepare()
        os.truncate(path, 20)
        self.prepare()
        self.assertEqual(self.calls, 3)
        self.assertEqual(self.content()['some-train.tfrecord'], content['some-train.tfrecord'])

    def test_files_of_others_and_of_other_sources_stay(self):
        path, other = self.prepare()
        with self.assertRaisesRegex(UsageError, f'{path}, .* were made from here; to make them from there, delete them'):
            self.prepare(source='there')
        os.remove(other)
        with self.assertRaisesRegex(UsageError, f'{path} was made from here; to make it from there, delete it'):
            self.prepare(source='there')
        self.prepare()
        self.assertEqual(self.calls, 2)
        os.remove(os.path.join(self.directory, 'manifest.json'))
        with self.assertRaisesRegex(UsageError, f'{path} already exists and was not made by acai_tf'):
            self.prepare()
        self.assertEqual(self.calls, 2)

    def test_images_too_large_for_the_manifest_are_refused(self):
        for side, fits in ((manifests.LARGEST_SIDE, True), (manifests.LARGEST_SIDE + 1, False)):
            def make():
                return {split: Split.from_arrays(np.zeros([1, 1, side, 1], np.uint8), np.zeros(1, int))
                        for split in ('train', 'test')}
            if not fits:
                with self.assertRaisesRegex(DataError, '1x16385x1 are too large; a side may have at most 16,384 pixels'):
                    tfrecord.prepare(self.directory, 'wide', ('train', 'test'), 'there', make)
            else:
                self.prepare(make)
        self.assertLen(manifests.read(self.directory), 2)

    def test_an_image_that_does_not_decode_leaves_nothing(self):
        good = tf.io.encode_png(np.zeros([2, 2, 1], np.uint8)).numpy()
        for bad, reason in ((b'no image', 'obj does not decode'), (good[:-20], 'obj does not decode'),
                            (tf.io.encode_png(np.zeros([3, 2, 1], np.uint8)).numpy(),
                             'obj is an image of 3x2x1, not 2x2x1')):
            contents = {'first': good, 'obj': bad}
            split = Split.from_encoded((2, 2, 1), contents.get, [('first', 0), ('obj', 1)])
            with self.assertRaisesRegex(DataError, reason):
                self.prepare(lambda: {**self.make(), 'test': split})
            self.assertEqual(os.listdir(self.directory), [])

    def test_images_of_from_encoded_are_kept_as_they_are(self):
        jpeg = tf.io.encode_jpeg(np.zeros([2, 2, 3], np.uint8)).numpy()
        split = Split.from_encoded((2, 2, 3), lambda name: jpeg, [('a', 4), ('b', 2)])
        self.assertEqual(list(split.examples()), [(jpeg, 4), (jpeg, 2)])

    def test_verify(self):
        path, other = self.prepare()
        with open(path, 'rb') as file:
            sound = file.read()

        def troubles():
            return {name: trouble for name, _, trouble in verify(self.directory)}
        self.assertEqual(troubles(), {'some-train.tfrecord': None, 'some-test.tfrecord': None})
        flipped = bytearray(sound)
        flipped[len(sound) // 2] ^= 1
        for content, reason in ((bytes(flipped), 'has another checksum'), (sound[:-1], f'has {len(sound) - 1} bytes, not'),
                                (b'', 'has 0 bytes'), (None, 'is missing')):
            if content is None:
                os.remove(path)
            else:
                with open(path, 'wb') as file:
                    file.write(content)
            self.assertRegex(troubles()['some-train.tfrecord'], reason)
            self.assertIsNone(troubles()['some-test.tfrecord'])
        with open(path, 'wb') as file:
            file.write(sound)
        with open(os.path.join(self.directory, 'stray.tfrecord'), 'wb') as file:
            file.write(sound)
        self.assertEqual(troubles()['stray.tfrecord'], 'is not in the manifest')

    def test_verify_reads_the_images_and_labels(self):
        path, _ = self.prepare()
        manifest_path = os.path.join(self.directory, 'manifest.json')
        with open(manifest_path) as file:
            manifest = json.load(file)
        entry = manifest['files']['some-train.tfrecord']
        png = tf.io.encode_png(np.zeros([2, 2, 1], np.uint8)).numpy()
        wide = tf.io.encode_png(np.zeros([2, 3, 1], np.uint8)).numpy()
        for records, reason in (([(png, 0)], None), ([(png, 1)], 'other labels'), ([(png, 0)] * 2, 'other labels'),
                                ([], 'holds no images'),
                                ([(wide, 0)], 'not 2x2x1'), ([(b'x', 0)], 'damaged near record 0')):
            with tf.io.TFRecordWriter(path) as writer:
                for record in records:
                    writer.write(tfrecord.example(*record))
            entry.update(count=1, bytes=os.path.getsize(path), sha256=files.sha256(path), label_histogram=[1])
            with open(manifest_path, 'w') as file:
                json.dump(manifest, file)
            (_, _, trouble), = verify(self.directory, ['some-train.tfrecord'])
            self.assertRegex(str(trouble), str(reason))
        del entry['label_histogram']
        with tf.io.TFRecordWriter(path) as writer:
            writer.write(tfrecord.example(png, 3))
        entry.update(nclass=3, bytes=os.path.getsize(path), sha256=files.sha256(path))
        with open(manifest_path, 'w') as file:
            json.dump(manifest, file)
        (_, _, trouble), = verify(self.directory, ['some-train.tfrecord'])
        self.assertEqual(trouble, 'has a label outside 0..2')
        del entry['nclass']  # as for a data set with class names in its class
        with open(manifest_path, 'w') as file:
            json.dump(manifest, file)
        self.assertEqual(list(verify(self.directory, ['some-train.tfrecord'])), [('some-train.tfrecord', 1, None)])


if __name__ == '__main__':
    tf.test.main()
