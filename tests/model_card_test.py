import json
import os
import re
import shutil

import numpy as np
import tensorflow as tf

from acai_tf import datasets, export, metrics, models, training
from acai_tf.datasets.about import ABOUT
from acai_tf.export.card import Training
from acai_tf.export.load import check_whole
from acai_tf.metrics import results
from acai_tf.training.config import TrainConfig


def head_of(text):
    """Returns {key: value} of the YAML's first level, and [{type: value}], the metrics of each data set."""
    _, head, _ = text.split('---\n', 2)
    first = {key: re.sub(' +#.*', '', value) for key, value in re.findall(r'^([\w-]+): ?(.*)$', head, re.MULTILINE)}
    parts = head.split('    metrics:\n')[1:]
    return first, [{name: json.loads(value) for name, value in re.findall(r'- \{type: "(\w+)", value: (.*)\}', part)}
                   for part in parts]


class ModelCardTest(tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = cls().create_tempdir().full_path
        cls.run_dir = training.train(TrainConfig(dataset='digits32', depth=1, latent=2, latent_width=16, batch=64,
                                                 total_kimg=1, lr=0.001, lr_schedule='linear', average=0.5,
                                                 train_dir=cls.directory))
        cls.version = os.path.join(cls.run_dir, 'export', '16')
        cls.last_report = training.Run(cls.run_dir).reports()[-1]

    def card(self, path):
        with open(os.path.join(path, 'README.md'), encoding='utf-8') as file:
            return file.read()

    def reported(self):
        """Returns the metrics of the last report."""
        return {name: self.last_report[name] for name in ('explained_variance', 'latent_accuracy')}

    def test_head_and_metrics_of_a_run(self):
        text = self.card(self.version)
        first, (values,) = head_of(text)
        self.assertEqual((first['library_name'], first['license']), ('tensorflow', 'unknown'))
        self.assertContainsSubset(['autoencoder', 'acai'], json.loads(first['tags']))
        self.assertEqual(json.loads(first['datasets']), ['digits32'])
        self.assertEqual(values, self.reported())
        self.assertIn(f'| loss_ae | {self.last_report["loss_ae"]:.6g} |', text)
        for line in ('| lr | 0.001 |', '| lr_schedule | linear |', '| schedule_kimg | 1 |', '| average | 0.5 |'):
            self.assertIn(line, text)
        self.assertIn('10 classes: 0, 1, 2', text)
        self.assertNotIn(self.directory, text)
        with open(os.path.join(self.version, 'interpolation.png'), 'rb') as copy, open(
                os.path.join(self.run_dir, 'images', 'interpolation-00000016.png'), 'rb') as original:
            self.assertAllEqual(tf.io.decode_png(copy.read()), tf.io.decode_png(original.read()))
        self.assertIn('](interpolation.png)', text)

    def test_a_later_export_tells_what_was_measured_since(self):
        loaded, data = export.load(self.version), datasets.get('digits32')
        metric = metrics.create('reconstruction')
        values = metric(loaded, data)
        results.keep(loaded, metric, data, values)
        elsewhere = datasets.get('digits32')
        elsewhere.options = {'object': 2}
        results.keep(loaded, metric, elsewhere, {'mse': 99.0})
        damaged = os.path.join(self.run_dir, 'results', '16', 'damaged.json')
        with open(damaged, 'w') as file:
            file.write('{')
        _, (shown, other) = head_of(self.card(training.export_run(self.run_dir, os.path.join(self.directory, 'publish'))))
        shutil.rmtree(os.path.dirname(damaged))
        self.assertAllClose(shown, {**values, **self.reported()})
        self.assertEqual(other, {'mse': 99.0})

    def test_its_lines_load_the_model(self):
        blocks = re.findall('```python\n(.*?)```', self.card(self.version), re.DOTALL)
        self.assertLen(blocks, 2)
        for block in blocks:
            self.assertLen(block.splitlines(), 4)
            names = {}
            exec(block.replace('path/to/this/folder', self.version), names)
            self.assertEqual(names['latents'].shape, (1, 16, 16, 2))
        self.assertEqual(names['halfway'].shape, (1, 32, 32, 1))

    def test_signatures(self):
        text = self.card(self.version)
        for name, signature in tf.saved_model.load(self.version).signatures.items():
            row, = [line for line in text.splitlines() if line.startswith('|') and f'`{name}`' in line.split('|')[1]]
            for argument in [*signature.structured_input_signature[1], *signature.structured_outputs]:
                self.assertIn(f'`{argument}`', row)

    def test_it_may_be_edited_or_taken_away(self):
        copy = os.path.join(self.create_tempdir().full_path, '16')
        shutil.copytree(self.version, copy)
        with open(os.path.join(copy, 'README.md'), 'a') as file:
            file.write('license: mit')
        export.load(copy)
        os.remove(os.path.join(copy, 'README.md'))
        check_whole(copy)
        export.load(copy)

    def test_without_a_run_it_leaves_out_what_is_not_known(self):
        model = models.create('vae', (32, 32, 3), 3, depth=1, latent=2, latent_width=16)
        data = datasets.get('svhn32')
        data.name, data.class_names = 'records:/home/somebody/my photos', ['ant', 'T-shirt/top', 'lion\nand "cub"']
        path = export.export_model(model, data, 5, self.create_tempdir().full_path)
        text = self.card(path)
        first, metrics_of = head_of(text)
        self.assertEqual((json.loads(first['datasets']), metrics_of), (['records-my photos'], []))
        self.assertNotIn('somebody', text)
        self.assertIn('3 classes: ant, T-shirt/top, lion and "cub".', text)
        for absent in ('model-index', '| lr |', 'Measured', 'png)', 'None'):
            self.assertNotIn(absent, text)
        self.assertNotIn('interpolation.png', os.listdir(path))

    def test_pictures_that_are_wide_or_damaged(self):
        model = models.create('baseline', (32, 32, 1), 10, depth=1, latent=2, latent_width=16)
        picture = os.path.join(self.directory, 'wide.png')
        with open(picture, 'wb') as file:
            file.write(tf.io.encode_png(np.zeros([500, 4096, 3], np.uint8)).numpy())
        run = Training(options={}, losses={}, reported={'correlation': float('nan'), 'mse': 0.5}, results={},
                       picture=picture)
        path = export.export_model(model, datasets.get('mnist32'), 1, self.directory, run)
        self.assertEqual(head_of(self.card(path))[1], [{'mse': 0.5}])
        with open(os.path.join(path, 'interpolation.png'), 'rb') as file:
            self.assertEqual(tf.io.decode_png(file.read()).shape, (125, 1024, 3))
        with open(picture, 'r+b') as file:
            file.truncate(60)
        path = export.export_model(model, datasets.get('mnist32'), 2, self.directory, run)
        self.assertNotIn('interpolation.png', [*os.listdir(path), self.card(path)])

    def test_every_data_set_is_described(self):
        for name in datasets.names():
            self.assertNotEmpty(ABOUT[name].text)


if __name__ == '__main__':
    tf.test.main()
