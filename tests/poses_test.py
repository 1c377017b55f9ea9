"""Measures over poses: made-up decoders with known answers, and the programs that print and draw them."""

import json
import os
import zipfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import ProgramTestCase, run

from acai_tf import datasets, measures, models
from acai_tf.datasets import pole
from acai_tf.errors import DataError, UsageError
from acai_tf.evaluation import poses
from acai_tf.figures import maps
from acai_tf.figures import poses as poses_figure
from acai_tf.images import to_uint8


class PoleTest(tf.test.TestCase):

    def test_the_mean_of_all_images(self):
        images, angles, is_test = datasets.get('pole64', resolution=32).posed()
        self.assertEqual((images.shape, angles.shape, is_test.sum()), ((576, 32, 32, 1), (576, 2), 115))
        self.assertNear(np.mean(images) / 2 + 0.5, 0.7396, 5e-5)
        self.assertLen(np.unique(angles, axis=0), 576)

    def test_neighbours_differ_less_where_the_light_is_higher(self):
        for altitude, expected in ((45, 2.7e-3), (80, 3e-5)):
            images = pole.draw_pole([[azimuth, altitude] for azimuth in range(0, 360, 5)], 32) / 2 + 0.5
            self.assertAllClose(np.mean(np.square(np.diff(images, axis=0))), expected, rtol=0.07)

    def test_the_shadow_falls_away_from_the_light(self):
        right, above = pole.draw_pole([[0, 45], [90, 45]], 64)[..., 0]  # from where the light comes
        shadow, ground, disc = 0.15 * 2 - 1, 0.75 * 2 - 1, 1
        # 13 of 32 of the side are 26 pixels.
        self.assertAllClose(right[31, [31, 31 - 24, 31 - 31, 31 + 10]], [disc, shadow, ground, ground])
        self.assertAllClose(above[[31, 31 + 24, 31 + 31, 31 - 10], 31], [disc, shadow, ground, ground])

    def test_splits_are_disjoint_and_complete(self):
        data = datasets.get('pole64', resolution=16)
        images, _, is_test = data.posed()
        for split, mask in (('train_once', ~is_test), ('test', is_test)):
            found = np.concatenate([batch for batch, _ in getattr(data, split)(100)])
            self.assertAllEqual(found, images[mask])
        batch, labels = next(iter(data.train(8)))
        self.assertEqual((batch.shape, set(labels.numpy())), ((8, 16, 16, 1), {0}))

    def test_sizes(self):
        self.assertEqual(datasets.get('pole64').image_shape, (64, 64, 1))
        with self.assertRaisesRegex(UsageError, '--resolution=4: must be at least 8'):
            datasets.get('pole64', resolution=4)


def one_hot(images):
    """Latents from which a made-up decoder can tell both ends and alpha."""
    return np.eye(len(images))


class EvaluationTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.images, cls.angles, cls.is_test = datasets.get('pole64', resolution=32).posed()

    def evaluate(self, encode, decode, **kwargs):
        return poses.evaluate(encode, decode, self.images, self.angles, self.is_test, **kwargs)

    def test_the_dissolve_and_the_straight_path_of_the_tip(self):
        dissolve = self.evaluate(lambda images: images, lambda latents: latents)['all']
        tips = pole.tip_of(self.angles)
        straight = self.evaluate(lambda images: tips, lambda tips: pole.draw_shadow(tips, 32))['all']
        for found, expected in ((dissolve, {80: 4.45e-3, 60: 3.44e-3, 40: 2.05e-3}),
                                (straight, {80: .597e-3, 60: .217e-3, 40: .044e-3})):
            for length, value in expected.items():
                self.assertAllClose(found['mse'][f'azimuth_{length}'], value, rtol=0.01)
        # A dissolve shows one end, then the other.
        half = dissolve['parameter_distance']['azimuth_80']['by_alpha']
        self.assertLess(half['0.067']['to_source'], 1)
        self.assertLess(half['0.933']['to_target'], 1)

    def between(self, latents, jump=False):
        """The pose of a mix of two one-hot latents, by the shorter way round; its end nearest in alpha if it jumps."""
        first, second = np.argsort(-latents, axis=1, kind='stable')[:, :2].T
        weight = latents[np.arange(len(latents)), second] * (not jump)
        turn = (self.angles[second, 0] - self.angles[first, 0] + 180) % 360 - 180
        return np.stack([self.angles[first, 0] + weight * turn,
                         (1 - weight) * self.angles[first, 1] + weight * self.angles[second, 1]], axis=1)

    def test_a_perfect_decoder(self):
        found = self.evaluate(one_hot, lambda latents: pole.draw_pole(self.between(latents), 32), realistic=self.images)
        for figures in (found['all'], found['held_out']):
            self.assertLen(figures['mse'], 15)
            for figure in ('mse', 'realism'):
                self.assertAllClose(list(figures[figure].values()), np.zeros(len(figures[figure])), atol=1e-9)
            self.assertAllClose(figures['retrieved_alpha']['azimuth_70']['error'], 0)
            self.assertAllClose(figures['retrieved_alpha']['azimuth_70']['interquartile_range'], 0)
            by_alpha = figures['parameter_distance']['azimuth_80']['by_alpha']
            for alpha, row in by_alpha.items():
                self.assertAllClose(row, {'to_source': 75 * float(alpha), 'to_target': 75 * (1 - float(alpha))}, atol=0.05)
            self.assertAllClose([row['deviation'] for row in figures['parameter_distance'].values()], np.zeros(4), atol=1e-9)
        self.assertEqual(list(found['up_to_65']), ['retrieved_alpha'])

    def test_a_decoder_that_jumps(self):
        found = self.evaluate(one_hot, lambda latents: pole.draw_pole(self.between(latents, jump=True), 32))['all']
        # 14 alphas of 70 degrees, k / 13: the median is 0 up to 6 / 13, then 1.
        expected = np.mean([min(k, 13 - k) / 13 for k in range(1, 13)])
        self.assertAllClose(found['retrieved_alpha']['azimuth_70']['error'], expected, rtol=1e-6)
        alphas = np.arange(1, 15) / 15
        self.assertAllClose(found['parameter_distance']['azimuth_80']['deviation'],
                            np.mean(np.minimum(alphas, 1 - alphas)), rtol=1e-6)

    def test_held_out_frames_alone(self):
        """A decoder that is wrong by 0.1 where the true image is of the training set."""
        data = self.images

        def decode(latents):
            angles = np.round(self.between(latents)) % [360, 360]
            number = [np.flatnonzero((self.angles == pose).all(axis=1))[0] for pose in angles]
            return data[number] + 0.2 * ~self.is_test[number].reshape(-1, 1, 1, 1)
        found = self.evaluate(one_hot, decode)
        self.assertAllClose(found['held_out']['mse']['azimuth_80'], 0, atol=1e-9)
        share = np.mean(~self.is_test)  # every image is an inner frame equally often
        self.assertAllClose(found['all']['mse']['azimuth_80'], 0.01 * share, rtol=1e-4)

    def test_errors_by_alpha_on_a_tiny_turntable(self):
        """Images of one pixel, whose value is their number, and a dissolve."""
        angles = np.stack([np.arange(0, 360, 20), np.zeros(18)], axis=1)
        images = np.arange(18.).reshape(-1, 1, 1, 1) * 2 - 1  # in [0, 1] the number itself
        found = poses.evaluate(lambda images: images, lambda latents: latents, images, angles, np.zeros(18, bool))
        # 80 degrees are 4 images: from start s the dissolve is exact, except across the seam 17 -> 0.
        errors = []
        for start in range(18):
            truth = [(start + k) % 18 for k in range(4)]
            errors.append([(truth[0] + (truth[3] - truth[0]) * k / 3 - truth[k])**2 for k in (1, 2)])
        by_alpha = found['all']['mse_by_alpha']['azimuth_80']
        self.assertAllClose([row['mean'] for row in by_alpha.values()], np.mean(errors, axis=0), rtol=1e-5)
        self.assertAllClose([row['deviation'] for row in by_alpha.values()], np.std(errors, axis=0), rtol=1e-5)
        self.assertEqual(list(by_alpha), ['0.333', '0.667'])
        self.assertTrue(np.isnan(found['held_out']['mse']['azimuth_80']))
        self.assertNotIn('altitude', found['all']['mse'])
        self.assertNotIn('up_to_65', found)

    def test_an_arc_is_not_wrapped(self):
        angles = np.stack([np.arange(0, 100, 5), np.zeros(20)], axis=1)
        found = {interval.name: interval.paths for interval in poses.intervals(angles)}
        self.assertAllEqual(found['azimuth_80'], [np.arange(s, s + 16) for s in range(5)])

    @parameterized.parameters(
        ([[0, 0], [5, 0], [15, 0]], 'equal steps'), ([[0, 0], [0, 0], [0, 0]], 'no two images the same pose'),
        ([[0, 0], [120, 0], [240, 0]], 'too few images'), ([[0, 0]], 'equal steps'))
    def test_poses_that_do_not_fit(self, angles, message):
        with self.assertRaisesRegex(DataError, message):
            poses.intervals(np.array(angles, float))


