"""Arrays as data: reading, scaling and refusals."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import datasets, metrics, models
from acai_tf.datasets.arrays import stratified_part
from acai_tf.datasets.base import InMemory
from acai_tf.errors import DataError, UsageError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(-1, 1, [40, 16, 16, 1])
LABELS = np.arange(40) % 3


def read(dataset, split):
    """Returns all images and labels of a split."""
    batches = dataset.test(7) if split == 'test' else dataset.train_once(7)
    images, labels = zip(*((images.numpy(), labels.numpy()) for images, labels in batches))
    return np.concatenate(images), np.concatenate(labels)


class Own(InMemory):
    """A user's data set, made of given arrays."""

    def __init__(self, train, test, nclass=3):
        super().__init__('own', (16, 16, 1), nclass)
        self.given = {'train': train, 'test': test}

    def load(self, split):
        return self.given[split]


class ScaleTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.named_parameters(
        ('uint8', np.uint8(np.rint(127.5 * (IMAGES + 1))), 1 / 127.5),
        ('float64', IMAGES, 1e-6), ('float32', IMAGES.astype(np.float32), 1e-6),
        ('float16', IMAGES.astype(np.float16), 1e-3),
        ('unit_range', ((IMAGES + 1) / 2).astype(np.float32), 1e-6), ('unit_range_float64', (IMAGES + 1) / 2, 1e-6))
    def test_each_type_comes_out_in_minus_one_to_one(self, x, tolerance):
        for dataset in (Own((x[:30], LABELS[:30]), (x[30:], LABELS[30:])),
                        datasets.from_arrays(x[:30], LABELS[:30], x[30:], LABELS[30:])):
            for split, part in (('train', slice(30)), ('test', slice(30, None))):
                images, labels = read(dataset, split)
                self.assertEqual(images.dtype, np.float32)
                self.assertAllClose(images, IMAGES[part], atol=tolerance)
                self.assertAllEqual(labels, LABELS[part])

    def test_the_training_images_decide(self):
        whole, unit = IMAGES, (IMAGES + 1) / 2
        images, _ = read(Own((whole[:30], LABELS[:30]), (np.abs(whole[30:]), LABELS[30:])), 'test')
        self.assertAllClose(images, np.abs(whole[30:]), atol=1e-6)  # taken unchanged, though within [0, 1]
        with self.assertRaisesRegex(DataError, 'but the training images are within'):
            read(Own((unit[:30], LABELS[:30]), (whole[30:], LABELS[30:])), 'test')
        pixels = np.uint8(np.rint(127.5 * (IMAGES + 1)))
        images, _ = read(Own((pixels[:30], LABELS[:30]), (unit[30:], LABELS[30:])), 'test')
        self.assertAllClose(images, whole[30:], atol=1e-6)  # pixels do not decide

    def test_what_is_stretched_is_said(self):
        with self.assertLogs('acai_tf', 'INFO') as logs:
            datasets.from_arrays((IMAGES + 1) / 2, LABELS)
        self.assertIn('the images are within [0, 1]: stretched to [-1, 1]', logs.output[0])

    @parameterized.named_parameters(
        ('uint16', np.uint16(1000 * (IMAGES + 1)), 'uint16'), ('int64', np.int64(100 * IMAGES), 'int64'),
        ('pixels_as_floats', np.float32(127.5 * (IMAGES + 1)), 'range from'), ('too_large', 1.5 * IMAGES, 'range from'),
        ('nan', np.where(IMAGES == IMAGES[0, 0, 0, 0], np.nan, IMAGES), 'range from nan'),
        ('infinite', np.where(IMAGES == IMAGES[0, 0, 0, 0], np.inf, IMAGES), 'inf'),
        ('objects', IMAGES.astype(object), 'object'), ('text', IMAGES.astype(str), '<U'),
        ('complex', IMAGES.astype(complex), 'complex'), ('bool', IMAGES > 0, 'bool'))
    def test_what_could_be_read_in_two_ways_is_refused(self, x, message):
        with self.assertRaisesRegex(DataError, message):
            read(datasets.from_arrays(x, LABELS), 'train')
        with self.assertRaisesRegex(DataError, message):
            read(Own((x, LABELS), (x, LABELS)), 'train')
        self.assertTrue(issubclass(DataError, ValueError) and issubclass(UsageError, ValueError))

    @parameterized.parameters((LABELS + 1,), (LABELS - 1,), (LABELS + 100,))
    def test_labels_outside_the_classes(self, labels):
        with self.assertRaisesRegex(DataError, 'with 3 classes they must be 0 to 2'):
            read(Own((IMAGES, labels), (IMAGES, labels)), 'train')

    def test_a_split_without_images(self):
        some, none = (IMAGES, LABELS), (IMAGES[:0], LABELS[:0])
        for split, given in (('train', (none, some)), ('test', (some, none))):
            with self.assertRaisesRegex(DataError, f'own: there are no {split} images'):
                read(Own(*given), split)

    def test_labels_that_are_no_class_numbers(self):
        for labels in (LABELS.astype(np.float32), LABELS > 0, np.eye(3)[LABELS]):
            with self.assertRaises(DataError):
                read(Own((IMAGES, labels), (IMAGES, labels)), 'train')


