"""Faithfulness of interpolations to a change of pose (AEAI, section 4.2).

Between two images of an object with poses L degrees apart there are true images. Every interpolation in latent space is
compared with them. The docstrings state the choices that the paper leaves open (which images an interval has, which images
are searched for the nearest). Mean squared errors are on [0, 1].
"""

import dataclasses
import functools

import numpy as np

from acai_tf.datasets import pole
from acai_tf.errors import DataError
from acai_tf.metrics.base import Metric

_LENGTHS = range(15, 85, 5)  # degrees of azimuth
_ALTITUDES = 20, 30  # degrees of altitude: intervals shorter than the whole range
# Names of the intervals for errors by alpha and realism, for the retrieved alpha, and for parameter distances.
_BY_ALPHA, _RETRIEVAL = 'azimuth_80', 'azimuth_70'
_DISTANCES = 'azimuth_40', 'azimuth_60', 'azimuth_80', *(f'altitude_{length}' for length in _ALTITUDES), 'altitude'
# Degrees of altitude; above this, a pole's shadows differ too little to reveal the azimuth.
_HIGHEST_RETRIEVAL = 65
_CHUNK = 1024  # frames decoded at a time


@dataclasses.dataclass(frozen=True)
class Interval:
    """Interpolations over equal changes of pose.

    Attributes:
        name: such as 'azimuth_80' or 'altitude_20'; 'altitude' for the whole range of altitudes.
        paths: int [starts, m], indices of the true images from each start to its end.
        span: degrees between start and end.
    """
    name: str
    paths: np.ndarray
    span: float

    @property
    def alphas(self):
        """Alphas [m - 2] of the frames between both ends."""
        return np.arange(1, self.paths.shape[1] - 1) / (self.paths.shape[1] - 1)

    @property
    def inner(self):
        """Indices of the true images of those frames: int [starts, m - 2]."""
        return self.paths[:, 1:-1]


def evaluate(encode, decode, images: np.ndarray, poses: np.ndarray, is_test: np.ndarray,
             realistic: np.ndarray | None = None) -> dict[str, dict]:
    """Computes values of linear interpolations of a model's latents, over intervals of azimuth and altitude.

    An interval of L degrees has L / step images, rounded; its ends are the first and the last, as in the paper (80 degrees
    in steps of 5: 16 images, which span 75 degrees). Every image that is followed by a whole interval is a start. Azimuths
    wrap if they cover the full circle. Only the inner frames count.

    Args:
        encode: images [n, h, w, c] in [-1, 1] -> latents [n, ...].
        decode: latents -> images.
        images, poses, is_test: from `load_poses()` of a data set, for one object: [n, h, w, c], [n, 2] azimuth and altitude
            in degrees, bool [n].
        realistic: all possible images [k, h, w, c]; adds `realism`.

    Returns:
        `{'all': ..., 'held_out': ..., 'up_to_65': ...}`: over all frames; over frames with a true image from the test set;
        and, only for `retrieved_alpha` and only if there are higher altitudes, over frames with altitudes up to 65, because
        above that a pole's shadows differ too little. Each is {value: {interval: number or dict}}:

        mse: mean squared error of the frames.
        mse_by_alpha: for each alpha, the `mean` and `deviation` of that error over the starts (80 degrees; altitude).
        retrieved_alpha: (azimuth - start) / span, for the azimuth of the image nearest to a frame, among all images. For
            each alpha, the `median`, `lower_quartile` and `upper_quartile`; also `error`, mean |median - alpha|, and the
            mean `interquartile_range` (70 degrees).
        parameter_distance: from the nearest image's pose to the poses of both ends, hypot of the differences in degrees. For
            each alpha, the means `to_source` and `to_target`; also `deviation` from straight lines, divided by the `span` in
            degrees (azimuth of 40, 60 and 80 degrees; altitude of 20 and 30 degrees and all).
        realism: mean squared error to the nearest possible image (80 degrees).

    Raises:
        DataError: the azimuths do not have equal steps.
    """
    poses, is_test, latents = np.asarray(poses, np.float64), np.asarray(is_test, bool), np.asarray(encode(images))
    truth, possible = _Candidates(images), None if realistic is None else _Candidates(realistic)
    is_low = poses[:, 1] <= _HIGHEST_RETRIEVAL
    values = {'all': {}, 'held_out': {}, 'up_to_65': {}}

    def add(subset, interval, of_interval):
        for name, value in of_interval.items():
            values[subset].setdefault(name, {})[interval.name] = value
    for interval in intervals(poses):
        frames = _compare(interval, latents, decode, truth, possible)
        add('all', interval, _values(interval, poses, frames, np.ones(interval.inner.shape, bool)))
        add('held_out', interval, _values(interval, poses, frames, is_test[interval.inner]))
        mask = is_low[interval.inner]
        if interval.name == _RETRIEVAL and not is_low.all() and mask.any():
            add('up_to_65', interval, {'retrieved_alpha': _retrieved(interval, poses, frames['nearest'], mask)})
    return {subset: of_subset for subset, of_subset in values.items() if of_subset}


