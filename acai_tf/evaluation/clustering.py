"""Clusters against classes, and whitening, as in the ACAI paper (section 4.2; released cluster.py)."""

import numpy as np

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
    # What the rounding of float32 latents adds to a singular value grows with their norm, as the others do.
    rank = int((singular_values > np.finfo(np.float32).eps * np.linalg.norm(train)).sum())
    return mean, axes.T / (singular_values + _EPSILON), rank


def clustering_accuracy(labels, clusters):
    """Percentage of examples whose class is their cluster's, under the best one-to-one matching (Hungarian method).

    Args:
        labels, clusters: int [n], each counted from 0; there may be more of one than of the other.
    """
    counts, best = _matched(labels, clusters)
    return 100.0 * counts[best].sum() / len(labels)


def matching(labels, clusters, count):
    """The class of each cluster under that matching: int [count]; -1 for a cluster that has none.

    Args:
        labels, clusters: as above.
        count: how many clusters there are.
    """
    counts, (classes, of_clusters) = _matched(labels, clusters)
    found = np.full(max(count, len(counts)), -1)
    found[of_clusters] = np.where(classes <= np.max(labels), classes, -1)
    return found[:count]


def _matched(labels, clusters):
    """(counts [size, size] of classes and clusters, the pairs that are best matched)."""
    from scipy.optimize import linear_sum_assignment
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.shape != clusters.shape or not labels.size:
        raise ValueError(f'labels {list(labels.shape)} and clusters {list(clusters.shape)} must be [n] of the same n > 0')
    if min(labels.min(), clusters.min()) < 0:
        raise ValueError(f'labels and clusters are counted from 0; {min(labels.min(), clusters.min())} is negative')
    size = 1 + max(labels.max(), clusters.max())
    counts = np.zeros([size, size], np.int64)
    np.add.at(counts, (labels, clusters), 1)
    return counts, linear_sum_assignment(counts, maximize=True)
