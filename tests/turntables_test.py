"""Images of one object with poses, from an archive or photographs to preparation, training and the metric."""

import json
import os
import zipfile

import numpy as np
import tensorflow as tf
from programs import ProgramTestCase, run

from acai_tf import datasets
from acai_tf.datasets import pole
from acai_tf.images import to_uint8


def turned_cylinder(angle):
    """Draws a textured cylinder, turned by an angle in degrees, on black: uint8 [128, 128, 3]."""
    x, y = np.meshgrid(np.linspace(-1.6, 1.6, 128), np.linspace(-1.3, 1.3, 128))
    around = np.arcsin(np.clip(x, -1, 1)) + np.radians(angle)
    texture = np.stack([np.sin(around + 2 * y), np.cos(2 * around), np.sin(3 * around) * np.cos(3 * y)], axis=-1)
    shade = np.sqrt(np.clip(1 - x**2, 0, 1)) * (np.abs(y) < 1)
    return np.rint(255 * (0.6 + 0.4 * texture) * shade[..., None]).astype(np.uint8)


class TurntablesTest(ProgramTestCase):

    def test_one_object_of_coil100_from_its_archive_to_the_metric(self):
        """An archive in the published layout, with one drawn object."""
        folder = self.directory
        with zipfile.ZipFile(os.path.join(folder, 'coil-100.zip'), 'w') as archive:
            for angle in range(0, 360, 5):
                png = tf.io.encode_png(turned_cylinder(angle)).numpy()
                archive.writestr(f'coil-100/obj7__{angle}.png', png)
        self.run_well('acai_create_datasets', '--datasets=coil100', f'--source_dir={folder}', f'--data_dir={folder}')
        data = datasets.get('coil100', folder, coil_object=7, resolution=32)
        images, angles, is_test = data.load_poses()
        self.assertAllEqual(angles[np.argsort(angles[:, 0])], [[azimuth, 0] for azimuth in range(0, 360, 5)])
        self.assertEqual((images.shape, is_test.sum()), ((72, 32, 32, 3), 14))
        self.run_well('acai_train', '--model=aeai', '--dataset=coil100', '--coil_object=7', '--resolution=32',
                      '--architecture=vgg', '--depth=2', '--latent=2', '--batch=16', '--lr=0.002', '--total_kimg=1',
                      f'--data_dir={folder}', f'--train_dir={folder}')
        runs = os.path.join(folder, 'coil100-object7-32px')
        name, = os.listdir(runs)
        self.assertEqual(name, 'AEAI_architecturevgg_batch16_depth2_latent2_latent_width4_lr0.002')
        values = json.loads(self.run_well('acai_evaluate', f'--saved_model={runs}/{name}/export', '--metrics=poses',
                                         f'--data_dir={folder}'))['poses']
        self.assertEqual(set(values), {'model', 'pixel_dissolve'})
        # Pixel interpolation gets worse with distance.
        errors = list(values['pixel_dissolve']['all']['mse'].values())
        self.assertAllEqual(errors, sorted(errors))
        self.assertGreater(values['model']['all']['mse']['azimuth_80'], 0)

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
                                 (['file, azimuth, altitude', *rows[1:]], 'has no pose for 0-50.png'),
                                 (['file, azimuth, altitude', *rows, 'x.png, 1, 2'], 'the image x.png does not exist'),
                                 (['file, azimuth, altitude', *rows, rows[3]], 'line 50: 45-50.png already has a pose'),
                                 (['file, azimuth, altitude', 'a.png, east, 2'], 'line 2: could not convert'),
                                 (['file, azimuth, altitude', *rows], None)):
            with open(os.path.join(photos, 'poses.csv'), 'w', encoding='utf-8') as file:
                file.write('\n'.join(content) + '\n')
            code, _, logged = run(*prepare)
            self.assertEqual(code, 2 if message else 0, logged)
            if message:
                self.assertRegex(logged, message)
        _, poses, is_test = datasets.get(f'records:{data}').load_poses()
        self.assertCountEqual(map(tuple, poses), angles)
        self.assertEqual(is_test.sum(), 5)
        self.run_well('acai_train', '--model=baseline', f'--dataset=records:{data}', '--depth=1', '--latent=2',
                      '--batch=8', '--total_kimg=1', '--report_kimg=1', f'--train_dir={runs}', '--report_metrics=poses')
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
