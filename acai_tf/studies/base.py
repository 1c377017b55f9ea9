"""Studies and their cells."""

import dataclasses
import math

from acai_tf.errors import UsageError
from acai_tf.options import declared
from acai_tf.training.config import TrainConfig
from acai_tf.values import unique_names

PIXELS = 'pixels'  # instead of a model: the raw images
# Metrics that every report of a run contains; studies read them there.
REPORTED = ('accuracy', 'lines', 'explained_variance')


@dataclasses.dataclass(frozen=True)
class Cell:
    """One number of a table or figure: system, data, metric, and published value.

    Attributes:
        model: a registered name, path/to/file.py:Name, or 'pixels' for a metric of the raw images.
        dataset: as for `--dataset` of acai_train.
        metric: a registered name, or path/to/file.py:Name. `accuracy`, `lines` and `explained_variance` come from the run's
            reports, as in the papers; other metrics are computed from the finished run's export.
        value: name of the metric's value; 'outer.inner' for nested values.
        options: {name: value} of the options of run (depth, latent, architecture, total_kimg, ...) and data set that
            differ from their defaults.
        model_options: {name: value} of the options of model and architecture.
        metric_options: {name: value} of the metric's options.
        published, deviation: mean and deviation over runs; None if not published.
        source: source of the number, such as 'ACAI, Table 2'.
        recalled: True for digits from memory, not checked against the source.
        caveat: what to know before comparing.
        label: the column; default: the model, with its base if that is not the baseline.
        stands_for: the data set of the study that `dataset` replaces, set by `select.select`; '' if none.
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
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value)):
                raise UsageError(f'cell {self.label}: {name} must be a finite number or None')
        if 'seed' in self.options:
            raise UsageError(f'cell {self.label}: cells take no seed; --seeds sets the number of seeds')
        if self.metric in REPORTED and self.metric_options:
            raise UsageError(f'cell {self.label}: {self.metric} comes from the reports, so it takes no options')

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


@dataclasses.dataclass(frozen=True)
class Study:
    """A table or figure.

    Attributes:
        name: such as 'acai2'.
        title: one line.
        cells: list of `Cell`.
        mode: for a figure, one of `acai_tf.figures.MODES`, drawn from the first seed's finished runs; None: no drawing.
        mode_options: {name: value} for the mode: `rows`, `steps`, `from`, `projection`, `dimensions`.
        panels: for cells of the metric `poses`, the curves to draw (see `acai_tf.figures.poses.draw`); empty: its default.
        notes: what to know about all cells.
        first_seed: above 0 if settings were chosen with the seeds before it.
    """

    name: str
    title: str
    cells: list
    mode: str | None = None
    mode_options: dict = dataclasses.field(default_factory=dict)
    panels: list | str = ()
    notes: str = ''
    first_seed: int = 0


def grouped(items, key):
    """Returns {key: [item, ...]} of items with the same key, in order."""
    groups = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def compared(cell):
    """Returns a key that is the same for cells in JSON form that are compared with each other."""
    return cell['metric'], cell['value'], cell['dataset'], cell['stands_for'], cell['d_z']


def value_names(cells):
    """Returns {(metric, value): unique name of the value} for cells in JSON form."""
    return unique_names((cell['metric'], cell['value']) for cell in cells)
