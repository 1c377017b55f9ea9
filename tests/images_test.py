import io
import os
import struct
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
    """Returns a Pillow image as the bytes of a file."""
    content = io.BytesIO()
    image.save(content, kind, **kwargs)
    return content.getvalue()


def tiff(pixels, order='<', **tags):
    """Returns the bytes of a TIFF file of an array [h, w]; `tags` such as t256=... replace its tags."""
    content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    own = {256: pixels.shape[1], 257: pixels.shape[0], 258: 8 * pixels.itemsize, 259: 1, 262: 1, 273: 8, 277: 1,
           278: pixels.shape[0], 279: len(content), 339: {'u': 1, 'i': 2, 'f': 3}[pixels.dtype.kind]}
    own |= {int(name[1:]): value for name, value in tags.items()}
    entries = b''.join(struct.pack(f'{order}HHII', tag, 4, 1, value) for tag, value in sorted(own.items()))
    return (struct.pack(f'{order}2sHI', {'<': b'II', '>': b'MM'}[order], 42, 8 + len(content)) + content
            + struct.pack(f'{order}H', len(own)) + entries + bytes(4))


def block(background, color, size=16):
    pixels = np.full([size, size, len(background)], background, np.uint8)
    pixels[4:8, 4:8] = color
    return pixels


