"""Formulas of the measures that apply to any data set, against closed forms."""

import numpy as np
import tensorflow as tf

from acai_tf.errors import DataError
from acai_tf.evaluation import conditioning, manifolds, neighbours, paths, rank
from acai_tf.evaluation.mixture import Mixture


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class PathsTest(tf.test.TestCase):

    def test_a_straight_path_at_constant_speed(self):
        start, end, weights = random(3, 1, 8), random(3, 1, 8, seed=1), np.linspace(0, 1, 16)[None, :, None]
        self.assertAllClose(paths.evaluate((1 - weights) * start + weights * end),
                            {'step_variation': 0, 'largest_step': 1, 'length': 1, 'still': 0})

    def test_a_jump_and_a_detour(self):
        # Steps are fifteen times their mean once and else 0: variance (15^2 + 14 * 0) / 15 - 1 = 14.
        jump = np.repeat([0., 1.], 8).reshape(1, 16, 1) * np.ones(4)
        self.assertAllClose(paths.evaluate(jump), {'step_variation': 14**0.5, 'largest_step': 15, 'length': 1, 'still': 0})
        # Three steps of 2, 1 and 1 along two axes of a square.
        detour = np.array([[[0., 0], [2, 0], [2, 1], [2, 2]]])
        self.assertAllClose(paths.evaluate(detour), {'step_variation': 2**0.5 / 4, 'largest_step': 1.5,
                                                     'length': 4 / 8**0.5, 'still': 0})

    def test_what_stands_still_is_left_out_and_what_is_not_finite_is_not(self):
        moving = np.linspace(0, 1, 4).reshape(1, 4, 1)
        found = paths.evaluate(np.concatenate([moving, np.full([1, 4, 1], 0.3)]))
        self.assertAllClose(found, {'step_variation': 0, 'largest_step': 1, 'length': 1, 'still': 1})
        self.assertTrue(np.isnan(paths.evaluate(np.zeros([2, 4, 1]))['length']))
        self.assertTrue(np.isnan(paths.evaluate(np.concatenate([moving, moving * np.nan]))['length']))


class NearestDistanceTest(tf.test.TestCase):

    def test_it_is_that_of_the_whole_set_however_it_is_cut(self):
        images, reference = random(7, 3, 2), random(50, 3, 2, seed=1)
        flat = [part.reshape(len(part), -1) / np.linalg.norm(part.reshape(len(part), -1), axis=1, keepdims=True)
                for part in (images, reference)]
        expected = 1 - (flat[0] @ flat[1].T).max(axis=1)
        for size in (1, 7, 50):
            batches = np.split(reference, range(size, 50, size))
            self.assertAllClose(neighbours.nearest_distance(images, batches), expected, atol=1e-6)

    def test_scale_zero_and_not_a_number(self):
        images = np.array([[2., 0], [0, -3], [0, 0], [np.nan, 1]])
        found = neighbours.nearest_distance(images, [np.array([[1., 0]])])
        self.assertAllClose(found[:3], [0, 1, 1])
        self.assertTrue(np.isnan(found[3]))


class ConditioningTest(tf.test.TestCase):

    def test_a_linear_decoder(self):
        matrix, latents = random(20, 6), random(5, 2, 3, seed=1)
        def products(_, v):
            return v.reshape(len(v), -1) @ matrix.T
        singular = np.linalg.svd(matrix, compute_uv=False)
        found = conditioning.evaluate(products, latents, conditioning.random_directions(6, 100))
        self.assertAllClose(found, {'log_condition_number': 2 * np.log(singular[0] / singular[-1]),
                                    'stretching': np.linalg.norm(matrix) / np.sqrt(6 * 20), 'stretching_spread': 0})
        fewer = conditioning.evaluate(products, latents, conditioning.random_directions(6, 3))
        self.assertBetween(fewer['log_condition_number'], 0, found['log_condition_number'])
        self.assertAllClose(fewer['stretching_spread'], 0)

    def test_a_decoder_that_squares(self):
        # Of x = z^2 / 2 the Jacobian is diag(z).
        latents = random(4, 3)
        found = conditioning.evaluate(lambda z, v: z * v, latents, conditioning.random_directions(3, 3))
        size = np.abs(latents)
        stretching = np.sqrt(np.square(latents).sum(axis=1) / 9)
        self.assertAllClose(found, {
            'log_condition_number': 2 * np.log(size.max(axis=1) / size.min(axis=1)).mean(),
            'stretching': stretching.mean(), 'stretching_spread': stretching.std() / stretching.mean()})

    def test_directions_are_orthonormal_and_no_more_than_there_are_dimensions(self):
        directions = conditioning.random_directions(8, 5)
        self.assertAllClose(directions @ directions.T, np.eye(5), atol=1e-12)
        self.assertEqual(conditioning.random_directions(8, 50).shape, (8, 8))

    def test_what_is_undefined(self):
        for factor, limit in ((0, np.nan), (np.nan, np.nan)):
            found = conditioning.evaluate(lambda z, v, factor=factor: factor * v, random(4, 3), np.eye(3))
            self.assertAllEqual([found['log_condition_number'], found['stretching_spread']], [limit, limit])
        # A dimension without effect, and fewer pixels than dimensions: as far as float32 can tell.
        for products in (lambda z, v: v * [1, 0, 1], lambda z, v: v[:, :2]):
            found = conditioning.evaluate(products, random(4, 3), np.eye(3))
            self.assertAllClose(found['log_condition_number'], 2 * 23 * np.log(2))


