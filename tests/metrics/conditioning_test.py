import numpy as np
import tensorflow as tf
from made_up_data import random

from acai_tf.metrics import conditioning


class ConditioningTest(tf.test.TestCase):

    def test_a_linear_decoder(self):
        matrix, latents = random(20, 6), random(5, 2, 3, seed=1)
        def products(_, v):
            return v.reshape(len(v), -1) @ matrix.T
        singular = np.linalg.svd(matrix, compute_uv=False)
        values = conditioning.evaluate(products, latents, conditioning.random_directions(6, 100))
        self.assertAllClose(values, {'log_condition_number': 2 * np.log(singular[0] / singular[-1]),
                                    'stretching': np.linalg.norm(matrix) / np.sqrt(6 * 20), 'stretching_spread': 0})
        fewer = conditioning.evaluate(products, latents, conditioning.random_directions(6, 3))
        self.assertBetween(fewer['log_condition_number'], 0, values['log_condition_number'])
        self.assertAllClose(fewer['stretching_spread'], 0)

    def test_a_decoder_that_squares(self):
        # The Jacobian of x = z^2 / 2 is diag(z).
        latents = random(4, 3)
        values = conditioning.evaluate(lambda z, v: z * v, latents, conditioning.random_directions(3, 3))
        size = np.abs(latents)
        stretching = np.sqrt(np.square(latents).sum(axis=1) / 9)
        self.assertAllClose(values, {
            'log_condition_number': 2 * np.log(size.max(axis=1) / size.min(axis=1)).mean(),
            'stretching': stretching.mean(), 'stretching_spread': stretching.std() / stretching.mean()})

    def test_directions_are_orthonormal_and_no_more_than_there_are_dimensions(self):
        directions = conditioning.random_directions(8, 5)
        self.assertAllClose(directions @ directions.T, np.eye(5), atol=1e-12)
        self.assertEqual(conditioning.random_directions(8, 50).shape, (8, 8))

    def test_undefined_values(self):
        for factor, limit in ((0, np.nan), (np.nan, np.nan)):
            values = conditioning.evaluate(lambda z, v, factor=factor: factor * v, random(4, 3), np.eye(3))
            self.assertAllEqual([values['log_condition_number'], values['stretching_spread']], [limit, limit])
        # A dimension without effect, and fewer pixels than dimensions: within the limits of float32.
        for products in (lambda z, v: v * [1, 0, 1], lambda z, v: v[:, :2]):
            values = conditioning.evaluate(products, random(4, 3), np.eye(3))
            self.assertAllClose(values['log_condition_number'], 2 * 23 * np.log(2))


if __name__ == '__main__':
    tf.test.main()
