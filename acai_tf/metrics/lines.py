"""Mean Distance and Smoothness of interpolations between lines (ACAI, section 3.1; released lib/eval.py).

Every frame is compared with a dictionary of 10,000 lines. Mean Distance is the mean cosine distance to the nearest line.
Smoothness measures the largest jump of the nearest lines' angles along an interpolation.
"""

import functools

import numpy as np

from acai_tf.datasets.lines import draw_line
from acai_tf.latents import reading
from acai_tf.metrics.base import Metric
from acai_tf.options import Option

_STEPS = 16  # frames of an interpolation
_DICTIONARY_SIZE = 10000
_CHUNK = 512  # images compared at a time; limits memory use
# Smoothness is undefined if the turn from first to last angle is smaller than this.
_LEAST_TURN = 1e-4
# The float32 cosine below differs from the float64 one by less than this (tests/metrics/lines_test.py).
_FLOAT32_ERROR = 1e-6


@functools.lru_cache(maxsize=2)
def _dictionary(height, width):
    """(angles [10000], lines as float64 unit vectors [10000, h*w], float32 matrix [h*w + 1, 10000] for the search).

    A line is -1 except at about 40 pixels. The matrix therefore holds each unit vector's difference from its background,
    and the background in its last row. Float32 products then keep about 7 digits; 1024 terms of -1 * -1 would lose two.
    """
    angles = np.arange(_DICTIONARY_SIZE) * (2 * np.pi / _DICTIONARY_SIZE)
    lines = np.asarray(draw_line(angles, height, width), np.float64).reshape(_DICTIONARY_SIZE, -1)
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    background = lines.min(axis=1)
    search = np.concatenate([(lines - background[:, None]).T, background[None]])
    return angles, lines, np.ascontiguousarray(search, np.float32)


def closest_line(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest line of each image.

    The search is in float32. Lines within rounding error of the best are ranked again in float64, because the float32 search
    alone moves the nearest angle by up to three dictionary entries. Ties go to the smallest angle.

    Args:
        images: float [..., h, w, 1], not clipped, as in the released code.

    Returns:
        (distance, angle), float64 [...]: cosine distance in [0, 2], and angle in [0, 2 pi). NaN for an image that has NaN
        or is all zero.
    """
    images = np.asarray(images)
    *leading, height, width, _ = images.shape
    angles, lines, search = _dictionary(height, width)
    flat = images.reshape(-1, height * width)
    distance, angle = (np.full(len(flat), np.nan) for _ in range(2))
    for start in range(0, len(flat), _CHUNK):
        block = flat[start:start + _CHUNK].astype(np.float64)
        norm = np.linalg.norm(block, axis=1, keepdims=True)
        usable = np.flatnonzero((norm[:, 0] > 0) & np.isfinite(norm[:, 0]))
        block = block[usable] / norm[usable]
        cosine = np.concatenate([block, block.sum(axis=1, keepdims=True)], axis=1).astype(np.float32) @ search
        rows, columns = np.nonzero(cosine >= cosine.max(axis=1, keepdims=True) - 2 * _FLOAT32_ERROR)
        exact = np.einsum('ij,ij->i', block[rows], lines[columns])
        # Stable sort: by image, then by decreasing cosine, then by angle; each image's first entry is its nearest line.
        order = np.lexsort((columns, -exact, rows))
        first = order[np.searchsorted(rows[order], np.arange(len(block)))]
        distance[start + usable], angle[start + usable] = 1 - exact[first], angles[columns[first]]
    return distance.reshape(leading), angle.reshape(leading)


def smoothness_score(angles: np.ndarray) -> np.ndarray:
    """Largest change of angle between frames as a share of the whole turn, minus the same share for an even turn.

    Args:
        angles: [n, steps], angles of the nearest lines in radians.

    Returns:
        float64 [n]: 0 for an even turn, 1 - 1 / (steps - 1) for a single jump; NaN (undefined) if the first and last angles
        are equal (within 1e-4).
    """
    angles = np.unwrap(np.asarray(angles, np.float64), axis=-1)
    turn = np.abs(angles[..., 0] - angles[..., -1])
    with np.errstate(invalid='ignore', divide='ignore'):
        score = np.abs(np.diff(angles, axis=-1)).max(axis=-1) / turn - 1 / (angles.shape[-1] - 1)
        return np.where(turn < _LEAST_TURN, np.nan, score)


def mean_smoothness(scores, nan_policy='zero'):
    """Mean of smoothness scores; NaN if all are undefined.

    Args:
        scores: [n], as from `smoothness_score`.
        nan_policy: 'zero' replaces undefined scores by zero, as the released code does; 'ignore' leaves them out.
    """
    scores = np.asarray(scores)
    defined = scores[~np.isnan(scores)]
    if nan_policy not in ('zero', 'ignore'):
        raise ValueError(f"nan_policy={nan_policy!r}: must be 'zero' or 'ignore'")
    if not len(defined):
        return float('nan')
    return float(defined.sum() / (len(scores) if nan_policy == 'zero' else len(defined)))


def line_eval(interpolations: np.ndarray, nan_policy: str = 'zero') -> tuple[float, float]:
    """Mean Distance and mean Smoothness of interpolations [n, steps, h, w, 1]; `nan_policy` as for `mean_smoothness`."""
    values = evaluate(interpolations, nan_policy)
    return values['mean_distance'], values['mean_smoothness']


def evaluate(interpolations, nan_policy='zero'):
    """Like `line_eval`, but returns {name: value}: `mean_distance`, `mean_smoothness`, and `undefined_interpolations`, the
    number of interpolations without a Smoothness."""
    distance, angle = closest_line(interpolations)
    scores = smoothness_score(angle)
    return {'mean_distance': float(distance.mean()), 'mean_smoothness': mean_smoothness(scores, nan_policy),
            'undefined_interpolations': int(np.isnan(scores).sum())}


class Lines(Metric):
    """`mean_distance`, `mean_smoothness` and `undefined_interpolations`, from 16 frames between each of 256 fixed pairs."""

    supports_pixels = False
    nan_policy = Option('zero', 'undefined Smoothness: zero, as released, or ignored', choices=('zero', 'ignore'))

    def unsupported_reason(self, dataset):
        return None if dataset.evaluation_pairs else f'is for lines32, not {dataset.name}'

    def compute(self, model, dataset):
        return evaluate(reading.between(model, *dataset.evaluation_pairs, _STEPS), self.nan_policy)
