"""Values of metrics, as dicts {name: value}, and of classifiers; counts and durations as text."""

import collections
import math
from typing import NamedTuple

import numpy as np

_BLANK = 0.1  # explained variance of the test images


class Classification(NamedTuple):
    """Result of a model's `classify`: probabilities [n, nclass] and classes int64 [n], arrays or tensors."""
    probabilities: object
    classes: object


def defined(value):
    """Converts a value, nested or not, for JSON: NumPy and TensorFlow scalars become Python numbers, and NaN and infinity
    become None (null)."""
    if isinstance(value, dict):
        return {key: defined(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(defined, value))
    value = np.asarray(value).item() if getattr(value, 'shape', None) == () else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def counted(count, noun):
    """'1 run', '2 runs'."""
    return f'{count} {noun}{"s" * (count != 1)}'


def duration(seconds):
    """Returns a duration as text: '3.2 hours', '12 minutes' or 'less than a minute'."""
    if seconds < 60:
        return 'less than a minute'
    return f'{seconds / 3600:.1f} hours' if seconds > 5400 else counted(round(seconds / 60), 'minute')


def is_blank(values):
    """Returns True if a model with these values decodes all images to nearly the same picture."""
    explained = values.get('explained_variance')
    return explained is not None and explained < _BLANK


def combine(results):
    """Merges {metric: {name: value}} into one dict, with the names that `unique_names` gives."""
    names = unique_names((metric, name) for metric, values in results.items() for name in values)
    return {names[metric, name]: value for metric, values in results.items() for name, value in values.items()}


def unique_names(pairs):
    """Returns {(metric, name): unique name} of pairs, which may repeat. A name of two metrics becomes `metric.name`."""
    pairs = dict.fromkeys(pairs)
    occurrences = collections.Counter(name for _, name in pairs)
    return {(metric, name): name if occurrences[name] == 1 else f'{metric}.{name}' for metric, name in pairs}
