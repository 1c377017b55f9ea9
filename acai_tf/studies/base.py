"""The parts of a study: its cells, and the settings that they share."""

import dataclasses

from acai_tf.errors import UsageError
from acai_tf.options import declared
from acai_tf.training.config import TrainConfig
from acai_tf.values import unique_names

PIXELS = 'pixels'  # in place of a model: the images themselves
# Metrics that every report of a run has: their values are taken from there.
REPORTED = ('accuracy', 'lines', 'explained_variance')


@dataclasses.dataclass(frozen=True)
class Cell:
    """One number of a table or figure: the system, the data, the metric, and what was published.

    Attributes:
        model: a registered name, path/to/file.py:Name, or 'pixels' for a metric of the images themselves.
        dataset: as `--dataset` of acai_train takes it.
        metric: a registered name, or path/to/file.py:Name. `accuracy`, `lines` and `explained_variance` are taken from the
            reports of the run, as in the papers; others are computed of the finished run's export.
        value: name of the metric's value; inner ones of nested values as 'outer.inner'.
        options: {name: value} of the run's options (depth, latent, architecture, total_kimg, ...) and of the data set's,
            where they differ from their defaults.
        model_options: {name: value} of the model's options and of the architecture's.
        metric_options: {name: value} of the metric's options.
        published, deviation: mean and deviation over runs; None where there is no number.
        source: where the number is from, such as 'ACAI, Table 2'.
        recalled: whether the digits are from memory, not checked against the source.
        caveat: what to know before comparing.
        label: the column; by default the model, and its base if it is not the baseline.
        stands_for: the data set in whose place `dataset` stands, if any.
        base: the autoencoder to which the model is added.
    """

    model: str
    dataset: str
    metric: str
    value: str
    options: dict = dataclasses.field(default_factory=dict)
    model_options: dict = dataclasses.field(default_factory=dict)
    metric_options: dict = dataclasses.field(default_factory=dict)
    published: float | None = None
    deviation: float | None = None
    source: str = ''
    recalled: bool = False
    caveat: str = ''
    label: str = ''
    stands_for: str = ''
    base: str = 'baseline'

    def __post_init__(self):
        object.__setattr__(self, 'label', self.label or (
            self.model if self.base == 'baseline' else f'{self.model} on {self.base}'))
        for name in ('options', 'model_options', 'metric_options'):
            if not isinstance(getattr(self, name), dict):
                raise UsageError(f'cell {self.label}: {name} must be a dictionary, {{name: value}}')
        for name in ('published', 'deviation'):
            if not isinstance(getattr(self, name), (int, float, type(None))):
                raise UsageError(f'cell {self.label}: {name} must be a number or None')
        if 'seed' in self.options:
            raise UsageError(f'cell {self.label}: a cell has no seed of its own; --seeds says how many there are')
        if self.metric in REPORTED and self.metric_options:
            raise UsageError(f'cell {self.label}: {self.metric} is taken from the reports and has no options there')

    @property
    def run_options(self):
        """The run's part of `options`."""
        return {name: value for name, value in self.options.items() if name in declared(TrainConfig)}

    @property
    def dataset_options(self):
        """The data set's part of `options`."""
        return {name: value for name, value in self.options.items() if name not in declared(TrainConfig)}

    @property
    def dz(self):
        """Number of values in a latent; None for pixels."""
        if self.model == PIXELS:
            return None
        latent, width = (self.options.get(option.name, option.default)
                         for option in (TrainConfig.latent, TrainConfig.latent_width))
        return latent * width**2

    @property
    def row(self):
        """The part that is the same in all cells of one row of a paper's table."""
        return self.dataset, self.stands_for, self.dz, self.metric, self.value

    @property
    def slot(self):
        """The data set for which the number was published."""
        return self.stands_for or self.dataset


@dataclasses.dataclass(frozen=True)
class Study:
    """A table or figure.

    Attributes:
        name: such as 'acai2'.
        title: one line.
        cells: list of `Cell`.
        mode: for a figure, how the first seed's finished runs are drawn, one of `acai_tf.figures.MODES`; None: nothing.
        mode_options: {name: value} of that: `rows`, `steps`, `from`, `projection`, `dimensions`.
        panels: for cells of the metric `poses`, the curves that are drawn (see `acai_tf.figures.poses.draw`); empty: some.
        notes: what to know about all cells.
        first_seed: above 0 where settings were chosen on the seeds before it.
    """

    name: str
    title: str
    cells: list
    mode: str | None = None
    mode_options: dict = dataclasses.field(default_factory=dict)
    panels: list | str = ()
    notes: str = ''
    first_seed: int = 0


def value_names(cells):
    """{(metric, value): unique name of the value} of cells, as JSON has them."""
    return unique_names((cell['metric'], cell['value']) for cell in cells)


def counted(count, noun):
    """'1 run', '2 runs'."""
    return f'{count} {noun}{"s" * (count != 1)}'
