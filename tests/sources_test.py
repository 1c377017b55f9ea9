import os
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from acai_tf.errors import DataError
from data_prep import sources


class DownloadTest(tf.test.TestCase):
    """Tests with data sets in the prepared format of tensorflow-datasets, so nothing is downloaded."""

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
        found = [(tf.io.decode_png(png).numpy().tobytes(), label) for png, label in splits['extra'].examples()]
        self.assertCountEqual(found, [(image.tobytes(), label) for image, label in zip(images, [3, 0, 9])])

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


if __name__ == '__main__':
    tf.test.main()
