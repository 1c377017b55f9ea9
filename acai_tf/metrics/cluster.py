"""Accuracy of clusters of latents or pixels, compared with the classes (ACAI, section 4.2; released cluster.py)."""

import hashlib
import logging
import pathlib
from typing import NamedTuple

import numpy as np

from acai_tf import clusterers
from acai_tf.errors import DataError, UsageError
from acai_tf.metrics.learned import LearningMetric
from acai_tf.metrics.subjects import PIXELS
from acai_tf.options import Option, declared, resolve

_logger = logging.getLogger(__name__)

_EPSILON = 1e-5  # added to singular values, as released


class Whitening(NamedTuple):
    """Centers points and scales them to equal variance along the principal axes of a training set.

    z' = (z - mean) V / (s + 1e-5), with mean, right singular vectors V and singular values s of the training set. All
    components are kept. As released there is no factor sqrt(n), so each has variance 1 / n. Computed in float64.

    Attributes:
        mean: [d].
        projection: [d, min(n, d)].
        rank: int, rank of the centered training set. Along axes without variation, other points are magnified by 1e5.
    """
    mean: np.ndarray
    projection: np.ndarray
    rank: int

    def __call__(self, points):
        """Points [n, d] -> float64 [n, min(n, d)]."""
        return (np.asarray(points, np.float64) - self.mean) @ self.projection


def whitening(train):
    """Returns the `Whitening` of a training set [n, d]."""
    train = np.asarray(train, np.float64)
    mean = train.mean(axis=0)
    _, singular_values, axes = np.linalg.svd(train - mean, full_matrices=False)
    # The rounding error of float32 latents in a singular value grows with their norm.
    rank = int((singular_values > np.finfo(np.float32).eps * np.linalg.norm(train)).sum())
    return Whitening(mean, axes.T / (singular_values + _EPSILON), rank)


