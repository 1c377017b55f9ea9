"""Images that are not square are stretched, cropped or padded, in prepared files and by exports alike."""

import json
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from programs import ProgramTestCase, run

from acai_tf import datasets, export, images, models
from acai_tf.datasets import described


def wide():
    """A 24x48 image with columns from 0 to 235, [24, 48, 1]."""
    return np.tile(np.uint8(5 * np.arange(48))[None, :, None], [24, 1, 1])


class ResizeTest(parameterized.TestCase, tf.test.TestCase):

    def test_cropped_the_middle_keeps_its_scale(self):
        cropped = images.resize(wide(), [24, 24], 'crop').numpy()
        self.assertAllEqual(cropped, wide()[:, 12:36])
        self.assertAllEqual(images.resize(wide().transpose(1, 0, 2), [24, 24], 'crop'), wide().transpose(1, 0, 2)[12:36])

    def test_padded_all_is_there_and_the_rest_is_black(self):
        padded = images.resize(wide(), [48, 48], 'pad').numpy()
        self.assertAllEqual(padded[12:36], wide())
        self.assertAllEqual(padded[:12], np.zeros([12, 48, 1]))
        self.assertAllEqual(padded[36:], np.zeros([12, 48, 1]))

    @parameterized.parameters(*images.FITS)
    def test_a_square_is_the_same_in_all_ways(self, fit):
        square = wide()[:, :24]
        self.assertAllClose(images.resize(square, [12, 12], fit), images.resize(square, [12, 12]))
        self.assertEqual(images.resize(square[None], [12, 12], fit).shape, (1, 12, 12, 1))

    @parameterized.product(fit=images.FITS, size=((1, 1), (1, 50), (3, 1000)))
    def test_thin_images(self, fit, size):
        resized = images.resize(np.full([*size, 3], 200, np.uint8), [8, 8], fit).numpy()
        self.assertEqual(resized.shape, (8, 8, 3))
        self.assertAllClose(resized.max(), 200)


class PreparedTest(ProgramTestCase):

    def setUp(self):
        super().setUp()
        os.makedirs(self.path('photos'))
        for i in range(4):
            Image.fromarray(np.roll(wide(), i, axis=1)[..., 0]).save(self.path(f'photos/{i}.png'))

    def test_the_export_does_as_the_preparation_did(self):
        for fit in images.FITS:
            self.run_well('acai_create_datasets', f'--images_dir={self.path("photos")}', '--resolution=16', f'--fit={fit}',
                          f'--data_dir={self.path(fit)}')
            with open(self.path(f'{fit}/manifest.json')) as file:
                self.assertEqual(json.load(file)['files']['train.tfrecord']['fit'], fit)
            dataset = datasets.get(f'records:{self.path(fit)}')
            splits = dataset.train_once(4), dataset.test(4)
            prepared = np.concatenate([batch.numpy() for split in splits for batch, _ in split])
            resized = [images.resize(np.roll(wide(), i, axis=1), [16, 16], fit) for i in range(4)]
            expected = [images.to_float(images.round_to_uint8(pixels)).numpy() for pixels in resized]
            for image in expected:
                self.assertLess(np.abs(prepared - image).max(axis=(1, 2, 3)).min(), 1e-6)
            model = models.create('baseline', (16, 16, 1), 1, depth=2, latent=2)
            loaded = export.load(export.export_model(model, dataset, 1, self.path(f'export-{fit}')))
            with open(self.path('photos/0.png'), 'rb') as file:
                latents = loaded.encode_bytes([file.read()])
            self.assertAllClose(latents, loaded.encode(expected[0][None]), atol=0.02)
            self.assertEqual(described.Described(loaded.config).aspect, fit)  # for images without the data set
            self.assertIn({'stretch': 'stretched', 'crop': 'cropped', 'pad': 'padded'}[fit], loaded.config['encode_bytes'])

    def test_it_needs_a_resolution(self):
        code, _, error = run('bin/acai_create_datasets', f'--images_dir={self.path("photos")}', '--fit=crop',
                             f'--data_dir={self.path("out")}')
        self.assertEqual(code, 1)
        self.assertIn('--fit has no effect without --resolution', error)


if __name__ == '__main__':
    tf.test.main()