def grouped(poses, by):
    """Groups an object's images by azimuth (`by` 0) or altitude (1), each group sorted by the other angle: poses [n, 2] ->
    list of int [m], indices."""
    order = np.lexsort((poses[:, 1 - by], poses[:, by]))
    return np.split(order, 1 + np.flatnonzero(np.diff(poses[order, by])))


def intervals(poses):
    """Returns all intervals that an object's poses [n, 2] allow. Raises DataError if the azimuths at an altitude do not have
    equal steps, or if there are too few."""
    rings, columns = grouped(poses, 1), grouped(poses, 0)
    steps = np.concatenate([np.diff(poses[ring, 0]) for ring in rings])
    if not len(steps) or not np.allclose(steps, steps[0]) or steps[0] <= 0:
        raise DataError('the azimuths must have equal steps, the same at every altitude, and no two images may have the '
                        'same pose')
    step, result = float(steps[0]), []
    for length in _LENGTHS:
        count = round(length / step)
        paths = [path for ring in rings for path in _along(ring, count, closed=np.isclose(step * len(ring), 360))]
        if count >= 3 and paths:
            result.append(Interval(f'azimuth_{length}', np.array(paths), step * (count - 1)))
    count = max(map(len, columns))
    columns = np.array([column for column in columns if len(column) == count])
    altitudes = poses[columns[0], 1]
    even = np.allclose(np.diff(altitudes, 2), 0) and (poses[columns, 1] == altitudes).all()
    if count >= 3 and even:
        step = float(altitudes[1] - altitudes[0])
        for length in _ALTITUDES:
            m = round(length / step)
            if 3 <= m < count:
                paths = [path for column in columns for path in _along(column, m, closed=False)]
                result.append(Interval(f'altitude_{length}', np.array(paths), step * (m - 1)))
        result.append(Interval('altitude', columns, step * (count - 1)))
    if not result:
        raise DataError('there are too few images for an interval of azimuth or altitude with a true image in between')
    return result


def _along(ring, count, closed):
    """Paths of `count` images along a ring [n], from each start: list of int [count]."""
    starts = len(ring) if closed else len(ring) - count + 1
    return [np.take(ring, range(start, start + count), mode='wrap') for start in range(starts)]


# ---- frames


class _Candidates:
    """Finds the nearest of some images: `images` [k, pixels] in [0, 1]."""

    def __init__(self, images):
        self.images = _unit(images)
        self._center = self.images.mean(axis=0)  # differences of large products would lose digits
        self._centered = self.images - self._center
        self._squares = np.sum(np.square(self._centered), axis=1)

    def nearest(self, frames):
        """Index of the image nearest to each frame [n, pixels]."""
        return np.argmin(self._squares - 2 * (frames - self._center) @ self._centered.T, axis=1)


def _unit(images):
    """Images in [-1, 1] -> float32 [n, pixels] in [0, 1]."""
    images = np.asarray(images, np.float32)
    return images.reshape(len(images), -1) / 2 + 0.5