class FromArraysTest(parameterized.TestCase, tf.test.TestCase):

    def test_shapes(self):
        pixels = np.zeros([20, 28, 24], np.uint8)
        self.assertEqual(datasets.from_arrays(pixels).image_shape, (28, 24, 1))
        self.assertEqual(datasets.from_arrays(pixels).nclass, 1)
        self.assertEqual(datasets.from_arrays(np.zeros([20, 8, 8, 3], np.uint8)).image_shape, (8, 8, 3))
        for shape in ([20, 784], [20, 8, 8, 2], [20, 8, 8, 4], [0, 8, 8], [20, 8, 8, 1, 1], [20]):
            with self.assertRaisesRegex(DataError, 'give images'):
                datasets.from_arrays(np.zeros(shape, np.uint8))

    def test_classes(self):
        names = np.array(['cat', 'dog', 'ant'])
        dataset = datasets.from_arrays(IMAGES, names[LABELS])
        self.assertEqual(dataset.class_names, ['ant', 'cat', 'dog'])
        self.assertEqual(datasets.from_arrays(IMAGES, LABELS, class_names=['a', 'b', 'c', 'd']).nclass, 4)
        for arguments, message in (((LABELS, None, None, 0.1, ['a']), 'too few'), ((LABELS[:5],), 'one label for each'),
                                   ((LABELS - 1,), 'must be 0 to'), ((LABELS, IMAGES), 'for neither'),
                                   ((None, None, LABELS), 'needs x_test')):
            with self.assertRaisesRegex(DataError, message):
                datasets.from_arrays(IMAGES, *arguments)

    def test_identifiers_are_no_class_numbers(self):
        for labels, largest in ((1000 * np.arange(len(IMAGES)), 1000 * (len(IMAGES) - 1)),
                                (np.full(len(IMAGES), 2**63, np.uint64), 2**63)):
            with self.assertRaisesRegex(DataError, f'the labels reach {largest}, more than .*; number the classes from 0'):
                datasets.from_arrays(IMAGES, labels)
        self.assertEqual(datasets.from_arrays(IMAGES, np.full(len(IMAGES), 999)).nclass, 1000)

    @parameterized.product(kind=(str, bytes, object), class_names=(None, ['dog', 'bee', 'cat', 'ant']))
    def test_labels_of_text_keep_their_images(self, kind, class_names):
        names = np.array(['cat', 'dog', 'ant']).astype(kind)[LABELS]
        marked = np.zeros([40, 4, 4], np.uint8) + np.uint8(LABELS * 50)[:, None, None]
        dataset = datasets.from_arrays(marked, names, test_fraction=0.25, class_names=class_names)
        self.assertEqual(dataset.class_names, class_names or ['ant', 'cat', 'dog'])
        for split in ('train', 'test'):
            images, labels = read(dataset, split)
            for image, label in zip(images, labels):
                value = round(float(127.5 * (image[0, 0, 0] + 1)) / 50)
                self.assertEqual(['cat', 'dog', 'ant'][value], dataset.class_names[label])

    def test_labels_of_text_that_cannot_be_numbered(self):
        for labels, message in ((['ant', 'bee'] * 20, "the label 'bee' is not one of the class_names"),
                                ([b'ant', b'\xff'] * 20, 'bytes that are not UTF-8'),
                                ([None, 'ant'] * 20, 'labels are object')):
            with self.assertRaisesRegex(DataError, message):
                datasets.from_arrays(IMAGES, np.array(labels), class_names=['ant', 'cat'])

    @parameterized.parameters(([1] * 5 + [2] * 5, 0.1, [0] * 5 + [1] * 5), ([4] * 60, 0.1, [1] * 60),
                              ([100, 100, 3], 0.1, [10, 10, 1]), ([25, 17], 0.1, [2, 2]), ([1, 1, 1], 0.5, [1, 0, 0]),
                              ([1000], 0.05, [50]), ([2, 1000], 0.5, [1, 500]))
    def test_the_split_is_stratified(self, sizes, fraction, expected):
        labels = np.repeat(np.arange(len(sizes)), sizes)
        is_test = stratified_part(labels, fraction, 'x')
        self.assertAllEqual(is_test, stratified_part(labels, fraction, 'x'))
        self.assertAllEqual([is_test[labels == label].sum() for label in range(len(sizes))], expected)

    def test_everything_works_on_it(self):
        dataset = datasets.from_arrays(IMAGES, LABELS)
        model = models.create('acai', dataset.image_shape, dataset.nclass, depth=2, latent=2)
        model.compile()
        model.fit(dataset.train(8), steps_per_epoch=2, verbose=0)
        for name in ('accuracy', 'reconstruction', 'correlation', 'rank', 'probe'):
            self.assertNotEmpty(metrics.compute(name, model, dataset))
        self.assertEqual(dataset.fingerprint(), datasets.from_arrays(IMAGES, LABELS).fingerprint())
        self.assertNotEqual(dataset.fingerprint(), datasets.from_arrays(-IMAGES, LABELS).fingerprint())


class FileTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def path(self, name):
        return os.path.join(self.directory, name)

    def test_files(self):
        pixels = np.uint8(np.rint(127.5 * (IMAGES + 1)))
        np.save(self.path('images.npy'), pixels)
        np.savez(self.path('only.npz'), anything=pixels)
        np.savez(self.path('named.npz'), images=pixels, labels=LABELS, other=LABELS)
        np.savez(self.path('split.npz'), x=pixels[:30], labels=LABELS[:30], x_test=pixels[30:], labels_test=LABELS[30:])
        for name, nclass in (('images.npy', 1), ('only.npz', 1), ('named.npz', 3), ('split.npz', 3)):
            dataset = datasets.get(f'arrays:{self.path(name)}')
            self.assertEqual((dataset.image_shape, dataset.nclass), ((16, 16, 1), nclass))
            self.assertEqual(sum(len(read(dataset, split)[1]) for split in ('train', 'test')), 40)
            self.assertEqual(datasets.directory_name(dataset), f'arrays-{name.partition(".")[0]}')
        self.assertAllEqual(read(dataset, 'test')[1], LABELS[30:])
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            datasets.get(f'arrays:{self.path("named.npz")}')
        self.assertIn('named.npz: not used: other; known names are x, images, labels,', logs.output[0])

    def test_files_that_do_not_hold_arrays(self):
        for name, content in (('text.npy', b'hello'), ('empty.npz', b''), ('cut.npz', b'PK\x03\x04' + 40 * b'\0')):
            with open(self.path(name), 'wb') as file:
                file.write(content)
            with self.assertRaisesRegex(DataError, f'{name} cannot be read'):
                datasets.get(f'arrays:{self.path(name)}')
        np.save(self.path('objects.npy'), np.array([{}, 1], object), allow_pickle=True)
        np.savez(self.path('two.npz'), a=LABELS, b=LABELS)
        for name, message in (('objects.npy', 'object arrays are not allowed'), ('two.npz', 'needs an array x or images'),
                              ('none.npz', 'is missing; if you moved it')):
            with self.assertRaisesRegex(DataError, message):
                datasets.get(f'arrays:{self.path(name)}')


class BatchesTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.model = models.create('baseline', (16, 16, 1), 3, depth=2, latent=2)
        self.data = tf.data.Dataset.from_tensor_slices((IMAGES.astype(np.float32), LABELS))

    def test_a_metric_of_test_images(self):
        expected = metrics.compute('reconstruction', self.model, datasets.from_arrays(IMAGES, LABELS, IMAGES, LABELS))
        for data in (self.data, self.data.batch(7)):
            self.assertAllClose(metrics.compute('reconstruction', self.model, data), expected, rtol=1e-6)
            self.assertIn('latent_accuracy', metrics.compute('accuracy', self.model, data))

    def test_what_is_missing_is_said(self):
        with self.assertRaisesRegex(UsageError, 'training images are missing.*from_arrays'):
            metrics.compute('cluster', self.model, self.data)
        with self.assertRaisesRegex(UsageError, 'endless'):
            metrics.compute('reconstruction', self.model, self.data.repeat())
        with self.assertRaisesRegex(UsageError, r'must give \(images, labels\)'):
            metrics.compute('reconstruction', self.model, self.data.map(lambda images, labels: images))


if __name__ == '__main__':
    tf.test.main()
