"""The metric `poses`: made-up decoders with known answers."""

import json
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf import datasets, metrics, models
from acai_tf.datasets import pole
from acai_tf.errors import DataError, UsageError
from acai_tf.metrics import poses


def only_intervals(*lengths):
    """Leaves out intervals with other lengths, to save time."""
    return mock.patch.object(poses, '_LENGTHS', lengths)


def one_hot(images):
    """Latents that let a made-up decoder recover both ends and alpha."""
    return np.eye(len(images))


class EvaluateTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.images, cls.angles, cls.is_test = datasets.get('pole64', resolution=32).load_poses()

    def evaluate(self, encode, decode, **kwargs):
        return poses.evaluate(encode, decode, self.images, self.angles, self.is_test, **kwargs)

    @only_intervals(40, 60, 80)
    def test_the_dissolve_and_the_straight_path_of_the_tip(self):
        dissolve = self.evaluate(lambda images: images, lambda latents: latents)['all']
        tips = pole.tip_of(self.angles)
        straight = self.evaluate(lambda images: tips, lambda tips: pole.draw_shadow(tips, 32))['all']
        for values, expected in ((dissolve, {80: 4.45e-3, 60: 3.44e-3, 40: 2.05e-3}),
                                 (straight, {80: .597e-3, 60: .217e-3, 40: .044e-3})):
            for length, mse in expected.items():
                self.assertAllClose(values['mse'][f'azimuth_{length}'], mse, rtol=0.01)
        # A dissolve shows one end, then the other.
        by_alpha = dissolve['parameter_distance']['azimuth_80']['by_alpha']
        self.assertLess(by_alpha['0.067']['to_source'], 1)
        self.assertLess(by_alpha['0.933']['to_target'], 1)

    def between(self, latents, jump=False):
        """Pose of a mix of two one-hot latents, the shorter way around; with `jump`, the pose of the nearer end."""
        first, second = np.argsort(-latents, axis=1, kind='stable')[:, :2].T
        weight = latents[np.arange(len(latents)), second] * (not jump)
        turn = (self.angles[second, 0] - self.angles[first, 0] + 180) % 360 - 180
        return np.stack([self.angles[first, 0] + weight * turn,
                         (1 - weight) * self.angles[first, 1] + weight * self.angles[second, 1]], axis=1)

    def test_a_perfect_decoder(self):
        values = self.evaluate(one_hot, lambda latents: pole.draw_pole(self.between(latents), 32), realistic=self.images)
        for of_subset in (values['all'], values['held_out']):
            self.assertEqual(list(of_subset['mse']), [*(f'azimuth_{length}' for length in range(15, 85, 5)), 'altitude_20',
                                                      'altitude_30', 'altitude'])
            for name in ('mse', 'realism'):
                self.assertAllClose(list(of_subset[name].values()), np.zeros(len(of_subset[name])), atol=1e-9)
            self.assertAllClose(of_subset['retrieved_alpha']['azimuth_70']['error'], 0)
            self.assertAllClose(of_subset['retrieved_alpha']['azimuth_70']['interquartile_range'], 0)
            distances = of_subset['parameter_distance']
            # m images span m - 1 steps of 5 degrees.
            self.assertEqual({name: interval['span'] for name, interval in distances.items()},
                             {'azimuth_40': 35, 'azimuth_60': 55, 'azimuth_80': 75, 'altitude_20': 15, 'altitude_30': 25,
                              'altitude': 35})
            for interval in distances.values():
                for alpha, row in interval['by_alpha'].items():
                    self.assertAllClose(row['to_source'], interval['span'] * float(alpha), atol=0.05)
                    self.assertAllClose(row['to_target'], interval['span'] * (1 - float(alpha)), atol=0.05)
            self.assertAllClose([interval['deviation'] for interval in distances.values()], np.zeros(6), atol=1e-9)
        self.assertEqual(list(values['up_to_65']), ['retrieved_alpha'])

    @only_intervals(70, 80)
    def test_a_decoder_that_jumps(self):
        values = self.evaluate(one_hot, lambda latents: pole.draw_pole(self.between(latents, jump=True), 32))['all']
        # 14 alphas over 70 degrees, k / 13: the median is 0 up to 6 / 13, then 1.
        expected = np.mean([min(k, 13 - k) / 13 for k in range(1, 13)])
        self.assertAllClose(values['retrieved_alpha']['azimuth_70']['error'], expected, rtol=1e-6)
        alphas = np.arange(1, 15) / 15
        self.assertAllClose(values['parameter_distance']['azimuth_80']['deviation'],
                            np.mean(np.minimum(alphas, 1 - alphas)), rtol=1e-6)

    @only_intervals(80)
    def test_held_out_frames_alone(self):
        """A decoder that is off by 0.1 if the true image is in the training set."""
        def decode(latents):
            angles = np.round(self.between(latents)) % [360, 360]
            number = [np.flatnonzero((self.angles == pose).all(axis=1))[0] for pose in angles]
            return self.images[number] + 0.2 * ~self.is_test[number].reshape(-1, 1, 1, 1)
        values = self.evaluate(one_hot, decode)
        self.assertAllClose(values['held_out']['mse']['azimuth_80'], 0, atol=1e-9)
        share = np.mean(~self.is_test)  # every image is an inner frame equally often
        self.assertAllClose(values['all']['mse']['azimuth_80'], 0.01 * share, rtol=1e-4)

    def test_errors_by_alpha_on_a_tiny_turntable(self):
        """Images of one pixel with their index as value, and a dissolve."""
        angles = np.stack([np.arange(0, 360, 20), np.zeros(18)], axis=1)
        images = np.arange(18.).reshape(-1, 1, 1, 1) * 2 - 1  # in [0, 1] the index itself
        values = poses.evaluate(lambda images: images, lambda latents: latents, images, angles, np.zeros(18, bool))
        # 80 degrees are 4 images: from start s the dissolve is exact, except across the seam 17 -> 0.
        errors = []
        for start in range(18):
            truth = [(start + k) % 18 for k in range(4)]
            errors.append([(truth[0] + (truth[3] - truth[0]) * k / 3 - truth[k])**2 for k in (1, 2)])
        by_alpha = values['all']['mse_by_alpha']['azimuth_80']
        self.assertAllClose([row['mean'] for row in by_alpha.values()], np.mean(errors, axis=0), rtol=1e-5)
        self.assertAllClose([row['deviation'] for row in by_alpha.values()], np.std(errors, axis=0), rtol=1e-5)
        self.assertEqual(list(by_alpha), ['0.333', '0.667'])
        self.assertTrue(np.isnan(values['held_out']['mse']['azimuth_80']))
        self.assertNotIn('altitude', values['all']['mse'])
        self.assertNotIn('up_to_65', values)

    def test_an_arc_is_not_wrapped(self):
        angles = np.stack([np.arange(0, 100, 5), np.zeros(20)], axis=1)
        paths = {interval.name: interval.paths for interval in poses.intervals(angles)}
        self.assertAllEqual(paths['azimuth_80'], [np.arange(s, s + 16) for s in range(5)])

    @parameterized.parameters(
        ([[0, 0], [5, 0], [15, 0]], 'equal steps'), ([[0, 0], [0, 0], [0, 0]], 'no two images may have the same pose'),
        ([[0, 0], [120, 0], [240, 0]], 'too few images'), ([[0, 0]], 'equal steps'))
    def test_poses_that_do_not_fit(self, angles, message):
        with self.assertRaisesRegex(DataError, message):
            poses.intervals(np.array(angles, float))


