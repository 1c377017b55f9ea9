"""Clustering methods, one file each, and their registry.

A clusterer learns from points [n, d] and assigns a cluster to any point. A new one is a file `<name>.py` with a subclass of
`Clusterer`, one line below, and a test; the metric `cluster` and its program pick it up.
"""

import os
from typing import TYPE_CHECKING

import numpy as np

from acai_tf.errors import DataError, UsageError
from acai_tf.registry import Registry

if TYPE_CHECKING:
    from acai_tf.clusterers.base import Clusterer

# name of the clusterer and of its file -> class
REGISTRY = Registry('clusterer', 'acai_tf.clusterers', {
    'kmeans': 'KMeans',
    'dec': 'DEC',
    'rim': 'RIM',
    'imsat': 'IMSAT',
}, base='acai_tf.clusterers.base:Clusterer')

names = REGISTRY.names
__getattr__ = REGISTRY.module


def create(name, width, clusters, seed=0, **options):
    """Creates an untrained clusterer for points of dimension `width`; other arguments and errors as for `fit`."""
    if seed < 0:
        raise UsageError(f'seed={seed} must be at least 0')
    return REGISTRY.get(name)(width, int(clusters), seed, **options)


def fit(name: str, points: np.ndarray, clusters: int, seed: int = 0, state_path: str | os.PathLike | None = None,
        **options) -> 'Clusterer':
    """Clusters points.

    Args:
        name: one of `names()`.
        points: float [n, d].
        clusters: number of clusters.
        seed: int, for all random draws.
        state_path: file that keeps the progress, so that a stopped fit can resume; delete it if anything else changes.
        **options: the clusterer's own (see its class).

    Returns:
        `clusterers.base.Clusterer`: `predict(points)` returns int [n]; `objective` is its own final loss.

    Raises:
        UsageError: unknown name or option, or a value outside its range.
        DataError: the points cannot make that many clusters.
        NonFiniteError: a loss became NaN or infinite.
    """
    points = np.asarray(points)
    if points.ndim != 2 or not points.size:
        raise DataError(f'points of shape {list(points.shape)} cannot be clustered; give an array [n, d]')
    if clusters < 1 or len(points) < clusters:
        raise DataError(f'{len(points)} points cannot make {clusters} clusters')
    if not np.isfinite(points).all():
        raise DataError('points with NaN or infinity cannot be clustered; leave them out')
    clusterer = create(name, points.shape[1], clusters, seed, **options)
    clusterer.learn(points, state_path)
    return clusterer
