"""How evenly interpolations move, and how near their frames are to real images."""

import numpy as np

from acai_tf import features, interpolation
from acai_tf.errors import DataError
from acai_tf.evaluation import neighbours, paths
from acai_tf.measures.base import Measure
from acai_tf.models.hyperparameter import Hyperparameter


class Path(Measure):
    """Linear interpolations between pairs of different test images, and (`path_fade_...`) the straight fade of the pixels of
    the same pairs: `step_variation`, `largest_step`, `length` and `still` as `evaluation.paths.evaluate` gives them, and
    `nearest_train`, the mean cosine distance of a frame to the nearest training image.

    `path_test_nearest_train` is that of the test images themselves, `path_pairs` the number of pairs.
    """

    of_pixels = False
    pairs = Hyperparameter(256, 'pairs of test images between which is interpolated; fewer where there are fewer', minimum=1)
    frames = Hyperparameter(16, 'images of an interpolation, both ends included', minimum=3)
    seed = Hyperparameter(0, 'seed of what a measure draws', minimum=0)

    def measure(self, model, dataset):
        size = features.size(dataset, 'test')
        pairs = min(self.pairs, size // 2)
        if not pairs:
            raise DataError(f'{dataset.name} has {size} test images; the measure path needs a pair')
        chosen = features.rows(dataset, 'test', np.random.default_rng(self.seed).permutation(size)[:2 * pairs])
        starts, ends = np.split(chosen, 2)
        groups = {'path_': features.between(model, starts, ends, self.frames),
                  'path_fade_': interpolation.path(starts, ends, self.frames).numpy()}
        found = {'path_pairs': pairs}
        for prefix, frames in groups.items():
            found.update({prefix + key: value for key, value in paths.evaluate(frames).items()})
        groups = {**{key: frames.reshape(-1, *dataset.image_shape) for key, frames in groups.items()}, 'path_test_': chosen}
        nearest = neighbours.nearest_distance(np.concatenate(list(groups.values())), features.batches(dataset, 'train'))
        found.update({f'{prefix}nearest_train': float(distances.mean()) for prefix, distances in zip(
            groups, np.split(nearest, np.cumsum([len(frames) for frames in groups.values()])[:-1]))})
        return found
