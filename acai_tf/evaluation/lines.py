"""How well interpolations between lines look like lines (ACAI, section 3.1; released lib/eval.py).

Every frame is compared with a dictionary of 10,000 lines. Mean Distance is the mean cosine distance to the nearest;
Smoothness measures the largest jump of the nearest lines' angles along an interpolation.
"""

import functools

import numpy as np

from acai_tf.datasets.lines import draw_line

_DICTIONARY_SIZE = 10000
# A smaller turn than this, first angle to last, leaves Smoothness undefined.
_LEAST_TURN = 1e-4
# The float32 cosine below is this near to the float64 one (tests/evaluation_test.py).
_FLOAT32_ERROR = 1e-6


@functools.lru_cache(maxsize=2)
def _dictionary(height, width):
    """(angles [10000], lines as float64 unit vectors [10000, h*w], float32 matrix [h*w + 1, 10000] for the search).

    A line is -1 except at some 40 pixels. The matrix therefore holds each unit vector's difference from its background,
    and the background in its last row: float32 products then keep some 7 digits, where 1024 terms of -1 * -1 would lose
    two of them.
    """
    angles = np.arange(_DICTIONARY_SIZE) * (2 * np.pi / _DICTIONARY_SIZE)
    lines = np.asarray(draw_line(angles, height, width), np.float64).reshape(_DICTIONARY_SIZE, -1)
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    background = lines.min(axis=1)
    search = np.concatenate([(lines - background[:, None]).T, background[None]])
    return angles, lines, np.ascontiguousarray(search, np.float32)


def closest_line(images, chunk=512):
    """The nearest line of each image.

    The search is in float32; lines within its rounding error of the best are ranked again in float64, because the
    float32 search alone moves the nearest angle by up to three dictionary entries. Of equally near lines the one with
    the smallest angle wins.

    Args:
        images: float [..., h, w, 1], not clipped, as the released code compares them.
        chunk: images compared at a time; bounds the memory.

    Returns:
        (distance, angle), float64 [...]: cosine distance in [0, 2], and angle in [0, 2 pi). NaN if an image has NaN
        or is all zero.
    """
    images = np.asarray(images)
    *leading, height, width, _ = images.shape
    angles, lines, search = _dictionary(height, width)
    flat = images.reshape(-1, height * width)
    distance, angle = (np.full(len(flat), np.nan) for _ in range(2))
    for start in range(0, len(flat), chunk):
        block = flat[start:start + chunk].astype(np.float64)
        norm = np.linalg.norm(block, axis=1, keepdims=True)
        usable = np.flatnonzero((norm[:, 0] > 0) & np.isfinite(norm[:, 0]))
        block = block[usable] / norm[usable]
        cosine = np.concatenate([block, block.sum(axis=1, keepdims=True)], axis=1).astype(np.float32) @ search
        rows, columns = np.nonzero(cosine >= cosine.max(axis=1, keepdims=True) - 2 * _FLOAT32_ERROR)
        exact = np.einsum('ij,ij->i', block[rows], lines[columns])
        # Stable sort: by image, then by falling cosine, then by angle; the first of each image is its nearest line.
        order = np.lexsort((columns, -exact, rows))
        first = order[np.searchsorted(rows[order], np.arange(len(block)))]
        distance[start + usable], angle[start + usable] = 1 - exact[first], angles[columns[first]]
    return distance.reshape(leading), angle.reshape(leading)


def smoothness_score(angles):
    """Largest change of angle between frames, as a share of the whole turn, minus that of an even turn.

    Args:
        angles: [n, steps] in radians, of the nearest lines.

    Returns:
        float64 [n]: 0 for an even turn, 1 - 1 / (steps - 1) for one jump; NaN, undefined, if the first and last angles are
        the same (within 1e-4).
    """
    angles = np.unwrap(np.asarray(angles, np.float64), axis=-1)
    turn = np.abs(angles[..., 0] - angles[..., -1])
    with np.errstate(invalid='ignore', divide='ignore'):
        score = np.abs(np.diff(angles, axis=-1)).max(axis=-1) / turn - 1 / (angles.shape[-1] - 1)
        return np.where(turn < _LEAST_TURN, np.nan, score)


def mean_smoothness(scores, nan_policy='zero'):
    """Mean of smoothness scores [n]; NaN if all are undefined.

    Args:
        scores: as from `smoothness_score`.
        nan_policy: 'zero' counts undefined ones as zero, as the released code does; 'ignore' leaves them out.
    """
    scores = np.asarray(scores)
    defined = scores[~np.isnan(scores)]
    if nan_policy not in ('zero', 'ignore'):
        raise ValueError(f"nan_policy={nan_policy!r}: must be 'zero' or 'ignore'")
    if not len(defined):
        return float('nan')
    return float(defined.sum() / (len(scores) if nan_policy == 'zero' else len(defined)))


def line_eval(interpolations, nan_policy='zero'):
    """Mean Distance and Smoothness of interpolations [n, steps, h, w, 1]: (float, float)."""
    scores = evaluate(interpolations, nan_policy)
    return scores['mean_distance'], scores['mean_smoothness']


def evaluate(interpolations, nan_policy='zero'):
    """Like `line_eval`, as a dict that also counts the interpolations whose Smoothness is undefined:
    `mean_distance`, `mean_smoothness`, `undefined_interpolations`."""
    distance, angle = closest_line(interpolations)
    scores = smoothness_score(angle)
    return {'mean_distance': float(distance.mean()), 'mean_smoothness': mean_smoothness(scores, nan_policy),
            'undefined_interpolations': int(np.isnan(scores).sum())}
