"""Clusters of latents, or of pixels, against the classes (ACAI, section 4.2; released cluster.py)."""

import contextlib
import hashlib
import logging
import os

import numpy as np

from acai_tf import clusterers
from acai_tf.errors import DataError, UsageError
from acai_tf.evaluation import clustering
from acai_tf.measures.learned import LearningMeasure
from acai_tf.measures.subjects import PIXELS
from acai_tf.models import hyperparameter
from acai_tf.models.hyperparameter import Hyperparameter

_logger = logging.getLogger(__name__)


class Cluster(LearningMeasure):
    """`accuracy` and `train_accuracy`: percent under the best matching of clusters and classes (NaN if all labels are the
    same); `objective` and `test_objective`: the method's own loss, for K-means the sum of squared distances to the centers
    (NaN if whitening meets axes in which nothing varies).

    Args:
        partial: prefix of a file that keeps what is done, so that a stopped measurement can be resumed; None: nothing is
            kept.
        **options: those below, and the method's own (see its class in acai_tf.clusterers).
    """

    program = 'acai_cluster'
    most_training_images = 60000  # as released: the first of the training set
    method = Hyperparameter('kmeans', f'how the points are clustered: {", ".join(clusterers.names())}',
                            choices=clusterers.names())
    use_svd = Hyperparameter(None, 'whether to whiten by the training set: 1 or 0 (default: 1; for pixels 0)', kind=int,
                             minimum=0, maximum=1)
    seed = Hyperparameter(0, 'seed of all that is random', minimum=0)

    def __init__(self, partial=None, load=None, **options):
        self._partial, self._state = partial, None
        super().__init__(load, **options)

    def take(self, options):
        own = hyperparameter.declared(type(self))
        super().take({key: value for key, value in options.items() if key in own})
        self._given = {key: value for key, value in options.items() if key not in own}
        self._of_method = self._resolved(self._given)

    def _resolved(self, given):
        return hyperparameter.resolve(f'clusterer {self.method}', clusterers.clusterer_class(self.method), given)

    def options(self):
        return {**super().options(), **self._of_method}

    @classmethod
    def methods(cls):
        return {name: clusterers.clusterer_class(name) for name in clusterers.names()}

    @property
    def label(self):
        return self.name if self.method == 'kmeans' else f'{self.name}-{self.method}'

    def unfit(self, dataset):
        if dataset.nclass < 2 and not self._load:
            return f'needs a data set with classes, which {dataset.name} has not'

    def learn(self, model, dataset, points, labels):
        del labels
        if len(points) < dataset.nclass:
            raise DataError(f'{dataset.name} has {len(points)} training images, which cannot make {dataset.nclass} clusters')
        on_latents = model is not PIXELS
        self._whitening = clustering.whitening(points) if (on_latents if self.use_svd is None else self.use_svd) else None
        if on_latents:
            self._of_method = self._resolved({**clusterers.clusterer_class(self.method).on_latents, **self._given})
        points = self._placed(points)
        self._clusterer = clusterers.create(self.method, points.shape[1], dataset.nclass, self.seed, **self._of_method)
        for name, why in self._clusterer.idle().items():
            if name in self._given:
                raise UsageError(f'{name}={self._given[name]} has no effect {why}; leave it out')
        if self._partial:
            # Another model, training set or seed starts over; more restarts are added to the finished ones.
            key = hashlib.sha256(np.ascontiguousarray(points))
            key.update(self._clusterer.identity().encode())
            self._state = f'{self._partial}.{key.hexdigest()[:16]}.partial'
        self._clusterer.learn(clusterers.check(points, dataset.nclass), self._state)

    def restore(self, width, arrays):
        self._whitening = None
        if 'projection' in arrays:
            self._whitening = arrays['mean'], arrays['projection'], int(arrays['rank'])
            width = arrays['projection'].shape[1]
        self._classes = arrays['classes']
        self._clusterer = clusterers.create(self.method, width, len(self._classes), self.seed, **self._of_method)
        self._clusterer.restore(arrays)

    def arrays(self):
        whitening = dict(zip(('mean', 'projection', 'rank'), self._whitening)) if self._whitening else {}
        return {**whitening, **self._clusterer.arrays(), 'classes': self._classes}

    def answers(self, points):
        return {'clusters': self._clusterer.assign(self._placed(points))}

    def figures(self, points, answers):
        if self._load is None:
            self._classes = clustering.matching(answers['test']['labels'], answers['test']['clusters'],
                                                self._clusterer.clusters)
        for of_split in answers.values():
            of_split['classes'] = self._classes[of_split['clusters']]
        objective = self._clusterer.objective
        if objective is None:
            objective = self._clusterer.score(self._placed(points['train'][:self.most_training_images]))
        test_objective = self._clusterer.score(self._placed(points['test']))
        if self._whitening and self._whitening[2] < len(self._whitening[1]):
            _logger.warning('the clustered images vary in %d of the %d dimensions: test_objective is undefined, and the '
                            'clusters of other images mean little; try --use_svd=0', self._whitening[2],
                            len(self._whitening[1]))
            test_objective = float('nan')
        return {'accuracy': _accuracy(answers['test']), 'train_accuracy': _accuracy(answers['train']),
                'objective': objective, 'test_objective': test_objective}

    def _placed(self, points):
        if self._whitening is None:
            return points
        mean, projection, _ = self._whitening
        return (np.asarray(points, np.float64) - mean) @ projection

    def clean_up(self):
        if self._state:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._state)


def _accuracy(answers):
    labels = answers['labels']
    if (labels == labels[0]).all():
        _logger.warning('all labels are the same, so there are no classes to compare the clusters with')
        return float('nan')
    return clustering.clustering_accuracy(labels, answers['clusters'])
