import os
from unittest import mock

import numpy as np
import tensorflow as tf
from datasets_test import assert_shards_make_whole_batches
from records_test import numbers_in

from acai_tf import datasets
from acai_tf.datasets import records
from data_prep import tfrecord
from data_prep.splits import Split


class StreamTest(tf.test.TestCase):
    """SVHN's two training files, too large for the cache; image i is filled with i."""

    def setUp(self):
        super().setUp()
        self.data_dir = self.create_tempdir().full_path
        self.write(200, 50)

    def write(self, extra, train):
        def split(first, count):
            images = (first + np.arange(count, dtype=np.uint8)).reshape(-1, 1, 1, 1) * np.ones([1, 32, 32, 3], np.uint8)
            return Split.from_arrays(images, np.zeros(count, np.int64))
        tfrecord.write_dataset(self.data_dir, 'svhn', {
            'train': split(0, train), 'extra': split(train, extra), 'test': split(0, 30)}, '')

    def get(self, cache_gib=0.0):
        return datasets.get('svhn32', self.data_dir, cache_gib=cache_gib)

    def test_only_what_is_too_large_streams(self):
        self.assertTrue(self.get().streams)
        size = 280 * 32 * 32 * 3 / 2**30
        self.assertFalse(self.get(cache_gib=1.01 * size).streams)
        self.assertTrue(self.get(cache_gib=0.99 * size).streams)

    def test_another_order_is_another_identity(self):
        streamed, whole = self.get().fingerprint(), self.get(cache_gib=1).fingerprint()
        self.assertEqual({name for name in whole if whole[name] != streamed[name]}, {'shuffling'})

    def test_every_image_once_an_epoch(self):
        numbers = numbers_in(self.get().train(20).take(25))
        self.assertCountEqual(numbers[:250], range(250))
        self.assertCountEqual(numbers[250:], range(250))
        self.assertNotAllEqual(numbers[:250], numbers[250:])
        other_seed = numbers_in(self.get().train(20, seed=1).take(12))
        self.assertLess(abs(np.corrcoef(numbers[:240], other_seed)[0, 1]), 0.3)

    def test_the_files_are_mixed_though_the_buffer_is_small(self):
        with mock.patch.object(records, '_SHUFFLE_BYTES', 0), mock.patch.object(np, 'clip', lambda *_: 16):
            numbers = numbers_in(self.get().train(50).take(5)).reshape(5, 50)
        # Of 50 images, 10 +- 2.6 are expected from `train`; without mixing, all or none would be.
        self.assertAllInRange((numbers < 50).sum(axis=1), 1, 22)

    def test_a_resumed_stream_is_the_same_stream(self):
        dataset = self.get()
        whole = numbers_in(dataset.train(20, seed=3).take(30))
        for start in (1, 12, 13, 27):  # 250 images end within step 12
            self.assertAllEqual(numbers_in(dataset.train(20, seed=3, start_step=start).take(3)),
                                whole[20 * start:20 * (start + 3)])

    def test_shards_are_parts_of_the_same_batches(self):
        assert_shards_make_whole_batches(self, self.get(), shards=2, start_step=11)

    def test_passes_in_order_equal_those_from_memory(self):
        for split in ('train_once', 'test'):
            streamed, kept = (list(getattr(self.get(gib), split)(32)) for gib in (0.0, 4.0))
            self.assertEqual(len(streamed), len(kept))
            for streamed_batch, kept_batch in zip(streamed, kept):
                self.assertAllEqual(streamed_batch[0], kept_batch[0])
                self.assertAllEqual(streamed_batch[1], kept_batch[1])

    def test_one_object_of_coil100_streams(self):
        images = np.arange(30, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones([1, 128, 128, 3], np.uint8)
        tfrecord.write_dataset(self.data_dir, 'coil100', {
            'all': Split.from_arrays(images, np.arange(30) // 10)}, '')
        streamed, kept = (datasets.get('coil100', self.data_dir, coil_object=2, cache_gib=gib) for gib in (0.0, 4.0))
        self.assertTrue(streamed.streams)
        self.assertAllEqual(numbers_in(streamed.test(5)), numbers_in(kept.test(5)))
        self.assertCountEqual(numbers_in(streamed.train(4).take(2)), numbers_in(kept.train_once(8)))

    def test_a_label_without_a_class_is_an_error(self):
        for label in (-1, 10):
            os.remove(os.path.join(self.data_dir, 'manifest.json'))
            self.write(10, 10)
            path = os.path.join(self.data_dir, 'svhn-train.tfrecord')
            with tf.io.TFRecordWriter(path) as writer:
                writer.write(tfrecord.example(tf.io.encode_png(np.zeros([32, 32, 3], np.uint8)).numpy(), label))
            os.remove(os.path.join(self.data_dir, 'manifest.json'))
            with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'a label has no class'):
                list(self.get().train_once(5))
            self.write(10, 10)


if __name__ == '__main__':
    tf.test.main()
