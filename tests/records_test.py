import os

import numpy as np
import tensorflow as tf

from acai_tf import datasets, metrics
from acai_tf.errors import DataError, UsageError
from data_prep import tfrecord
from data_prep.splits import Split


def numbers_in(batches):
    """Returns each image's value, which is its number in these tests."""
    return np.concatenate([np.rint((images.numpy()[:, 0, 0, 0] + 1) * 255 / 2) for images, _ in batches]).astype(int)


class RecordsTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.data_dir = self.create_tempdir().full_path
        random = np.random.default_rng(0)
        self.images = random.integers(0, 256, [30, 28, 28, 1], np.uint8)
        self.labels = random.integers(0, 10, 30)
        self.write('mnist', train=(self.images[:20], self.labels[:20]), test=(self.images[20:], self.labels[20:]))
        self.path = os.path.join(self.data_dir, 'mnist-train.tfrecord')

    def write(self, prepared, **splits):
        splits = {split: Split.from_arrays(*arrays) for split, arrays in splits.items()}
        tfrecord.write_dataset(self.data_dir, prepared, splits, 'a test')

    def load(self):
        return next(iter(datasets.get('mnist32', self.data_dir).train_once(100)))

    def test_images_are_padded_with_background(self):
        images, labels = self.load()
        self.assertEqual(images.shape, (20, 32, 32, 1))
        self.assertAllEqual(labels, self.labels[:20])
        self.assertAllClose(images[:, 2:-2, 2:-2], self.images[:20] * (2 / 255) - 1, atol=1e-6)
        self.assertAllEqual(np.unique(images[:, :2]), [-1])
        self.assertAllEqual(np.unique(images[:, :, -2:]), [-1])

    def test_missing_file_names_it_and_the_command(self):
        with self.assertRaisesRegex(DataError, r'nowhere/svhn-train.tfrecord.*--datasets=svhn --data_dir=/nowhere'):
            datasets.get('svhn32', '/nowhere').check()
        for name in ('svhn', 'mnist'):
            with self.assertRaisesRegex(DataError, f'nowhere/{name}-train.tfrecord.*--datasets={name}'):
                datasets.get(f'{name}32', '/nowhere').train_once(64)
        self.assertEqual(metrics.create('lines').unsupported_reason(datasets.get('mnist32', '/nowhere')),
                         'is for lines32, not mnist32')

    def test_data_dir_comes_from_the_environment_when_data_is_opened(self):
        os.environ['AE_DATA'] = self.data_dir
        self.addCleanup(os.environ.pop, 'AE_DATA')
        self.assertLen(next(iter(datasets.get('mnist32').test(100)))[1], 10)

    def damage(self, change):
        with open(self.path, 'rb') as file:
            content = bytearray(file.read())
        with open(self.path, 'wb') as file:
            file.write(change(content))

    def test_damage_is_refused_with_the_files_name(self):
        def flipped(content):
            content[len(content) // 2] ^= 1
            return content

        def without_last_record(content):
            start = position = 0
            while position < len(content):
                start, position = position, position + 16 + int.from_bytes(content[position:position + 8], 'little')
            return content[:start]
        with open(self.path, 'rb') as file:
            sound = file.read()
        for change in (flipped, without_last_record, lambda c: c[:-5], lambda c: b'', lambda c: c + c):
            with open(self.path, 'wb') as file:
                file.write(sound)
            self.damage(change)
            with self.assertRaisesRegex(DataError, 'mnist-train.tfrecord.*--datasets=mnist'):
                self.load()

    def test_damage_is_found_without_a_manifest_too(self):
        os.remove(os.path.join(self.data_dir, 'manifest.json'))
        self.assertLen(self.load()[1], 20)
        self.damage(lambda content: content[:-5])
        with self.assertRaisesRegex(DataError, 'mnist-train.tfrecord is damaged near record'):
            self.load()

    def test_wrong_content(self):
        png = tf.io.encode_png(self.images[0]).numpy()
        small = tf.io.encode_png(self.images[0, :5]).numpy()
        os.remove(os.path.join(self.data_dir, 'manifest.json'))
        for image, label, reason in ((b'no image', 1, 'damaged near record 0'), (small, 1, 'damaged near record 0'),
                                     (png, 10, 'label outside 0..9'), (png, -1, 'label outside 0..9')):
            with tf.io.TFRecordWriter(self.path) as writer:
                writer.write(tfrecord.example(image, label))
            with self.assertRaisesRegex(DataError, f'mnist-train.tfrecord.*{reason}'):
                self.load()

    def test_damaged_manifest(self):
        with open(os.path.join(self.data_dir, 'manifest.json'), 'w') as file:
            file.write('{"files": ')
        with self.assertRaisesRegex(DataError, 'manifest.json'):
            self.load()

    def test_svhn_trains_on_train_and_extra_and_passes_once_over_train(self):
        random = np.random.default_rng(1)
        splits = {split: (random.integers(0, 256, [n, 32, 32, 3], np.uint8), random.integers(0, 10, n))
                  for split, n in (('train', 4), ('extra', 8), ('test', 2))}
        self.write('svhn', **splits)
        dataset = datasets.get('svhn32', self.data_dir)
        labels = np.concatenate([y for _, y in dataset.train(6).take(2)])
        self.assertCountEqual(labels, np.concatenate([splits['train'][1], splits['extra'][1]]))
        self.assertAllEqual(next(iter(dataset.train_once(9)))[1], splits['train'][1])

    def write_coil(self, objects=3, angles=10):
        numbers = np.arange(objects * angles)
        images = numbers.astype(np.uint8).reshape(-1, 1, 1, 1) * np.ones([1, 128, 128, 3], np.uint8)
        self.write('coil100', all=(images, numbers // angles))

    def test_coil100_is_split_within_each_object(self):
        self.write_coil()
        dataset = datasets.get('coil100', self.data_dir)
        train, test = (numbers_in(split(7)) for split in (dataset.train_once, dataset.test))
        self.assertCountEqual([*train, *test], range(30))
        self.assertAllEqual(np.bincount(test // 10), [2, 2, 2])
        gib = 128 * 128 * 3 / 2**30
        for images, streams in ((29, True), (30, False)):  # from both splits, which share a file
            self.assertEqual(datasets.get('coil100', self.data_dir, cache_gib=images * gib).streams, streams)
        self.assertCountEqual(numbers_in(dataset.train(6).take(4)), train)

    def test_one_object_of_coil100_has_the_split_that_it_has_among_all(self):
        self.write_coil()
        everything, one = (datasets.get('coil100', self.data_dir, **options) for options in ({}, {'coil_object': 2}))
        for split in ('train_once', 'test'):
            among_all = numbers_in(getattr(everything, split)(7))
            self.assertAllEqual(numbers_in(getattr(one, split)(7)), among_all[among_all // 10 == 1])
        with self.assertRaisesRegex(DataError, 'coil_object=50; choose one of 1, 2, 3$'):
            list(datasets.get('coil100', self.data_dir, coil_object=50).test(7))

    def test_coil100_can_be_smaller(self):
        self.write_coil()
        dataset = datasets.get('coil100', self.data_dir, resolution=64)
        self.assertEqual((dataset.image_shape, dataset.raw_shape), ((64, 64, 3), (128, 128, 3)))
        images, _ = next(iter(dataset.test(7)))
        self.assertEqual(images.shape, (6, 64, 64, 3))

    def test_coil100_knows_the_poses_of_one_object(self):
        images = np.arange(144).astype(np.uint8).reshape(-1, 1, 1, 1) * np.ones([1, 128, 128, 3], np.uint8)
        angles = 5 * (np.arange(144) % 72)

        def write(*beside):
            def chunks():
                yield images, np.arange(144) // 72, *beside
            tfrecord.write_dataset(self.data_dir, 'coil100', {
                'all': Split.from_chunks(144, (128, 128, 3), chunks)}, '')
        write({'angle': angles})
        dataset = datasets.get('coil100', self.data_dir, coil_object=2, resolution=16)
        posed, poses, is_test = dataset.load_poses()
        self.assertEqual((posed.shape, posed.dtype, is_test.sum()), ((72, 16, 16, 3), np.float32, 14))
        number = np.rint(127.5 * (posed[:, 0, 0, 0] + 1)).astype(int)
        self.assertCountEqual(number, range(72, 144))
        self.assertAllEqual(poses, np.stack([angles[number], np.zeros(72)], axis=1))
        self.assertCountEqual(number[is_test], numbers_in(dataset.test(7)))
        with self.assertRaisesRegex(UsageError, 'choose one with --coil_object'):
            datasets.get('coil100', self.data_dir).load_poses()
        write()  # as in older versions
        before = datasets.get('coil100', self.data_dir, coil_object=2)
        self.assertLen(numbers_in(before.test(7)), 14)
        with self.assertRaisesRegex(DataError, 'coil100-all.tfrecord was made without the angles.*--datasets=coil100'):
            before.load_poses()

    def test_options_of_another_data_set(self):
        for options in ({'coil_object': 2}, {'resolution': 64}):
            with self.assertRaisesRegex(UsageError, f'the data set mnist32 has no option {min(options)}; it has none'):
                datasets.get('mnist32', self.data_dir, **options)

    def test_celeba_is_cropped_and_shrunk(self):
        image = np.zeros([1, 218, 178, 3], np.uint8)
        image[:, :36], image[:, :, :16] = 255, 255  # the part that is cut off
        crop = datasets.get('celeba32').preprocess
        self.assertAllEqual(crop(image), np.zeros([1, 32, 32, 3]))
        ramp = np.broadcast_to(np.arange(178, dtype=np.uint8)[:, None], [1, 218, 178, 3])
        # TF1's grid: output column k is input column 146 / 32 * k of the crop, which begins at 16.
        self.assertAllClose(crop(ramp)[0, 0, :31, 0], 16 + 146 / 32 * np.arange(31), atol=0.51)

if __name__ == '__main__':
    tf.test.main()
