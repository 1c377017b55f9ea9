"""What studies consist of: cells, and what is done with them."""

import dataclasses

from acai_tf.config import TrainConfig
from acai_tf.errors import UsageError

PIXELS = 'pixels'  # in place of a model: the images themselves
# Measures that every report of a run has: their values are taken from there.
REPORTED = ('accuracy', 'lines')


@dataclasses.dataclass(frozen=True)
class Cell:
    """One number of a table or figure: which system, on which data, measured how, and what was published.

    Attributes:
        model: a registered name, path/to/file.py:Name, or 'pixels' for a measure of the images themselves.
        dataset: as `--dataset` of acai_train takes it.
        measure: a registered name. `accuracy` and `lines` are taken from the reports of the run, as the papers do; others
            are measured on the finished run's export.
        figure: which of the measure's figures; inner ones of nested figures as 'outer.inner'.
        options: {name: value} of the training's common options (depth, latent, architecture, total_kimg, ...), where they
            differ from their defaults.
        hyperparameters: {name: value} of the model.
        measure_options: {name: value} of the measure.
        published, deviation: mean and deviation over runs; None where there is no number.
        source: where the number is from, such as 'ACAI, Table 2'.
        recalled: whether the digits are from memory, not checked against the source.
        caveat: what to know before comparing.
        label: the column; by default the model.
        stands_for: the data set in whose place `dataset` stands, if any.
    """

    model: str
    dataset: str
    measure: str
    figure: str
    options: dict = dataclasses.field(default_factory=dict)
    hyperparameters: dict = dataclasses.field(default_factory=dict)
    measure_options: dict = dataclasses.field(default_factory=dict)
    published: float | None = None
    deviation: float | None = None
    source: str = ''
    recalled: bool = False
    caveat: str = ''
    label: str = ''
    stands_for: str = ''

    def __post_init__(self):
        object.__setattr__(self, 'label', self.label or self.model)
        for name in ('options', 'hyperparameters', 'measure_options'):
            if not isinstance(getattr(self, name), dict):
                raise UsageError(f'cell {self.label}: {name} must be a dictionary, {{name: value}}')
        for name in ('published', 'deviation'):
            if not isinstance(getattr(self, name), (int, float, type(None))):
                raise UsageError(f'cell {self.label}: {name} must be a number or None')
        if 'seed' in self.options:
            raise UsageError(f'cell {self.label}: a cell has no seed of its own; --seeds says how many there are')
        if self.measure in REPORTED and self.measure_options:
            raise UsageError(f'cell {self.label}: {self.measure} is taken from the reports and has no options there')

    @property
    def dz(self):
        """Number of values in a latent; None for pixels."""
        if self.model == PIXELS:
            return None
        latent, width = (self.options.get(name, getattr(TrainConfig, name)) for name in ('latent', 'latent_width'))
        return latent * width**2

    @property
    def row(self):
        """What the cells of one row of a paper's table have in common."""
        return self.dataset, self.stands_for, self.dz, self.measure, self.figure

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
        mode: for a figure, what acai_interpolate draws of the finished runs; None: nothing.
        mode_options: {flag: value} of acai_interpolate.
        notes: what to know about all cells.
    """

    name: str
    title: str
    cells: list
    mode: str | None = None
    mode_options: dict = dataclasses.field(default_factory=dict)
    notes: str = ''


def figure_names(cells):
    """How the figures of cells, as JSON has them, are called: {(measure, figure): the figure; before it, where several
    measures have one of that name, the measure}."""
    both = dict.fromkeys((cell['measure'], cell['figure']) for cell in cells)
    names = [figure for _, figure in both]
    return {(measure, figure): figure if names.count(figure) == 1 else f'{measure} {figure}' for measure, figure in both}


def counted(count, noun):
    """'1 run', '2 runs'."""
    return f'{count} {noun}{"s" * (count != 1)}'
