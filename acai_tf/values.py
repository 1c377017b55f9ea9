"""Values of metrics, as dicts {name: value}, and of classifiers."""

import collections
import math
from typing import NamedTuple

_BLANK = 0.1  # explained variance of the test images


class Classification(NamedTuple):
    """Answer of a model's `classify`: probabilities [n, nclass] and classes int64 [n], arrays or tensors."""
    probabilities: object
    classes: object


def defined(values):
    """The values, nested or not, with None, JSON's null, instead of NaN."""
    return {key: defined(value) if isinstance(value, dict) else
            None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}


def is_blank(values):
    """Returns True if values tell of a model that decodes all images to nearly the same picture."""
    explained = values.get('explained_variance')
    return explained is not None and explained < _BLANK


def combine(results):
    """One dict of the values of several metrics, named as `unique_names` names them.

    Args:
        results: {metric: {name: value}}.
    """
    names = unique_names((metric, name) for metric, values in results.items() for name in values)
    return {names[metric, name]: value for metric, values in results.items() for name, value in values.items()}


def unique_names(pairs):
    """{(metric, name): unique name} of the values of several metrics; a name that occurs in two of them becomes
    `metric.name`.

    Args:
        pairs: (metric, name) of each value; a pair may be repeated.
    """
    pairs = dict.fromkeys(pairs)
    occurrences = collections.Counter(name for _, name in pairs)
    return {(metric, name): name if occurrences[name] == 1 else f'{metric}.{name}' for metric, name in pairs}
