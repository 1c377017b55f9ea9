import numpy as np
import tensorflow as tf
from made_up_data import random

from acai_tf.errors import DataError
from acai_tf.latents.mixture import Mixture


class MixtureTest(tf.test.TestCase):

    def test_draws_have_the_moments_of_the_latents(self):
        latents = np.concatenate([random(1500, 2, 3) * 0.1 + 20, random(500, 2, 3, seed=1) * 0.3 - 5])
        draws = Mixture(latents, components=2).sample(20000)
        self.assertEqual((draws.shape, draws.dtype), ((20000, 2, 3), np.float32))
        self.assertAllClose((draws > 8).mean(), 0.75, atol=0.02)
        for ours, theirs in ((draws[draws[:, 0, 0] > 8], latents[:1500]), (draws[draws[:, 0, 0] < 8], latents[1500:])):
            self.assertAllClose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.02)
            self.assertAllClose(ours.std(axis=0), theirs.std(axis=0), atol=0.02)

    def test_draws_are_keyed_by_the_seed_and_in_random_order(self):
        mixture = Mixture(np.concatenate([random(50, 1), random(50, 1, seed=1) + 100]), components=2)
        self.assertAllEqual(mixture.sample(40, seed=3), mixture.sample(40, seed=3))
        self.assertNotAllEqual(mixture.sample(40, seed=3), mixture.sample(40, seed=4))
        self.assertGreater((np.diff(mixture.sample(40)[:, 0] > 50) != 0).sum(), 5)

    def test_few_and_equal_latents(self):
        self.assertAllClose(Mixture(np.full([20, 3], 7.)).sample(5), np.full([5, 3], 7), atol=0.1)
        self.assertEqual(Mixture(random(4, 30)).sample(5).shape, (5, 30))
        for latents in (random(1, 3), np.full([5, 3], np.nan)):
            with self.assertRaisesRegex(DataError, 'at least 2 latents, all of them finite'):
                Mixture(latents)


if __name__ == '__main__':
    tf.test.main()
