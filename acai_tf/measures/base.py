"""What all measures share."""

from acai_tf.errors import DataError, UsageError
from acai_tf.images import by
from acai_tf.measures.subjects import PIXELS, subject
from acai_tf.models import hyperparameter


class Measure:
    """Numbers about a model on a data set.

    A subclass declares its options as `Hyperparameter`s and defines `measure`; if it does not apply everywhere, `unfit`.

    Args:
        **options: as the class declares them.

    Raises:
        UsageError: an unknown option, or a value outside its range.
    """

    program = 'acai_evaluate'  # the program that prints it
    of_pixels = True  # whether it applies to the pixels themselves

    def __init__(self, **options):
        self.name = type(self).__module__.rpartition('.')[2]
        self.take(options)

    def take(self, options):
        """Puts the options {name: value} in force; UsageError for one that the measure does not have."""
        for key, value in hyperparameter.resolve(f'measure {self.name}', type(self), options).items():
            setattr(self, key, value)

    def __call__(self, model, dataset):
        """{figure: number} of a model (see `measures.measure`); NaN where a figure is undefined."""
        model = subject(model)
        self.check(model, dataset)
        return self.measure(model, dataset)

    def check(self, model, dataset):
        """Raises UsageError if the measure does not apply, DataError if data set and model do not fit each other."""
        model = subject(model)
        unfit = self.unfit(dataset)
        if model is PIXELS and not self.of_pixels:
            unfit = 'needs a model, not pixels'
        if unfit:
            raise UsageError(f'the measure {self.name} {unfit}')
        check_fits(model, dataset)

    @classmethod
    def methods(cls):
        """{name: class} of the methods that the measure can choose from, which declare options of their own."""
        return {}

    @property
    def label(self):
        """The name of its results."""
        return self.name

    def unfit(self, dataset):
        """Why the measure does not apply to a data set, as the end of a sentence; None if it does."""

    def measure(self, model, dataset):
        """The numbers, of a subject (see subjects.py) that fits the data set."""
        raise NotImplementedError

    def summary(self, figures):
        """{figure: number} that a report keeps of the figures; all of them, by default."""
        return figures

    def clean_up(self):
        """Removes what was kept for resuming; to be called once the result is safe."""

    def options(self):
        """{name: value in force}."""
        return {key: getattr(self, key) for key in hyperparameter.declared(type(self))}


def check_fits(model, dataset, reads_images=True):
    """Raises DataError if a data set is missing, though its images are needed, or if they do not have the shape that the
    model takes."""
    if reads_images:
        dataset.check()
    if model.image_shape not in (None, dataset.image_shape):
        raise DataError(f'{dataset.name} has images of {by(dataset.image_shape)}, but {model} takes '
                        f'{by(model.image_shape)}')
