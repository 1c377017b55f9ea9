"""Number of latent dimensions in use, from the spectrum of the covariance."""

import numpy as np
from scipy import stats

from acai_tf.latents import reading
from acai_tf.metrics.base import Metric
from acai_tf.options import Option


def evaluate(latents, dead=0.01):
    """Effective numbers of dimensions of latents [n, ...], flattened to [n, d].

    Args:
        dead: a dimension is dead if its standard deviation is at most this share of the latents' root mean square.

    Returns:
        {name: value}: `effective_rank`, the exponential of the entropy of the covariance's eigenvalues, as shares of their
        sum (Roy and Vetterli, 2007), and `participation_ratio`, (sum of eigenvalues)^2 / sum of their squares. Both are in
        [1, min(n - 1, d)], or NaN if nothing varies. `dead_dimensions`, int. All are NaN if a latent is not finite.
    """
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if not np.isfinite(flat).all():
        return dict.fromkeys(('effective_rank', 'participation_ratio', 'dead_dimensions'), float('nan'))
    centered = flat - flat.mean(axis=0)
    centered[:, np.ptp(flat, axis=0) == 0] = 0  # rounding would leave about 1e-16
    dead_dimensions = int((centered.std(axis=0) <= dead * np.sqrt(np.square(flat).mean())).sum())
    eigenvalues = np.square(np.linalg.svd(centered, compute_uv=False))
    effective_rank = participation_ratio = float('nan')
    if eigenvalues.sum() > 0:
        effective_rank = float(np.exp(stats.entropy(eigenvalues)))
        participation_ratio = float(eigenvalues.sum()**2 / np.square(eigenvalues).sum())
    return {'effective_rank': effective_rank, 'participation_ratio': participation_ratio,
            'dead_dimensions': dead_dimensions}


class Rank(Metric):
    """`effective_rank`, `participation_ratio` and `dead_dimensions` of the test images' latents (see `evaluate`);
    `rank_dimensions` and `rank_images`, the numbers of dimensions and images."""

    dead = Option(0.01, "a dimension is dead if its standard deviation is at most this share of the latents' root mean "
                        'square', minimum=0)

    def compute(self, model, dataset):
        latents, _ = reading.of_dataset(model, dataset, 'test')
        return {**evaluate(latents, self.dead), 'rank_dimensions': latents[0].size, 'rank_images': len(latents)}