class MeasureTest(tf.test.TestCase):

    def test_the_measure_adds_its_references(self):
        data = datasets.get('pole64', resolution=16)
        model = models.create('baseline', data.image_shape, 1, depth=1, latent=1, latent_width=4)
        found = measures.measure('poses', model, data)['poses']
        self.assertEqual(set(found), {'model', 'pixel_dissolve', 'straight_tip'})
        self.assertEqual(set(found['model']), {'all', 'held_out', 'up_to_65'})
        json.dumps(found, allow_nan=False)
        summary = measures.create('poses').summary({'poses': found})
        self.assertEqual(summary['poses_mse_azimuth_80'], found['model']['all']['mse']['azimuth_80'])
        with self.assertRaisesRegex(UsageError, 'lines32 does not know the poses'):
            measures.measure('poses', models.create('baseline', (32, 32, 1), 10, depth=1), datasets.get('lines32'))
        figure = poses_figure.draw(found)
        of_altitude = poses_figure.draw(found, along='altitude').axes[3]
        by_alpha = found['model']['all']['parameter_distance']['altitude']['by_alpha']
        self.assertAllClose(of_altitude.lines[0].get_ydata(), [row['to_source'] for row in by_alpha.values()])
        self.assertIn('all altitudes', of_altitude.get_title())
        self.assertLen(figure.axes, 4)
        self.assertEqual([line.get_label() for line in figure.axes[1].lines], ['model', 'pixel dissolve', 'straight tip'])

    def test_the_manifold_has_a_line_for_each_azimuth_and_altitude(self):
        angles = np.stack(np.meshgrid(np.arange(0, 360, 30), [10, 20, 30]), axis=-1).reshape(-1, 2)
        for dimensions in (2, 3):
            figure = maps.manifold([('a', np.random.default_rng(0).normal(size=[36, 5]))], angles, dimensions=dimensions)
            self.assertLen(figure.axes[0].lines, 12 + 3)
            ring = figure.axes[0].lines[-1].get_data()[0]
            self.assertEqual((len(ring), ring[0]), (13, ring[-1]))  # closed


def turned_cylinder(angle):
    """A cylinder with a texture, turned by an angle in degrees, on black: uint8 [128, 128, 3]."""
    x, y = np.meshgrid(np.linspace(-1.6, 1.6, 128), np.linspace(-1.3, 1.3, 128))
    around = np.arcsin(np.clip(x, -1, 1)) + np.radians(angle)
    texture = np.stack([np.sin(around + 2 * y), np.cos(2 * around), np.sin(3 * around) * np.cos(3 * y)], axis=-1)
    shade = np.sqrt(np.clip(1 - x**2, 0, 1)) * (np.abs(y) < 1)
    return np.rint(255 * (0.6 + 0.4 * texture) * shade[..., None]).astype(np.uint8)


