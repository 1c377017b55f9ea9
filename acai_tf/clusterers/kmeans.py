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
_TOLERANCE = 1e-4  # scikit-learn's default
_CHUNK = 2048  # points whose distances to a few centers stay in the cache


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


class Lloyd:
    """Runs of Lloyd's algorithm on the same points, in float32.

    scikit-learn's is made for any number of clusters. With a few, the rows of distances to the centers fit the cache: their
    minimum and the sums of each cluster's points, as a product with the 0s and 1s of membership, are a few passes over them.

    Args:
        points: [n, d].
        clusters: how many.
    """

    def __init__(self, points, clusters):
        self.points, self.clusters = points, clusters
        self.mean = points.mean(0)
        variance = points.var(0).mean()
        self.scale = np.sqrt(variance) if variance > 0 else 1.0  # so that no square leaves float32's range
        centered = ((points - self.mean) / self.scale).astype(np.float32)
        # The last column adds the centers' squared lengths to the distances, and counts the points of a cluster.
        self.extended = np.concatenate([centered, np.ones([len(points), 1], np.float32)], 1)
        self.squares = np.square(centered, dtype=np.float64).sum()

    def run(self, seed):
        """(objective, centers [clusters, d]) of the start at points that `seed` draws.

        It ends where scikit-learn's does: when the centers' squared changes are below 1e-4 of the points' mean variance.
        """
        starts = np.random.default_rng(seed).choice(len(self.points), self.clusters, replace=False)
        centers = self.extended[starts, :-1]
        for _ in range(_MAX_ITERATIONS):
            sums, _ = self._assigned_sums(centers)
            if not sums[:, -1].all():
                return self.scikit_learns(centers * self.scale + self.mean)  # it gives an empty cluster new points
            old, centers = centers, sums[:, :-1] / sums[:, -1:]
            if np.square(centers - old).sum() <= _TOLERANCE:
                break
        distances = self._assigned_sums(centers)[1]
        return float((self.squares + distances) * self.scale**2), centers * self.scale + self.mean

    def _assigned_sums(self, centers):
        """Sums of the points nearest to each center and their number, [clusters, d + 1], and the sum of squared distances
        less that of the points' squared lengths."""
        weights = np.concatenate([-2 * centers, np.square(centers).sum(1, keepdims=True)], 1)
        sums = np.zeros([self.clusters, self.extended.shape[1]], np.float64)
        total = 0.0
        for start in range(0, len(self.extended), _CHUNK):
            points = self.extended[start:start + _CHUNK]
            distances = weights @ points.T
            nearest_distance = distances.min(0)
            found = (distances <= nearest_distance).astype(np.float32) @ points
            if found[:, -1].sum() != len(points):  # two centers are equally near to a point: the first has it
                found = (distances.argmin(0) == np.arange(self.clusters)[:, None]).astype(np.float32) @ points
            sums += found
            total += nearest_distance.sum(dtype=np.float64)
        return sums.astype(np.float32), total

    def scikit_learns(self, centers):
        """(objective, centers) of scikit-learn's K-means, in float64, that starts at `centers`."""
        import threadpoolctl
        from sklearn import cluster
        with threadpoolctl.threadpool_limits(1, 'openmp'):  # which is this thread's alone
            found = cluster.KMeans(self.clusters, init=centers, n_init=1, max_iter=_MAX_ITERATIONS).fit(self.points)
            # Its own inertia is not of its centers where it has just moved an empty cluster.
            return nearest(self.points, found.cluster_centers_)[1], found.cluster_centers_


def kmeans(points, clusters, n_init=1000, seed=0, state_path=None, progress=None):
    """The best of `n_init` runs of K-means from random starts.

    Restart i begins with the points that numpy's default_rng(restart_seeds(seed, n_init)[i]).choice draws and finds, up to
    float32's rounding, what scikit-learn's KMeans(init=those points, n_init=1) finds. From the best of them, scikit-learn's
    continues in float64. Each restart runs on one core, several at a time; of equally good ones the first wins, so nothing
    depends on how they are grouped.

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
    points = np.ascontiguousarray(points, np.float64)
    seeds = restart_seeds(seed, n_init)
    done, best = _read_state(state_path)
    lloyd = Lloyd(points, clusters)
    cores = joblib.cpu_count()
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1, 'blas'):
        warnings.simplefilter('ignore', ConvergenceWarning)  # said once, below
        while done < n_init:
            group = range(done, min(done + 8 * cores, n_init))
            several = joblib.Parallel(n_jobs=cores, prefer='threads')(joblib.delayed(lloyd.run)(seeds[i]) for i in group)
            for found in several:
                if best is None or found[0] < best[0]:
                    best = found
            done = group.stop
            _write_state(state_path, done, best)
            if progress:
                progress(done)
        best = lloyd.scikit_learns(best[1])
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
