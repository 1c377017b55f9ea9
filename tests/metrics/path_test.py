"""The metric `path`, compared with closed forms and on a data set with a known manifold."""

import numpy as np
import tensorflow as tf
from made_up_data import OnTheRing, Ring, random

from acai_tf import metrics
from acai_tf.metrics import path


class EvaluateTest(tf.test.TestCase):

    def test_a_straight_path_at_constant_speed(self):
        start, end, weights = random(3, 1, 8), random(3, 1, 8, seed=1), np.linspace(0, 1, 16)[None, :, None]
        self.assertAllClose(path.evaluate((1 - weights) * start + weights * end),
                            {'step_variation': 0, 'largest_step': 1, 'length': 1, 'still': 0})

    def test_a_jump_and_a_detour(self):
        # One step is fifteen times the mean, the others are 0: variance (15^2 + 14 * 0) / 15 - 1 = 14.
        jump = np.repeat([0., 1.], 8).reshape(1, 16, 1) * np.ones(4)
        self.assertAllClose(path.evaluate(jump), {'step_variation': 14**0.5, 'largest_step': 15, 'length': 1, 'still': 0})
        # Three steps of 2, 1 and 1 along two axes of a square.
        detour = np.array([[[0., 0], [2, 0], [2, 1], [2, 2]]])
        self.assertAllClose(path.evaluate(detour), {'step_variation': 2**0.5 / 4, 'largest_step': 1.5,
                                                     'length': 4 / 8**0.5, 'still': 0})

    def test_paths_that_do_not_move_are_left_out_and_those_that_are_not_finite_are_not(self):
        moving = np.linspace(0, 1, 4).reshape(1, 4, 1)
        values = path.evaluate(np.concatenate([moving, np.full([1, 4, 1], 0.3)]))
        self.assertAllClose(values, {'step_variation': 0, 'largest_step': 1, 'length': 1, 'still': 1})
        self.assertTrue(np.isnan(path.evaluate(np.zeros([2, 4, 1]))['length']))
        self.assertTrue(np.isnan(path.evaluate(np.concatenate([moving, moving * np.nan]))['length']))


class PathTest(tf.test.TestCase):

    def test_a_perfect_and_a_broken_path(self):
        data = Ring()
        perfect = metrics.compute('path', OnTheRing(), data)
        # Turning by equal angles is even; there are only ten pairs.
        self.assertEqual((perfect['path_pairs'], perfect['path_still']), (10, 0))
        self.assertAllClose([perfect['path_step_variation'], perfect['path_largest_step']], [0, 1], atol=1e-2)
        self.assertGreater(perfect['path_length'], 1.1)
        fade = [perfect[f'path_fade_{name}'] for name in ('step_variation', 'largest_step', 'length')]
        self.assertAllClose(fade, [0, 1, 1], atol=1e-4)
        # Half the spacing of the training images is 0.05, so the bump is always near one of them.
        self.assertLess(perfect['path_nearest_train'], 1e-3)
        self.assertLess(perfect['path_test_nearest_train'], 1e-3)
        self.assertGreater(perfect['path_fade_nearest_train'], 10 * perfect['path_nearest_train'])
        jumping = metrics.compute('path', OnTheRing(lambda z: np.where(z < 0, -1, 1)), data)
        self.assertAllClose([jumping['path_step_variation'], jumping['path_largest_step'], jumping['path_length']],
                            [14**0.5, 15, 1], rtol=1e-5)
        self.assertGreater(jumping['path_still'], 0)
        self.assertIsNone(metrics.compute('path', OnTheRing(lambda z: z * np.nan), data)['path_nearest_train'])


if __name__ == '__main__':
    tf.test.main()
