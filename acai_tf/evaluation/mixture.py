"""A Gaussian mixture of latents, from which systems without a prior can be sampled."""

import numpy as np

from acai_tf import randomness

_MOST_DIMENSIONS = 32


class Mixture:
    """A fitted mixture; see `fit`."""

    def __init__(self, reduction, gaussians, shape):
        self._reduction, self._shape = reduction, shape
        self._shares = np.cumsum(gaussians.weights_)
        self._means, self._factors = gaussians.means_, np.linalg.cholesky(gaussians.covariances_)

    def sample(self, count, key):
        """`count` latents, float32 [count, ...], that depend on the key (see randomness.key) alone."""
        numbers = randomness.normal([count, 1 + self._means.shape[1]], key, 'float64').numpy()
        # The first is made uniform, and chooses the component.
        from scipy.special import ndtr
        chosen = np.searchsorted(self._shares, ndtr(numbers[:, 0]) * self._shares[-1]).clip(max=len(self._means) - 1)
        reduced = self._means[chosen] + np.einsum('nij,nj->ni', self._factors[chosen], numbers[:, 1:])
        return self._reduction.inverse_transform(reduced).astype(np.float32).reshape(count, *self._shape)


def fit(latents, components=10, seed=0):
    """Fits a mixture of Gaussians of full covariance (scikit-learn's) along the latents' first 32 principal axes.

    Args:
        latents: [n, ...], finite.
        components: how many Gaussians; at most n.
        seed: int, of the start.

    Returns:
        `Mixture`.
    """
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    reduction = PCA(min(_MOST_DIMENSIONS, *flat.shape), random_state=seed)
    reduced = reduction.fit_transform(flat)
    gaussians = GaussianMixture(min(components, len(flat)), random_state=seed, reg_covar=1e-6 * max(reduced.var(), 1e-6))
    return Mixture(reduction, gaussians.fit(reduced), latents.shape[1:])
