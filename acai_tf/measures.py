"""Metrics of an exported model on a data set, for bin/acai_evaluate."""

import math

import numpy as np

from acai_tf import features, losses, reports
from acai_tf.datasets.lines import Lines
from acai_tf.errors import UsageError
from acai_tf.evaluation import correlation


def _lines(loaded, dataset):
    if not isinstance(dataset, Lines):
        raise UsageError(f'the metric lines is for lines32, not {dataset.name}')
    return reports.evaluate_lines(loaded.encode, loaded.decode, dataset)


def _correlation(loaded, dataset):
    latents, _ = features.of_dataset(dataset, 'test', loaded)
    return {'correlation': correlation.mean_absolute_correlation(latents)}


def _reconstruction(loaded, dataset):
    squared = count = 0
    for images, _ in dataset.test(500):
        squared += float(np.square(loaded.reconstruct(images) - images, dtype=np.float64).sum())
        count += images.shape.num_elements()
    mse = squared / count
    return {'mse': mse, 'rmse': float(losses.rmse(mse))}


_METRICS = {'lines': _lines, 'correlation': _correlation, 'reconstruction': _reconstruction}


def check(names):
    """Returns the names; raises UsageError for one that is no metric."""
    for name in names:
        if name not in _METRICS:
            raise UsageError(f'unknown metric {name!r}; there are {", ".join(_METRICS)}')
    return names


def measure(loaded, dataset, names):
    """{figure: number} of the metrics named; None where a figure is undefined.

    Args:
        loaded: export.LoadedModel. dataset: datasets.base.Dataset of its shape.
    """
    found = {}
    for name in names:
        found.update(_METRICS[name](loaded, dataset))
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in found.items()}
