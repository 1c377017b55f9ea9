import json
import os
from unittest import mock

import numpy as np
import tensorflow as tf

from acai_tf import datasets
from acai_tf.datasets import base, records, stripes
from acai_tf.datasets import lines as lines_lib
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


def assert_shards_make_whole_batches(test, dataset, shards, start_step):
    """That the shards' batches of images and labels, put together, are those of one process."""
    parts = [list(dataset.train(12, 5, start_step, shard, shards).take(4)) for shard in range(shards)]
    for of_shards, whole in zip(zip(*parts), dataset.train(12, 5, start_step).take(4), strict=True):
        for together, expected in zip(zip(*of_shards), whole):
            test.assertAllEqual(np.concatenate(together), expected)


class InMemoryTest(tf.test.TestCase):

    def test_shards_are_parts_of_the_same_batches(self):
        for dataset in (Numbered(30), datasets.get('lines32'), datasets.get('stripes32')):
            assert_shards_make_whole_batches(self, dataset, shards=3, start_step=2)

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
        for images, streams in ((29, True), (30, False)):  # of both splits, which one file holds
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
                'all': tfrecord.Split.from_chunks(144, (128, 128, 3), chunks)}, '')
        write({'angle': angles})
        dataset = datasets.get('coil100', self.data_dir, coil_object=2, resolution=16)
        posed, poses, is_test = dataset.posed()
        self.assertEqual((posed.shape, posed.dtype, is_test.sum()), ((72, 16, 16, 3), np.float32, 14))
        number = np.rint(127.5 * (posed[:, 0, 0, 0] + 1)).astype(int)
        self.assertCountEqual(number, range(72, 144))
        self.assertAllEqual(poses, np.stack([angles[number], np.zeros(72)], axis=1))
        self.assertCountEqual(number[is_test], numbers_in(dataset.test(7)))
        with self.assertRaisesRegex(UsageError, 'choose it with --coil_object'):
            datasets.get('coil100', self.data_dir).posed()
        write()  # as they were made before
        before = datasets.get('coil100', self.data_dir, coil_object=2)
        self.assertLen(numbers_in(before.test(7)), 14)
        with self.assertRaisesRegex(DataError, 'coil100-all.tfrecord was made before the angles.*--datasets=coil100'):
            before.posed()

    def test_options_of_another_data_set(self):
        for options in ({'coil_object': 2}, {'resolution': 64}):
            with self.assertRaisesRegex(UsageError, 'does not apply to mnist32'):
                datasets.get('mnist32', self.data_dir, **options)

    def test_celeba_is_cropped_and_shrunk(self):
        image = np.zeros([1, 218, 178, 3], np.uint8)
        image[:, :36], image[:, :, :16] = 255, 255  # what is cut off
        self.assertAllEqual(records.celeba_crop(image), np.zeros([1, 32, 32, 3]))
        ramp = np.broadcast_to(np.arange(178, dtype=np.uint8)[:, None], [1, 218, 178, 3])
        # TF1's grid: output column k is input column 146 / 32 * k of the crop, which begins at 16.
        self.assertAllClose(records.celeba_crop(ramp)[0, 0, :31, 0], 16 + 146 / 32 * np.arange(31), atol=0.51)


def numbers_in(batches):
    """Each image's value, which is its number in these tests."""
    return np.concatenate([np.rint((images.numpy()[:, 0, 0, 0] + 1) * 255 / 2) for images, _ in batches]).astype(int)


class StreamTest(tf.test.TestCase):
    """SVHN's two training files, where image i is filled with i, too large for the memory that is allowed."""

    def setUp(self):
        super().setUp()
        self.data_dir = self.create_tempdir().full_path
        self.write(200, 50)

    def write(self, extra, train, label=0):
        def split(first, count):
            images = (first + np.arange(count, dtype=np.uint8)).reshape(-1, 1, 1, 1) * np.ones([1, 32, 32, 3], np.uint8)
            return tfrecord.Split.from_arrays(images, np.full(count, label))
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
        streamed, whole = self.get().identity(), self.get(cache_gib=1).identity()
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
        # Of 50 images 10 are expected from `train`, with a deviation of 2.6; one after the other all or none would be.
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
            for ours, theirs in zip(streamed, kept):
                self.assertAllEqual(ours[0], theirs[0])
                self.assertAllEqual(ours[1], theirs[1])

    def test_one_object_of_coil100_streams(self):
        images = np.arange(30, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones([1, 128, 128, 3], np.uint8)
        tfrecord.write_dataset(self.data_dir, 'coil100', {
            'all': tfrecord.Split.from_arrays(images, np.arange(30) // 10)}, '')
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


class OwnRecordsTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.images = np.random.default_rng(0).integers(0, 256, [12, 20, 24, 3], np.uint8)
        self.labels = np.arange(12) % 3
        self.manifest = os.path.join(self.directory, 'manifest.json')
        self.write(self.images)

    def write(self, images):
        splits = {'train': tfrecord.Split.from_arrays(images, self.labels),
                  'test': tfrecord.Split.from_arrays(self.images[:2], self.labels[:2])}
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
    """Files that acai_tf did not make, and their hand-written manifest."""

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
        self.assertEqual(list(tfrecord.verify(self.directory)), [('test.tfrecord', 5, None), ('train.tfrecord', 5, None)])

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

    def test_the_identity_of_the_data(self):
        first = self.write(label=1).identity()
        self.assertEqual({key: first[key] for key in ('count', 'image_shape', 'nclass')},
                         {'count': 10, 'image_shape': [8, 8, 1], 'nclass': 3})
        self.images = np.concatenate([self.images, self.images])
        self.assertNotEqual(self.write(label=1).identity()['checksum'], first['checksum'])


class RegistryTest(tf.test.TestCase):

    def test_unknown_name(self):
        with self.assertRaisesRegex(UsageError, 'lines64.*lines32'):
            datasets.get('lines64')

    def test_shapes_and_classes(self):
        found = {name: (datasets.get(name).image_shape, datasets.get(name).nclass) for name in datasets.names()}
        gray, color = (32, 32, 1), (32, 32, 3)
        self.assertEqual(found, {
            'lines32': (gray, 10), 'stripes32': (gray, 10), 'stripes32-code': (gray, 10),
            'digits32': (gray, 10), 'pole64': ((64, 64, 1), 1), 'mnist32': (gray, 10), 'fashion32': (gray, 10),
            'svhn32': (color, 10), 'cifar10': (color, 10), 'celeba32': (color, 1), 'coil100': ((128, 128, 3), 100)})

    def test_names_of_classes(self):
        for name in datasets.names():
            dataset = datasets.get(name)
            self.assertLen(set(dataset.class_names), dataset.nclass)
        self.assertEqual(datasets.get('fashion32').class_name(0), 'T-shirt/top')
        self.assertEqual(datasets.get('coil100').class_name(99), 'obj100')
        lines = datasets.get('lines32')
        self.assertEqual(lines.class_name(int(lines_lib.label_of(np.radians(50)))), '36-72°')
        self.assertEqual(datasets.get('stripes32-code').class_name(19), '19')


if __name__ == '__main__':
    tf.test.main()
