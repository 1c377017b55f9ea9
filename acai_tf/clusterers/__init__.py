"""Ways of clustering points, one file each, and their registry.

A clusterer learns from points [n, d] and assigns a cluster to any point. A new one is a file `<name>.py` with a subclass of
`Clusterer`, one line below, and a test; the measure `cluster` and its program pick it up.
"""

import importlib

import numpy as np

from acai_tf.errors import DataError, UsageError

__all__ = ['check', 'clusterer_class', 'create', 'fit', 'names']

# name (also its file's) -> class
_REGISTRY = {
    'kmeans': 'KMeans',
    'dec': 'DEC',
    'rim': 'RIM',
    'imsat': 'IMSAT',
}


def names():
    """Names of all clusterers."""
    return list(_REGISTRY)


def clusterer_class(name):
    """The class behind a clusterer's name; UsageError for an unknown one."""
    if name not in _REGISTRY:
        raise UsageError(f'unknown clusterer {name!r}; choose one of {", ".join(names())}')
    return getattr(importlib.import_module(f'acai_tf.clusterers.{name}'), _REGISTRY[name])


def create(name, width, clusters, seed=0, **options):
    """A clusterer that has learned nothing yet.

    Args:
        name: one of `names()`.
        width: dimension of the points.
        clusters: how many.
        seed: int, of all that is random.
        **options: the clusterer's own (see its class).

    Raises:
        UsageError: unknown name or option, or a value outside its range.
    """
    if seed < 0:
        raise UsageError(f'seed={seed} must be at least 0')
    return clusterer_class(name)(width, clusters, seed, **options)


def fit(name, points, clusters, seed=0, state_path=None, **options):
    """Clusters points.

    Args:
        name: one of `names()`.
        points: float [n, d].
        clusters: how many.
        seed: int, of all that is random.
        state_path: file that keeps what is done, so that a stopped fit can be resumed; it must be deleted when anything
            else changes.
        **options: the clusterer's own (see its class).

    Returns:
        `clusterers.base.Clusterer`: `assign(points)` gives int [n], `objective` is its own final loss.

    Raises:
        UsageError: unknown name or option, or a value outside its range.
        DataError: the points cannot make so many clusters.
        NonFiniteError: a loss became NaN or infinite.
    """
    points = check(points, clusters)
    clusterer = create(name, points.shape[1], clusters, seed, **options)
    clusterer.learn(points, state_path)
    return clusterer


def check(points, clusters):
    """The points as an array, if they can make so many clusters; else DataError."""
    points = np.asarray(points)
    if points.ndim != 2 or not points.size:
        raise DataError(f'points of shape {list(points.shape)} cannot be clustered; give an array [n, d]')
    if clusters < 1 or len(points) < clusters:
        raise DataError(f'{len(points)} points cannot make {clusters} clusters')
    if not np.isfinite(points).all():
        raise DataError('points that are NaN or infinite cannot be clustered; leave them out')
    return points
