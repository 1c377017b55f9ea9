"""Labels of records: either all records have one int64 label, or none has."""

import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import datasets
from acai_tf.errors import DataError

ONE, NONE, TWO = [3], [], [1, 2]


class LabelsTest(parameterized.TestCase, tf.test.TestCase):

    def write(self, train, test):
        """A directory of records with these labels."""
        directory = self.create_tempdir().full_path
        png = tf.io.encode_png(np.zeros([8, 8, 1], np.uint8)).numpy()
        for split, labels in (('train', train), ('test', test)):
            with tf.io.TFRecordWriter(os.path.join(directory, f'{split}.tfrecord')) as writer:
                for values in labels:
                    feature = {'image': tf.train.Feature(bytes_list=tf.train.BytesList(value=[png]))}
                    if values:
                        feature['label'] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                    writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
        entry = {'image_shape': [8, 8, 1], 'nclass': 5}
        with open(os.path.join(directory, 'manifest.json'), 'w') as file:
            json.dump({'files': {'train.tfrecord': entry, 'test.tfrecord': entry}}, file)
        return directory

    @parameterized.product(labels=(ONE, NONE), cache_gib=(4.0, 0.0))
    def test_all_or_none(self, labels, cache_gib):
        dataset = datasets.get(f'records:{self.write([labels] * 6, [labels] * 3)}', cache_gib=cache_gib)
        for batches in (dataset.train_once(4), dataset.test(4), dataset.train(4).take(3)):
            for _, numbers in batches:
                self.assertAllEqual(numbers, [labels[0] if labels else 0] * len(numbers))

    @parameterized.product(labels=([ONE] * 4 + [NONE] * 2, [NONE] * 4 + [ONE] * 2, [ONE] * 4 + [TWO] * 2, [TWO] * 6),
                           cache_gib=(4.0, 0.0))
    def test_anything_else_is_refused(self, labels, cache_gib):
        dataset = datasets.get(f'records:{self.write(labels, labels[:3])}', cache_gib=cache_gib)
        with self.assertRaisesRegex((DataError, tf.errors.InvalidArgumentError), 'label'):
            for _ in dataset.train_once(4):
                pass

    def test_files_with_and_without_labels(self):
        dataset = datasets.get(f'records:{self.write([ONE] * 4, [NONE] * 4)}')
        with self.assertRaisesRegex(DataError, 'train.tfrecord has labels, but .*test.tfrecord does not'):
            dataset.check()


if __name__ == '__main__':
    tf.test.main()
