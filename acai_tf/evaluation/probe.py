"""What simple classifiers read from features: logistic regression and nearest neighbours, both scikit-learn's."""

import logging
import warnings

import numpy as np

_logger = logging.getLogger(__name__)

# Inverse strengths of the regularisation, from strong to weak.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
_HELD_OUT, _TOLERANCE, _MOST_ITERATIONS = 0.2, 1e-5, 2000


def logistic_regression(train, train_labels, test, seed=0, strengths=STRENGTHS):
    """Classes that a converged logistic regression with L2 regularisation predicts.

    Features are standardised by the training set. The strength is that of the best accuracy on a fifth of the training set,
    the same fifth for all; the regression is then fitted to the whole.

    Args:
        train: [n, d]. train_labels: int [n]. test: [m, d].
        seed: chooses the fifth.
        strengths: scikit-learn's C: the inverse strength for the sum of the losses; of equally good ones the first wins.

    Returns:
        (classes [m], the C chosen); (None, NaN) if the training set has fewer than two classes.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    if len(np.unique(train_labels)) < 2:
        return None, float('nan')
    scaler = StandardScaler().fit(np.asarray(train, np.float64))
    train, test = (scaler.transform(np.asarray(points, np.float64)) for points in (train, test))
    order = np.random.default_rng(seed).permutation(len(train))
    held, rest = np.split(order, [int(_HELD_OUT * len(train))])
    # Each strength starts from the solution of the one before.
    model = LogisticRegression(tol=_TOLERANCE, max_iter=_MOST_ITERATIONS, warm_start=True)
    scores = [0.0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', ConvergenceWarning)
        if len(held) and len(np.unique(train_labels[rest])) > 1:
            scores = [model.set_params(C=c).fit(train[rest], train_labels[rest]).score(train[held], train_labels[held])
                      for c in strengths]
        best = strengths[int(np.argmax(scores))]
        model = LogisticRegression(C=best, tol=_TOLERANCE, max_iter=_MOST_ITERATIONS).fit(train, train_labels)
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        _logger.warning('a logistic regression has not converged after %d iterations', _MOST_ITERATIONS)
    return model.predict(test), best


def nearest_neighbours(train, train_labels, test, counts):
    """{k: classes [m]} that the majority of the k nearest training points gives, by Euclidean distance, for all k in
    `counts`; the smallest class wins a tie, and all training points vote where they are fewer than k."""
    from sklearn.neighbors import NearestNeighbors
    search = NearestNeighbors(n_neighbors=min(max(counts), len(train)), algorithm='brute').fit(train)
    labels = np.asarray(train_labels)[search.kneighbors(test, return_distance=False)]
    classes = np.unique(train_labels)
    return {k: classes[np.argmax([(labels[:, :k] == one).sum(axis=1) for one in classes], axis=0)] for k in counts}


def accuracy(classes, labels, level=0.95):
    """Percentage of right classes, and its bootstrap percentile interval over the test points.

    Resampling n points of which a share p is right gives Binomial(n, p) right ones: the interval is that distribution's, and
    nothing is drawn.

    Args:
        classes, labels: int [n].

    Returns:
        (accuracy, low, high), in [0, 100].
    """
    from scipy.stats import binom
    share, count = float(np.mean(classes == labels)), len(labels)
    low, high = binom.ppf([(1 - level) / 2, (1 + level) / 2], count, share) / count
    return 100 * share, 100 * float(low), 100 * float(high)
