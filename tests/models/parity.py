"""Compares a model with numbers that the released code computed (format: tests/testdata/README.md).

`ACAI_PARITY_DIR` names another directory of such files; a model without a file there is skipped, and a model may have
several files, `<model>_<variant>.npz`.
"""

import json
import os
import pathlib
import sys
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf

from acai_tf import models

_TESTDATA = pathlib.Path(__file__).parents[1] / 'testdata' / 'parity'


def _relative(actual, expected):
    return np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-12)


class ReferenceTestCase(tf.test.TestCase):
    """A model with the weights, the batch and the random inputs of a file.

    Subclasses set `model_name` and any options that differ from the file's.
    """

    directory = _TESTDATA
    model_name = None
    file_name = None  # if it is not the model's
    options = {}
    released_options = {}  # {option's name in the files: ours}
    beside = ()  # networks that the released program does not have, each with an optimizer of the same name

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.directory / f'{cls.file_name or cls.model_name}.npz'
        if not path.exists():
            raise unittest.SkipTest(f'no {path}')
        with np.load(path, allow_pickle=False) as arrays:
            cls.reference = {key: arrays[key] for key in arrays.files}
        cls.meta = json.loads(str(cls.reference['meta']))

    def setUp(self):
        super().setUp()
        meta = self.meta
        options = {self.released_options.get(key, key): ','.join(map(str, value)) if isinstance(value, list) else value
                   for key, value in meta['hparams'].items()}
        self.model = models.create(
            meta['model'], tuple(meta['image_shape']), meta['nclass'], depth=meta['depth'], latent=meta['latent'],
            latent_width=meta['image_shape'][1] >> meta['scales'], **{**options, **self.options})
        self.model.compile(lr=meta['lr'])
        for key, variable in self.variables().items():
            variable.assign(self.reference[f'init/{key}'])
        random_inputs = {key: tf.constant(value) for key, value in self.reference_under('draw/').items()}
        patch = mock.patch.object(self.model, 'random_inputs', lambda images: random_inputs)
        patch.start()
        self.addCleanup(patch.stop)
        self.images, self.labels = tf.constant(self.reference['input/image']), self.reference['input/label']

    def variables(self):
        """{'<network>/<layer>/<kernel or bias>': variable}, named as in the files."""
        found = {}
        for name, network in self.model.networks.items():
            if name in self.beside:
                continue
            layers = [layer for layer in getattr(network, 'layers', ()) if layer.weights]
            found.update({f'{name}/{i}/{v.name}': v for i, layer in enumerate(layers) for v in layer.weights})
        return found

    def reference_under(self, prefix):
        return {key[len(prefix):]: value for key, value in self.reference.items() if key.startswith(prefix)}

    def step(self):
        return self.model.train_step((self.images, tf.constant(self.labels)))


class ParityTestCase(ReferenceTestCase):
    """The comparison itself. A subclass stands for `<model_name>.npz`; for each variant of that file, its module gets
    another class, `<subclass>_<file>`."""

    directory = pathlib.Path(os.environ.get('ACAI_PARITY_DIR', _TESTDATA))
    released_names = {}  # {loss's name in the files: ours, or None if we do not have it}
    term_tolerance, gradient_tolerance, change_tolerance, output_tolerance = 1e-5, 1e-4, 1e-3, 1e-5

    def __init_subclass__(cls):
        super().__init_subclass__()
        if cls.file_name:
            return
        for path in sorted(cls.directory.glob(f'{cls.model_name}_*.npz')):
            name = f'{cls.__name__}_{path.stem}'
            setattr(sys.modules[cls.__module__], name,
                    type(name, (cls,), {'file_name': path.stem, '__module__': cls.__module__}))

    def test_parity_every_variable_is_in_the_reference(self):
        self.assertCountEqual(self.variables(), self.reference_under('init/'))

    def test_parity_terms(self):
        expected = {self.released_names.get(name, name): value for name, value in self.reference_under('term/').items()}
        expected.pop(None, None)
        terms = self.step()
        self.assertContainsSubset(expected, terms)
        for name, value in expected.items():
            self.assertAllClose(terms[name], value, rtol=self.term_tolerance, atol=1e-9, msg=name)

    def test_parity_objectives_and_gradients(self):
        objectives, gradients = {}, {}

        def update(tape, scalars):
            objectives.update({name: scalar for name, scalar in scalars.items() if name not in self.beside})
            for optimizer, scalar in objectives.items():
                variables = self.model.variables_of(optimizer)
                gradients.update(zip([(optimizer, id(v)) for v in variables], tape.gradient(scalar, variables)))
        with mock.patch.object(self.model, 'update', update):
            self.step()
        expected = self.reference_under('objective/')
        self.assertCountEqual(objectives, expected)
        for optimizer, value in expected.items():
            self.assertAllClose(objectives[optimizer], value, rtol=self.term_tolerance, atol=1e-9, msg=optimizer)
        expected = self.reference_under('grad/')
        self.assertLen(gradients, len(expected))
        variables = self.variables()
        for key, value in expected.items():
            optimizer, path = key.split('/', 1)
            gradient = gradients[optimizer, id(variables[path])]
            self.assertLess(_relative(gradient.numpy(), value), self.gradient_tolerance, key)

    def test_parity_outputs(self):
        model, expected = self.model, self.reference_under('output/')
        actual = {'encode': model.encode(self.images), 'reconstruct': model(self.images),
                  'decode': model.decode(self.reference['input/latent']),
                  'classify': np.argmax(model.logits(self.images), axis=-1)}
        if 'classifier' in self.beside:
            del actual['classify']
        self.assertCountEqual(actual, expected)
        for key, value in expected.items():
            self.assertAllClose(actual[key], value, rtol=self.output_tolerance, atol=self.output_tolerance, msg=key)

    def test_parity_three_steps(self):
        for _ in range(self.meta['steps']):
            self.step()
        variables = self.variables()
        for name in set(self.model.networks) - set(self.beside):
            def change(values):
                return np.concatenate([np.ravel(values(key) - self.reference[f'init/{key}'])
                                       for key in variables if key.startswith(f'{name}/')])
            actual, expected = change(lambda k: variables[k].numpy()), change(lambda k: self.reference[f'after/{k}'])
            self.assertLess(_relative(actual, expected), self.change_tolerance, name)
