"""K-means: the best of many random starts (ACAI, section 4.2; released cluster.py)."""

import itertools
import json
import logging
import os
import warnings

import numpy as np
import tqdm

from acai_tf import files
from acai_tf.clusterers.base import Clusterer
from acai_tf.errors import short_message
from acai_tf.options import Option

_logger = logging.getLogger(__name__)

_MAX_ITERATIONS = 1000
_TOLERANCE = 1e-4  # scikit-learn's default
_CHUNK = 2048  # points at a time
_TOGETHER = 16  # restarts at a time on a core


class KMeans(Clusterer):
    """Finds the centers with the lowest sum of squared distances, which is the objective."""

    n_init = Option(1000, 'number of random starts; the best is kept', minimum=1)

    def fingerprint(self):
        return f'{self.clusters} {self.seed}'  # a larger n_init adds to the finished restarts

    def learn(self, points, state_path=None):
        with tqdm.tqdm(total=self.n_init, unit='restart', disable=None) as bar:
            self.objective, self.centers = kmeans(points, self.clusters, self.n_init, self.seed, state_path,
                                                  progress=lambda done: bar.update(done - bar.n))

    def predict(self, points):
        return nearest(points, self.centers)[0]

    def score(self, points):
        return nearest(points, self.centers)[1]

    def arrays(self):
        return {'centers': self.centers}

    def restore(self, arrays):
        self.centers = np.reshape(arrays['centers'], [self.clusters, self.width])


def restart_seeds(seed, count):
    """Returns the seed of each restart, int [count]; a smaller count gives the first ones."""
    return np.random.default_rng(seed).integers(2**31, size=count)


class Lloyd:
    """Lloyd's algorithm in float32, several runs on the same points, float64 [n, d], together.

    scikit-learn's is made for any number of clusters. With few clusters, the distances from a chunk of points to the centers
    of several runs stay in the cache: an iteration is two matrix products, a minimum and a comparison.
    """

    def __init__(self, points, clusters):
        self.points, self.clusters = points, clusters
        self.mean = points.mean(0)
        variance = points.var(0).mean()
        self.scale = np.sqrt(variance) if variance > 0 else 1.0  # keeps squares within float32's range
        centered = ((points - self.mean) / self.scale).astype(np.float32)
        self.squares = np.square(centered, dtype=np.float64).sum()
        # The last column adds the centers' squared norms to the distances, and counts the points of a cluster.
        extended = np.concatenate([centered, np.ones([len(points), 1], np.float32)], 1)
        self.chunks = [(chunk, np.ascontiguousarray(chunk.T))
                       for chunk in (extended[start:start + _CHUNK] for start in range(0, len(points), _CHUNK))]

    def run(self, seeds):
        """Runs from the points that each seed draws: [(objective, centers [clusters, d])].

        A run ends where scikit-learn's does: when the centers' squared changes are below 1e-4 of the points' mean variance.
        """
        starts = [np.random.default_rng(seed).choice(len(self.points), self.clusters, replace=False) for seed in seeds]
        centers = ((self.points[starts] - self.mean) / self.scale).astype(np.float32)
        found = [None] * len(seeds)
        running = np.arange(len(seeds))
        for _ in range(_MAX_ITERATIONS):
            sums, _ = self._assigned(centers[running])
            filled = sums[..., -1].all(1)
            for i in running[~filled]:  # scikit-learn moves an empty cluster to other points
                found[i] = self.scikit_learns(centers[i] * self.scale + self.mean)
            running, sums = running[filled], sums[filled]
            new = sums[..., :-1] / sums[..., -1:]
            moved = np.square(new - centers[running]).sum((1, 2)) > _TOLERANCE
            centers[running] = new
            running = running[moved]
            if not len(running):
                break
        objectives = (self.squares + self._assigned(centers)[1]) * self.scale**2
        return [known or (float(objective), own * self.scale + self.mean)
                for known, objective, own in zip(found, objectives, centers)]

    def _assigned(self, centers):
        """For centers [r, clusters, d]: sums and counts of the points nearest to each, [r, clusters, d + 1], and the points'
        squared distances minus their squared norms, summed, [r]."""
        r, clusters, d = centers.shape
        weights = np.concatenate([-2 * centers, np.square(centers).sum(2, keepdims=True)], 2).reshape([r * clusters, d + 1])
        sums, totals = np.zeros([r * clusters, d + 1]), np.zeros([r])
        for points, transposed in self.chunks:
            distances = (weights @ transposed).reshape([r, clusters, len(points)])
            least = distances.min(1, keepdims=True)
            nearest_points = (distances <= least).astype(np.float32).reshape([r * clusters, -1]) @ points
            if nearest_points[:, -1].sum() != r * len(points):  # of equally near centers the first gets the point
                first = distances.argmin(1)[:, None] == np.arange(clusters)[:, None]
                nearest_points = first.astype(np.float32).reshape([r * clusters, -1]) @ points
            sums += nearest_points
            totals += least.sum((1, 2), dtype=np.float64)
        return sums.astype(np.float32).reshape([r, clusters, d + 1]), totals

    def scikit_learns(self, centers):
        """Runs scikit-learn's K-means in float64 from `centers`; returns (objective, centers)."""
        import threadpoolctl
        from sklearn import cluster
        with threadpoolctl.threadpool_limits(1, 'openmp'):  # a limit for this thread only
            found = cluster.KMeans(self.clusters, init=centers, n_init=1, max_iter=_MAX_ITERATIONS).fit(self.points)
            # scikit-learn's inertia does not match its centers if it has just moved an empty cluster.
            return nearest(self.points, found.cluster_centers_)[1], found.cluster_centers_


