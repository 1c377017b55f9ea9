"""Metrics: arrays, or functions on arrays, in; numbers out. Nothing here knows about models."""

import importlib

_MODULES = ('classification', 'clustering', 'conditioning', 'correlation', 'lines', 'manifolds', 'mixture', 'neighbours',
            'paths', 'poses', 'probe', 'projection', 'rank')

__all__ = sorted(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f'acai_tf.evaluation.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
