"""Measures of a latent space, one file each, and their registry.

A measure takes a model (an exported one, a live one, or the pixels themselves) and a data set, and returns numbers. A new
one is a file `<name>.py` with a subclass of `Measure`, one line below, and a test; reports and programs pick it up.
"""

import importlib
import math

from acai_tf.errors import UsageError
from acai_tf.measures.subjects import PIXELS, LiveModel, subject

__all__ = ['PIXELS', 'LiveModel', 'create', 'measure', 'measure_class', 'names', 'subject']

# name (also its file's) -> class
_REGISTRY = {
    'accuracy': 'Accuracy',
    'lines': 'Lines',
    'correlation': 'Correlation',
    'reconstruction': 'Reconstruction',
    'classify': 'Classify',
    'cluster': 'Cluster',
    'path': 'Path',
    'conditioning': 'Conditioning',
    'rank': 'Rank',
    'probe': 'Probe',
    'samples': 'Samples',
    'poses': 'Poses',
}


def names(program=None):
    """Names of all measures, or of those that a program prints."""
    return [name for name in _REGISTRY if program in (None, measure_class(name).program)]


def measure_class(name):
    """The class behind a measure's name; UsageError for an unknown one."""
    if name not in _REGISTRY:
        raise UsageError(f'unknown measure {name!r}; choose one of {", ".join(names())}')
    return getattr(importlib.import_module(f'acai_tf.measures.{name}'), _REGISTRY[name])


def create(name, **options):
    """The measure of that name; UsageError for an unknown name or option, or a value outside its range."""
    return measure_class(name)(**options)


def measure(name, model, dataset, **options):
    """Measures a model on a data set.

    Args:
        name: one of `names()`.
        model: `export.LoadedModel`, a live `models.base.Autoencoder`, or `measures.PIXELS` (or 'pixels') for the images
            themselves.
        dataset: `datasets.base.Dataset`.
        **options: the measure's own (see its class).

    Returns:
        {figure: number}, in `poses` and by class nested; None where a figure is undefined.

    Raises:
        UsageError: wrong options, or the measure does not apply.
        DataError: the data set is missing, or its images do not fit the model.
    """
    chosen = create(name, **options)
    found = defined(chosen(model, dataset))
    chosen.clean_up()
    return found


def defined(figures):
    """The figures, nested or not, with None, JSON's null, in place of NaN."""
    return {key: defined(value) if isinstance(value, dict) else
            None if isinstance(value, float) and math.isnan(value) else value for key, value in figures.items()}
