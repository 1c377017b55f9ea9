"""Improved precision and recall (Kynkäänniemi et al., 2019), in whatever space the points are given."""

import numpy as np

# Points nearer than this share of the cloud's size are the same point: rounding.
_SAME = 1e-6


def precision(real, drawn, neighbours=3):
    """Share of drawn points in the manifold of real ones: within a real point's distance to its k-th nearest other.

    With the two exchanged it is recall.

    Args:
        real: [n, ...]. drawn: [m, ...]. Flattened; Euclidean distance.
        neighbours: k; fewer where there are fewer points.

    Returns:
        float in [0, 1]; NaN if a value is not finite, or if n < 2.
    """
    from sklearn.metrics import pairwise_distances_chunked
    real, drawn = (np.asarray(points, np.float64).reshape(len(points), -1) for points in (real, drawn))
    if len(real) < 2 or not (np.isfinite(real).all() and np.isfinite(drawn).all()):
        return float('nan')
    center = real.mean(axis=0)
    real, drawn = real - center, drawn - center
    k = min(neighbours, len(real) - 1)
    # The nearest point of all is the point itself.
    radii = np.concatenate([np.partition(chunk, k, axis=1)[:, k] for chunk in pairwise_distances_chunked(real)])
    slack = _SAME * np.sqrt(np.square(real).sum(axis=1).mean())
    inside = [(chunk <= radii + slack).any(axis=1) for chunk in pairwise_distances_chunked(drawn, real)]
    return float(np.concatenate(inside).mean())
