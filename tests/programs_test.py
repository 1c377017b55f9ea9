"""The programs that use an exported encoder, as a user runs them."""

import csv
import json
import os
import pathlib
import shlex
import stat
import subprocess
import sys
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from programs import ROOT, ProgramTestCase, command, run, run_in_a_process
from pyarrow import parquet

from acai_tf import datasets, export, images, models
from acai_tf.datasets.base import InMemory
from acai_tf.errors import DataError
from acai_tf.metrics import correlation
from data_prep import tfrecord
from data_prep.splits import Split


class WorkTest(parameterized.TestCase, ProgramTestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.digits, cls.lines = datasets.get('digits32'), datasets.get('lines32')
        model = models.create('acai', (32, 32, 1), 10, depth=2, latent=2)
        other = models.create('baseline', (32, 32, 1), 10, depth=2, latent=2, seed=1)
        cls.export_dir = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.saved = export.export_model(model, cls.digits, 1, os.path.join(cls.export_dir, 'acai'))
        cls.other = export.export_model(other, cls.digits, 1, os.path.join(cls.export_dir, 'baseline'))
        cls.loaded = export.load(cls.saved)

    def test_encode(self):
        self.run_well('acai_encode', f'--saved_model={self.saved}', '--split=test', f'--output={self.path("l.npz")}',
                      '--batch=100')
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            tests, labels = next(iter(self.digits.test(1000)))
            self.assertAllClose(arrays['latents'], self.loaded.encode(tests), atol=1e-5)
            self.assertAllEqual(arrays['labels'], labels)

    def test_encode_a_folder(self):
        os.makedirs(self.path('folder/deeper'))
        pictures = np.random.default_rng(0).integers(0, 256, [2, 20, 30, 3], np.uint8)
        paths = [self.path('folder/a.png'), self.path('folder/deeper/b.png')]
        for image, path in zip(pictures, paths):
            Image.fromarray(image).save(path)
        flags = [f'--saved_model={self.saved}', f'--images_dir={self.path("folder")}', f'--output={self.path("l.npz")}']
        self.run_well('acai_encode', *flags)
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            self.assertEqual(arrays['paths'].tolist(), paths)
            contents = [pathlib.Path(path).read_bytes() for path in paths]
            self.assertAllClose(arrays['latents'], self.loaded.encode_bytes(contents), atol=1e-6)
            self.assertNotIn('labels', arrays)
            latents = arrays['latents']
        os.remove(self.path('l.npz'))
        with open(self.path('folder/c.png'), 'wb') as file:
            file.write(b'no image')
        code, _, err = run('bin/acai_encode', *flags, '--strict')
        self.assertEqual(code, 2)
        reason = r'.*folder/c.png does not decode as an image \(it is not PNG'
        self.assertRegex(err, f'^acai_encode: {reason}')
        self.assertLen(err.splitlines(), 1)
        self.assertFalse(os.path.exists(self.path('l.npz')))
        # libtiff, too, would print an error.
        Image.fromarray(pictures[0]).save(self.path('folder/d.tif'), compression='tiff_lzw')
        with open(self.path('folder/d.tif'), 'r+b') as file:
            file.seek(20)
            file.write(b'\xff' * 100)
        code, _, err = run_in_a_process('bin/acai_encode', *flags)
        self.assertEqual(code, 0)
        self.assertRegex(err, f'^{reason}.*; left out\n.*folder/d.tif does not decode as an image [^\n]*; left out\n$')
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            self.assertAllClose(arrays['latents'], latents, atol=1e-6)
            self.assertEqual(arrays['paths'].tolist(), paths)
        for path in paths:
            os.remove(path)
        code, _, err = run('bin/acai_encode', *flags)
        self.assertEqual(code, 2)
        self.assertRegex(err.splitlines()[-1], '^acai_encode: none of the 2 images can be read$')

    @parameterized.parameters((['2', '7'], [2, 7], 10), (['bee', 'ant'], [1, 0], 2))
    def test_labels_come_from_class_folders(self, folders, labels, classes):
        """Labels are the model's if it has the classes; digits32 has classes 0 to 9."""
        for folder in folders:
            os.makedirs(self.path(f'photos/{folder}'))
            Image.new('L', (8, 8)).save(self.path(f'photos/{folder}/a.png'))
        out = self.run_well('acai_encode', f'--saved_model={self.saved}', f'--images_dir={self.path("photos")}',
                            f'--output={self.path("l.npz")}')
        self.assertRegex(out, f'l.npz: 2 latents of 4x4x2, labels of {classes} classes$')
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            found = [pathlib.Path(path).parent.name for path in arrays['paths']]
            self.assertEqual(dict(zip(found, arrays['labels'])), dict(zip(folders, labels)))
            self.assertEqual([arrays['class_names'][label] for label in labels], folders)

    def test_the_suffix_chooses_the_format(self):
        os.makedirs(self.path('photos/7'))
        Image.new('L', (8, 8)).save(self.path('photos/7/a.png'))
        os.rename(self.path('photos/7/a.png'), os.path.join(os.fsencode(self.path('photos/7')), b'\xe4,.png'))
        path = self.path('photos/7/') + r'\udce4,.png'
        for source, count, text in ((['--split=test'], 360, []), ([f'--images_dir={self.path("photos")}'], 1, ['path'])):
            for suffix in ('npz', 'npy', 'CSV', 'parquet'):
                self.run_well('acai_encode', f'--saved_model={self.saved}', *source, f'--output={self.path("l.")}{suffix}')
            with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
                latents, labels = arrays['latents'], arrays['labels']
            self.assertLen(labels, count)
            self.assertAllEqual(np.load(self.path('l.npy'), allow_pickle=False), latents)
            with open(self.path('l.CSV'), newline='') as file:
                rows = list(csv.DictReader(file))
            table = parquet.read_table(self.path('l.parquet'))
            numbers = [f'latent_{i}' for i in range(32)]
            self.assertEqual(list(rows[0]), [*text, 'label', 'class', *numbers])
            self.assertEqual(table.column_names, list(rows[0]))
            self.assertAllEqual(np.float32([[row[name] for name in numbers] for row in rows]), latents.reshape(count, 32))
            self.assertAllEqual(np.stack([table[name] for name in numbers], axis=1), latents.reshape(count, 32))
            for column, expected in (('label', labels.tolist()), ('class', list(map(str, labels))), *((
                    name, [path]) for name in text)):
                self.assertEqual([type(expected[0])(row[column]) for row in rows], expected)
                self.assertEqual(table[column].to_pylist(), expected)

    def test_parquet_without_pyarrow(self):
        with mock.patch.dict(sys.modules, {'pyarrow': None}):
            code, _, err = run('bin/acai_encode', f'--saved_model={self.saved}', '--output=x.parquet')
        self.assertEqual((code, err), (1, 'acai_encode: --output=x.parquet needs pyarrow: pip install pyarrow, or end it in '
                                       '.npz, .npy or .csv\n'))

    @parameterized.parameters(['--saved_model'], ['--space=pixels'])
    def test_classify(self, space):
        space = f'{space}={self.saved}' if space == '--saved_model' else space
        out = self.run_well('acai_classify', space, '--dataset=digits32', '--lr=0.01', '--total_kimg=64',
                            f'--output={self.path("c.json")}')
        with open(self.path('c.json')) as file:
            values = json.load(file)
        self.assertEqual(json.loads(out), values)
        self.assertCountEqual(values, ['accuracy', 'train_accuracy', 'accuracy_by_class'])
        counts = np.bincount(np.concatenate([labels for _, labels in self.digits.test(100)]))
        self.assertCountEqual(values['accuracy_by_class'], self.digits.class_names)
        self.assertAllClose(np.average(list(values['accuracy_by_class'].values()), weights=counts), values['accuracy'])
        self.assertGreater(values['train_accuracy'], 60 if 'pixels' not in space else 95)

    def test_cluster(self):
        flags = [f'--saved_model={self.saved}', '--n_init=30', f'--output={self.path("c.json")}']
        out = self.run_well('acai_cluster', *flags)
        with open(self.path('c.json')) as file:
            values = json.load(file)
        self.assertEqual(json.loads(out), values)
        self.assertCountEqual(values, ['accuracy', 'train_accuracy', 'objective', 'test_objective'])
        self.assertEqual(os.listdir(self.directory), ['c.json'])
        # 32 whitened dimensions have the variance 1 / n each, so the sum of squares is 32 at most.
        self.assertBetween(values['objective'], 1, 32)
        plain = json.loads(self.run_well('acai_cluster', '--space=pixels', '--dataset=digits32', '--n_init=3'))
        self.assertGreater(plain['accuracy'], 50)
        self.assertEqual(json.loads(self.run_well('acai_cluster', *flags))['objective'], values['objective'])

    def test_evaluate(self):
        values = json.loads(self.run_well('acai_evaluate', f'--saved_model={self.saved}'))
        tests = np.concatenate([batch for batch, _ in self.digits.test(100)])
        mse = np.square(self.loaded.reconstruct(tests) - tests).mean()
        self.assertAllClose(values, {
            'correlation': correlation.mean_absolute_correlation(self.loaded.encode(tests)), 'mse': mse,
            'rmse': 127.5 * np.sqrt(mse)}, rtol=1e-4)
        values = json.loads(self.run_well('acai_evaluate', f'--saved_model={self.saved}', '--dataset=lines32',
                                          '--metrics=lines'))
        self.assertCountEqual(values, ['mean_distance', 'mean_smoothness', 'undefined_interpolations'])
        values = json.loads(self.run_well(
            'acai_evaluate', f'--saved_model={self.saved}', '--metrics=path,conditioning,rank,probe,samples', '--pairs=9',
            '--latents=8', '--directions=7', '--draws=100', '--components=2'))
        self.assertContainsSubset(['effective_rank', 'participation_ratio', 'dead_dimensions', 'probe_accuracy_low'], values)
        counts = {key: value for key, value in values.items() if isinstance(value, int) and key != 'dead_dimensions'}
        self.assertEqual(counts, {
            'path_pairs': 9, 'path_still': 0, 'path_fade_still': 0, 'conditioning_latents': 8, 'conditioning_directions': 7,
            'rank_dimensions': 32, 'rank_images': 360, 'probe_train_images': 1437, 'probe_test_images': 360,
            'samples_draws': 100})

    def test_every_kind_of_image_file_is_encoded_as_it_is_seen(self):
        """A gray model reads BMP, GIF, CMYK JPEG and a rotated photograph like a PNG of the same pixels."""
        os.makedirs(self.path('seen'))
        os.makedirs(self.path('plain'))
        values = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
        gray, color = Image.fromarray(values), Image.fromarray(np.stack([values, values.T, 255 - values], axis=2))
        exif = Image.Exif()
        exif[0x0112] = 6
        for name, image, options in (('a.bmp', gray, {}), ('b.gif', gray, {}), ('c.jpg', color.convert('CMYK'), {}),
                                     ('d.png', gray, {'exif': exif})):
            image.save(self.path(f'seen/{name}'), **options)
            pixels = images.read(self.path(f'seen/{name}'), 1)
            Image.fromarray(pixels[..., 0]).save(self.path(f'plain/{name}.png'))
        self.assertAllEqual(images.read(self.path('plain/d.png.png'))[..., 0], np.rot90(values, -1))
        latents = []
        for folder in ('seen', 'plain'):
            self.run_well('acai_encode', f'--saved_model={self.saved}', f'--images_dir={self.path(folder)}',
                          f'--output={self.path("l.npz")}')
            with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
                latents.append(arrays['latents'])
        self.assertAllEqual(*latents)

    def test_the_data_options_of_the_training_are_the_defaults(self):
        pixels = np.random.default_rng(0).integers(0, 256, [30, 128, 128, 3], np.uint8)
        tfrecord.write_dataset(self.path('data'), 'coil100', {
            'all': Split.from_arrays(pixels, np.arange(30) // 10)}, 'a test')
        data = datasets.get('coil100', self.path('data'), coil_object=2, resolution=32)
        model = models.create('baseline', data.image_shape, data.nclass, depth=1, latent=1)
        saved = export.export_model(model, data, 1, self.path('export'))
        flags = [f'--saved_model={saved}', f'--data_dir={self.path("data")}', f'--output={self.path("l.npz")}']
        self.run_well('acai_encode', *flags)
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            tests, labels = next(iter(data.test(100)))
            self.assertAllEqual(arrays['labels'], labels)
            self.assertAllClose(arrays['latents'], model.encode(tests), atol=1e-5)
        self.run_well('acai_encode', *flags, '--coil_object=0')
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            self.assertCountEqual(arrays['labels'], [0, 0, 1, 1, 2, 2])

    def test_destinations(self):
        flags = [f'--saved_model={self.saved}', '--metrics=reconstruction']
        out = self.run_well('acai_evaluate', *flags, f'--output={self.path("new/folder/r.json")}')
        with open(self.path('new/folder/r.json')) as file:
            self.assertEqual(json.load(file), json.loads(out))
        os.symlink(self.path('new/folder/r.json'), self.path('link'))
        self.run_well('acai_evaluate', *flags, f'--output={self.path("link")}')
        self.assertTrue(os.path.islink(self.path('link')))
        self.run_well('acai_evaluate', *flags, '--output=/dev/null')
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/null').st_mode))

    def test_a_result_is_printed_whatever_happens_to_its_file(self):
        code, out, err = run('bin/acai_evaluate', f'--saved_model={self.saved}', '--metrics=reconstruction',
                             '--output=/dev/full')
        self.assertEqual(code, 4, err)
        self.assertIn('mse', json.loads(out))
        self.assertRegex(err, 'acai_evaluate: reading or writing failed: .*/dev/full')

    def test_closed_and_narrow_streams(self):
        os.makedirs(self.path('Bäume'))
        Image.new('L', (8, 8)).save(self.path('Bäume/ä.png'))
        flags = [f'--saved_model={self.saved}', f'--images_dir={self.path("Bäume")}', f'--output={self.path("Bäume/l.npz")}']
        done = subprocess.run(f'{shlex.join(command("bin/acai_encode", *flags))} 2>&-', shell=True, cwd=ROOT,
                              stdout=subprocess.PIPE, env={**os.environ, 'PYTHONIOENCODING': 'ascii'})
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'B\\xe4ume/l.npz: 1 latents', done.stdout)

    def test_paths_are_expanded(self):
        code, _, err = run('bin/acai_encode', '--saved_model=~/acai/1', '--output=$OUT/l.npz',
                           env={**os.environ, 'HOME': self.export_dir, 'OUT': self.directory})
        self.assertEqual(code, 0, err)
        self.assertTrue(os.path.exists(self.path('l.npz')))

    def test_a_latin_1_file_name(self):
        os.makedirs(self.path('folder'))
        name = os.path.join(os.fsencode(self.path('folder')), b'\xe4.png')
        Image.new('L', (8, 8)).save(self.path('a.png'))
        os.rename(os.fsencode(self.path('a.png')), name)
        self.run_well('acai_encode', f'--saved_model={self.saved}', f'--images_dir={self.path("folder")}',
                      f'--output={self.path("l.npz")}')
        with np.load(self.path('l.npz'), allow_pickle=False) as arrays:
            self.assertEqual(os.fsencode(arrays['paths'].tolist()[0]), name)

    @parameterized.parameters((datasets.get('fashion32', '/nowhere'), 2), (InMemory('records:/nowhere', (32, 32, 1), 10), 2),
                              (InMemory('Mine', (32, 32, 1), 10), 1))
    def test_images_of_ones_own_need_no_data_set(self, data, missing):
        model = models.create('baseline', (32, 32, 1), 10, depth=1, latent=1, latent_width=16)
        saved = export.export_model(model, data, 1, self.path('export'))
        for name, shade in (('a', 40), ('b', 200)):
            Image.new('L', (28, 28), shade).save(self.path(f'{name}.png'))
        flags = [f'--saved_model={saved}', '--data_dir=/nowhere', f'--output={self.path("f.png")}']
        for more, expected in ((['--mode=samples'], 0), (['--mode=samples', '--from=mixture'], missing), ([], missing),
                               ([f'--images={self.path("a.png")},{self.path("b.png")}'], 0),
                               ([f'--images={self.path("a.png")},test:3'], missing)):
            code, _, err = run('bin/acai_interpolate', *flags, *more)
            self.assertEqual(code, expected, err)

    def test_a_folder_named_as_data_set_or_model(self):
        """Every program says what to name instead."""
        for folder in ('photos', 'records', 'run'):
            os.makedirs(self.path(folder))
        for name in ('records/train.tfrecord', 'mine.npz', 'run/config.json'):
            with open(self.path(name), 'w'):
                pass
        os.symlink(os.path.dirname(self.saved), self.path('run/export'))
        preparing = (f'run bin/acai_create_datasets --images_dir={self.path("photos")} --data_dir=DIR, then use '
                     '--dataset=records:DIR')
        output = {'acai_encode': ['--output=x.npz'], 'acai_interpolate': ['--output=x.png']}
        for program in ('acai_encode', 'acai_classify', 'acai_cluster', 'acai_evaluate', 'acai_interpolate', 'acai_explore'):
            for flags, expected, hint in (
                    ([f'--saved_model={self.saved}', f'--dataset={self.path("photos")}'], 1, preparing),
                    ([f'--saved_model={self.path("run")}'], 2, f'the exported model is in {self.path("run/export")}; use')):
                code, _, err = run(f'bin/{program}', *flags, *output.get(program, []))
                self.assertEqual(code, expected, err)
                self.assertIn(hint, err)
                self.assertLen(err.splitlines(), 1)
        for name, hint in (('photos', preparing), ('records:photos', preparing), ('records', '--dataset=records:'),
                           ('mine.npz', '--dataset=arrays:')):
            *kind, path = name.split(':')
            code, _, err = run('bin/acai_train', f'--dataset={":".join([*kind, self.path(path)])}')
            self.assertEqual(code, 2 if kind else 1, err)
            self.assertRegex(err, f'^acai_train: .*{hint}')
        os.remove(self.path('run/export'))
        for path, hint in ((self.directory, 'holds neither'), (self.path('run'), 'an unfinished run; finish it, or use')):
            with self.assertRaisesRegex(DataError, f'is not a SavedModel: .*{hint}'):
                export.load(path)
        with self.assertRaisesRegex(DataError, f'the exported model is in {self.path("a/b/export")}; use that'):
            os.makedirs(self.path('a/b'))
            os.symlink(os.path.dirname(self.saved), self.path('a/b/export'))
            export.load(self.directory)

    @parameterized.parameters('lerp', 'samples', 'map')
    def test_figures(self, mode):
        flags = [f'--saved_model={self.saved}', f'--saved_model={self.other}', f'--mode={mode}', '--rows=2', '--steps=4']
        self.run_well('acai_interpolate', *flags, f'--output={self.path("f.png")}')
        picture = np.asarray(Image.open(self.path('f.png')).convert('L'))
        self.assertGreater(picture.std(), 5)
        if mode == 'lerp':
            self.run_well('acai_interpolate', *flags, f'--output={self.path("f.pdf")}')
            with open(self.path('f.pdf'), 'rb') as file:
                self.assertStartsWith(file.read().decode('latin1'), '%PDF')
            self.run_well('acai_interpolate', *flags[:3], '--images=test:17,test:3', '--steps=4',
                          f'--output={self.path("f.gif")}')
            with Image.open(self.path('f.gif')) as image:
                self.assertEqual((image.n_frames, image.size), (2 * 4 - 2, (128, 2 * 128 + 4)))
        if mode == 'samples':
            self.run_well('acai_interpolate', *flags, '--from=mixture', f'--output={self.path("m.png")}')
            self.assertNotAllEqual(np.asarray(Image.open(self.path('m.png')).convert('L')), picture)

    def test_figures_of_image_files_and_the_projector(self):
        for name in 'abcd':
            Image.fromarray(np.full([8, 8], 60 * 'abcd'.index(name), np.uint8)).save(self.path(f'{name}.png'))
        files = ','.join(self.path(f'{name}.png') for name in 'abcd')
        for mode in ('slerp', 'bilinear', 'reconstruction'):
            self.run_well('acai_interpolate', f'--saved_model={self.saved}', f'--mode={mode}', f'--images={files}',
                          f'--output={self.path("f.png")}')
        self.run_well('acai_interpolate', f'--saved_model={self.saved}', '--mode=map', '--projection=tsne',
                      f'--output={self.path("f.png")}', f'--projector_dir={self.path("projector")}')
        rows = np.loadtxt(self.path('projector/tensors.tsv'))
        self.assertEqual(rows.shape, (360, 32))
        self.assertLen(pathlib.Path(self.path('projector/metadata.tsv')).read_text().split(), 360)
        with Image.open(self.path('projector/sprite.png')) as sprite:
            self.assertEqual(sprite.size, (19 * 32, 19 * 32))

    @parameterized.parameters(
        ('acai_encode', [], 1, '--saved_model is missing'),
        ('acai_encode', ['--saved_model=/nowhere', '--output=x.npz'], 2, '/nowhere is not a SavedModel: it does not exist'),
        ('acai_encode', ['--saved_model=HERE/saved_model.pb', '--output=x.npz'], 2, 'it is a file; name its directory'),
        ('acai_encode', ['--saved_model=HERE', '--output=x.npz', '--strict'], 1, '--strict has no effect without'),
        ('acai_encode', ['--saved_model=HERE', '--output=x'], 1, '--output=x: must end in .npz, .npy, .csv, .parquet'),
        ('acai_encode', ['--saved_model=HERE', '--output=x.npz', '--dataset=svhn32', '--data_dir=/x'], 2, 'is missing'),
        ('acai_encode', ['--saved_model=HERE', '--output=/proc/x.npz'], 4, '/proc/x.npz cannot be written'),
        ('acai_encode', ['--saved_model=HERE', '--output=HERE/1.npz/'], 1, 'must end in'),
        ('acai_evaluate', ['--saved_model=HERE', '--output=/tmp'], 1, '/tmp is a directory'),
        ('acai_encode', ['--saved_model=HERE', '--output=x.npz', '--images_dir=/tmp', '--split=test'], 1,
         '--split has no effect with --images_dir'),
        ('acai_classify', ['--saved_model=HERE', '--lr=nan'], 1, '--lr=.nan. is not a finite number'),
        ('acai_classify', ['--saved_model=HERE', '--smoothing=nan'], 1, '--smoothing=.nan. is not a finite number'),
        ('acai_classify', ['--saved_model=HERE', '--lr=1e38', '--total_kimg=8'], 3, r'loss is \w+ at step \d'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--mode=map', '--images=a.png'], 1,
         '--images has no effect'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--from=mixture'], 1, '--from has no effect'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--projector_dir=p'], 1,
         '--projector_dir has no effect'),
        ('acai_evaluate', ['--saved_model=HERE', '--metrics='], 1, '--metrics is empty; choose from '),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--mode=map', '--projector_dir=/dev/null/x'], 4,
         '/dev/null/x/metadata.tsv cannot be written'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--rows=2', '--steps=3000'], 1,
         'fewer --rows or --steps'),
        ('acai_classify', ['--saved_model=HERE', '--dataset=coil100', '--data_dir=/nowhere'], 2, 'missing|images of'),
        ('acai_classify', ['--space=pixels', '--saved_model=HERE'], 1, 'exclude each other'),
        ('acai_cluster', ['--saved_model=HERE', '--n_init=0'], 1, '--n_init'),
        ('acai_evaluate', ['--saved_model=HERE', '--metrics=lines'], 1, 'the metric lines is for lines32'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.jpg'], 1, '--output=f.jpg: must end in .png or .pdf'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--images=a.png,b.png'], 2, 'a.png cannot be read'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--images=HERE/saved_model.pb,b.png'], 2,
         r'saved_model.pb does not decode as an image .it is not PNG'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--images=test:0,test:360'], 2, 'test:360: digits'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.gif', '--mode=map'], 1, 'only --mode=lerp or slerp makes'),
        ('acai_interpolate', ['--saved_model=HERE', '--output=f.png', '--rows=400'], 2, 'choose fewer --rows'))
    def test_wrong_use(self, name, flags, expected, message):
        code, _, err = run(f'bin/{name}', *(flag.replace('HERE', self.saved) for flag in flags))
        self.assertEqual(code, expected, err)
        self.assertRegex(err, f'^{name}: .*({message})')
        self.assertLen(err.splitlines(), 1)


if __name__ == '__main__':
    tf.test.main()
