import os

import numpy as np
import tensorflow as tf

from acai_tf import datasets, images
from acai_tf.errors import DataError


class ScaleTest(tf.test.TestCase):

    def test_pixels_become_what_the_released_code_makes_of_them_and_come_back(self):
        pixels = np.arange(256, dtype=np.uint8)
        values = images.to_float(pixels)
        self.assertEqual(values.dtype, tf.float32)
        self.assertAllClose(values, pixels * (2 / 255) - 1, rtol=0, atol=1e-6)
        self.assertAllEqual(images.to_uint8(values), pixels)

    def test_values_outside_are_clipped(self):
        self.assertAllEqual(images.to_uint8(np.float32([-7, -1, 0, 1, 1.5])), [0, 0, 128, 255, 255])
        self.assertAllEqual(images.round_to_uint8(tf.constant([-3., 0.4, 254.6, 300.])), [0, 0, 255, 255])

    def test_shrinking_takes_the_mean_and_growing_keeps_a_constant(self):
        checked = np.indices([8, 8]).sum(axis=0)[..., None] % 2 * 200.0
        self.assertAllClose(images.resize(checked, [2, 2])[..., 0], np.full([2, 2], 100), atol=1)
        self.assertAllEqual(images.resize(np.full([2, 2, 3], 7, np.uint8), [5, 9]), np.full([5, 9, 3], 7))


class GridTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.images = tf.reshape([-1., 0., 1., 5.], [2, 2, 1, 1, 1]) * tf.ones([1, 1, 2, 3, 1])

    def test_places_frames_and_clips(self):
        expected = np.full([7, 9], 64)
        expected[1:3, 1:4], expected[1:3, 5:8], expected[4:6, 1:4], expected[4:6, 5:8] = 0, 128, 255, 255
        self.assertAllEqual(images.grid(self.images, gap=1)[..., 0], expected)
        self.assertAllEqual(images.grid(self.images, gap=1, frame=False)[..., 0], expected[1:-1, 1:-1])

    def test_without_gaps(self):
        self.assertAllEqual(images.grid(self.images, gap=0, frame=True)[::2, ::3, 0], [[0, 128], [255, 255]])
        self.assertAllEqual(images.grid(self.images, gap=0, frame=False)[::2, ::3, 0], [[0, 128], [255, 255]])


class FitTest(tf.test.TestCase):

    def test_raw_images_go_through_the_pipeline_and_others_are_resized(self):
        dataset = datasets.get('mnist32')
        raw = np.random.default_rng(0).integers(0, 256, [28, 28, 1], np.uint8)
        padded = np.pad(raw, [(2, 2), (2, 2), (0, 0)])
        self.assertAllClose(dataset.fit(raw), padded * (2 / 255) - 1, atol=1e-6)
        other = np.random.default_rng(0).integers(0, 256, [32, 32, 1], np.uint8)
        self.assertAllClose(dataset.fit(other), other * (2 / 255) - 1, atol=1e-6)


class FilesTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def add(self, name, content=b'x'):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(content)
        return path

    def test_images_are_found_in_order_and_what_is_left_out_is_said(self):
        expected = [self.add(name) for name in ('a.PNG', 'b/c.jpeg', 'b/d.gif')]
        for name in ('.hidden.png', '.git/x.png', 'b/notes.txt'):
            self.add(name)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.assertEqual(images.find(self.directory), expected)
        self.assertRegex(logs.output[0], '1 files in .* are not images')

    def test_errors_name_the_file(self):
        with self.assertRaisesRegex(DataError, '/nowhere is not a folder'):
            images.find('/nowhere')
        with self.assertRaisesRegex(DataError, 'holds no images'):
            images.find(self.directory)
        with self.assertRaisesRegex(DataError, '/nowhere.png cannot be read .No such file'):
            images.read_bytes('/nowhere.png')
        with self.assertRaisesRegex(DataError, 'x.png does not decode as an image'):
            images.decode(b'no image', 'x.png')


if __name__ == '__main__':
    tf.test.main()
