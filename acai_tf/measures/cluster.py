"""K-means on latents, or on pixels, against the classes (ACAI, section 4.2; released cluster.py)."""

import contextlib
import hashlib
import logging
import os

import numpy as np
import tqdm

from acai_tf import features
from acai_tf.errors import DataError
from acai_tf.evaluation import clustering
from acai_tf.measures.base import Measure
from acai_tf.measures.subjects import PIXELS
from acai_tf.models.hyperparameter import Hyperparameter

_logger = logging.getLogger(__name__)

_MOST_TRAINING_IMAGES = 60000  # as released: the first of the training set


class Cluster(Measure):
    """`accuracy` and `train_accuracy`: percent under the best matching of clusters and classes; `objective` and
    `test_objective`: sum of squared distances to the centers (NaN if whitening meets axes in which nothing varies).

    Args:
        partial: prefix of a file that keeps the finished restarts, so that a stopped measurement can be resumed; None:
            nothing is kept.
    """

    program = 'acai_cluster'
    n_init = Hyperparameter(1000, 'how many random starts; the best counts', minimum=1)
    use_svd = Hyperparameter(None, 'whether to whiten by the training set: 1 or 0 (default: 1; for pixels 0)', kind=int,
                             minimum=0, maximum=1)
    seed = Hyperparameter(0, 'seed of the random starts', minimum=0)

    def __init__(self, partial=None, **options):
        super().__init__(**options)
        self._partial, self._state = partial, None

    def measure(self, model, dataset):
        use_svd = model is not PIXELS if self.use_svd is None else self.use_svd
        (train, train_labels), (test, test_labels) = (
            features.of_dataset(model, dataset, split, _MOST_TRAINING_IMAGES if split == 'train' else None)
            for split in features.SPLITS)
        train, test = train.reshape(len(train), -1), test.reshape(len(test), -1)
        if len(train) < dataset.nclass:
            raise DataError(f'{dataset.name} has {len(train)} training images, which cannot make {dataset.nclass} clusters')
        if use_svd:
            mean, projection, rank = clustering.whitening(train)
            train, test = ((np.asarray(points, np.float64) - mean) @ projection for points in (train, test))
        if self._partial:
            # Another model, training set or seed starts over; more restarts are added to the finished ones.
            key = hashlib.sha256(train.tobytes() + f'{dataset.nclass} {self.seed}'.encode()).hexdigest()[:16]
            self._state = f'{self._partial}.{key}.partial'
        with tqdm.tqdm(total=self.n_init, unit='restart', disable=None) as bar:
            objective, centers = clustering.kmeans(train, dataset.nclass, self.n_init, self.seed, self._state,
                                                   progress=lambda done: bar.update(done - bar.n))
        train_clusters, _ = clustering.assign(train, centers)
        test_clusters, test_objective = clustering.assign(test, centers)
        if use_svd and rank < len(projection):
            _logger.warning('%d training images vary in %d of the %d dimensions: test_objective is undefined, and the '
                            'clusters of the test images mean little; try --use_svd=0', len(train), rank, len(projection))
            test_objective = float('nan')
        return {'accuracy': clustering.clustering_accuracy(test_labels, test_clusters),
                'train_accuracy': clustering.clustering_accuracy(train_labels, train_clusters),
                'objective': objective, 'test_objective': test_objective}

    def clean_up(self):
        if self._state:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._state)