class ProgramsTest(ProgramTestCase):

    def test_one_object_of_coil100_from_its_archive_to_the_measure(self):
        """A look-alike: the archive as published, with one object, which is drawn."""
        folder = self.directory
        with zipfile.ZipFile(os.path.join(folder, 'coil-100.zip'), 'w') as archive:
            for angle in range(0, 360, 5):
                png = tf.io.encode_png(turned_cylinder(angle)).numpy()
                archive.writestr(f'coil-100/obj7__{angle}.png', png)
        self.run_well('acai_create_datasets', '--datasets=coil100', f'--source_dir={folder}', f'--data_dir={folder}')
        data = datasets.get('coil100', folder, coil_object=7, resolution=32)
        images, angles, is_test = data.posed()
        self.assertAllEqual(angles[np.argsort(angles[:, 0])], [[azimuth, 0] for azimuth in range(0, 360, 5)])
        self.assertEqual((images.shape, is_test.sum()), ((72, 32, 32, 3), 14))
        self.run_well('acai_train', '--model=aeai', '--dataset=coil100', '--coil_object=7', '--resolution=32',
                      '--architecture=vgg', '--depth=2', '--latent=2', '--batch=16', '--lr=0.002', '--total_kimg=2',
                      f'--data_dir={folder}', f'--train_dir={folder}')
        runs = os.path.join(folder, 'coil100-object7-32px')
        name, = os.listdir(runs)
        self.assertEqual(name, 'AEAI_architecturevgg_batch16_depth2_latent2_latent_width4_lr0.002')
        found = json.loads(self.run_well('acai_evaluate', f'--saved_model={runs}/{name}/export', '--metrics=poses',
                                         f'--data_dir={folder}'))['poses']
        self.assertEqual(set(found), {'model', 'pixel_dissolve'})
        # Interpolating the images themselves is worse the further they are apart.
        errors = list(found['pixel_dissolve']['all']['mse'].values())
        self.assertAllEqual(errors, sorted(errors))
        self.assertGreater(found['model']['all']['mse']['azimuth_80'], 0)

    def test_a_turntable_of_ones_own_from_photographs_to_the_figure(self):
        """A pole turned through 24 angles, photographed from two heights."""
        photos, data, runs = map(self.path, ('photos', 'data', 'runs'))
        os.makedirs(photos)
        angles = [(azimuth, altitude) for altitude in (50, 70) for azimuth in range(0, 360, 15)]
        for azimuth, altitude in angles:
            with open(os.path.join(photos, f'{azimuth}-{altitude}.png'), 'wb') as file:
                file.write(tf.io.encode_png(to_uint8(pole.draw_pole([[azimuth, altitude]], 16)[0])).numpy())
        prepare = 'bin/acai_create_datasets', f'--images_dir={photos}', f'--data_dir={data}'
        rows = [f'{azimuth}-{altitude}.png, {azimuth}, {altitude}' for azimuth, altitude in angles]
        for content, message in ((['file, azimuth'], 'its first line must name the columns.*it lacks altitude'),
                                 (['file, azimuth, altitude', *rows[1:]], 'has no pose of 0-50.png'),
                                 (['file, azimuth, altitude', *rows, 'x.png, 1, 2'], 'there is no image x.png'),
                                 (['file, azimuth, altitude', *rows, rows[3]], 'line 50: 45-50.png has a pose already'),
                                 (['file, azimuth, altitude', 'a.png, east, 2'], 'line 2: could not convert'),
                                 (['file, azimuth, altitude', *rows], None)):
            with open(os.path.join(photos, 'poses.csv'), 'w', encoding='utf-8') as file:
                file.write('\n'.join(content) + '\n')
            code, _, logged = run(*prepare)
            self.assertEqual(code, 2 if message else 0, logged)
            if message:
                self.assertRegex(logged, message)
        _, found, is_test = datasets.get(f'records:{data}').posed()
        self.assertCountEqual(map(tuple, found), angles)
        self.assertEqual(is_test.sum(), 5)
        self.run_well('acai_train', '--model=baseline', f'--dataset=records:{data}', '--depth=1', '--latent=2',
                      '--batch=8', '--total_kimg=1', '--report_kimg=1', f'--train_dir={runs}', '--report_measures=poses')
        run_dir = os.path.join(runs, 'records-data', os.listdir(os.path.join(runs, 'records-data'))[0])
        export, picture = os.path.join(run_dir, 'export'), self.path('poses.png')
        with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
            self.assertIn('poses_mse_azimuth_80', json.loads(file.readlines()[-1]))
        printed = json.loads(self.run_well(
            'acai_evaluate', f'--saved_model={export}', '--metrics=poses', f'--output={picture}'))
        self.assertEqual(set(printed['poses']), {'model', 'pixel_dissolve'})
        with open(picture, 'rb') as file:
            self.assertEqual(file.read(4), b'\x89PNG')
        code, _, logged = run('bin/acai_evaluate', f'--saved_model={export}', f'--output={picture}')
        self.assertEqual(code, 1)
        self.assertIn('only --metrics=poses has a figure', logged)
        self.run_well('acai_interpolate', f'--saved_model={export}', '--mode=map', '--dimensions=3',
                      f'--output={picture}')


if __name__ == '__main__':
    tf.test.main()
