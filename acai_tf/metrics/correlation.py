"""Correlation between the dimensions of a latent (MIDR-AE, table 1; released calculate_cor.py)."""

import numpy as np

from acai_tf.latents import reading
from acai_tf.metrics.base import Metric


def mean_absolute_correlation(latents: np.ndarray) -> float:
    """Mean of |R_ij| over i != j, where R holds the correlation coefficients of latents [n, ...], flattened to [n, d].

    Returns:
        float in [0, 1]. Dimensions that never change have no correlation and are left out. NaN if fewer than two are left,
        or if a value is not finite.
    """
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if not np.isfinite(flat).all():
        return float('nan')
    # The range, because rounding makes the deviation of a constant 1e-16 instead of 0.
    flat = flat[:, np.ptp(flat, axis=0) > 0]
    size = flat.shape[1]
    if size < 2:
        return float('nan')
    return float((np.abs(np.corrcoef(flat, rowvar=False)).sum() - size) / (size * (size - 1)))


class Correlation(Metric):
    """`correlation`: mean |correlation| between pairs of dimensions, over the test images."""

    def compute(self, model, dataset):
        latents, _ = reading.of_dataset(model, dataset, 'test')
        return {'correlation': mean_absolute_correlation(latents)}