class ReadTest(parameterized.TestCase, tf.test.TestCase):
    """Decoded pixels are the visible ones."""

    def test_palettes(self):
        image = Image.new('P', (16, 16), 0)
        image.putpalette([255, 0, 0, 255, 255, 255])
        image.paste(1, (4, 4, 8, 8))
        for kind in ('BMP', 'PNG', 'GIF', 'TIFF'):
            self.assertAllEqual(images.decode(saved(image, kind), 'x'), block([255, 0, 0], [255, 255, 255]), kind)

    @parameterized.parameters('BMP', 'PNG', 'GIF', 'JPEG', 'TIFF')
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
        for order in '<>':
            self.assertAllEqual(images.decode(tiff(values, order), 'x'), pixels)
        inverted = images.decode(tiff(values, t262=0), 'x')  # 0 is white
        self.assertAllEqual(inverted[0, :, 0], [255, 254, 127, 0, 255, 254])

    @parameterized.parameters((np.uint32, {}), (np.int16, {}), (np.int32, {}), (np.float32, {}), (np.uint16, {'t258': 12}))
    def test_numbers_without_a_known_range_are_refused(self, kind, tags):
        content = tiff(np.ones([4, 4], kind), **tags)
        with self.assertRaisesRegex(DataError, 'x.tif is a TIFF file with .* black and white are unknown; save it'):
            images.decode(content, 'x.tif')

    def test_webp(self):
        pixels = block([200, 100, 50], [0, 0, 255])
        self.assertAllEqual(images.decode(saved(Image.fromarray(pixels), 'WEBP', lossless=True), 'x'), pixels)
        half = np.concatenate([pixels, np.full([16, 16, 1], 128, np.uint8)], axis=2)
        self.assertAllClose(images.decode(saved(Image.fromarray(half), 'WEBP', lossless=True), 'x'),
                            np.rint(pixels * (128 / 255)), atol=1)

    def test_color_spaces_of_tiff_files(self):
        for mode in ('LAB', 'YCbCr'):
            white = Image.new('RGB', (4, 4), 'white')
            white = white.convert(mode) if mode == 'YCbCr' else Image.new('LAB', (4, 4), (255, 128, 128))
            for channels in (1, 3):
                pixels = images.decode(saved(white, 'TIFF'), 'x', channels)
                self.assertAllClose(pixels, np.full([4, 4, channels], 255), atol=2)

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

    @parameterized.parameters(('PNG', {}), ('TIFF', {}), ('WEBP', {'lossless': True}))
    def test_orientation_of_photographs(self, kind, options):
        pixels = np.zeros([2, 3, 1], np.uint8)
        pixels[0, :, 0] = [0, 100, 200]
        for orientation, upright in ((1, pixels), (2, pixels[:, ::-1]), (3, pixels[::-1, ::-1]), (4, pixels[::-1]),
                                     (5, pixels.transpose(1, 0, 2)), (6, np.rot90(pixels, -1)),
                                     (7, np.rot90(pixels, 2).transpose(1, 0, 2)), (8, np.rot90(pixels))):
            exif = Image.Exif()
            exif[0x0112] = orientation
            content = saved(Image.fromarray(pixels[..., 0]), kind, exif=exif, **options)
            self.assertAllEqual(images.decode(content, 'x', 1), upright, orientation)
            path = self.create_tempfile(content=content, mode='wb').full_path
            self.assertEqual(images.peek(path), (*upright.shape[:2], kind != 'WEBP'))  # always has three channels

    def test_the_first_frame_counts(self):
        frames = [Image.new('L', (8, 8), value) for value in (128, 0)]
        for kind, options in (('GIF', {}), ('TIFF', {}), ('WEBP', {'lossless': True})):
            content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
            self.assertAllEqual(images.decode(content, 'x', 1), np.full([8, 8, 1], 128))

    def test_too_many_pixels(self):
        large = bytearray(saved(Image.new('L', (8, 8)), 'PNG'))
        large[16:24] = (60000).to_bytes(4, 'big') * 2
        with self.assertRaisesRegex(DataError, 'x (claims 60000x60000 pixels|does not decode)'):
            images.decode(bytes(large), 'x')
        for kind in ('PNG', 'TIFF', 'WEBP'):
            with mock.patch.object(images, 'MOST_PIXELS', 63), self.assertRaisesRegex(DataError, 'x claims 8x8 pixels'):
                images.decode(saved(Image.new('L', (8, 8)), kind), 'x')

    def test_hostile_files(self):
        pixels = np.zeros([8, 8], np.uint8)
        webp = saved(Image.new('RGB', (8, 8)), 'WEBP', lossless=True)
        animated = bytearray(saved(Image.new('RGB', (8, 8)), 'WEBP', save_all=True,
                                   append_images=[Image.new('RGB', (8, 8), 'red')]))
        animated[24:30] = b'\xff' * 6  # size of the canvas: 2^24 in each direction
        for content in (
                tiff(pixels, t256=60000, t257=60000), tiff(pixels, t256=2**31), tiff(pixels, t257=0),
                tiff(pixels, t273=2**31), tiff(pixels, t279=0, t259=5), tiff(pixels, t259=7), tiff(pixels, t277=60000),
                tiff(pixels)[:40], tiff(pixels)[:4] + b'\xff' * 4 + tiff(pixels)[8:], tiff(pixels, t259=34925),
                webp[:20], webp[:12], webp[:30] + bytes(8), bytes(animated), b'RIFF', b''):
            with self.assertRaisesRegex(DataError, '^name.webp (claims|does not decode as an image)') as caught:
                images.decode(content, 'name.webp')
            self.assertNotIn('<_io', str(caught.exception))
            self.assertNotIn('\n', str(caught.exception))

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

    def test_a_graph_ignores_orientation_and_transparency_and_keeps_the_upper_bits(self):
        pixels, exif = np.random.default_rng(0).integers(0, 256, [2, 3, 4], np.uint8), Image.Exif()
        exif[0x0112] = 6
        hidden, color = Image.fromarray(pixels), Image.fromarray(pixels[..., :3])
        self.assertAllEqual(images.decode_bytes(saved(hidden, 'PNG', exif=exif), 3), pixels[..., :3])
        self.assertAllEqual(images.decode_bytes(saved(color, 'JPEG', exif=exif), 3),
                            images.decode_bytes(saved(color, 'JPEG'), 3))
        self.assertAllEqual(images.decode_bytes(saved(Image.fromarray(pixels[..., :2], 'LA'), 'PNG'), 1), pixels[..., :1])
        values = np.array([[0, 129, 255, 256, 257 * 128, 65535]], np.uint16)
        self.assertAllEqual(images.decode_bytes(saved(Image.fromarray(values), 'PNG'), 1)[..., 0], values >> 8)
        content = tf.io.encode_png(np.stack([values, values[:, ::-1], values], axis=2)).numpy()
        self.assertAllEqual(images.decode_bytes(content, 3)[..., 0], values >> 8)
        self.assertAllEqual(images.decode(content, 'x'), images.decode_bytes(content, 3))


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
        expected = [self.add(name) for name in ('a.PNG', 'b/c.jpeg', 'b/d.gif', 'b/e.WebP', 'b/f.tif', 'b/g.TIFF')]
        for name in ('.hidden.png', '.git/x.png', 'b/notes.txt'):
            self.add(name)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.assertEqual(images.find(self.directory), (expected, [os.path.join(self.directory, 'b/notes.txt')]))
        self.assertRegex(logs.output[0], 'left out, because not an image .*: .*b/notes.txt$')

    def test_links_are_followed_and_loops_are_refused(self):
        elsewhere = self.create_tempdir()
        elsewhere.create_file('deep/c.png')
        os.makedirs(os.path.join(self.directory, 'a'))
        expected = [self.add('a/a.png')]
        for name in ('b', 'c'):
            os.symlink(elsewhere.full_path, os.path.join(self.directory, name))
            expected.append(os.path.join(self.directory, name, 'deep', 'c.png'))
        self.assertEqual(images.find(self.directory), (expected, []))
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
        with self.assertRaisesRegex(DataError, r'x.png does not decode as an image \(it is not PNG, JPEG, .*TIFF\)$'):
            images.decode(b'no image', 'x.png')


if __name__ == '__main__':
    tf.test.main()
