"""Random image files and random damage give the same pixels everywhere, and no traceback.

A few hundred cases by default; ACAI_LONG_TESTS=1 tries 20,000.
"""

import functools
import glob
import io
import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from acai_tf import datasets, export, images, training
from acai_tf.datasets import manifests
from acai_tf.errors import AcaiError, DataError
from acai_tf.training.config import TrainConfig
from acai_tf.training.run_directory import summary
from data_prep import image_folder, tfrecord
from data_prep.splits import Split
from data_prep.verification import verify

_SCALE = 30 if 'ACAI_LONG_TESTS' in os.environ else 1


def cases(count):
    # No shrinking: it would take longer than the test.
    return settings(max_examples=count * _SCALE, deadline=None, derandomize=_SCALE == 1, database=None,
                    phases=[Phase.generate], suppress_health_check=list(HealthCheck))


# Modes that Pillow writes, by format.
_MODES = {'PNG': ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16'), 'JPEG': ('L', 'RGB', 'CMYK'),
          'BMP': ('1', 'L', 'P', 'RGB'), 'GIF': ('1', 'L', 'P', 'RGB'), 'WEBP': ('RGB', 'RGBA'),
          'TIFF': ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16')}
_CHANNELS = {'LA': 2, 'RGB': 3, 'RGBA': 4, 'CMYK': 4}


@st.composite
def files(draw, kinds=tuple(_MODES), modes=None):
    """Returns (format, mode, Pillow's image, bytes of the file)."""
    kind = draw(st.sampled_from(kinds))
    mode = draw(st.sampled_from(modes or _MODES[kind]))
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    if mode == 'I;16':
        image = Image.fromarray(random.integers(0, 65536, [height, width]).astype(np.uint16))
    elif mode == '1':
        image = Image.fromarray(random.integers(0, 2, [height, width]).astype(bool))
    elif mode == 'P':
        image = Image.fromarray(random.integers(0, 5, [height, width]).astype(np.uint8), 'P')
        image.putpalette(random.integers(0, 256, 15).astype(np.uint8).tobytes())
    else:
        shape = [height, width, _CHANNELS[mode]] if mode in _CHANNELS else [height, width]
        image = Image.fromarray(random.integers(0, 256, shape).astype(np.uint8), mode)
    content = io.BytesIO()
    options = {'JPEG': {'quality': draw(st.integers(20, 100))}, 'WEBP': {'lossless': True, 'exact': True},
               'TIFF': {'compression': draw(st.sampled_from(['raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits']))}}
    image.save(content, kind, **options.get(kind, {}))
    return kind, mode, image, content.getvalue()


def seen(image):
    """Returns the visible pixels of a Pillow image, computed in a different way than in the package."""
    if image.mode == 'I;16':
        return (np.asarray(image).astype(np.int64) * 2 + 257) // 514
    if image.mode in ('LA', 'RGBA'):
        pixels = np.asarray(image).astype(float)
        return np.rint(pixels[..., :-1] * pixels[..., -1:] / 255)
    if image.mode == 'P':
        return np.reshape(image.getpalette(), [-1, 3])[np.asarray(image)]
    if image.mode == '1':
        return np.asarray(image) * 255
    return np.asarray(image)


class ImagesTest(parameterized.TestCase, tf.test.TestCase):

    @cases(150)
    @given(files(kinds=('PNG', 'BMP', 'WEBP', 'TIFF')))
    def test_lossless_files_give_the_pixels_that_were_put_in(self, file):
        _, mode, image, content = file
        expected = seen(image)
        expected = expected if expected.ndim == 3 else expected[..., None]
        pixels = images.decode(content, 'x', 3).astype(int)
        self.assertAllClose(pixels, np.broadcast_to(expected, pixels.shape), atol=1 if mode in ('LA', 'RGBA') else 0)
        gray = np.rint(pixels @ [0.299, 0.587, 0.114])[..., None]
        self.assertAllClose(images.decode(content, 'x', 1), gray, atol=1)

    @cases(25)
    @given(st.lists(files(), min_size=2, max_size=4))
    def test_prepared_and_read_back_is_what_the_reader_sees(self, originals):
        with tempfile.TemporaryDirectory() as directory:
            for i, (kind, _, _, content) in enumerate(originals):
                with open(os.path.join(directory, f'{i}.{kind.lower()}'), 'wb') as file:
                    file.write(content)
            paths, _ = images.find(directory)
            channels = 1 if all(images.peek(path)[2] for path in paths) else 3
            self.assertEqual({images.read(path).shape[2] for path in paths} == {1}, channels == 1)
            splits = image_folder.read_images(directory, 8, 0.5)
            data_dir = os.path.join(directory, 'prepared')
            tfrecord.write_dataset(data_dir, '', splits, 'a test')
            dataset = datasets.get(f'records:{data_dir}')
            read = np.concatenate([part for split in (dataset.train_once, dataset.test) for part, _ in split(9)])
        for _, _, _, content in originals:
            image = images.to_float(images.round_to_uint8(images.resize(images.decode(content, 'x', channels), [8, 8])))
            self.assertLess(np.abs(read - image).reshape(len(read), -1).max(axis=1).min(), 1e-6)

    @functools.lru_cache  # noqa: B019
    def graph(self, channels):
        return tf.function(lambda content: images.decode_bytes(content, channels),
                           input_signature=[tf.TensorSpec([], tf.string)])

    @cases(120)
    @given(files(kinds=('PNG', 'JPEG'), modes=('L', 'RGB')), st.sampled_from([1, 3]))
    def test_the_graph_of_an_export_sees_what_the_reader_sees(self, file, channels):
        content = file[3]
        self.assertAllEqual(self.graph(channels)(content), images.decode(content, 'x', channels))

    @cases(150)
    @given(files(), st.data())
    def test_damaged_images_are_named_or_read(self, file, data):
        content = damaged(file[3], data)
        try:
            pixels = images.decode(content, 'name.png')
        except DataError as error:
            self.assertIn('name.png', str(error))
            self.assertNotIn('\n', str(error))
        else:
            self.assertEqual((pixels.dtype, pixels.ndim), (np.uint8, 3))


def damaged(content, data):
    """Changes a few bytes, or removes a part or the end."""
    content = bytearray(content)
    how = data.draw(st.sampled_from(['bytes', 'cut', 'end']))
    place = data.draw(st.integers(0, max(0, len(content) - 1)))
    if how == 'bytes':
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    elif how == 'cut':
        del content[place:place + data.draw(st.integers(1, 40))]
    else:
        del content[place:]
    return bytes(content)


class DamageTest(tf.test.TestCase):
    """One small run and its data, copied for each damage."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        pixels = np.random.default_rng(0).integers(0, 256, [40, 8, 8, 1], np.uint8)
        cls.data = os.path.join(cls.directory, 'data')
        splits = {split: Split.from_arrays(pixels[:count], np.arange(count) % 3)
                  for split, count in (('train', 40), ('test', 10))}
        tfrecord.write_dataset(cls.data, '', splits, 'a test')
        config = TrainConfig(model='baseline', dataset=f'records:{cls.data}', depth=1, latent=1, latent_width=4, batch=512,
                             total_kimg=1, report_kimg=1, train_dir=os.path.join(cls.directory, 'runs'))
        cls.run_dir = training.train(config)

    def check(self, source, pattern, data, use):
        """`use(directory)` of a copy with a damaged file succeeds, or fails with one line and the contract's exit code."""
        with tempfile.TemporaryDirectory() as directory:
            copy = os.path.join(directory, os.path.basename(source))
            shutil.copytree(source, copy)
            path = data.draw(st.sampled_from(sorted(glob.glob(os.path.join(copy, pattern)))))
            with open(path, 'rb') as file:
                content = file.read()
            with open(path, 'wb') as file:
                file.write(damaged(content, data))
            try:
                use(copy)
            except AcaiError as error:
                self.assertIn(error.exit_code, (1, 2, 4))
                self.assertNotIn('\n', str(error))
            except OSError:
                pass  # one line and exit code 4, by program.main

    @cases(60)
    @given(st.data())
    def test_records(self, data):
        def use(directory):
            dataset = datasets.get(f'records:{directory}')
            dataset.check()
            for images_of_batch, labels in (*dataset.train_once(7), *dataset.test(7)):
                self.assertAllInRange(labels, 0, 2)
                self.assertEqual(images_of_batch.shape[1:], (8, 8, 1))
            # --verify has a checksum, so it finds the damage that went unnoticed above.
            troubles = [trouble for _, _, trouble in verify(directory) if trouble]
            for name in ('train', 'test'):
                with open(os.path.join(directory, f'{name}.tfrecord'), 'rb') as copy, open(
                        os.path.join(self.data, f'{name}.tfrecord'), 'rb') as sound:
                    self.assertTrue(copy.read() == sound.read() or troubles)
        self.check(self.data, '*.tfrecord', data, use)

    @cases(80)
    @given(st.data())
    def test_manifests(self, data):
        def use(directory):
            manifests.read(directory)
            datasets.get(f'records:{directory}').check()
        self.check(self.data, 'manifest.json', data, use)

    @cases(80)
    @given(st.data())
    def test_configs_and_metrics(self, data):
        def use(directory):
            run = training.Run(directory)
            TrainConfig.from_dict(run.config).resolve()
            summary(run)
        self.check(self.run_dir, '*.json*', data, use)

    @cases(8)
    @given(st.data())
    def test_checkpoints(self, data):
        self.check(self.run_dir, 'checkpoints/*', data,
                   lambda directory: training.export_run(directory, os.path.join(directory, 'again')))

    @cases(12)
    @given(st.data())
    def test_saved_models(self, data):
        sound = export.load(os.path.join(self.run_dir, 'export'))
        blank = np.zeros([2, 8, 8, 1])

        def use(directory):
            # A model that loads has the original checksums, so it gives the original answers.
            self.assertAllEqual(export.load(os.path.join(directory, 'export')).encode(blank), sound.encode(blank))
        pattern = data.draw(st.sampled_from(['export/2/saved_model.pb', 'export/2/variables/*']))
        self.check(self.run_dir, pattern, data, use)


if __name__ == '__main__':
    tf.test.main()
