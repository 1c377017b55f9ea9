"""K-means on latents, as the ACAI paper measures it (section 4.2; released cluster.py)."""

import json
import logging
import os

import numpy as np

from acai_tf import files
from acai_tf.errors import short_message

_logger = logging.getLogger(__name__)

_MAX_ITERATIONS = 1000
_EPSILON = 1e-5


def whiten(train, test):
    """Centres and scales to equal variance along the principal axes of the training set.

    z' = (z - mean) V / (s + 1e-5), with mean, right singular vectors V and singular values s of the training set; all
    components are kept, and as released there is no factor sqrt(n), so each has variance 1 / n. Computed in float64.

    Args:
        train: [n, d]. test: [m, d].

    Returns:
        Both, float64.
    """
    mean, projection, _ = whitening(train)
    return (np.asarray(train, np.float64) - mean) @ projection, (np.asarray(test, np.float64) - mean) @ projection


def whitening(train):
    """What `whiten` does to a set [n, d]: (mean [d], projection [d, min(n, d)], rank of the centred set, float64).

    Along axes in which the training set does not vary, other points are blown up by 1e5.
    """
    train = np.asarray(train, np.float64)
    mean = train.mean(axis=0)
    _, singular_values, axes = np.linalg.svd(train - mean, full_matrices=False)
    rank = int((singular_values > singular_values[0] * max(train.shape) * np.finfo(np.float32).eps).sum())
    return mean, axes.T / (singular_values + _EPSILON), rank


def clustering_accuracy(labels, clusters):
    """Percentage of examples whose class is their cluster's, under the best one-to-one matching (Hungarian method).

    Args:
        labels, clusters: int [n], each counted from 0; there may be more of one than of the other.
    """
    from scipy.optimize import linear_sum_assignment
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.shape != clusters.shape or not labels.size:
        raise ValueError(f'labels {list(labels.shape)} and clusters {list(clusters.shape)} must be [n] of the same n > 0')
    if min(labels.min(), clusters.min()) < 0:
        raise ValueError(f'labels and clusters are counted from 0; {min(labels.min(), clusters.min())} is negative')
    size = 1 + max(labels.max(), clusters.max())
    counts = np.zeros([size, size], np.int64)
    np.add.at(counts, (labels, clusters), 1)
    return 100.0 * counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels)


def restart_seeds(seed, count):
    """The seed of each restart, int [count]; a smaller count gives the first of them."""
    return np.random.default_rng(seed).integers(2**31, size=count)


def one_restart(points, clusters, seed):
    """scikit-learn's KMeans of a single random start: (objective, centers [clusters, d])."""
    from sklearn.cluster import KMeans
    found = KMeans(clusters, init='random', n_init=1, max_iter=_MAX_ITERATIONS, random_state=int(seed)).fit(points)
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
    points = np.ascontiguousarray(points)
    seeds = restart_seeds(seed, n_init)
    done, best = _read_state(state_path)

    def restart(i):
        with threadpoolctl.threadpool_limits(1):
            return one_restart(points, clusters, seeds[i])
    cores = joblib.cpu_count()
    while done < n_init:
        group = range(done, min(done + 8 * cores, n_init))
        for found in joblib.Parallel(n_jobs=cores, prefer='threads')(joblib.delayed(restart)(i) for i in group):
            if best is None or found[0] < best[0]:
                best = found
        done = group.stop
        _write_state(state_path, done, best)
        if progress:
            progress(done)
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


def assign(points, centers):
    """The nearest center of each point: (index [n], sum of squared distances)."""
    from sklearn.metrics import pairwise_distances_argmin_min
    index, distance = pairwise_distances_argmin_min(points, centers)
    return index, float((distance**2).sum())
