"""Random arrays, types and labels are read by the rule or refused in one line, without other errors or wrong values.

A few hundred cases by default; ACAI_LONG_TESTS=1 tries 20,000.
"""

import os

import numpy as np
import tensorflow as tf
from fuzz_test import cases
from hypothesis import given
from hypothesis import strategies as st

from acai_tf import datasets
from acai_tf.errors import AcaiError, DataError

_TYPES = ('uint8', 'int8', 'uint16', 'int32', 'int64', 'float16', 'float32', 'float64', 'bool', 'complex64', 'object', '<U3')
_SHAPES = ((6, 4, 4), (6, 4, 5, 1), (6, 4, 4, 3), (6, 4, 4, 2), (6, 16), (0, 4, 4), (6, 0, 4), (6,), (1, 4, 4), ())


@st.composite
def images(draw):
    """Returns (array, the images [n, h, w, c] that the rule makes from it or None)."""
    low, high = draw(st.sampled_from([(-1, 1), (0, 1), (0, 255), (-0.5, 0.2), (0, 0), (0, 1.5), (-1e30, 1)]))
    shape, kind = draw(st.sampled_from(_SHAPES)), draw(st.sampled_from(_TYPES))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = random.uniform(low, high, shape)
    special = draw(st.sampled_from([None, None, None, np.nan, np.inf, -np.inf]))
    if special is not None and values.size and kind.startswith('float'):
        values = np.where(random.uniform(size=shape) < 0.1, special, values)
    with np.errstate(invalid='ignore', over='ignore'):
        array = np.asarray(values).astype(kind)
    fits = len(shape) in (3, 4) and array.size and (
        len(shape) == 3 or shape[-1] in (1, 3))
    if not fits:
        return array, None
    if kind == 'uint8':
        expected = array / 127.5 - 1
    elif kind.startswith('float') and np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1:
        expected = 2 * array.astype(np.float64) - 1
    elif kind.startswith('float') and np.isfinite(array).all() and array.min() >= -1 and array.max() <= 1:
        expected = array.astype(np.float64)
    else:
        return array, None
    return array, expected.reshape(*shape, *([1] * (len(shape) == 3)))


def read(dataset):
    """Returns {image's bytes: label} of all images."""
    batches = [batch for split in (dataset.train_once(3), dataset.test(3)) for batch in split]
    return np.concatenate([part.numpy() for part, _ in batches]), np.concatenate([part.numpy() for _, part in batches])


class ArraysFuzzTest(tf.test.TestCase):

    @cases(300)
    @given(images())
    def test_images(self, case):
        array, expected = case
        if expected is None:
            with self.assertRaises(AcaiError):
                datasets.from_arrays(array, x_test=array)
            return
        found, _ = read(datasets.from_arrays(array, x_test=array))
        self.assertAllClose(found, np.concatenate([expected, expected]), atol=2e-3 if array.dtype == np.float16 else 1e-6)

    @cases(200)
    @given(st.lists(st.one_of(st.integers(-2, 4), st.sampled_from(['a', 'b', 1.0, None, True])), min_size=0, max_size=9))
    def test_labels(self, labels):
        x = np.zeros([8, 4, 4], np.uint8) + np.uint8(np.arange(8))[:, None, None]
        try:
            array = np.array(labels)
        except ValueError:
            return
        integers = array.dtype.kind in 'iu' and array.shape == (8,) and array.min() >= 0
        text = array.dtype.kind == 'U' and array.shape == (8,)
        if not (integers or text):
            with self.assertRaises(AcaiError):
                datasets.from_arrays(x, array)
            return
        dataset = datasets.from_arrays(x, array)
        found, numbers = read(dataset)
        for image, number in zip(found, numbers):
            label = array[round(float(127.5 * (image[0, 0, 0] + 1)))]
            self.assertEqual(label, dataset.class_names[number] if text else number)

    @cases(170)
    @given(st.data())
    def test_files(self, data):
        path = os.path.join(self.create_tempdir().full_path, data.draw(st.sampled_from(['a.npy', 'a.npz'])))
        x = np.zeros([6, 4, 4], np.uint8)
        if path.endswith('npy'):
            np.save(path, x)
        else:
            np.savez(path, x=x, labels=np.arange(6) % 2)
        with open(path, 'rb') as file:
            content = bytearray(file.read())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        with open(path, 'wb') as file:
            file.write(content[:data.draw(st.integers(0, len(content)))])
        try:
            dataset = datasets.get(f'arrays:{path}')
        except DataError as error:
            self.assertIn('a.np', str(error))
            self.assertNotIn('\n', str(error))
            return
        images, _ = read(dataset)
        self.assertAllInRange(images, -1, 1)


if __name__ == '__main__':
    tf.test.main()
