"""How faithfully interpolations follow a change of pose (AEAI, section 4.2 and appendix C).

Between two images of an object whose poses differ by L degrees there are true images: every interpolation, in latent space,
is compared with them. Where the paper leaves a choice (which images an interval has, which are searched for the nearest),
the docstrings say what is done here. Mean squared errors are on [0, 1].
"""

import dataclasses

import numpy as np

from acai_tf.errors import DataError

# Degrees of azimuth: of the intervals for the errors, of that with the errors by alpha and with the realism, of that for the
# retrieved alpha, and of those for the distances of parameters.
LENGTHS, BY_ALPHA, RETRIEVAL, DISTANCES = range(15, 85, 5), 80, 70, (40, 60, 80)
_CHUNK = 1024  # frames


@dataclasses.dataclass(frozen=True)
class Interval:
    """Interpolations over equal changes of pose.

    Attributes:
        name: such as 'azimuth_80'; 'altitude' for all altitudes that there are.
        paths: int [starts, m], numbers of the true images from each start to its end.
        span: degrees between start and end.
    """
    name: str
    paths: np.ndarray
    span: float

    @property
    def alphas(self):
        """Of the frames between both ends: [m - 2]."""
        return np.arange(1, self.paths.shape[1] - 1) / (self.paths.shape[1] - 1)


def evaluate(encode, decode, images, poses, is_test, realistic=None):
    """Measures of a model whose latents are interpolated linearly, from every start, over intervals of azimuth and altitude.

    An interval of L degrees has L / step images, of which the first and the last are the ends, as in the paper (80 degrees
    in steps of 5: 16 images, which span 75 degrees). Azimuths are wrapped if they go all the way round. What is reported is
    of the inner frames.

    Args:
        encode: images [n, h, w, c] in [-1, 1] -> latents [n, ...].
        decode: latents -> images.
        images, poses, is_test: of one object, as `posed()` of a data set gives them: [n, h, w, c], [n, 2] azimuth and
            altitude in degrees, bool [n].
        realistic: images [k, h, w, c] that are possible; with them there is `realism`.

    Returns:
        `{'all': ..., 'held_out': ..., 'up_to_65': ...}`: over all frames, over those whose true image is of the test set,
        and (`retrieved_alpha` alone, where higher altitudes exist) over those with an altitude up to 65, because higher up
        a pole's shadows differ too little. In each, by interval:

        mse: mean squared error of the frames.
        mse_by_alpha: by alpha, its `mean` and `deviation` over the starts (80 degrees; altitude).
        retrieved_alpha: of the image that is nearest to a frame, among all: (azimuth - start) / span. By alpha the `median`,
            `lower_quartile` and `upper_quartile`; `error`, mean |median - alpha|, and the mean `interquartile_range` (70).
        parameter_distance: from the nearest image's pose to that of both ends, hypot of the differences in degrees. By
            alpha the means `to_source` and `to_target`; `deviation` from straight lines, over the span (40, 60, 80;
            altitude).
        realism: mean squared error to the nearest of the possible images (80).

    Raises:
        DataError: the azimuths do not have equal steps.
    """
    truth, poses, is_test = _Candidates(images), np.asarray(poses, np.float64), np.asarray(is_test, bool)
    latents, possible = np.asarray(encode(images)), None if realistic is None else _Candidates(realistic)
    with_distances = ('altitude', *(f'azimuth_{length}' for length in DISTANCES))
    chosen = {'all': np.ones(len(poses), bool), 'held_out': is_test, 'up_to_65': poses[:, 1] <= 65}
    found = {subset: {} for subset in chosen}

    def add(subset, figure, interval, value):
        found[subset].setdefault(figure, {})[interval.name] = value
    for interval in intervals(poses):
        seen = _look(interval, latents, decode, truth, possible if interval.name == f'azimuth_{BY_ALPHA}' else None,
                     with_nearest=interval.name in (*with_distances, f'azimuth_{RETRIEVAL}'))
        of_starts = interval.paths[:, 1:-1]
        for subset, mask in chosen.items():
            mask = mask[of_starts]
            if interval.name == f'azimuth_{RETRIEVAL}' and (subset != 'up_to_65' or (poses[:, 1] > 65).any() and mask.any()):
                add(subset, 'retrieved_alpha', interval, _retrieved(interval, poses, seen['nearest'], mask))
            if subset == 'up_to_65':
                continue
            add(subset, 'mse', interval, _mean(seen['mse'], mask))
            if interval.name in (f'azimuth_{BY_ALPHA}', 'altitude'):
                add(subset, 'mse_by_alpha', interval, _by_alpha(interval, lambda k, mask=mask, seen=seen: {
                    'mean': _mean(seen['mse'][:, k], mask[:, k]), 'deviation': _deviation(seen['mse'][:, k], mask[:, k])}))
            if interval.name in with_distances:
                add(subset, 'parameter_distance', interval, _distances(interval, poses, seen['nearest'], mask))
            if 'realism' in seen:
                add(subset, 'realism', interval, _mean(seen['realism'], mask))
    return {subset: figures for subset, figures in found.items() if figures}


