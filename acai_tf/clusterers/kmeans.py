"""K-means: the best of many random starts (ACAI, section 4.2; released cluster.py)."""

import json
import logging
import os
import warnings

import numpy as np
import tqdm

from acai_tf import files
from acai_tf.clusterers.base import Clusterer
from acai_tf.errors import short_message
from acai_tf.models.hyperparameter import Hyperparameter

_logger = logging.getLogger(__name__)

_MAX_ITERATIONS = 1000


class KMeans(Clusterer):
    """The centers of the lowest sum of squared distances, which is the objective."""

    n_init = Hyperparameter(1000, 'how many random starts; the best counts', minimum=1)

    def identity(self):
        return f'{self.clusters} {self.seed}'  # more restarts are added to the finished ones

    def learn(self, points, state_path=None):
        with tqdm.tqdm(total=self.n_init, unit='restart', disable=None) as bar:
            self.objective, self.centers = kmeans(points, self.clusters, self.n_init, self.seed, state_path,
                                                  progress=lambda done: bar.update(done - bar.n))

    def assign(self, points):
        return nearest(points, self.centers)[0]

    def score(self, points):
        return nearest(points, self.centers)[1]

    def arrays(self):
        return {'centers': self.centers}

    def restore(self, arrays):
        self.centers = np.reshape(arrays['centers'], [self.clusters, self.width])


def restart_seeds(seed, count):
    """The seed of each restart, int [count]; a smaller count gives the first of them."""
    return np.random.default_rng(seed).integers(2**31, size=count)


def one_restart(points, clusters, seed):
    """scikit-learn's KMeans of a single random start: (objective, centers [clusters, d])."""
    from sklearn import cluster
    found = cluster.KMeans(clusters, init='random', n_init=1, max_iter=_MAX_ITERATIONS, random_state=int(seed)).fit(points)
    return float(found.inertia_), found.cluster_centers_


def kmeans(points, clusters, n_init=1000, seed=0, state_path=None, progress=None):
    """The best of `n_init` runs of K-means from random starts.

    Restart i is scikit-learn's KMeans(n_init=1, init='random', random_state=restart_seeds(seed, n_init)[i]), each on one
    core, several at a time; of equally good ones the first wins, so nothing depends on how they are grouped.

    Args:
        points: [n, d].
        clusters: how many.
        state_path: file that keeps the best so far, so that a stopped run can resume; it must be deleted when the points
            change.
        progress: called with the number of restarts done.

    Returns:
        (objective, centers [clusters, d]): the sum of squared distances to the nearest center.
    """
    import joblib
    import threadpoolctl
    from sklearn.exceptions import ConvergenceWarning
    points = np.ascontiguousarray(points)
    seeds = restart_seeds(seed, n_init)
    done, best = _read_state(state_path)

    def restart(i):
        with threadpoolctl.threadpool_limits(1):
            return one_restart(points, clusters, seeds[i])
    cores = joblib.cpu_count()
    while done < n_init:
        group = range(done, min(done + 8 * cores, n_init))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', ConvergenceWarning)  # said once, below
            several = joblib.Parallel(n_jobs=cores, prefer='threads')(joblib.delayed(restart)(i) for i in group)
        for found in several:
            if best is None or found[0] < best[0]:
                best = found
        done = group.stop
        _write_state(state_path, done, best)
        if progress:
            progress(done)
    distinct = len(np.unique(best[1], axis=0))
    if distinct < clusters:
        _logger.warning('the points make %d different clusters, not %d: too many of them are the same', distinct, clusters)
    return best


def _read_state(path):
    if not path or not os.path.exists(path):
        return 0, None
    try:
        with open(path, encoding='utf-8') as file:
            state = json.load(file)
        return int(state['done']), (float(state['objective']), np.array(state['centers'], np.float64))
    except (ValueError, KeyError, TypeError) as error:
        _logger.warning('%s is damaged (%s): all restarts are made again', path, short_message(error))
        return 0, None


def _write_state(path, done, best):
    if path:
        with files.atomic_write(path) as file:
            json.dump({'done': done, 'objective': best[0], 'centers': best[1].tolist()}, file)


def nearest(points, centers):
    """The nearest center of each point: (index [n], sum of squared distances)."""
    from sklearn.metrics import pairwise_distances_argmin_min
    index, distance = pairwise_distances_argmin_min(points, centers)
    return index, float((distance**2).sum())
