import numpy as np
import tensorflow as tf

from acai_tf import datasets
from acai_tf.datasets import base, stripes
from acai_tf.datasets import lines as lines_lib
from acai_tf.errors import UsageError


class Numbered(base.InMemory):
    """Image i is filled with i and has label i."""

    def __init__(self, size):
        super().__init__('numbered', (1, 1, 1), size)
        self.size = size

    def load(self, split):
        numbers = np.arange(self.size)
        return numbers.astype(np.uint8).reshape(-1, 1, 1, 1), numbers


def assert_shards_make_whole_batches(test, dataset, shards, start_step):
    """Asserts that the shards' batches together equal the batches of one process."""
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

    def test_the_codes_stream_has_the_tenths_of_a_turn_as_labels(self):
        dataset = datasets.get('stripes32-code')
        labels = np.concatenate([y for _, y in dataset.test(1000)])
        self.assertLen(labels, 5000)
        self.assertAllEqual(np.unique(labels), np.arange(10))
        self.assertAllClose(np.bincount(labels) / 5000, np.full(10, 0.1), atol=0.02)
        self.assertNotAllClose(*[images for images, _ in dataset.train(3).take(2)])


class RegistryTest(tf.test.TestCase):

    def test_unknown_name(self):
        with self.assertRaisesRegex(UsageError, 'lines64.*lines32'):
            datasets.get('lines64')

    def test_shapes_and_classes(self):
        shapes = {name: (datasets.get(name).image_shape, datasets.get(name).nclass) for name in datasets.names()}
        gray, color = (32, 32, 1), (32, 32, 3)
        self.assertEqual(shapes, {
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