def intervals(poses):
    """All intervals that an object's poses [n, 2] have.

    Raises:
        DataError: the azimuths at an altitude do not have equal steps, or there are too few.
    """
    rings = [np.flatnonzero(poses[:, 1] == altitude) for altitude in np.unique(poses[:, 1])]
    rings = [ring[np.argsort(poses[ring, 0])] for ring in rings]
    steps = np.concatenate([np.diff(poses[ring, 0]) for ring in rings])
    if not len(steps) or not np.allclose(steps, steps[0]) or steps[0] <= 0:
        raise DataError('the azimuths at each altitude must have equal steps, the same at all altitudes, and no two images '
                        'the same pose')
    step, found = float(steps[0]), []
    for length in LENGTHS:
        count = round(length / step)
        paths = [path for ring in rings for path in _along(ring, count, closed=np.isclose(step * len(ring), 360))]
        if count >= 3 and paths:
            found.append(Interval(f'azimuth_{length}', np.array(paths), step * (count - 1)))
    columns = [np.flatnonzero(poses[:, 0] == azimuth) for azimuth in np.unique(poses[:, 0])]
    columns = [column[np.argsort(poses[column, 1])] for column in columns]
    count = max(map(len, columns))
    columns = np.array([column for column in columns if len(column) == count])
    altitudes = poses[columns[0], 1]
    even = np.allclose(np.diff(altitudes, 2), 0) and (poses[columns, 1] == altitudes).all()
    if count >= 3 and even:
        found.append(Interval('altitude', columns, float(altitudes[-1] - altitudes[0])))
    if not found:
        raise DataError('there are too few images for an interval of azimuth or altitude with a true image in between')
    return found


def _along(ring, count, closed):
    if count > len(ring):
        return []
    starts = len(ring) if closed else len(ring) - count + 1
    return [np.take(ring, range(start, start + count), mode='wrap') for start in range(starts)]


def _unit(images):
    """Images in [-1, 1] -> float32 [n, pixels] in [0, 1]."""
    images = np.asarray(images, np.float32)
    return images.reshape(len(images), -1) / 2 + 0.5


def _look(interval, latents, decode, truth, possible, with_nearest):
    """Of every inner frame [starts, m - 2]: `mse` to the true image; if asked for, number of the `nearest` image; with
    possible images `realism`."""
    alphas, rows = interval.alphas, max(1, _CHUNK // len(interval.alphas))
    weights = alphas.reshape(1, -1, *[1] * (latents.ndim - 1))
    found = {}

    def add(figure, values):
        found.setdefault(figure, []).append(values)
    for begin in range(0, len(interval.paths), rows):
        paths = interval.paths[begin:begin + rows]
        first, last = (latents[paths[:, k]][:, None] for k in (0, -1))
        mixed = ((1 - weights) * first + weights * last).astype(latents.dtype)
        frames = _unit(decode(mixed.reshape(-1, *latents.shape[1:])))
        add('mse', _mse(frames, truth.images[paths[:, 1:-1].ravel()]))
        if with_nearest:
            add('nearest', truth.nearest(frames))
        if possible:
            add('realism', _mse(frames, possible.images[possible.nearest(frames)]))
    return {name: np.concatenate(parts).reshape(len(interval.paths), -1) for name, parts in found.items()}


def _mse(frames, images):
    return np.mean(np.square(frames - images), axis=1)


class _Candidates:
    """Images among which the nearest is searched: `images` [k, pixels] in [0, 1]."""

    def __init__(self, images):
        self.images = _unit(images)
        self._center = self.images.mean(axis=0)  # products of large numbers would lose the digits of their difference
        self._centred = self.images - self._center
        self._squares = np.sum(np.square(self._centred), axis=1)

    def nearest(self, frames):
        """Number of the image that is nearest to each frame [n, pixels]."""
        return np.argmin(self._squares - 2 * (frames - self._center) @ self._centred.T, axis=1)


def _by_alpha(interval, figures):
    return {f'{alpha:.3f}': figures(k) for k, alpha in enumerate(interval.alphas)}


def _mean(values, mask):
    return float(np.mean(values[mask], dtype=np.float64)) if mask.any() else float('nan')


def _deviation(values, mask):
    return float(np.std(values[mask], dtype=np.float64)) if mask.any() else float('nan')


def _wrapped(degrees):
    """Differences of azimuth as the shorter way round: (-180, 180]."""
    return 180 - (180 - degrees) % 360


def _retrieved(interval, poses, nearest, mask):
    retrieved = _wrapped(poses[nearest, 0] - poses[interval.paths[:, :1], 0]) / interval.span

    def quartiles(k):
        values = retrieved[mask[:, k], k]
        low, median, high = np.percentile(values, [25, 50, 75]) if len(values) else [np.nan] * 3
        return {'median': float(median), 'lower_quartile': float(low), 'upper_quartile': float(high)}
    by_alpha = _by_alpha(interval, quartiles)
    return {'error': float(np.mean([abs(at['median'] - a) for at, a in zip(by_alpha.values(), interval.alphas)])),
            'interquartile_range': float(np.mean([at['upper_quartile'] - at['lower_quartile'] for at in by_alpha.values()])),
            'by_alpha': by_alpha}


def _distances(interval, poses, nearest, mask):
    def to(end):
        difference = poses[nearest] - poses[interval.paths[:, end]][:, None]
        return np.hypot(_wrapped(difference[..., 0]), difference[..., 1])
    to_source, to_target = to(0), to(-1)
    by_alpha = _by_alpha(interval, lambda k: {'to_source': _mean(to_source[:, k], mask[:, k]),
                                              'to_target': _mean(to_target[:, k], mask[:, k])})
    deviations = [abs(at['to_source'] - alpha * interval.span) + abs(at['to_target'] - (1 - alpha) * interval.span)
                  for at, alpha in zip(by_alpha.values(), interval.alphas)]
    return {'deviation': float(np.mean(deviations)) / 2 / interval.span, 'by_alpha': by_alpha}
