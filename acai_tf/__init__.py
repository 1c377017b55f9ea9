"""Autoencoders whose latent space interpolates well: ACAI and what followed it.

`import acai_tf` costs nothing: TensorFlow is imported when one of the modules below is first used.

    acai_tf.models       create(name, image_shape, nclass, ...) and names()
    acai_tf.datasets     get(name, data_dir)
    acai_tf.training     train(config) and export_run(run_dir)
    acai_tf.export       load(path) and export_model(...)
    acai_tf.measures     measure(name, model, dataset) and names()
    acai_tf.clusterers   fit(name, points, clusters, ...) and names()
    acai_tf.evaluation   the measures' formulas: arrays in, numbers out
"""

import importlib

__version__ = '0.1.0'

_MODULES = ('architectures', 'benchmark', 'clusterers', 'config', 'datasets', 'errors', 'evaluation', 'explorer', 'export',
            'features', 'figures', 'flags', 'images', 'interpolation', 'losses', 'measures', 'model_card', 'models',
            'randomness', 'studies', 'training')

__all__ = sorted(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f'acai_tf.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
