"""Projection of latents to two or three dimensions."""

import numpy as np

from acai_tf.errors import DataError, UsageError


def project(latents, projection, seed=0, dimensions=2):
    """Projects latents [n, ...] to points [n, dimensions].

    Args:
        projection: 'pca' or 'tsne', both scikit-learn's.
        seed: int, for t-SNE.
        dimensions: 2 or 3.

    Raises:
        UsageError: the latents have fewer dimensions.
        DataError: values that are not finite, or too few different latents, on which scikit-learn's t-SNE would crash.
    """
    seed %= 2**32  # scikit-learn takes no larger seed
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if flat.shape[1] < dimensions:
        raise UsageError(f'latents of {flat.shape[1]} dimension{"s" * (flat.shape[1] > 1)} cannot be mapped in {dimensions}')
    if not np.isfinite(flat).all():
        raise DataError('a map needs finite latents, but these have NaN or infinity; train the model again')
    different = len(np.unique(flat, axis=0))
    if different <= dimensions:
        raise DataError(f'a map needs at least {dimensions + 1} images with different latents, not {different}')
    if projection == 'tsne':
        from sklearn.manifold import TSNE
        return TSNE(dimensions, init='pca', random_state=seed, perplexity=min(30, (len(flat) - 1) / 3)).fit_transform(flat)
    from sklearn.decomposition import PCA
    return PCA(dimensions, random_state=seed).fit_transform(flat)