class PosesTest(tf.test.TestCase):

    def test_the_model_next_to_its_references(self):
        class Pole(pole.Pole):
            """108 of the 576 images."""

            def __init__(self):
                super().__init__(resolution=16)
                kept = (self.poses[:, 0] % 10 == 0) & np.isin(self.poses[:, 1], (45, 60, 75))
                self.poses, self.is_test = self.poses[kept], self.is_test[kept]
        data = Pole()
        model = models.create('baseline', data.image_shape, 1, depth=1, latent=1, latent_width=4)
        values = metrics.compute('poses', model, data)['poses']
        self.assertEqual(set(values), {'model', 'pixel_dissolve', 'straight_tip'})
        self.assertEqual(set(values['model']), {'all', 'held_out', 'up_to_65'})
        json.dumps(values, allow_nan=False)
        summary = metrics.create('poses').summary({'poses': values})
        self.assertEqual(summary['poses_mse_azimuth_80'], values['model']['all']['mse']['azimuth_80'])

    def test_a_data_set_without_poses(self):
        model = models.create('baseline', (32, 32, 1), 10, depth=1)
        with self.assertRaisesRegex(UsageError, 'lines32 has no poses'):
            metrics.compute('poses', model, datasets.get('lines32'))


if __name__ == '__main__':
    tf.test.main()
