"""create_datasets as a user runs it: processes, files, signals, full disks."""

import json
import os
import shutil

import numpy as np
import published_files
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from programs import last_of_each, run

from acai_tf import datasets, metrics, models
from acai_tf.datasets import record_files
from acai_tf.datasets.lines import draw_line, label_of
from data_prep import tfrecord

PROGRAM = 'data_prep/create_datasets.py'


class PrepareTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.source, self.data, self.train_dir = (self.create_tempdir().full_path for _ in range(3))

    def prepare(self, *flags):
        return run(PROGRAM, *last_of_each(f'--data_dir={self.data}', *flags))

    def train(self, *flags):
        code, out, err = run('bin/acai_train', *last_of_each(
            f'--data_dir={self.data}', f'--train_dir={self.train_dir}', '--depth=1', '--latent=1', '--latent_width=8',
            '--model=baseline', '--total_kimg=1', *flags))
        self.assertEqual(code, 0, err)
        self.assertIn('latent_accuracy', out)

    def test_idx_files_are_prepared_verified_and_trained_on(self):
        published_files.write_mnist_layout(self.source, train=40, test=20)
        code, out, err = self.prepare('--datasets=fashion', f'--source_dir={self.source}')
        self.assertEqual(code, 0, err)
        self.assertEqual(out.split(), [f'{self.data}/fashion-train.tfrecord', f'{self.data}/fashion-test.tfrecord'])
        again = self.prepare('--datasets=fashion', f'--source_dir={self.source}')
        self.assertEqual(again[:2], (0, out))
        self.assertRegex(again[2], 'nothing to do')
        code, out, err = self.prepare('--verify')
        self.assertEqual((code, err), (0, ''))
        self.assertEqual(out.splitlines(), ['fashion-test.tfrecord: sound, 20 images',
                                            'fashion-train.tfrecord: sound, 40 images'])
        self.train('--dataset=fashion32')
        self.train('--dataset=fashion32', '--cache_gib=0', '--seed=1')

    @parameterized.parameters(('svhn', published_files.write_svhn, 'svhn32', [200, 5]),
                              ('cifar10', published_files.write_cifar10, 'cifar10', [20, 4]),
                              ('celeba', published_files.write_celeba, 'celeba32', [3, 2]))
    def test_published_files_become_what_is_trained_on(self, name, write, dataset, counts):
        splits = write(self.source)
        code, _, err = self.prepare(f'--datasets={name}', f'--source_dir={self.source}')
        self.assertEqual(code, 0, err)
        read = datasets.get(dataset, self.data)
        epoch = np.concatenate([images for images, _ in read.train(counts[0]).take(1)])
        self.assertLen(np.unique(epoch.reshape(counts[0], -1), axis=0), counts[0])
        images, labels = map(np.concatenate, zip(*read.test(3)))
        self.assertLen(labels, counts[1])
        if name != 'celeba':  # is cropped, and JPEG
            self.assertAllClose(images, splits['test'][0] * (2 / 255) - 1, atol=1e-6)
            self.assertAllEqual(labels, splits['test'][1])

    def test_a_folder_of_images_is_prepared_and_trained_on(self):
        random = np.random.default_rng(0)
        for name in ('cats', 'dogs'):
            os.makedirs(os.path.join(self.source, name))
            for i in range(20):
                image = Image.fromarray(random.integers(0, 256, [10, 12, 3], np.uint8))
                image.save(os.path.join(self.source, name, f'{i}.png'))
        with open(os.path.join(self.source, 'cats', 'notes.txt'), 'wb'):
            pass
        flags = [f'--images_dir={self.source}', '--resolution=16']
        code, out, err = self.prepare(*flags)
        self.assertEqual(code, 0, err)
        self.assertEqual(out.split(), [f'{self.data}/train.tfrecord', f'{self.data}/test.tfrecord'])
        summary = f'{self.source}: 2 classes, 36 training and 4 test images, fewest of cats (20); 1 file skipped'
        self.assertEqual(err.splitlines()[-1], summary)
        code, _, err = self.prepare(*flags)
        self.assertEqual((code, err.splitlines()[-1]), (0, summary))
        code, _, err = self.prepare(f'--images_dir={self.source}', '--resolution=32')
        self.assertEqual(code, 1)
        self.assertRegex(err, 'were made from .*resolution 16.*to make them from .*resolution 32')
        self.train(f'--dataset=records:{self.data}')
        self.assertEqual(os.listdir(self.train_dir), [f'records-{os.path.basename(self.data)}'])
        code, _, err = run('bin/acai_train', f'--dataset=records:{self.data}', f'--train_dir={self.train_dir}',
                           '--latent_width=5')
        self.assertEqual(code, 1)
        self.assertRegex(err, '^acai_train: .*latent_width')
        self.assertLen(err.splitlines(), 1)

    def test_a_folder_that_has_changed_since(self):
        paths = [os.path.join(self.source, f'{i}.png') for i in range(6)]
        for i, path in enumerate(paths):
            Image.new('L', (8, 8), i).save(path)
        flags = [f'--images_dir={self.source}']
        self.assertEqual(self.prepare(*flags)[0], 0)
        os.utime(paths[0], (0, 0))  # only another time, as in a copy
        code, _, err = self.prepare(*flags)
        self.assertEqual(code, 0, err)
        Image.new('L', (8, 8), 99).save(paths[0])
        code, _, err = self.prepare(*flags)
        self.assertEqual(code, 1)
        self.assertRegex(err, 'has changed since .* were made: file names or contents differ')
        os.remove(paths[0])
        code, _, err = self.prepare(*flags)
        self.assertEqual(code, 1)
        self.assertRegex(err, 'has changed since .* were made: it holds 5 images now, and held 6 then')

    def test_names_in_latin_1(self):
        folder = os.path.join(os.fsencode(self.source), b'\xe4')
        os.makedirs(folder)
        for i in range(3):
            Image.new('L', (8, 8), 0).save(os.path.join(folder, b'%d\xfc.png' % i))
        code, _, err = self.prepare(f'--images_dir={self.source}')
        self.assertEqual(code, 0, err)
        self.assertEqual(datasets.get(f'records:{self.data}').class_name(0), r'\udce4')
        code, _, err = run(PROGRAM, f'--images_dir={self.source}', f'--data_dir={os.fsdecode(folder)}')
        self.assertEqual(code, 1)
        self.assertRegex(err, r'--data_dir=.*\\udce4: TensorFlow opens files only under names in UTF-8')

    def test_two_data_sets_of_one_name(self):
        flags = []
        for place in ('here', 'there'):
            folder = os.path.join(self.source, place)
            os.makedirs(folder)
            for i in range(4):
                Image.new('L', (8, 8), i + len(place)).save(os.path.join(folder, f'{i}.png'))
            data = os.path.join(self.data, place, 'photos')
            self.assertEqual(run(PROGRAM, f'--images_dir={folder}', f'--data_dir={data}')[0], 0)
            flags.append(f'--dataset=records:~/{place}/photos')
        home = {**os.environ, 'HOME': self.data}
        train = ['bin/acai_train', f'--train_dir={self.train_dir}', '--model=baseline', '--depth=1', '--latent=1']
        code, _, err = run(*train, flags[0], '--total_kimg=1', env=home)
        self.assertEqual(code, 0, err)
        code, _, err = run(*train, flags[1], '--total_kimg=2', env=home)
        self.assertEqual(code, 1)
        self.assertRegex(err, '^acai_train: .*data checksum is')
        self.assertLen(err.splitlines(), 1)
        # The same records, made again in the same place with another image.
        Image.new('L', (8, 8), 9).save(os.path.join(self.source, 'here', '9.png'))
        for name in ('train', 'test'):
            os.remove(os.path.join(self.data, 'here', 'photos', f'{name}.tfrecord'))
        code, _, err = run(PROGRAM, f'--images_dir={self.source}/here', f'--data_dir={self.data}/here/photos')
        self.assertEqual(code, 0, err)
        code, _, err = run(*train, flags[0], '--total_kimg=2', env=home)
        self.assertEqual(code, 1)
        self.assertRegex(err, '^acai_train: .*data checksum is .*data count is 4 there and 5 here')

    def test_what_others_made_is_left_alone(self):
        Image.new('L', (8, 8), 0).save(os.path.join(self.source, 'a.png'))
        shutil.copy(os.path.join(self.source, 'a.png'), os.path.join(self.source, 'b.png'))
        record = tfrecord.example(tf.io.encode_png(np.zeros([8, 8, 1], np.uint8)).numpy(), 0)
        for split in ('train', 'test'):
            with tf.io.TFRecordWriter(os.path.join(self.data, f'{split}.tfrecord')) as writer:
                writer.write(record)
        entry = {'image_shape': [8, 8, 1], 'nclass': 1}
        manifest = {'files': {'train.tfrecord': entry, 'test.tfrecord': entry}, 'author': 'me'}
        with open(os.path.join(self.data, 'manifest.json'), 'w') as file:
            json.dump(manifest, file)
        code, _, err = self.prepare(f'--images_dir={self.source}')
        self.assertEqual(code, 1)
        self.assertRegex(err, 'train.tfrecord already exists and was not made by acai_tf; choose another --data_dir')
        code, out, err = self.prepare('--verify')
        self.assertEqual(code, 0, err)
        self.assertEqual(out.splitlines(), ['test.tfrecord: sound, 1 images', 'train.tfrecord: sound, 1 images'])
        published_files.write_mnist_layout(self.source)
        code, _, err = self.prepare('--datasets=mnist', f'--source_dir={self.source}')
        self.assertEqual(code, 0, err)
        with open(os.path.join(self.data, 'manifest.json')) as file:
            joined = json.load(file)
        self.assertEqual((joined['author'], joined['files']['train.tfrecord']), ('me', entry))
        self.assertIn('mnist-train.tfrecord', joined['files'])

    def test_wrong_use(self):
        for flags, code, message in (
                (['--datasets=imagenet'], 1, "'imagenet'"),
                (['--datasets=mnist', '--source_dir=/nowhere'], 2, '/nowhere is not a directory'),
                (['--datasets=mnist', f'--source_dir={self.source}'], 2, 'train-images-idx3-ubyte.* is missing'),
                ([f'--images_dir={self.source}'], 2, 'holds no images'),
                ([f'--images_dir={self.source}', '--datasets=mnist'], 1, 'give one of them'),
                ([f'--images_dir={self.source}', '--test_fraction=1'], 1, '--test_fraction=1.0'),
                (['--datasets=mnist', '--resolution=3'], 1, '--resolution has no effect for mnist'),
                (['--datasets=stripes', '--seed=3'], 1, '--seed has no effect for stripes'),
                (['--datasets=lines', '--source_dir=x'], 1, '--source_dir has no effect for generated data sets'),
                ([f'--images_dir={self.source}', '--source_dir=x'], 1, '--source_dir has no effect with --images_dir'),
                (['--verify', '--data_dir=/nowhere'], 2, '/nowhere is not a directory')):
            actual, _, err = self.prepare(*flags)
            self.assertEqual(actual, code, err)
            self.assertRegex(err, f'^create_datasets.py: .*{message}')
            self.assertLen(err.splitlines(), 1)
        self.assertEqual(os.listdir(self.data), [])

    def test_generated_sets_are_trained_on_and_measured_as_what_they_are(self):
        code, out, err = self.prepare('--datasets=lines,stripes,digits,pole', '--count=300', '--resolution=16', '--seed=7')
        self.assertEqual(code, 0, err)
        self.assertLen(out.split(), 8)
        code, out, err = self.prepare('--verify', '--datasets=lines,pole')
        self.assertEqual((code, err), (0, ''))
        self.assertEqual(out.splitlines(), [f'{name}.tfrecord: sound, {count} images' for name, count in (
            ('lines/test', '5,000'), ('lines/train', 300), ('pole/test', 115), ('pole/train', 461))])
        for name, generator, beside in (('lines', 'lines32', {'angle': 2 * np.pi}), ('digits', 'digits32', {}),
                                        ('stripes', 'stripes32', {'angle': 2 * np.pi, 'frequency': 0.7}),
                                        ('pole', 'pole64', {'azimuth': 360, 'altitude': 81})):
            directory = os.path.join(self.data, name)
            original = datasets.get(generator, **({'resolution': 16} if name == 'pole' else {}))
            read = datasets.get(f'records:{directory}')
            self.assertEqual(read.generator, generator)
            # PNG rounds to 256 values.
            for (images, labels), (expected, expected_labels) in zip(read.test(50).take(2), original.test(50).take(2)):
                self.assertAllClose(images, expected, atol=0.5001 / 127.5)
                self.assertAllEqual(labels, expected_labels)
            records = record_files.records(os.path.join(directory, 'train.tfrecord'))
            features = tf.train.Example.FromString(next(iter(records)).numpy()).features.feature
            self.assertCountEqual(features, ['image', 'label', *beside])
            for feature, below in beside.items():
                self.assertBetween(features[feature].float_list.value[0], 0, below)
        code, _, err = self.prepare('--datasets=lines', '--count=300', '--seed=8')
        self.assertEqual(code, 1)
        self.assertRegex(err, r'were made from generated: lines \(count 300, seed 7\); to make them from')
        lines = datasets.get(f'records:{self.data}/lines')
        angle = record_files.records(f'{self.data}/lines/train.tfrecord').map(lambda record: tf.io.parse_single_example(
            record, {'angle': tf.io.FixedLenFeature([], tf.float32)})['angle'])
        images, labels = next(iter(lines.train_once(300)))
        angles = np.array(list(angle.as_numpy_iterator()))
        self.assertAllClose(images, draw_line(angles), atol=0.51 / 127.5)
        self.assertAllEqual(labels, label_of(angles))
        model = models.create('baseline', (32, 32, 1), 10, depth=1, latent=1)
        self.assertAllClose(metrics.compute('lines', model, lines),
                            metrics.compute('lines', model, datasets.get('lines32')), rtol=0.02)
        posed = datasets.get(f'records:{self.data}/pole')
        values = metrics.compute('poses', models.create('baseline', (16, 16, 1), 1, depth=1, latent=1), posed)['poses']
        self.assertIn('straight_tip', values)
        code, out, err = self.prepare('--verify')  # also in subdirectories
        self.assertEqual(code, 0, err)
        self.assertIn('lines/train.tfrecord: sound', out)
        with open(os.path.join(self.data, 'pole', 'train.tfrecord'), 'ab') as file:
            file.write(b'more')
        code, out, err = self.prepare('--verify')
        self.assertEqual(code, 2)
        self.assertRegex(out, 'pole/train.tfrecord: has .* bytes, not')
        self.assertRegex(err, '^create_datasets.py: .*: pole/train.tfrecord does not match the manifest')
        self.assertLen(err.splitlines(), 1)
        code, out, err = run('bin/acai_create_datasets', '--verify', f'--data_dir={self.create_tempdir().full_path}')
        self.assertEqual((code, out), (2, ''))
        self.assertRegex(err, 'holds no prepared files; choose another --data_dir')

    def test_damage_found_while_training_from_a_stream(self):
        published_files.write_mnist_layout(self.source)
        self.prepare('--datasets=mnist', f'--source_dir={self.source}')
        with open(os.path.join(self.data, 'mnist-train.tfrecord'), 'r+b') as file:
            file.seek(2000)
            byte = file.read(1)
            file.seek(2000)
            file.write(bytes([byte[0] ^ 1]))
        for gib in (0, 4):
            code, _, err = run('bin/acai_train', '--dataset=mnist32', f'--data_dir={self.data}', '--depth=1',
                               '--latent_width=16', f'--train_dir={self.train_dir}', f'--cache_gib={gib}', '--total_kimg=1',
                               f'--seed={gib}')
            self.assertEqual(code, 2, err)
            self.assertRegex(err.splitlines()[-1], '^acai_train: .*(mnist32|mnist-train.tfrecord).*bin/acai_create_datasets')
            self.assertRegex(err.splitlines()[-1], 'corrupted record|checksum|truncated|does not decode|damaged')

    def test_a_streamed_file_that_is_shorter_than_its_manifest_says(self):
        published_files.write_mnist_layout(self.source)
        self.prepare('--datasets=mnist', f'--source_dir={self.source}')
        path = os.path.join(self.data, 'manifest.json')
        with open(path) as file:
            manifest = json.load(file)
        entry = manifest['files']['mnist-train.tfrecord']
        del entry['bytes'], entry['sha256']
        entry['count'] += 1
        with open(path, 'w') as file:
            json.dump(manifest, file)
        code, _, err = run('bin/acai_train', '--dataset=mnist32', f'--data_dir={self.data}', '--depth=1',
                           '--latent_width=16', f'--train_dir={self.train_dir}', '--cache_gib=0', '--total_kimg=1')
        self.assertEqual(code, 2, err)
        self.assertRegex(err.splitlines()[-1], f'^acai_train: mnist32 cannot be read .*expected to contain {entry["count"]} '
                                               'elements.*; find the file with: bin/acai_create_datasets --verify')

if __name__ == '__main__':
    tf.test.main()
