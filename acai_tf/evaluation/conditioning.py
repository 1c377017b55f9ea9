"""How a decoder stretches its latent space: the metric J^T J that it pulls back from the space of images."""

import numpy as np

# Singular values whose ratio is smaller cannot be told apart from zero in float32.
_LEAST_RATIO = float(np.finfo(np.float32).eps)


def random_directions(size, count, seed=0):
    """Orthonormal directions [min(count, size), size] that span as many draws of N(0, I)."""
    draws = np.random.default_rng(seed).normal(size=[size, min(count, size)])
    return np.linalg.qr(draws)[0].T


def evaluate(products, latents, directions):
    """The decoder's metric in the subspace of some directions, the same ones at every latent.

    Args:
        products: function, (latents [k, ...], directions [k, ...]) -> J v, the decoder's forward-mode products [k, ...].
        latents: [n, ...].
        directions: orthonormal [m, d]. All d of them give the whole metric; fewer can only miss its extremes, so that the
            condition number is a lower bound.

    Returns:
        {figure: number}: `log_condition_number`, mean over the latents of ln(largest / smallest eigenvalue of J^T J) (0: the
        same stretching in every direction; at most 32, which float32 can resolve); `stretching`, mean over the latents of
        the RMS over directions and pixels of J v; `stretching_spread`, its deviation over its mean (0: the same everywhere,
        as a linear decoder). NaN where the decoder does not move, or is not finite.
    """
    logs, stretchings = [], []
    for latent in latents:
        there = np.broadcast_to(latent, [len(directions), *latent.shape])
        moved = np.asarray(products(there, directions.reshape(there.shape)), np.float64).reshape(len(directions), -1)
        logs.append(_log_condition_number(moved))
        stretchings.append(np.sqrt(np.square(moved).mean()))
    mean = np.mean(stretchings)
    return {'log_condition_number': float(np.mean(logs)), 'stretching': float(mean),
            'stretching_spread': float(np.std(stretchings) / mean) if mean else float('nan')}


def _log_condition_number(products):
    """ln of the condition number of J^T J between orthonormal directions, of the products J v [m, pixels]."""
    if not products.any() or not np.isfinite(products).all():
        return float('nan')
    singular = np.linalg.svd(products, compute_uv=False)
    least = singular[-1] if len(singular) == len(products) else 0.0  # fewer pixels than directions
    return -2 * np.log(max(least / singular[0], _LEAST_RATIO))
