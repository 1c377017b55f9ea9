"""Measures how the decoder stretches the latent space: the metric tensor J^T J that it pulls back from image space."""

import numpy as np

from acai_tf.latents import reading
from acai_tf.metrics.base import Metric
from acai_tf.options import Option

# In float32, a singular value below this share of the largest is indistinguishable from zero.
_LEAST_RATIO = float(np.finfo(np.float32).eps)


def random_directions(size, count, seed=0):
    """Orthonormal directions [min(count, size), size] with the span of as many random draws from N(0, I)."""
    draws = np.random.default_rng(seed).normal(size=[size, min(count, size)])
    return np.linalg.qr(draws)[0].T


def evaluate(products, latents, directions):
    """Values of the decoder's metric tensor in the subspace of the given directions, the same at every latent.

    Args:
        products: function, (latents [k, ...], directions [k, ...]) -> J v, the decoder's forward-mode products [k, ...].
        latents: [n, ...].
        directions: orthonormal [m, d]. With m = d they cover the whole tensor; fewer can only miss its extremes, so the
            condition number is a lower bound.

    Returns:
        {name: value}: `log_condition_number`, mean over the latents of ln(largest / smallest eigenvalue of J^T J) (0: equal
        stretching in all directions; at most 32, the limit of float32); `stretching`, mean over the latents of the RMS of
        J v over directions and pixels; `stretching_spread`, its standard deviation over its mean (0: the same everywhere, as
        for a linear decoder). NaN if the decoder's output does not change, or is not finite.
    """
    logs, stretchings = [], []
    for latent in latents:
        copies = np.broadcast_to(latent, [len(directions), *latent.shape])
        changes = np.asarray(products(copies, directions.reshape(copies.shape)), np.float64).reshape(len(directions), -1)
        logs.append(_log_condition_number(changes))
        stretchings.append(np.sqrt(np.square(changes).mean()))
    mean = np.mean(stretchings)
    return {'log_condition_number': float(np.mean(logs)), 'stretching': float(mean),
            'stretching_spread': float(np.std(stretchings) / mean) if mean else float('nan')}


def _log_condition_number(changes):
    """ln of the condition number of J^T J, from the products J v [m, pixels] of orthonormal directions v."""
    if not changes.any() or not np.isfinite(changes).all():
        return float('nan')
    singular_values = np.linalg.svd(changes, compute_uv=False)
    least = singular_values[-1] if len(singular_values) == len(changes) else 0.0  # fewer pixels than directions
    return -2 * np.log(max(least / singular_values[0], _LEAST_RATIO))


class Conditioning(Metric):
    """`log_condition_number`, `stretching` and `stretching_spread` of the decoder at the latents of test images (see
    `evaluate`); `conditioning_latents` and `conditioning_directions`, the numbers of latents and directions."""

    supports_pixels = False
    latents = Option(128, 'test latents at which to differentiate the decoder; at most the test set', minimum=1)
    directions = Option(64, 'random directions per latent; as many as the latent has dimensions give the exact condition '
                            'number, fewer give a lower bound', minimum=2)
    seed = Option(0, 'seed of the random numbers', minimum=0)

    def compute(self, model, dataset):
        latents, _ = reading.of_dataset(model, dataset, 'test')
        latents = latents[np.random.default_rng(self.seed).permutation(len(latents))[:self.latents]]
        directions = random_directions(latents[0].size, self.directions, self.seed)
        return {**evaluate(model.decoder_products, latents, directions),
                'conditioning_latents': len(latents), 'conditioning_directions': len(directions)}