def kmeans(points, clusters, n_init=1000, seed=0, state_path=None, progress=None):
    """Returns the best of `n_init` runs of K-means from random starts.

    Restart i begins with the points that numpy's default_rng(restart_seeds(seed, n_init)[i]).choice draws. Except for
    float32 rounding it finds what scikit-learn's KMeans(init=those points, n_init=1) finds. From the best restart (of
    equally good ones, the first) scikit-learn's K-means continues in float64. Each core runs several restarts together.

    Args:
        points: [n, d].
        state_path: file that keeps the best so far, so that a stopped run can resume; delete it if the points change.
        progress: called with the number of finished restarts.

    Returns:
        (objective, centers [clusters, d]): the sum of squared distances to the nearest center.
    """
    import joblib
    import threadpoolctl
    from sklearn.exceptions import ConvergenceWarning
    points = np.ascontiguousarray(points, np.float64)
    seeds = restart_seeds(seed, n_init)
    done, best = _read_state(state_path)
    if done > n_init:  # the best of more restarts
        done, best = 0, None
    lloyd = Lloyd(points, clusters)
    cores = joblib.cpu_count()
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1, 'blas'):
        warnings.simplefilter('ignore', ConvergenceWarning)  # reported once, below
        while done < n_init:
            group = seeds[done:done + _TOGETHER * cores]
            several = joblib.Parallel(n_jobs=cores, prefer='threads')(
                joblib.delayed(lloyd.run)(part) for part in np.array_split(group, min(cores, len(group))))
            for found in itertools.chain.from_iterable(several):
                if best is None or found[0] < best[0]:
                    best = found
            done += len(group)
            if state_path:
                files.write(json.dumps({'done': done, 'objective': best[0], 'centers': best[1].tolist()}), state_path)
            if progress:
                progress(done)
        best = lloyd.scikit_learns(best[1])
    filled = len(np.unique(nearest(points, best[1])[0]))
    if filled < clusters:
        _logger.warning('the points make %d different clusters, not %d: too many points are the same', filled, clusters)
    return best


def _read_state(path):
    if not path or not os.path.exists(path):
        return 0, None
    try:
        with open(path, encoding='utf-8') as file:
            state = json.load(file)
        return int(state['done']), (float(state['objective']), np.array(state['centers'], np.float64))
    except (ValueError, KeyError, TypeError) as error:
        _logger.warning('%s is damaged (%s): redoing all restarts', path, short_message(error))
        return 0, None


def nearest(points, centers):
    """Finds the nearest center of each point: (index [n], sum of squared distances)."""
    from sklearn.metrics import pairwise_distances_argmin_min
    origin = centers.mean(axis=0)  # differences of large squares would lose digits
    index, distance = pairwise_distances_argmin_min(points - origin, centers - origin)
    return index, float((distance**2).sum())