class RankTest(tf.test.TestCase):

    def test_known_spectra(self):
        # Columns that are orthonormal and of mean 0 have the squares of their factors as the spectrum.
        columns = np.linalg.qr(np.concatenate([np.ones([50, 1]), random(50, 6)], axis=1))[0][:, 1:]
        rotation = np.linalg.qr(random(6, 6, seed=1))[0]
        for spectrum, entropy_rank, ratio in (
                ([1, 1, 1, 1, 1, 1], 6, 6), ([1, 1, 1, 0, 0, 0], 3, 3), ([5, 0, 0, 0, 0, 0], 1, 1),
                ([3, 1, 0, 0, 0, 0], np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), 16 / 10)):
            latents = (columns * np.sqrt(spectrum)) @ rotation + 0.3
            found = rank.evaluate(latents.reshape(50, 1, 2, 3))
            self.assertAllClose([found['effective_rank'], found['participation_ratio']], [entropy_rank, ratio])

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


class ManifoldsTest(tf.test.TestCase):

    def test_equal_and_disjoint_clouds(self):
        cloud = random(100, 2, 5)
        for other, expected in ((cloud, 1), (cloud + 100, 0), (np.concatenate([cloud, cloud + 100]), 0.5)):
            self.assertEqual(manifolds.precision(cloud, other), expected)
        self.assertEqual(manifolds.precision(cloud + 100, cloud), 0)

    def test_by_hand(self):
        # With k 1 the radii of 0, 1, 5 are 1, 1, 4: they cover [-1, 2] and [1, 9].
        real = np.array([[0.], [1], [5]])
        self.assertEqual(manifolds.precision(real, [[-1.1], [-0.9], [8.9], [9.1]], neighbours=1), 0.5)
        # With k 2 they are 5, 4, 5 and cover [-5, 10].
        self.assertEqual(manifolds.precision(real, [[-4.9], [9.9], [10.1], [0.]], neighbours=2), 0.75)
        self.assertEqual(manifolds.precision(real, [[-4.9], [9.9], [10.1], [0.]], neighbours=50), 0.75)

    def test_points_on_top_of_each_other_and_too_few(self):
        collapsed = np.full([9, 300], 0.1)
        self.assertEqual(manifolds.precision(collapsed, collapsed[:3]), 1)
        self.assertEqual(manifolds.precision(collapsed, collapsed + 1), 0)
        for real, drawn in ((collapsed[:1], collapsed), (collapsed, collapsed * np.nan), (collapsed * np.nan, collapsed)):
            self.assertTrue(np.isnan(manifolds.precision(real, drawn)))


class MixtureTest(tf.test.TestCase):

    def test_draws_have_the_moments_of_the_latents(self):
        latents = np.concatenate([random(1500, 2, 3) * 0.1 + 20, random(500, 2, 3, seed=1) * 0.3 - 5])
        drawn = Mixture(latents, components=2).sample(20000)
        self.assertEqual((drawn.shape, drawn.dtype), ((20000, 2, 3), np.float32))
        self.assertAllClose((drawn > 8).mean(), 0.75, atol=0.02)
        for ours, theirs in ((drawn[drawn[:, 0, 0] > 8], latents[:1500]), (drawn[drawn[:, 0, 0] < 8], latents[1500:])):
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
