"""Points in two or three dimensions that stand for latents."""

import numpy as np

from acai_tf.errors import DataError, UsageError


def project(latents, projection, seed=0, dimensions=2):
    """Latents [n, ...] -> [n, dimensions] by principal components or t-SNE, both scikit-learn's.

    Raises:
        UsageError: latents of fewer dimensions.
        DataError: values that are not finite, or fewer than three different latents: scikit-learn's t-SNE ends the process
            on those.
    """
    seed %= 2**32  # the most that scikit-learn takes
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if flat.shape[1] < dimensions:
        raise UsageError(f'latents of {flat.shape[1]} dimension{"s" * (flat.shape[1] > 1)} cannot be mapped in {dimensions}')
    if not np.isfinite(flat).all():
        raise DataError('a map needs finite latents; these hold NaN or infinity: train the model again')
    different = len(np.unique(flat, axis=0))
    if different <= dimensions:
        raise DataError(f'a map needs at least {dimensions + 1} images with different latents, not {different}')
    if projection == 'tsne':
        from sklearn.manifold import TSNE
        return TSNE(dimensions, init='pca', random_state=seed, perplexity=min(30, (len(flat) - 1) / 3)).fit_transform(flat)
    from sklearn.decomposition import PCA
    return PCA(dimensions, random_state=seed).fit_transform(flat)
