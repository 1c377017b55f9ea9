import io
import os
import warnings

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from matplotlib.text import Text
from PIL import Image

from acai_tf import figures, images, interpolation, models
from acai_tf.datasets.base import InMemory
from acai_tf.errors import DataError, UsageError
from acai_tf.figures import animation, maps, pictures
from acai_tf.latents import reading


class Identity:
    """A stand-in for a loaded model; its latents are the images."""

    config = {'model': 'identity', 'step': 3}
    latent_shape = (2, 2, 1)

    def encode(self, images):
        return np.asarray(images)

    decode = reconstruct = encode


class Shades(InMemory):

    def load(self, split):
        return np.arange(20, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones([1, 2, 2, 1], np.uint8), np.arange(20) % 3


def constant(*values):
    return np.float32(values).reshape(-1, 1, 1, 1) * np.ones([1, 2, 2, 1], np.float32)


class PicturesTest(parameterized.TestCase, tf.test.TestCase):

    def test_rows_run_from_image_to_image(self):
        ends = constant(-1, 0, 1, 1)
        picture = pictures.interpolations(ends, reading.walks(Identity(), ends, 3))[..., 0]
        self.assertEqual(picture.shape, (2 * 2 + 2, 2 + 8 + 3 * 2 + 2 * 2 + 8 + 2))
        columns = [0, 10, 14, 18, 28]
        self.assertAllEqual(picture[0, columns], [0, 0, 128, 255, 255])
        self.assertAllEqual(picture[4, columns], [128, 128, 191, 255, 255])
        self.assertAllEqual(np.unique(picture[:, 2:10]), [255])

    def test_corners_of_a_bilinear_grid(self):
        picture = pictures.bilinear(Identity(), constant(-1, 1, 0, 0.5), steps=3)[..., 0]
        self.assertAllEqual(picture[[0, 0, -1, -1, 4], [0, -1, 0, -1, 4]], [0, 255, 128, 191, 143])

    def test_reconstructions_stand_under_their_images(self):
        class Dark(Identity):
            def reconstruct(self, images):
                return images * 0 - 1
        picture = pictures.reconstructions(Dark(), constant(0, 0, 1, 1), columns=2)[..., 0]
        self.assertAllEqual(picture[[0, 2, 12, 14], 0], [128, 0, 255, 0])
        self.assertAllEqual(np.unique(picture[4:12]), [255])

    def test_samples_depend_on_the_seed(self):
        data = Shades('shades', (2, 2, 1), 3)
        for source in ('prior', 'mixture'):
            one, same, other = (pictures.samples(Identity(), data, 2, 3, seed, source) for seed in (0, 0, 1))
            self.assertAllEqual(one, same)
            self.assertNotAllEqual(one, other)
        # Shades are at most 20 of 255, so draws from their mixture are too.
        self.assertBetween(one[one < 255].max(), 1, 40)

    def test_images_are_different_and_chosen_by_the_seed(self):
        data = Shades('shades', (2, 2, 1), 3)
        one, same, other = (pictures.pick_images(data, 20, seed)[:, 0, 0, 0] for seed in (0, 0, 1))
        self.assertLen(np.unique(one), 20)
        self.assertAllEqual(one, same)
        self.assertNotAllEqual(one, other)

    def test_what_is_drawn(self):
        data = Shades('shades', (2, 2, 1), 3)
        chosen = pictures.pick_images(data, 4, 5)
        self.assertAllEqual(pictures.drawing('slerp', data, [], 2, 3, 5)(Identity()),
                            pictures.interpolations(chosen, reading.walks(Identity(), chosen, 3, interpolation.slerp)))
        for mode, files, message in (('lerp', 'a', 'pairs of --images, not 1'), ('bilinear', 'abc', 'takes 4 --images'),
                                     ('samples', 'a', 'takes no --images')):
            with self.assertRaisesRegex(UsageError, message):
                pictures.drawing(mode, data, list(files), 2, 3, 0)

    def test_one_model_needs_no_list(self):
        data = Shades('shades', (2, 2, 1), 3)
        self.assertEqual(*(figures.encode(figures.draw('lerp', models, data, rows=2, steps=3))
                           for models in (Identity(), [Identity()])))
        with self.assertRaisesRegex(UsageError, "unknown mode 'lrp'; choose one of lerp, slerp"):
            figures.draw('lrp', Identity(), data)
        live = models.create('baseline', (8, 8, 1), 3, depth=1, latent=1)
        with self.assertRaisesRegex(UsageError, 'several live models need titles'):
            figures.draw('lerp', [live, live], data)

    def test_pictures_of_a_row_are_equally_high(self):
        small, large, gray = (np.full([size, 2 * size, channels], 255, np.uint8)
                              for size, channels in ((8, 3), (16, 3), (16, 1)))
        figure = pictures.arrange([[small, large], [gray, None]], left=['a', 'b'], above=['one', 'two'])
        self.assertEqual([text.get_text() for text in figure.texts], ['a', 'b', 'one', 'two'])
        width, height = figure.get_size_inches()
        sizes = [(axes.get_position().width * width, axes.get_position().height * height) for axes in figure.axes]
        self.assertAllClose(sizes, [(32 / 60, 16 / 60)] * 3)

    def test_models_are_compared_on_several_data_sets(self):
        one, two = (Shades(name, (2, 2, 1), 3) for name in ('one', 'two'))
        columns = {'one': (one, {'x': Identity(), 'y': Identity()}), 'two': (two, {'y': Identity()})}
        for mode, names in (('lerp', ['x', 'y', 'one', 'two']), ('bilinear', ['one', 'two', 'x', 'y'])):
            figure = figures.compare(mode, columns, steps=3, rows=1)
            self.assertEqual([text.get_text() for text in figure.texts], names)
            self.assertLen(figure.axes, 3)

    def test_test_images_by_number(self):
        data = Shades('shades', (2, 2, 1), 3)
        path = os.path.join(self.create_tempdir().full_path, 'a.png')
        Image.fromarray(np.full([2, 2], 255, np.uint8)).save(path)
        chosen = pictures.read_images(['test:17', path, 'test:0'], data)
        self.assertAllClose(chosen[:, 0, 0, 0], [17 * 2 / 255 - 1, 1, -1])
        with self.assertRaisesRegex(DataError, 'test:20: shades has 20 test images, numbered from 0'):
            pictures.read_images(['test:20'], data)

    def test_an_animation_goes_there_and_back(self):
        data = Shades('shades', (2, 2, 1), 3)
        dark, bright = 0, 19
        content = figures.animate('lerp', [Identity(), Identity()], data, [f'test:{dark}', f'test:{bright}'], steps=3)
        with Image.open(io.BytesIO(content)) as image:
            self.assertEqual((image.format, image.info['loop'], image.size), ('GIF', 0, (128, 2 * 128 + 4)))
            shown = []
            for number in range(image.n_frames):
                image.seek(number)
                shown.append((np.asarray(image.convert('L'))[[0, 140], [0, 0]].tolist(), image.info['duration']))
        # In the middle between 0 and 19 the image is about 9.5 - 1e-6, which is rounded.
        middle = int(images.to_uint8(np.float32(9.5 * 2 / 255 - 1)))
        self.assertEqual(shown, [([0, 0], 480), ([middle] * 2, 80), ([19, 19], 480), ([middle] * 2, 80)])
        walks = np.zeros([2, 3, 200, 10, 3])
        with Image.open(io.BytesIO(animation.gif([walks + np.linspace(-1, 1, 3)[:, None, None, None]]))) as image:
            self.assertEqual((image.size, image.n_frames), ((10, 200), 2 * 6 - 2))

    def test_names_of_files(self):
        for path, mode in (('a.png', 'map'), ('a.PDF', 'lerp'), ('a.gif', 'lerp'), ('a.gif', 'slerp')):
            figures.check_output(path, mode)
        for path, mode, message in (('a.gif', 'map', 'only --mode=lerp or slerp makes animations'),
                                    ('a.jpg', 'lerp', 'must end in .png or .pdf, or in .gif for an animation')):
            with self.assertRaisesRegex(UsageError, message):
                figures.check_output(path, mode)

    def test_names(self):
        other = Identity()
        other.config = {**Identity.config, 'step': 4}
        self.assertEqual(figures.names([Identity()]), [''])
        self.assertEqual(figures.names([Identity(), other]), ['identity 3', 'identity 4'])
        self.assertEqual(figures.names([Identity(), other, Identity()]), ['identity 3 (1)', 'identity 4', 'identity 3 (2)'])

    def test_projections(self):
        latents = np.random.default_rng(0).normal(size=[40, 2, 2, 3])
        for projection in ('pca', 'tsne'):
            points = maps.project(latents, projection)
            self.assertEqual(points.shape, (40, 2))
            self.assertTrue(np.isfinite(points).all())
        centred = latents.reshape(40, -1) - latents.reshape(40, -1).mean(axis=0)
        self.assertAllClose(np.linalg.norm(maps.project(latents, 'pca'), axis=0),
                            np.linalg.svd(centred, compute_uv=False)[:2])
        with self.assertRaisesRegex(DataError, 'a map needs finite latents'):
            maps.project(latents * np.nan, 'pca')
        for few in (latents[:1], np.repeat(latents[:1], 40, axis=0), np.repeat(latents[:2], 20, axis=0)):
            for projection in ('pca', 'tsne'):
                with self.assertRaisesRegex(DataError, 'at least 3 images with different latents, not [12]'):
                    maps.project(few, projection)
        with self.assertRaisesRegex(UsageError, 'latents of 1 dimension cannot'):
            maps.project(latents[..., :1, :1, 0], 'pca')

    def test_a_legend_has_the_names_of_the_classes_whatever_they_are(self):
        names = ['_x', 'a$b$^', 'T-shirt/top']
        figure = maps.latent_map([('', np.random.default_rng(0).normal(size=[30, 4]))], np.arange(30) % 3,
                                 class_name=names.__getitem__)
        figure.savefig(io.BytesIO())
        self.assertEqual([text.get_text() for text in figure.axes[0].get_legend().get_texts()], names)

    @parameterized.parameters(
        ('a class name of many words, all of which matter, number {}', [''], 3),
        ('n02085620_{}' + 'W' * 90, ['a' * 99, 'b'], 2), ('犬' * 60 + '{}', [''], 2), ('two\nlines\tand a tab {}', ['W'], 2))
    def test_long_names_neither_crush_a_map_nor_leave_it(self, name, models, dimensions):
        points = np.random.default_rng(0).normal(size=[40, 4])
        figure = maps.latent_map([(model, points) for model in models], np.arange(40) % 10, dimensions=dimensions,
                                 class_name=lambda label: name.format(label))
        figures.encode(figure)
        texts = figure.axes[-1].get_legend().get_texts()
        self.assertLen({text.get_text() for text in texts}, 10)
        for axes in figure.axes:
            self.assertGreater(axes.get_window_extent().width, 0.6 * 4.6 * 200)
        self.inside(figure, [*texts, *(axes.title for axes in figure.axes)])

    def inside(self, figure, texts):
        width, height = figure.get_size_inches() * figure.dpi
        for text in filter(Text.get_text, texts):
            box = text.get_window_extent()
            self.assertTrue(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, (text, box))

    def test_long_names_of_models_stay_in_the_figure(self):
        small, large = (np.zeros([side, side, 1], np.uint8) for side in (40, 200))
        for in_a_row in (False, True):
            for pixels in (small, large):
                figure = pictures.one_each(['Autoencoder' * 9 + ' 1024 (1)', 'b$c$'], [pixels] * 2, in_a_row)
                figures.encode(figure)
                self.inside(figure, figure.texts)
                one, other = filter(None, map(Text.get_text, figure.texts))
                self.assertRegex(one, r'^A.*….*\)$')
                self.assertEqual(other, 'b$c$')
        # A name longer than the height of its picture does not overlap the next name.
        figure = pictures.one_each(['baseline 16384', 'baseline 32768'], [small] * 2, in_a_row=False)
        first, second = (text.get_window_extent() for text in figure.texts)
        self.assertGreaterEqual(first.y0, second.y1)

    def test_letters_that_no_font_has_are_one_line(self):
        names = ['犬', '猫と🐶', 'dog']
        for ending in ('png', 'pdf'):
            figure = maps.latent_map([('', np.random.default_rng(0).normal(size=[30, 4]))], np.arange(30) % 3,
                                     class_name=names.__getitem__)
            with self.assertLogs('acai_tf', 'WARNING') as logs, warnings.catch_warnings():
                warnings.simplefilter('error')
                figures.encode(figure, ending)
            self.assertLen(logs.output, 1)
            for letter in '犬猫と🐶':
                self.assertIn(letter, logs.output[0])

    def test_other_warnings_of_a_figure_are_passed_on(self):
        class Warns:
            def savefig(self, *_, **__):
                warnings.warn('something else', stacklevel=2)
        with self.assertWarnsRegex(UserWarning, 'something else'):
            figures.encode(Warns())

    def test_thumbnails_are_small_enough_for_browsers(self):
        directory = self.create_tempdir().full_path
        images = np.zeros([9, 4000, 100, 1], np.float32)
        maps.write_projector(directory, np.zeros([9, 2]), np.arange(9), images)
        with Image.open(os.path.join(directory, 'sprite.png')) as sprite:
            self.assertEqual(sprite.size, (3 * 68, 3 * 2730))

    def test_a_map_that_cannot_be_drawn_leaves_no_projector_behind(self):
        class Constant(Identity):
            def encode(self, images):
                return np.zeros([len(images), 2])
        directory = os.path.join(self.create_tempdir().full_path, 'projector')
        with self.assertRaisesRegex(DataError, 'a map needs'):
            figures.draw('map', [Constant()], Shades('shades', (2, 2, 1), 3), projector_dir=directory)
        with self.assertRaisesRegex(UsageError, 'latents of 1 dimension cannot be mapped in 2'):
            Constant.encode = lambda self, images: images[:, 0, 0]
            figures.draw('map', [Constant()], Shades('shades', (2, 2, 1), 3), projector_dir=directory)
        self.assertFalse(os.path.exists(directory))


if __name__ == '__main__':
    tf.test.main()
