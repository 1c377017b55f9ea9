"""Distances of images to a reference set."""

import numpy as np


def nearest_distance(images, batches):
    """Cosine distance of each image to the nearest image of a reference set, to about 1e-6.

    Args:
        images: [n, ...], in the scale to compare them in: [-1, 1], as the released code compares lines.
        batches: iterable of arrays [m, ...], the reference set in parts, to limit memory use.

    Returns:
        float32 [n] in [0, 2]; NaN for an image that is not finite.
    """
    images = _unit(images)
    cosine = np.full(len(images), -1, np.float32)
    for batch in batches:
        np.maximum(cosine, (images @ _unit(batch).T).max(axis=1), out=cosine)
    return np.maximum(1 - cosine, 0)


def mean_nearest_distances(groups, batches):
    """Means of `nearest_distance` over groups of images, from one pass over the reference set: {name: [n, ...]} ->
    {name: float}."""
    distances = nearest_distance(np.concatenate(list(groups.values())), batches)
    ends = np.cumsum([len(images) for images in groups.values()])[:-1]
    return {name: float(part.mean()) for name, part in zip(groups, np.split(distances, ends))}


def _unit(images):
    """Float32 unit vectors [n, d]; zero stays zero, orthogonal to everything."""
    flat = np.asarray(images, np.float32).reshape(len(images), -1)
    with np.errstate(invalid='ignore', over='ignore'):
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.finfo(np.float32).tiny)
