"""Autoencoders whose latent space interpolates well: ACAI and what followed it.

`import acai_tf` is cheap: TensorFlow is imported on first use of one of the modules below.

    acai_tf.models       create(name, image_shape, nclass, ...) and names()
    acai_tf.datasets     get(name, data_dir) and names()
    acai_tf.training     train(config), export_run(run_dir) and Run(path)
    acai_tf.export       load(path) and export_model(...)
    acai_tf.pretrained   load(name) and names()
    acai_tf.metrics      compute(name, model, dataset) and names()
    acai_tf.clusterers   fit(name, points, clusters, ...) and names()
    acai_tf.studies      get('table' or 'figure', name)
"""

import importlib
import logging
import os
import sys

from acai_tf.errors import UsageError

__version__ = '1.0.0'

_MODULES = ('architectures', 'benchmark', 'clusterers', 'datasets', 'errors', 'explorer', 'export', 'figures', 'files',
            'images', 'interpolation', 'latents', 'losses', 'metrics', 'models', 'options', 'pretrained', 'randomness',
            'registry', 'runs', 'studies', 'training')

__all__ = sorted(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f'acai_tf.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def _use_tensorflow():
    """Makes Keras use TensorFlow, regardless of the environment and keras.json."""
    if 'keras' in sys.modules:
        backend = sys.modules['keras'].backend.backend()
        if backend != 'tensorflow':
            raise UsageError(f'Keras uses {backend}, but acai_tf needs TensorFlow; import acai_tf before keras, or set '
                             'KERAS_BACKEND=tensorflow')
    elif os.environ.get('KERAS_BACKEND') not in (None, '', 'tensorflow'):
        logging.getLogger('acai_tf').warning('KERAS_BACKEND=%s is ignored: acai_tf uses TensorFlow',
                                             os.environ['KERAS_BACKEND'])
    os.environ['KERAS_BACKEND'] = 'tensorflow'


_use_tensorflow()
