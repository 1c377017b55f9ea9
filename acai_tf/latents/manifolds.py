"""Improved precision and recall of generated points (Kynkäänniemi et al., 2019), in any space."""

import numpy as np

# Points closer than this share of the cloud's size differ only by rounding.
_SAME = 1e-6


def precision(real, drawn, neighbours=3):
    """Share of the drawn points that lie in the manifold of the real ones.

    The manifold is the union of balls around the real points; a ball's radius is the distance to the k-th nearest other real
    point. Swapping the arguments gives recall.

    Args:
        real: [n, ...]. drawn: [m, ...]. Flattened; Euclidean distance.
        neighbours: k; smaller if there are fewer points.

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
    # The nearest point is the point itself.
    radii = np.concatenate([np.partition(chunk, k, axis=1)[:, k] for chunk in pairwise_distances_chunked(real)])
    slack = _SAME * np.sqrt(np.square(real).sum(axis=1).mean())
    inside = [(chunk <= radii + slack).any(axis=1) for chunk in pairwise_distances_chunked(drawn, real)]
    return float(np.concatenate(inside).mean())
