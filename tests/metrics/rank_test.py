import numpy as np
import tensorflow as tf
from made_up_data import random

from acai_tf.metrics import rank


class RankTest(tf.test.TestCase):

    def test_known_spectra(self):
        # The spectrum of scaled orthonormal columns with mean 0 is the squares of their factors.
        columns = np.linalg.qr(np.concatenate([np.ones([50, 1]), random(50, 6)], axis=1))[0][:, 1:]
        rotation = np.linalg.qr(random(6, 6, seed=1))[0]
        for spectrum, entropy_rank, ratio in (
                ([1, 1, 1, 1, 1, 1], 6, 6), ([1, 1, 1, 0, 0, 0], 3, 3), ([5, 0, 0, 0, 0, 0], 1, 1),
                ([3, 1, 0, 0, 0, 0], np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), 16 / 10)):
            latents = (columns * np.sqrt(spectrum)) @ rotation + 0.3
            values = rank.evaluate(latents.reshape(50, 1, 2, 3))
            self.assertAllClose([values['effective_rank'], values['participation_ratio']], [entropy_rank, ratio])

    def test_dead_dimensions(self):
        latents = random(1000, 4) * [1, 0.1, 1e-3, 0]
        self.assertEqual(rank.evaluate(latents)['dead_dimensions'], 2)
        self.assertEqual(rank.evaluate(latents, dead=0.5)['dead_dimensions'], 3)
        # Small latents that all vary are alive; a point with a little noise is dead in all dimensions.
        self.assertEqual(rank.evaluate(1e-5 * random(1000, 4))['dead_dimensions'], 0)
        self.assertEqual(rank.evaluate(7 + 1e-5 * random(1000, 4))['dead_dimensions'], 4)

    def test_latents_that_do_not_vary_or_are_not_finite(self):
        still = rank.evaluate(np.full([9, 3], 0.1))
        self.assertAllEqual([still['effective_rank'], still['participation_ratio'], still['dead_dimensions']],
                            [np.nan, np.nan, 3])
        self.assertAllEqual(list(rank.evaluate(np.full([9, 3], np.nan)).values()), [np.nan] * 3)


if __name__ == '__main__':
    tf.test.main()
