import numpy as np
import tensorflow as tf

from acai_tf import randomness


class RandomnessTest(tf.test.TestCase):

    def test_a_draw_depends_on_each_part_of_its_key_and_on_nothing_else(self):
        base = dict(seed=1, name='alpha', step=5, replica=0)
        variants = [base, {**base, 'seed': 2}, {**base, 'seed': 1 + 2**40}, {**base, 'name': 'noise'},
                    {**base, 'step': 6}, {**base, 'step': 5 + 2**32}, {**base, 'replica': 1}]
        draws = [randomness.uniform([4], randomness.key(**variant)).numpy() for variant in variants]
        self.assertLen({draw.tobytes() for draw in draws}, len(variants))
        tf.random.set_seed(99)
        self.assertAllEqual(draws[0], randomness.uniform([4], randomness.key(**base)))

    def test_a_traced_step_draws_the_same_numbers(self):
        @tf.function
        def draw(step):
            return randomness.normal([3], randomness.key(7, 'prior', step))
        self.assertAllEqual(draw(tf.constant(3, tf.int64)), randomness.normal([3], randomness.key(7, 'prior', 3)))

    def test_distributions(self):
        u = randomness.uniform([40000], randomness.key(0, 'u')).numpy()
        n = randomness.normal([40000], randomness.key(0, 'n')).numpy()
        # Five standard errors each: sd / sqrt(40000).
        self.assertNear(u.mean(), 0.5, 5 * 12**-0.5 / 200)
        self.assertNear(n.mean(), 0, 5 / 200)
        self.assertNear(n.std(), 1, 5 / np.sqrt(2 * 40000))
        self.assertBetween(u.min(), 0, 0.001)
        self.assertBetween(u.max(), 0.999, 1)

    def test_layer_seeds_differ_by_path(self):
        seeds = {randomness.layer_seed(s, n, i) for s in (0, 1) for n in ('encoder', 'critic') for i in range(3)}
        self.assertLen(seeds, 12)

    def test_replica_is_zero_outside_a_strategy(self):
        self.assertEqual(int(randomness.current_replica()), 0)


if __name__ == '__main__':
    tf.test.main()
