"""How many dimensions of a latent are in use, by the spectrum of its covariance."""

import numpy as np


def evaluate(latents, dead=0.01):
    """Effective numbers of dimensions.

    Args:
        latents: [n, ...], flattened to [n, d].
        dead: a dimension is dead if its standard deviation is at most this share of the latents' root mean square.

    Returns:
        {figure: number}: `effective_rank`, the exponential of the entropy of the eigenvalues' shares (Roy and Vetterli,
        2007, of the covariance), and `participation_ratio`, (sum of eigenvalues)^2 / sum of their squares, both in
        [1, min(n - 1, d)] and NaN if nothing varies; `dead_dimensions`, int. All NaN if a value is not finite.
    """
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if not np.isfinite(flat).all():
        return dict.fromkeys(('effective_rank', 'participation_ratio', 'dead_dimensions'), float('nan'))
    centred = flat - flat.mean(axis=0)
    centred[:, np.ptp(flat, axis=0) == 0] = 0  # rounding would leave some 1e-16
    found = {'effective_rank': float('nan'), 'participation_ratio': float('nan'),
             'dead_dimensions': int((centred.std(axis=0) <= dead * np.sqrt(np.square(flat).mean())).sum())}
    eigenvalues = np.square(np.linalg.svd(centred, compute_uv=False))
    if eigenvalues.sum() > 0:
        shares = eigenvalues[eigenvalues > 0] / eigenvalues.sum()
        found.update(effective_rank=float(np.exp(-(shares * np.log(shares)).sum())),
                     participation_ratio=float(1 / np.square(shares).sum()))
    return found