def _compare(interval, latents, decode, truth, possible):
    """Compares the inner frames with the images: {name: [starts, m - 2]}, with only the values that the interval needs.

    `mse` to the true image, index of the `nearest` image, and `realism`, the error to the nearest possible image.
    """
    alphas, rows = interval.alphas, max(1, _CHUNK // len(interval.alphas))
    weights = alphas.reshape(1, -1, *[1] * (latents.ndim - 1))
    parts = []
    for begin in range(0, len(interval.paths), rows):
        paths = interval.paths[begin:begin + rows]
        first, last = (latents[paths[:, k]][:, None] for k in (0, -1))
        mixed = ((1 - weights) * first + weights * last).astype(latents.dtype)
        frames = _unit(decode(mixed.reshape(-1, *latents.shape[1:])))
        part = {'mse': _mse(frames, truth.images[paths[:, 1:-1].ravel()])}
        if interval.name in (*_DISTANCES, _RETRIEVAL):
            part['nearest'] = truth.nearest(frames)
        if possible and interval.name == _BY_ALPHA:
            part['realism'] = _mse(frames, possible.images[possible.nearest(frames)])
        parts.append(part)
    return {name: np.concatenate([part[name] for part in parts]).reshape(len(interval.paths), -1) for name in parts[0]}


def _mse(frames, images):
    return np.mean(np.square(frames - images), axis=1)


# ---- values


def _values(interval, poses, frames, mask):
    """{name: value} for the inner frames that the mask [starts, m - 2] selects; `frames` as returned by `_compare`."""
    values = {'mse': _over(np.mean, frames['mse'], mask)}
    if interval.name in (_BY_ALPHA, 'altitude'):
        values['mse_by_alpha'] = _by_alpha(interval, lambda k: {
            name: _over(statistic, frames['mse'][:, k], mask[:, k])
            for name, statistic in (('mean', np.mean), ('deviation', np.std))})
    if interval.name == _RETRIEVAL:
        values['retrieved_alpha'] = _retrieved(interval, poses, frames['nearest'], mask)
    if interval.name in _DISTANCES:
        values['parameter_distance'] = _distances(interval, poses, frames['nearest'], mask)
    if 'realism' in frames:
        values['realism'] = _over(np.mean, frames['realism'], mask)
    return values


def _by_alpha(interval, values):
    """{alpha: values(k)}, where k is the index of the inner frame."""
    return {f'{alpha:.3f}': values(k) for k, alpha in enumerate(interval.alphas)}


def _over(statistic, values, mask):
    """A statistic, np.mean or np.std, of the values that the mask selects; NaN if it selects none."""
    return float(statistic(values[mask], dtype=np.float64)) if mask.any() else float('nan')


def _wrapped(degrees):
    """Differences of azimuth, the shorter way around: (-180, 180]."""
    return 180 - (180 - degrees) % 360


def _retrieved(interval, poses, nearest, mask):
    retrieved = _wrapped(poses[nearest, 0] - poses[interval.paths[:, :1], 0]) / interval.span

    def quartiles(k):
        selected = retrieved[mask[:, k], k]
        low, median, high = np.percentile(selected, [25, 50, 75]) if len(selected) else [np.nan] * 3
        return {'median': float(median), 'lower_quartile': float(low), 'upper_quartile': float(high)}
    by_alpha = _by_alpha(interval, quartiles)
    return {'error': float(np.mean([abs(at['median'] - alpha) for at, alpha in zip(by_alpha.values(), interval.alphas)])),
            'interquartile_range': float(np.mean([at['upper_quartile'] - at['lower_quartile'] for at in by_alpha.values()])),
            'by_alpha': by_alpha}


def _distances(interval, poses, nearest, mask):
    def to(end):
        difference = poses[nearest] - poses[interval.paths[:, end]][:, None]
        return np.hypot(_wrapped(difference[..., 0]), difference[..., 1])
    to_source, to_target = to(0), to(-1)
    by_alpha = _by_alpha(interval, lambda k: {'to_source': _over(np.mean, to_source[:, k], mask[:, k]),
                                              'to_target': _over(np.mean, to_target[:, k], mask[:, k])})
    deviations = [abs(at['to_source'] - alpha * interval.span) + abs(at['to_target'] - (1 - alpha) * interval.span)
                  for at, alpha in zip(by_alpha.values(), interval.alphas)]
    return {'deviation': float(np.mean(deviations)) / 2 / interval.span, 'span': interval.span, 'by_alpha': by_alpha}


# ---- metric


class Poses(Metric):
    """`poses`: {subject: values} (see `evaluate`), for data sets with known poses (`load_poses()`).

    The subjects are the `model`; the `pixel_dissolve`, which interpolates the images themselves; and, for pole64, the
    `straight_tip`, which moves the tip of the shadow along a straight line. Only pole64 has `realism`.
    """

    supports_pixels = False
    _dataset = None

    def check(self, model, dataset):
        super().check(model, dataset)
        intervals(dataset.load_poses()[1])

    def compute(self, model, dataset):
        if self._dataset is not dataset:  # all reports use the same references
            self._evaluate, self._references = _setting(dataset)
            self._dataset = dataset
        return {'poses': {'model': self._evaluate(model.encode, model.decode), **self._references}}

    def summary(self, values):
        of_model = values['poses']['model']['all']
        return super().summary({
            f'poses_{name}_{interval}': value['error'] if name == 'retrieved_alpha' else value
            for name in ('mse', 'retrieved_alpha', 'realism') for interval, value in of_model.get(name, {}).items()
            if interval in (_RETRIEVAL, _BY_ALPHA, 'altitude')})


def _setting(dataset):
    """(`evaluate` on the images of a data set, {subject: values} of the subjects that are not models)."""
    images, poses, is_test = dataset.load_poses()
    size, is_pole = dataset.image_shape[0], dataset.generator == 'pole64'
    of = functools.partial(evaluate, images=np.asarray(images), poses=poses, is_test=is_test,
                           realistic=pole.realistic(size) if is_pole else None)
    values = {'pixel_dissolve': of(np.asarray, np.asarray)}
    if is_pole:
        values['straight_tip'] = of(lambda images: pole.tip_of(poses), lambda tips: pole.draw_shadow(tips, size))
    return of, values
