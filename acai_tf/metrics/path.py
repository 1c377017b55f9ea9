"""Evenness of interpolations and their distance to real images, for any kind of images."""

import numpy as np

from acai_tf import interpolation
from acai_tf.errors import DataError
from acai_tf.latents import neighbours, reading
from acai_tf.metrics.base import Metric
from acai_tf.options import Option

# A smaller difference between frames in [-1, 1] is rounding.
_STILL = 1e-6


def evaluate(frames):
    """Values of paths [n, steps, ...] through image space. A step is the RMS difference between neighboring frames.

    Returns:
        {name: value}, means over the paths: `step_variation`, the standard deviation of a path's steps over their mean (0:
        even); `largest_step`, over the mean step (1: even; steps - 1: one jump); `length`, the sum of the steps over the RMS
        distance of the ends (1: straight). Paths that do not move are left out and counted in `still`. NaN if no path moves,
        or if a frame is not finite.
    """
    steps, spans = (np.stack([_rms(part) for part in parts]) for parts in (
        (np.diff(path, axis=0) for path in frames), (path[-1:] - path[:1] for path in frames)))
    still = (steps.max(axis=1) < _STILL) | (spans[:, 0] < _STILL)
    steps, spans = steps[~still], spans[~still, 0]
    mean = steps.mean(axis=1)
    by_path = {'step_variation': steps.std(axis=1) / mean, 'largest_step': steps.max(axis=1) / mean,
               'length': steps.sum(axis=1) / spans}
    return {**{name: float(values.mean()) if len(values) else float('nan') for name, values in by_path.items()},
            'still': int(still.sum())}


def _rms(differences):
    """Root mean square of each difference: [k, ...] -> float64 [k]."""
    return np.sqrt(np.square(differences.reshape(len(differences), -1)).mean(axis=1, dtype=np.float64))


class Path(Metric):
    """Linear interpolations between pairs of different test images (`path_...`), and straight fades between the pixels of
    the same pairs (`path_fade_...`): `step_variation`, `largest_step`, `length` and `still` (see `evaluate`), and
    `nearest_train`, the mean cosine distance of a frame to the nearest training image.

    `path_test_nearest_train` is the distance for the test images themselves, `path_pairs` the number of pairs.
    """

    supports_pixels = False
    pairs = Option(256, 'pairs of test images to interpolate between; at most half the test set', minimum=1)
    frames = Option(16, 'images per interpolation, both ends included', minimum=3)
    seed = Option(0, 'seed of the random numbers', minimum=0)

    def compute(self, model, dataset):
        size = reading.size(dataset, 'test')
        pairs = min(self.pairs, size // 2)
        if not pairs:
            raise DataError(f'{dataset.name} has {size} test images; the metric path needs a pair')
        test = reading.rows(dataset, 'test', np.random.default_rng(self.seed).permutation(size)[:2 * pairs])
        starts, ends = np.split(test, 2)
        paths = {'path_': reading.between(model, starts, ends, self.frames),
                 'path_fade_': interpolation.path(starts, ends, self.frames).numpy()}
        values = {'path_pairs': pairs}
        for prefix, frames in paths.items():
            values.update({prefix + name: value for name, value in evaluate(frames).items()})
        images = {**{prefix: frames.reshape(-1, *dataset.image_shape) for prefix, frames in paths.items()},
                  'path_test_': test}
        nearest = neighbours.mean_nearest_distances(images, reading.batches(dataset, 'train'))
        return values | {f'{prefix}nearest_train': distance for prefix, distance in nearest.items()}
