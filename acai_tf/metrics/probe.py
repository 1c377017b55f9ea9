"""Accuracy of simple classifiers on latents: scikit-learn's logistic regression and nearest neighbors."""

import logging
import warnings

import numpy as np

from acai_tf.latents import reading
from acai_tf.metrics.base import Metric
from acai_tf.options import Option

_logger = logging.getLogger(__name__)

# scikit-learn's C, which multiplies the sum of the losses, from strong to weak regularization.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
NEIGHBORS = (1, 10, 200)
_HELD_OUT, _TOLERANCE, _MOST_ITERATIONS = 0.2, 1e-5, 2000


def logistic_regression(train, train_labels, test, seed=0):
    """Predicts classes with a converged logistic regression with L2 regularization.

    Features are standardized by the training set. C is chosen from `STRENGTHS` by the accuracy on a held-out fifth of the
    training set, which the seed selects; ties go to the first. The regression is then fitted to the whole training set.

    Args:
        train: [n, d]. train_labels: int [n]. test: [m, d].

    Returns:
        (classes [m], the chosen C); (None, NaN) if the training set has fewer than two classes.
    """
    import threadpoolctl
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    if len(np.unique(train_labels)) < 2:
        return None, float('nan')
    scaler = StandardScaler().fit(np.asarray(train, np.float64))
    train, test = (scaler.transform(np.asarray(points, np.float64)) for points in (train, test))
    order = np.random.default_rng(seed).permutation(len(train))
    held, rest = np.split(order, [int(_HELD_OUT * len(train))])
    # Each value of C starts from the solution for the previous one.
    model = LogisticRegression(tol=_TOLERANCE, max_iter=_MOST_ITERATIONS, warm_start=True)
    scores = [0.0]
    # One BLAS thread: two take twice the time for these small products, and far more next to another busy process.
    with warnings.catch_warnings(record=True) as caught, threadpoolctl.threadpool_limits(1, 'blas'):
        warnings.simplefilter('always', ConvergenceWarning)
        if len(held) and len(np.unique(train_labels[rest])) > 1:
            scores = [model.set_params(C=c).fit(train[rest], train_labels[rest]).score(train[held], train_labels[held])
                      for c in STRENGTHS]
        best = STRENGTHS[int(np.argmax(scores))]
        model = LogisticRegression(C=best, tol=_TOLERANCE, max_iter=_MOST_ITERATIONS).fit(train, train_labels)
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        _logger.warning('a logistic regression did not converge in %d iterations', _MOST_ITERATIONS)
    return model.predict(test), best


def nearest_neighbors(train, train_labels, test, counts):
    """Predicts classes by majority vote of the k nearest training points (Euclidean): {k: classes [m]} for each k in
    `counts`. The smallest class wins a tie. If there are fewer than k training points, all of them vote."""
    from sklearn.neighbors import NearestNeighbors
    origin = np.mean(train, axis=0)  # differences of large squares would lose digits
    train, test = train - origin, test - origin
    search = NearestNeighbors(n_neighbors=min(max(counts), len(train)), algorithm='brute').fit(train)
    labels = np.asarray(train_labels)[search.kneighbors(test, return_distance=False)]
    classes = np.unique(train_labels)
    return {k: classes[np.argmax([(labels[:, :k] == label).sum(axis=1) for label in classes], axis=0)] for k in counts}


def accuracy(classes, labels):
    """Percentage of correct classes, with its 95% bootstrap percentile interval over the test points.

    If a share p of n points is correct, a resample has Binomial(n, p) correct points. The interval is computed from that
    distribution, without drawing samples.

    Returns:
        (accuracy, low, high), in [0, 100], for classes and labels, int [n].
    """
    from scipy.stats import binom
    share, count = float(np.mean(classes == labels)), len(labels)
    low, high = np.array(binom.interval(0.95, count, share)) / count
    return 100 * share, 100 * float(low), 100 * float(high)


class Probe(Metric):
    """`probe_accuracy` of a logistic regression, with its inverse regularization strength `probe_c`; `knn1_accuracy`,
    `knn10_accuracy` and `knn200_accuracy` of nearest neighbors. Accuracies are percent of the test images, each also with
    `_low` and `_high`, its 95% bootstrap interval. `probe_train_images` and `probe_test_images` are the numbers of images.
    """

    needs_classes = True
    seed = Option(0, 'seed of the random numbers', minimum=0)

    def compute(self, model, dataset):
        (train, train_labels), (test, labels) = (reading.of_dataset(model, dataset, split) for split in reading.SPLITS)
        train, test = (points.reshape(len(points), -1) for points in (train, test))
        by_regression, strength = logistic_regression(train, train_labels, test, self.seed)
        by_neighbors = nearest_neighbors(train, train_labels, test, NEIGHBORS)
        predictions = {'probe': by_regression, **{f'knn{k}': classes for k, classes in by_neighbors.items()}}
        values = {'probe_c': strength, 'probe_train_images': len(train), 'probe_test_images': len(test)}
        for name, classes in predictions.items():
            with_interval = [float('nan')] * 3 if classes is None else accuracy(classes, labels)
            values.update({f'{name}_accuracy{end}': value for end, value in zip(('', '_low', '_high'), with_interval)})
        return values
