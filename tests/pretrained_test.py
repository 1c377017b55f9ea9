"""The models that ship with the package: they have the values on their cards, and the explorer opens them."""

import json
import os
import pathlib
import re
import subprocess
import urllib.request

import tensorflow as tf
from absl.testing import parameterized
from model_card_test import head_of
from programs import ROOT, command, run

import acai_tf
from acai_tf import datasets, metrics, pretrained
from acai_tf.errors import UsageError


class PretrainedTest(parameterized.TestCase, tf.test.TestCase):

    def test_names(self):
        self.assertEqual(acai_tf.pretrained.names(),
                         ['digits32-acai', 'digits32-baseline', 'lines32-acai', 'lines32-baseline'])
        with self.assertRaisesRegex(UsageError, "unknown pretrained model 'vae'; choose one of digits32-acai, "):
            pretrained.load('vae')

    def test_size(self):
        folder = pathlib.Path(pretrained.__file__).parent
        self.assertLess(sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()), 12e6)

    @parameterized.parameters(pretrained.names())
    def test_card(self, name):
        model = pretrained.load(name)
        dataset = datasets.get(model.config['dataset'])
        self.assertEqual(name, f'{dataset.name}-{model.config["model"]}')
        card = pathlib.Path(model.path, 'README.md').read_text()
        self.assertEqual(head_of(card)[0]['license'], 'apache-2.0')
        _, (on_card,) = head_of(card)
        applicable = ['explained_variance', 'accuracy', 'reconstruction', 'probe', *['lines'] * (dataset.name == 'lines32')]
        measured = {key: value for metric in applicable for key, value in metrics.compute(metric, model, dataset).items()}
        for key, value in on_card.items():
            self.assertAllClose(measured[key], value, rtol=0.01, msg=key)


class DemoTest(parameterized.TestCase, tf.test.TestCase):

    def test_page(self):
        process = self.enterContext(subprocess.Popen(
            command('bin/acai_explore', '--demo', '--port=0'), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'XDG_CACHE_HOME': self.create_tempdir().full_path}))
        self.addCleanup(process.kill)
        address = re.search(r'http://\S+/', process.stdout.readline())[0]
        state = json.loads(urllib.request.urlopen(f'{address}api/state').read())
        self.assertEqual([model['model'] for model in state['models']], ['acai', 'baseline'])
        self.assertIn('mean_distance', state['models'][0]['metrics']['training'])
        process.terminate()
        self.assertEqual(process.wait(10), 0)

    @parameterized.parameters(
        (['--saved_model=/nowhere'], '--saved_model has no effect with --demo'),
        (['--dataset=mnist32'], 'no model for mnist32 ships with acai_tf; there are some for digits32, lines32'))
    def test_refused(self, flags, message):
        code, _, err = run('bin/acai_explore', '--demo', *flags)
        self.assertEqual(code, 1)
        self.assertStartsWith(err, f'acai_explore: {message}')


if __name__ == '__main__':
    tf.test.main()
