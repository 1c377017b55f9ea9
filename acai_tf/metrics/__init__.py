"""Metrics of a latent space, one file each, and their registry.

A metric takes a model (an exported one, a live one, or the pixels themselves) and a data set, and returns values. A new
metric is a file `<name>.py` with a subclass of `Metric`, one line below, and a test; reports and programs pick it up.
"""

from typing import Any

from acai_tf.metrics.subjects import PIXELS
from acai_tf.registry import Registry
from acai_tf.values import defined

__all__ = ['PIXELS', 'REGISTRY', 'compute', 'create', 'names']

# name of the metric and of its file -> class
REGISTRY = Registry('metric', 'acai_tf.metrics', {
    'accuracy': 'Accuracy',
    'lines': 'Lines',
    'correlation': 'Correlation',
    'reconstruction': 'Reconstruction',
    'explained_variance': 'ExplainedVariance',
    'classify': 'Classify',
    'cluster': 'Cluster',
    'path': 'Path',
    'conditioning': 'Conditioning',
    'rank': 'Rank',
    'probe': 'Probe',
    'samples': 'Samples',
    'poses': 'Poses',
}, base='acai_tf.metrics.base:Metric')

__getattr__ = REGISTRY.module


def names(program: str | None = None) -> list[str]:
    """Names of all metrics, or of the metrics that a program prints."""
    return [name for name in REGISTRY.names() if program in (None, REGISTRY.get(name).program)]


def create(name: str, **options):
    """Creates a metric. Raises UsageError for an unknown name or option, or a value outside its range."""
    return REGISTRY.get(name)(**options)


def compute(name: str, model, dataset, **options) -> dict[str, Any]:
    """Computes a metric of a model on a data set.

    Args:
        name: one of `names()`, or path/to/file.py:Name for your own class.
        model: `export.LoadedModel`, a live `models.base.Autoencoder`, or `metrics.PIXELS` (or 'pixels') for the images
            themselves.
        dataset: `datasets.base.Dataset`, or a tf.data.Dataset of (images, labels) if training images are not needed.
        **options: the metric's own (see its class).

    Returns:
        {name: value}; the values of `poses` and values by class are nested. None where a value is undefined.

    Raises:
        UsageError: wrong options, or the metric does not apply.
        DataError: the data set is missing, or its images do not fit the model.
    """
    metric = create(name, **options)
    values = defined(metric(model, dataset))
    metric.clean_up()
    return values
