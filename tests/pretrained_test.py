"""The models that ship with the package have the values on their cards."""

import pathlib

import tensorflow as tf
from absl.testing import parameterized
from model_card_test import head_of

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
        shown = ['explained_variance', 'accuracy', 'reconstruction', 'lines' if dataset.name == 'lines32' else 'probe']
        measured = {key: value for metric in shown for key, value in metrics.compute(metric, model, dataset).items()}
        for key, value in on_card.items():
            self.assertAllClose(measured[key], value, rtol=0.01, msg=key)


if __name__ == '__main__':
    tf.test.main()
