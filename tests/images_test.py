import io
import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

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


def saved(image, kind, **kwargs):
    """Bytes of a Pillow image as a file."""
    content = io.BytesIO()
    image.save(content, kind, **kwargs)
    return content.getvalue()


def block(background, color, size=16):
    pixels = np.full([size, size, len(background)], background, np.uint8)
    pixels[4:8, 4:8] = color
    return pixels


class ReadTest(parameterized.TestCase, tf.test.TestCase):
    """Pixels are what a person sees."""

    def test_palettes(self):
        image = Image.new('P', (16, 16), 0)
        image.putpalette([255, 0, 0, 255, 255, 255])
        image.paste(1, (4, 4, 8, 8))
        for kind in ('BMP', 'PNG', 'GIF'):
            self.assertAllEqual(images.decode(saved(image, kind), 'x'), block([255, 0, 0], [255, 255, 255]), kind)

    @parameterized.parameters('BMP', 'PNG', 'GIF', 'JPEG')
    def test_grays_and_single_bits(self, kind):
        gray = np.zeros([16, 16, 1], np.uint8) + 77
        self.assertAllClose(images.decode(saved(Image.fromarray(gray[..., 0]), kind), 'x'), gray, atol=1)
        self.assertAllClose(images.decode(saved(Image.fromarray(gray[..., 0]), kind), 'x', 3), gray.repeat(3, 2), atol=1)
        if kind != 'JPEG':
            bits = Image.fromarray(block([0], [255])[..., 0]).convert('1')
            self.assertAllEqual(images.decode(saved(bits, kind), 'x', 1), block([0], [255]))

    def test_sixteen_bits(self):
        values = np.array([[0, 257, 257 * 128, 65535, 128, 129]], np.uint16)
        pixels = images.decode(saved(Image.fromarray(values), 'PNG'), 'x')
        self.assertAllEqual(pixels[0, :, 0], [0, 1, 128, 255, 0, 1])  # v / 257, rounded

    def test_cmyk(self):
        cyan = Image.new('CMYK', (16, 16), (255, 0, 0, 0))
        pixels = images.decode(saved(cyan, 'JPEG'), 'x', 3)
        self.assertAllClose(pixels, np.full([16, 16, 3], [0, 255, 255]), atol=2)
        self.assertAllClose(images.decode(saved(cyan, 'JPEG'), 'x', 1), np.full([16, 16, 1], 179), atol=2)  # .587 + .114

    def test_what_is_transparent_stands_on_black(self):
        pixels = np.concatenate([block([200, 100, 50], [0, 0, 255]), np.full([16, 16, 1], 128, np.uint8)], axis=2)
        expected = np.rint(pixels[..., :3] * (128 / 255))
        self.assertAllClose(images.decode(saved(Image.fromarray(pixels), 'PNG'), 'x'), expected, atol=1)
        hidden = Image.new('P', (4, 4), 1)
        hidden.putpalette([0, 0, 0, 9, 8, 7])
        self.assertAllEqual(images.decode(saved(hidden, 'PNG', transparency=1), 'x', 3), np.zeros([4, 4, 3]))
        gray = Image.fromarray(np.full([4, 4, 2], [200, 51], np.uint8), 'LA')
        self.assertAllEqual(images.decode(saved(gray, 'PNG'), 'x'), np.full([4, 4, 1], 40))

    def test_orientation_of_photographs(self):
        pixels = np.zeros([2, 3, 1], np.uint8)
        pixels[0, :, 0] = [0, 100, 200]
        for orientation, upright in ((1, pixels), (2, pixels[:, ::-1]), (3, pixels[::-1, ::-1]), (4, pixels[::-1]),
                                     (5, pixels.transpose(1, 0, 2)), (6, np.rot90(pixels, -1)),
                                     (7, np.rot90(pixels, 2).transpose(1, 0, 2)), (8, np.rot90(pixels))):
            exif = Image.Exif()
            exif[0x0112] = orientation
            content = saved(Image.fromarray(pixels[..., 0]), 'PNG', exif=exif)
            self.assertAllEqual(images.decode(content, 'x'), upright, orientation)
            path = self.create_tempfile(content=content, mode='wb').full_path
            self.assertEqual(images.peek(path), (*upright.shape[:2], True))

    def test_the_first_frame_counts(self):
        frames = [Image.new('L', (8, 8), value) for value in (128, 0)]
        content = saved(frames[0], 'GIF', save_all=True, append_images=frames[1:])
        self.assertAllEqual(images.decode(content, 'x'), np.full([8, 8, 1], 128))

    def test_too_many_pixels(self):
        large = bytearray(saved(Image.new('L', (8, 8)), 'PNG'))
        large[16:24] = (60000).to_bytes(4, 'big') * 2
        with self.assertRaisesRegex(DataError, 'x (claims 60000x60000 pixels|does not decode)'):
            images.decode(bytes(large), 'x')
        with mock.patch.object(images, 'MOST_PIXELS', 63), self.assertRaisesRegex(DataError, 'x claims 8x8 pixels'):
            images.decode(saved(Image.new('L', (8, 8)), 'PNG'), 'x')

    @parameterized.parameters(1, 3)
    def test_a_graph_decodes_png_and_jpeg_to_the_same_pixels(self, channels):
        random = np.random.default_rng(0)
        decode = tf.function(lambda content: images.decode_bytes(content, channels))
        for mode, depth in (('L', 1), ('RGB', 3)):
            pixels = random.integers(0, 256, [20, 30, depth], np.uint8)
            image = Image.fromarray(pixels if depth == 3 else pixels[..., 0], mode)
            for kind, options in (('PNG', {}), ('JPEG', {}), ('JPEG', {'quality': 98, 'subsampling': 0}),
                                  ('JPEG', {'progressive': True, 'quality': 30})):
                content = saved(image, kind, **options)
                self.assertAllEqual(decode(content), images.decode(content, 'x', channels), (mode, kind, options))


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
        self.assertRegex(logs.output[0], '1 file in .* is not an image')

    def test_links_are_followed_and_loops_are_refused(self):
        elsewhere = self.create_tempdir()
        elsewhere.create_file('deep/c.png')
        os.makedirs(os.path.join(self.directory, 'a'))
        expected = [self.add('a/a.png')]
        for name in ('b', 'c'):
            os.symlink(elsewhere.full_path, os.path.join(self.directory, name))
            expected.append(os.path.join(self.directory, name, 'deep', 'c.png'))
        self.assertEqual(images.find(self.directory), expected)
        os.symlink(self.directory, os.path.join(self.directory, 'a', 'up'))
        with self.assertRaisesRegex(DataError, 'a/up is a loop'):
            images.find(self.directory)

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
