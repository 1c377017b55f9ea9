import numpy as np
import tensorflow as tf

from acai_tf import models
from acai_tf.datasets.base import InMemory
from acai_tf.latents import reading


class Noise(InMemory):
    """Thirty images of noise."""

    def __init__(self):
        super().__init__('noise', (4, 4, 1), 2)

    def load(self, split):
        random = np.random.default_rng(len(split))
        return random.integers(0, 256, [30, 4, 4, 1], np.uint8), np.arange(30) % 2


class ReadingTest(tf.test.TestCase):

    def test_rows_of_a_split(self):
        data = Noise()
        images = data.load('test')[0] / 127.5 - 1
        self.assertEqual(reading.size(data, 'test'), 30)
        self.assertAllClose(reading.rows(data, 'test', [7, 2, 7]), images[[7, 2, 7]], atol=1e-6)
        with self.assertRaisesRegex(IndexError, 'noise has 30 test images; there is no image 30'):
            reading.rows(data, 'test', [7, 30])

    def test_both_ends_of_a_path_have_their_own_noise(self):
        model = models.create('vae', (4, 4, 1), 2, depth=1, latent=1, latent_width=2, sample_latent=True)
        model.compile()
        images = Noise().load('test')[0][:5] / np.float32(127.5) - 1
        frames = reading.between(model, images, images, 2)
        self.assertNotAllClose(frames[:, 0], frames[:, 1], atol=1e-4)


if __name__ == '__main__':
    tf.test.main()