def clustering_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Percentage of examples in the cluster that is matched to their class, under the best one-to-one matching (Hungarian
    method). Both are int [n], counted from 0; the numbers of classes and clusters may differ."""
    counts, pairs = _matched(labels, clusters)
    return 100.0 * counts[pairs].sum() / len(labels)


def matching(labels, clusters, count):
    """The class of each of `count` clusters under the best matching: int [count]; -1 for a cluster without a class."""
    counts, (matched_classes, matched_clusters) = _matched(labels, clusters)
    classes = np.full(max(count, len(counts)), -1)
    classes[matched_clusters] = np.where(matched_classes <= np.max(labels), matched_classes, -1)
    return classes[:count]


def _matched(labels, clusters):
    """Returns (counts [size, size] of classes and clusters, (classes, clusters) of the best matching)."""
    from scipy.optimize import linear_sum_assignment
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.shape != clusters.shape or not labels.size:
        raise ValueError(f'labels {list(labels.shape)} and clusters {list(clusters.shape)} must be [n], with the same n > 0')
    if min(labels.min(), clusters.min()) < 0:
        raise ValueError(f'labels and clusters must be at least 0, but one is {min(labels.min(), clusters.min())}')
    size = 1 + max(labels.max(), clusters.max())
    counts = np.zeros([size, size], np.int64)
    np.add.at(counts, (labels, clusters), 1)
    return counts, linear_sum_assignment(counts, maximize=True)


class Cluster(LearningMetric):
    """`accuracy` and `train_accuracy`: percent under the best matching of clusters and classes (NaN if all labels are the
    same). `objective` and `test_objective`: the method's own loss, for K-means the sum of squared distances to the centers;
    `test_objective` is NaN if whitening finds axes without variation.

    Args:
        partial: prefix of a file that keeps finished work, so that a stopped computation can resume; None: nothing is kept.
        **options: the options below, and the method's own (see its class in acai_tf.clusterers).
    """

    program = 'acai_cluster'
    most_training_images = 60000  # as released: the first ones
    method = Option('kmeans', 'clustering method', choices=clusterers.names())
    clusters = Option(0, 'number of clusters; 0: the number of classes', minimum=0)
    use_svd = Option(None, 'whiten by the training set: 1 or 0 (default: 1; for pixels 0)', kind=int, minimum=0, maximum=1)
    seed = Option(0, 'seed of all random draws', minimum=0)

    def __init__(self, partial=None, load=None, **options):
        self._partial, self._state = partial, None
        super().__init__(load, **options)

    def _count(self, dataset):
        return self.clusters or dataset.nclass

    def unsupported_reason(self, dataset):
        if not self._load and self._count(dataset) < 2:
            because = 'one is not enough' if self.clusters else f'{dataset.name} has one class'
            return f'needs the number of clusters, at least 2, because {because}: --clusters=10'

    def set_options(self, given, owner):
        own = declared(type(self))
        super().set_options({name: value for name, value in given.items() if name in own}, owner)
        self._given = {name: value for name, value in given.items() if name not in own}
        self._resolve(on_latents=True)  # `learn` says if they are pixels

    def _resolve(self, on_latents):
        cls = clusterers.REGISTRY.get(self.method)
        defaults = cls.on_latents if on_latents else {}
        self._method_options = resolve(f'clusterer {self.method}', cls, {**defaults, **self._given})

    def options(self):
        return {**super().options(), **self._method_options}

    @classmethod
    def methods(cls):
        return {name: clusterers.REGISTRY.get(name) for name in clusterers.names()}

    @property
    def label(self):
        return self.name if self.method == 'kmeans' else f'{self.name}-{self.method}'

    def learn(self, model, dataset, points, labels):
        del labels
        clusters = self._count(dataset)
        if len(points) < clusters:
            raise DataError(f'{dataset.name} has {len(points)} training images, too few for {clusters} clusters')
        on_latents = model is not PIXELS
        self._whitening = whitening(points) if (on_latents if self.use_svd is None else self.use_svd) else None
        self._resolve(on_latents)
        points = self._whitened(points)
        self._clusterer = clusterers.create(self.method, points.shape[1], clusters, self.seed, **self._method_options)
        for (other, value), names in self._clusterer.idle.items():
            for name in names:
                if name in self._given and getattr(self._clusterer, other) == value:
                    raise UsageError(f'{name}={self._given[name]} has no effect with {other}={value}; leave it out')
        if self._partial:
            # Another model, training set or seed starts over; a larger n_init adds to the finished restarts.
            key = hashlib.sha256(np.ascontiguousarray(points))
            key.update(self._clusterer.fingerprint().encode())
            self._state = f'{self._partial}.{key.hexdigest()[:16]}.partial'
        self._clusterer.learn(points, self._state)

    def restore(self, width, arrays):
        self._whitening = None
        if 'projection' in arrays:
            self._whitening = Whitening(arrays['mean'], arrays['projection'], int(arrays['rank']))
            width = arrays['projection'].shape[1]
        self._classes = arrays['classes']
        self._clusterer = clusterers.create(self.method, width, len(self._classes), self.seed, **self._method_options)
        self._clusterer.restore(arrays)

    def arrays(self):
        whitening_arrays = self._whitening._asdict() if self._whitening else {}
        return {**whitening_arrays, **self._clusterer.arrays(), 'classes': self._classes}

    def answers(self, points):
        return {'clusters': self._clusterer.predict(self._whitened(points))}

    def values(self, dataset, points, answers):
        del dataset
        if self._load is None:
            self._classes = matching(answers['test']['labels'], answers['test']['clusters'], self._clusterer.clusters)
        for of_split in answers.values():
            of_split['classes'] = self._classes[of_split['clusters']]
        objective = self._clusterer.objective
        if objective is None:
            objective = self._clusterer.score(self._whitened(points['train'][:self.most_training_images]))
        test_objective = self._clusterer.score(self._whitened(points['test']))
        if self._whitening and self._whitening.rank < len(self._whitening.projection):
            _logger.warning('the clustered images vary in only %d of %d dimensions: test_objective is undefined, and the '
                            'clusters of other images mean little; try --use_svd=0', self._whitening.rank,
                            len(self._whitening.projection))
            test_objective = float('nan')
        return {'accuracy': _accuracy(answers['test']), 'train_accuracy': _accuracy(answers['train']),
                'objective': objective, 'test_objective': test_objective}

    def _whitened(self, points):
        return points if self._whitening is None else self._whitening(points)

    def clean_up(self):
        if self._state:
            pathlib.Path(self._state).unlink(missing_ok=True)


def _accuracy(answers):
    labels = answers['labels']
    if (labels == labels[0]).all():
        _logger.warning('all labels are the same, so there are no classes to compare the clusters with')
        return float('nan')
    return clustering_accuracy(labels, answers['clusters'])
