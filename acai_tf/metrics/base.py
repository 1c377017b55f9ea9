"""Base class of the metrics, and the check that a model and a data set fit each other."""

import json
import math

from acai_tf import metrics, registry
from acai_tf.datasets.base import as_dataset
from acai_tf.errors import DataError, UsageError
from acai_tf.images import by
from acai_tf.metrics.subjects import PIXELS
from acai_tf.options import Configured
from acai_tf.values import defined


class Metric(Configured):
    """Computes values from a model and a data set.

    A subclass declares its options as `Option`s and defines `compute`. If it does not apply everywhere, it also sets
    `supports_pixels` or `needs_classes`, or defines `unsupported_reason`. An unknown option, or a value outside its range,
    is a UsageError.
    """

    program = 'acai_evaluate'  # the program that prints it
    supports_pixels = True  # or only models
    needs_classes = False  # True: needs more than one

    def __init__(self, **options):
        self.set_options(options, f'metric {self.name}')

    @property
    def name(self):
        """The registered name, or else the name of the class."""
        return metrics.REGISTRY.name_of(type(self))

    @property
    def label(self):
        """The name under which results are kept."""
        return self.name

    def __call__(self, model, dataset):
        """Checks, then computes {name: value} (see `metrics.compute`); NaN where a value is undefined. UsageError if a
        user's metric fails or returns what JSON cannot hold."""
        model = PIXELS if isinstance(model, str) and model == 'pixels' else model
        dataset = as_dataset(dataset, getattr(model, 'nclass', 1))
        self.check(model, dataset)
        with registry.errors_in_one_line(f'the metric {self.name}', type(self)):
            values = self.compute(model, dataset)
            json.dumps(defined(values))
        if not isinstance(values, dict):
            raise UsageError(f'the metric {self.name} returns {type(values).__name__}; return a dictionary of values')
        return values

    def check(self, model, dataset):
        """Raises UsageError if the metric does not apply, DataError if the data set does not fit the model."""
        reason = self.unsupported_reason(dataset)
        if model is PIXELS and not self.supports_pixels:
            reason = 'needs a model, not pixels'
        if reason:
            raise UsageError(f'the metric {self.name} {reason}')
        check_fits(model, dataset)

    @classmethod
    def methods(cls):
        """{name: class} of the methods that the metric can use; each declares its own options."""
        return {}

    def unsupported_reason(self, dataset):
        """Returns why the metric does not apply to a data set, as the end of a sentence; None if it does."""
        if self.needs_classes and dataset.nclass < 2:
            return f'needs a data set with classes; {dataset.name} has one class'

    def compute(self, model, dataset):
        """Returns {name: value} for a subject (see subjects.py) that fits the data set."""
        raise NotImplementedError

    def summary(self, values):
        """Returns the {name: value} that a report keeps, from `defined` values: by default the numbers, and NaN for None."""
        return {name: math.nan if value is None else value for name, value in values.items()
                if value is None or isinstance(value, (int, float))}

    def clean_up(self):
        """Removes the files kept for resuming. Call it once the result is safe."""


def check_fits(model, dataset, reads_images=True):
    """Raises DataError if a model does not take images of the data set's shape, or (if `reads_images`) if the data set is
    missing."""
    if reads_images:
        dataset.check()
    if model.image_shape not in (None, dataset.image_shape):
        raise DataError(f'{dataset.name} has images of {by(dataset.image_shape)}, but {model} takes '
                        f'{by(model.image_shape)}')
