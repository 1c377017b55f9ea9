import os

import numpy as np
import tensorflow as tf

from acai_tf import datasets
from acai_tf.datasets import base, records, stripes
from acai_tf.errors import DataError, UsageError
from data_prep import tfrecord


class Numbered(base.InMemory):
    """Image i is filled with i, its label is i."""

    def __init__(self, size):
        super().__init__('numbered', (1, 1, 1), 10)
        self.size = size

    def load(self, split):
        numbers = np.arange(self.size)
        return numbers.astype(np.uint8).reshape(-1, 1, 1, 1), numbers


class InMemoryTest(tf.test.TestCase):

    def labels(self, size, batch, steps, **kwargs):
        stream = Numbered(size).train(batch, **kwargs).take(steps)
        return np.concatenate([labels for _, labels in stream])

    def test_every_image_once_an_epoch_also_where_batches_cross_epochs(self):
        labels = self.labels(size=10, batch=4, steps=10)
        for epoch in range(4):
            self.assertCountEqual(labels[10 * epoch:10 * epoch + 10], range(10))

    def test_images_and_labels_stay_together_in_the_range_of_the_model(self):
        images, labels = next(iter(Numbered(200).train(50)))
        self.assertAllClose(images[:, 0, 0, 0], labels.numpy() * 2 / 255 - 1)
        self.assertEqual((images.dtype, labels.dtype), (tf.float32, tf.int64))

    def test_a_resumed_stream_is_the_same_stream(self):
        labels = self.labels(size=10, batch=4, steps=9, seed=7)
        self.assertAllEqual(self.labels(size=10, batch=4, steps=4, seed=7, start_step=5), labels[20:])

    def test_epochs_and_seeds_are_shuffled_over_the_whole_set_and_differently(self):
        size = 60000
        orders = self.labels(size, batch=size // 10, steps=40).reshape(4, size)
        other_seed = self.labels(size, batch=size // 10, steps=10, seed=1)
        neighbours = [np.corrcoef(order[1:], order[:-1])[0, 1] for order in orders]
        position = [np.corrcoef(order, np.arange(size))[0, 1] for order in orders]
        between = [np.corrcoef(a, b)[0, 1] for i, a in enumerate(orders) for b in [*orders[i + 1:], other_seed]]
        # Independent orders correlate with a deviation of 1 / sqrt(60000) = 0.004.
        self.assertLess(np.abs([*neighbours, *position, *between]).max(), 0.02)

    def test_in_order_passes_end_with_the_rest(self):
        sizes_and_labels = [labels.numpy() for _, labels in Numbered(10).test(4)]
        self.assertEqual([list(labels) for labels in sizes_and_labels], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])


class DigitsTest(tf.test.TestCase):

    def test_split_is_stratified_and_complete(self):
        dataset = datasets.get('digits32')
        train, test = ([np.concatenate(part) for part in zip(*split(100))] for split in
                       (dataset.train_once, dataset.test))
        self.assertEqual((len(train[1]), len(test[1])), (1437, 360))
        self.assertAllInRange(np.bincount(test[1]) / np.bincount(train[1]), 0.23, 0.27)
        self.assertEqual(train[0].shape[1:], (32, 32, 1))
        everything = np.concatenate([train[0], test[0]]).reshape(1797, -1)
        self.assertLen(np.unique(everything, axis=0), 1797)
        self.assertAllClose([everything.min(), everything.max()], [-1, 1])


class StripesTest(tf.test.TestCase):

    def test_the_formula(self):
        image = stripes.draw_stripes([0.5], [0.8]).numpy()[0, ..., 0]
        for y, x in ((0, 0), (16, 16), (3, 30)):
            self.assertAllClose(image[y, x], np.sin(0.5 * ((y - 16) * np.cos(0.8) - (x - 16) * np.sin(0.8))), atol=1e-6)

    def test_the_papers_grid_is_split_in_fifths(self):
        dataset = datasets.get('stripes32')
        train, test = ([np.concatenate(part) for part in zip(*split(1000))] for split in
                       (dataset.train_once, dataset.test))
        self.assertEqual((len(train[1]), len(test[1])), (8000, 2000))
        everything = np.concatenate([train[0], test[0]]).reshape(10000, -1)
        grid = stripes.draw_stripes(np.repeat(0.3 + 0.004 * np.arange(100), 100),
                                    np.tile(0.02 * np.pi * np.arange(100), 100)).numpy().reshape(10000, -1)
        self.assertAllEqual(everything[np.lexsort(everything.T)], grid[np.lexsort(grid.T)])
        self.assertAllEqual(np.bincount(np.concatenate([train[1], test[1]])), np.full(10, 1000))
        self.assertEqual(next(iter(dataset.train(7)))[0].shape, (7, 32, 32, 1))

    def test_the_codes_stream_has_labels_without_a_class(self):
        dataset = datasets.get('stripes32-code')
        labels = np.concatenate([y for _, y in dataset.test(1000)])
        self.assertLen(labels, 5000)
        self.assertAllEqual(np.unique(labels), np.arange(20))
        self.assertNotAllClose(*[images for images, _ in dataset.train(3).take(2)])


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
        splits = {split: tfrecord.Split.from_arrays(*arrays) for split, arrays in splits.items()}
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
                writer.write(tfrecord._example(image, label))
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

    def test_coil100_is_split_when_read(self):
        images = np.arange(20, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones([1, 128, 128, 3], np.uint8)
        self.write('coil100', all=(images, np.arange(20)))
        dataset = datasets.get('coil100', self.data_dir)
        train, test = (np.concatenate([y for _, y in split(7)]) for split in (dataset.train_once, dataset.test))
        self.assertLen(test, 4)
        self.assertCountEqual([*train, *test], range(20))

    def test_celeba_is_cropped_and_shrunk(self):
        image = np.zeros([1, 218, 178, 3], np.uint8)
        image[:, :36], image[:, :, :16] = 255, 255  # what is cut off
        self.assertAllEqual(records.celeba_crop(image), np.zeros([1, 32, 32, 3]))
        ramp = np.broadcast_to(np.arange(178, dtype=np.uint8)[:, None], [1, 218, 178, 3])
        # TF1's grid: output column k is input column 146 / 32 * k of the crop, which begins at 16.
        self.assertAllClose(records.celeba_crop(ramp)[0, 0, :31, 0], 16 + 146 / 32 * np.arange(31), atol=0.51)


class RegistryTest(tf.test.TestCase):

    def test_unknown_name(self):
        with self.assertRaisesRegex(UsageError, 'lines64.*lines32'):
            datasets.get('lines64')

    def test_shapes_and_classes(self):
        found = {name: (datasets.get(name).image_shape, datasets.get(name).nclass) for name in datasets.names()}
        gray, color = (32, 32, 1), (32, 32, 3)
        self.assertEqual(found, {
            'lines32': (gray, 10), 'stripes32': (gray, 10), 'stripes32-code': (gray, 10),
            'digits32': (gray, 10), 'mnist32': (gray, 10), 'fashion32': (gray, 10),
            'svhn32': (color, 10), 'cifar10': (color, 10), 'celeba32': (color, 1), 'coil100': ((128, 128, 3), 100)})


if __name__ == '__main__':
    tf.test.main()
