"""Mean Distance and Smoothness, compared with the released code (test ids with parity) and known interpolations."""

import numpy as np
import tensorflow as tf
from lines32_test import REFERENCE

from acai_tf import datasets, metrics
from acai_tf.datasets.lines import draw_line
from acai_tf.metrics import lines


def _turn(start, end, steps=16):
    return draw_line(np.linspace(start, end, steps)).numpy()


class LinesParityTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        with np.load(REFERENCE, allow_pickle=False) as reference:
            self.reference = {key: reference[key] for key in reference.files}

    def test_parity_closest_lines(self):
        distance, angle = lines.closest_line(self.reference['interpolation'])
        self.assertAllClose(distance, self.reference['closest_distance'], rtol=1e-5, atol=1e-8)
        self.assertAllClose(angle, self.reference['closest_angle'], rtol=0, atol=1e-9)

    def test_parity_smoothness(self):
        score = lines.smoothness_score(self.reference['closest_angle'])
        self.assertAllClose(score, self.reference['smoothness'], rtol=1e-5, atol=1e-9)

    def test_parity_line_eval(self):
        distance, smoothness = lines.line_eval(self.reference['interpolation'])
        self.assertNear(distance, float(self.reference['all_mean_distance']), 1e-5 * distance)
        self.assertNear(smoothness, float(self.reference['all_mean_smoothness']), 1e-5 * smoothness)


class ClosestLineTest(tf.test.TestCase):

    def test_a_dictionary_line_is_its_own_nearest(self):
        angles = 2 * np.pi * np.array([0, 17, 2500, 9999]) / 10000
        distance, angle = lines.closest_line(draw_line(angles))
        self.assertAllClose(angle, angles, rtol=0, atol=1e-12)
        self.assertAllClose(distance, np.zeros(4), atol=1e-7)

    def test_the_search_equals_one_in_float64(self):
        random = np.random.default_rng(0)
        images = np.concatenate([draw_line(random.uniform(0, 6, 50)).numpy() + random.normal(0, .3, [50, 32, 32, 1]),
                                 random.normal(size=[20, 32, 32, 1]), np.full([1, 32, 32, 1], -1.)])
        _, dictionary, search = lines._dictionary(32, 32)
        unit = images.reshape(len(images), -1)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        cosine = unit @ dictionary.T
        distance, angle = lines.closest_line(images)
        self.assertAllClose(distance, 1 - cosine.max(axis=1), rtol=0, atol=1e-12)
        self.assertAllClose(angle[:-1], cosine[:-1].argmax(axis=1) * 2 * np.pi / 10000, rtol=0, atol=1e-9)
        with_sum = np.concatenate([unit, unit.sum(axis=1, keepdims=True)], axis=1).astype(np.float32)
        self.assertLess(np.abs(with_sum @ search - cosine).max(), lines._FLOAT32_ERROR)

    def test_scale_does_not_matter(self):
        image = draw_line([1.]).numpy()
        self.assertAllClose(lines.closest_line(image), lines.closest_line(7 * image), rtol=0, atol=1e-7)

    def test_blank_image_is_far_from_every_line(self):
        distance, _ = lines.closest_line(np.full([1, 32, 32, 1], -1.))
        # The line with the least area covers 22 of 1024 pixels, some partly: 1 - cosine is about 0.03.
        self.assertNear(distance[0], 0.0307, 5e-4)

    def test_nan_and_zero_images_have_no_nearest_line(self):
        distance, angle = lines.closest_line(np.stack([np.full([32, 32, 1], np.nan), np.zeros([32, 32, 1])]))
        self.assertAllEqual(np.isnan(distance), [True, True])
        self.assertAllEqual(np.isnan(angle), [True, True])


class SmoothnessTest(tf.test.TestCase):

    def test_even_turn_is_zero_and_one_jump_is_fourteen_fifteenths(self):
        even = np.linspace(1, 2, 16)
        jump = np.repeat([1., 2.], 8)
        self.assertAllClose(lines.smoothness_score(np.stack([even, jump])), [0, 14 / 15], atol=1e-12)

    def test_the_full_turn_is_no_jump(self):
        self.assertAllClose(lines.smoothness_score(np.linspace(6, 7, 16)[None] % (2 * np.pi)), [0], atol=1e-12)

    def test_undefined_where_first_and_last_agree(self):
        self.assertAllEqual(np.isnan(lines.smoothness_score(np.array([[1., 2., 1.], [1., 2., 3.]]))), [True, False])

    def test_undefined_ones_count_as_zero_or_not_at_all(self):
        scores = [0.5, np.nan, 0.1, np.nan]
        self.assertAllClose(lines.mean_smoothness(scores), 0.15)
        self.assertAllClose(lines.mean_smoothness(scores, 'ignore'), 0.3)
        self.assertTrue(np.isnan(lines.mean_smoothness([np.nan])))
        with self.assertRaisesRegex(ValueError, 'nan_policy'):
            lines.mean_smoothness(scores, 'median')

    def test_interpolations_with_known_scores(self):
        start, end = 5 * np.pi / 7, 3 * np.pi / 2
        perfect = _turn(start, end)
        abrupt = np.concatenate([perfect[:1]] * 8 + [perfect[-1:]] * 8)
        weights = np.linspace(0, 1, 16).reshape(-1, 1, 1, 1)
        fade = (1 - weights) * perfect[0] + weights * perfect[-1]
        long_way = _turn(start, end - 2 * np.pi)
        distance, smoothness = lines.line_eval(np.stack([perfect, long_way]))
        self.assertBetween(distance, 0, 1e-6)
        self.assertBetween(smoothness, 0, 1e-3)
        distance, smoothness = lines.line_eval(abrupt[None])
        self.assertBetween(distance, 0, 1e-6)
        self.assertNear(smoothness, 14 / 15, 1e-9)
        self.assertNear(lines.line_eval(fade[None])[0], 7.217e-3, 1e-5)  # by the released functions

    def test_evaluate_counts_the_undefined(self):
        still = np.concatenate([_turn(1, 1)[None], _turn(1, 2)[None]])
        self.assertEqual(lines.evaluate(still)['undefined_interpolations'], 1)


class LinesTest(tf.test.TestCase):

    def test_the_frames_between_the_evaluation_pairs(self):
        class Fade:
            """Latents are the images: an interpolation fades one line out and the other in."""
            image_shape = (32, 32, 1)
            encode = decode = staticmethod(np.asarray)
        data = datasets.get('lines32')
        starts, ends = (images[:32].numpy() for images in data.evaluation_pairs)
        weights = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 16, 1, 1, 1)
        frames = (1 - weights) * starts[:, None] + weights * ends[:, None]
        data.evaluation_pairs = starts, ends
        for policy in ('zero', 'ignore'):
            self.assertAllClose(metrics.compute('lines', Fade(), data, nan_policy=policy),
                                lines.evaluate(frames, policy), rtol=1e-5)


if __name__ == '__main__':
    tf.test.main()
