import numpy as np
import tensorflow as tf

from acai_tf import metrics
from acai_tf.datasets.base import InMemory

SCALE = 6


class Normal(InMemory):
    """Images of normal noise, small enough to stay within [-1, 1]."""

    def load(self, split):
        noise = np.random.default_rng(len(split)).normal(size=[400, 2, 2, 1]).astype(np.float32)
        return noise / SCALE, np.zeros(400, np.int64)


class Moved:
    """A model with the images as latents: standard normal noise, shifted away from the prior."""

    image_shape = latent_shape = (2, 2, 1)

    def __init__(self, distance):
        self.distance = distance

    def encode(self, images):
        return np.asarray(images) * SCALE + self.distance

    def decode(self, latents):
        return (latents - self.distance) / SCALE


class SamplesTest(tf.test.TestCase):

    def test_which_systems_can_be_sampled_from(self):
        data = Normal('normal', (2, 2, 1), 1)
        for distance in (0, 30):
            values = metrics.compute('samples', Moved(distance), data, draws=300, components=2)
            self.assertEqual(values['samples_draws'], 300)
            good = ['mixture'] if distance else ['prior', 'mixture']
            for space in ('', 'latent_'):
                perfect = values[f'samples_test_{space}precision']
                self.assertGreater(perfect, 0.8)
                for source in good:
                    for name in ('precision', 'recall'):
                        self.assertAllClose(values[f'samples_{source}_{space}{name}'], perfect, atol=0.1)
            for source in good:
                self.assertAllClose(values[f'samples_{source}_nearest_train'], values['samples_test_nearest_train'],
                                    rtol=0.3)
            if distance:
                self.assertEqual([values[f'samples_prior_{name}'] for name in (
                    'precision', 'recall', 'latent_precision', 'latent_recall')], [0] * 4)


if __name__ == '__main__':
    tf.test.main()
