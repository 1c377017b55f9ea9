"""Gaussian mixture fitted to latents, for sampling from an autoencoder without a prior (Ghosh et al., ICLR 2020)."""

import copy
import warnings

import numpy as np

from acai_tf.errors import DataError


class Mixture:
    """A mixture of Gaussians with full covariances, fitted by scikit-learn (expectation maximization).

    Args:
        latents: [n, ...].
        components: number of Gaussians; fewer if there are fewer latents.
        seed: int, for the start of the fit.

    Raises:
        DataError: fewer than two latents, or a value is not finite.
    """

    def __init__(self, latents, components=10, seed=0):
        from sklearn.mixture import GaussianMixture
        flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
        if len(flat) < 2 or not np.isfinite(flat).all():
            raise DataError('a Gaussian mixture needs at least 2 latents, all of them finite')
        self._shape, self._center = latents.shape[1:], flat.mean(axis=0)
        # Scaled, because scikit-learn adds a constant to the variances.
        self._scale = (flat - self._center).std() or 1.0
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # a fit that ends early and equal latents still give a mixture
            self._mixture = GaussianMixture(min(components, len(flat)), random_state=seed % 2**32).fit(
                (flat - self._center) / self._scale)

    def sample(self, count, seed=0):
        """Draws `count` latents, float32 [count, ...]."""
        # A copy, because other threads may draw at the same time.
        mixture = copy.copy(self._mixture).set_params(random_state=seed % 2**32)
        points, _ = mixture.sample(count)
        order = np.random.default_rng(seed).permutation(count)  # scikit-learn returns them component by component
        return np.float32(points[order] * self._scale + self._center).reshape(count, *self._shape)
