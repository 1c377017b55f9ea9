"""Selects the cells of a study, and adapts them to the user's choice."""

import dataclasses

from acai_tf import metrics, models
from acai_tf.errors import UsageError
from acai_tf.options import declared
from acai_tf.studies.base import PIXELS, REPORTED, grouped
from acai_tf.training.config import TrainConfig

# Options of a run that a choice can replace, and those that the metric classify has too.
_REPLACEABLE = ('total_kimg', 'report_kimg', 'depth', 'lr', 'precision', 'preset')
_OF_CLASSIFY = ('total_kimg', 'lr')


@dataclasses.dataclass
class Choice:
    """The chosen part of a study, and its settings; None keeps the study's setting.

    Attributes:
        models, datasets, dz: labels or models, data sets, latent sizes; empty: all.
        total_kimg, depth, lr, precision, preset, n_init: replace the cells' options; n_init is the restarts of K-means.
        report_kimg: images between two reports, in units of 1024.
        dataset_for: {data set of the study: its replacement}.
        train_dir, data_dir: as for acai_train.

    Raises:
        UsageError: a value that acai_train does not accept.
    """

    models: list = dataclasses.field(default_factory=list)
    datasets: list = dataclasses.field(default_factory=list)
    dz: list = dataclasses.field(default_factory=list)
    seeds: int = 3
    total_kimg: int | None = None
    depth: int | None = None
    lr: float | None = None
    precision: str | None = None
    preset: str | None = None
    n_init: int | None = None
    report_kimg: int | None = None
    dataset_for: dict = dataclasses.field(default_factory=dict)
    train_dir: str = TrainConfig.train_dir.default
    data_dir: str = TrainConfig.data_dir.default

    def __post_init__(self):
        try:
            for name, value in self.replaced().items():
                getattr(TrainConfig, name).parse(value)
        except UsageError as error:
            raise UsageError(f'--{error}') from None

    def replaced(self):
        """Returns {name: value} of the run's options that the choice replaces."""
        return {name: getattr(self, name) for name in _REPLACEABLE if getattr(self, name) is not None}


def select(study, choice):
    """Returns the chosen cells of a study, with the settings of the choice; UsageError for a name or size that it lacks.

    A system that is not in the study, but in the package or the user's file, gets the cells of another system without
    published numbers.
    """
    cells = list(study.cells)
    for flag, wanted, known in (('datasets', choice.datasets, [cell.dataset for cell in cells]),
                                ('dz', choice.dz, [cell.dz for cell in cells if cell.dz]),
                                ('dataset_for', choice.dataset_for, [cell.dataset for cell in cells])):
        for name in wanted:
            if name not in known:
                raise UsageError(f'--{flag}={name}: {study.name} has {", ".join(map(str, dict.fromkeys(known)))}')
    labels, names = {cell.label for cell in cells}, {cell.model for cell in cells}
    for name in choice.models:
        if name not in labels | names:
            cells += _of_another_system(study, name)
    cells = [cell for cell in cells if
             (not choice.models or cell.label in choice.models
              or cell.model in choice.models and cell.model not in labels)
             and (not choice.datasets or cell.dataset in choice.datasets)
             and (not choice.dz or cell.dz in choice.dz)]
    if not cells:
        raise UsageError(f'{study.name} has no cell that matches all of --models, --datasets and --dz')
    for name in choice.dataset_for:
        if not any(cell.dataset == name for cell in cells):
            raise UsageError(f'--dataset_for={name}:{choice.dataset_for[name]}: --datasets leaves {name} out')
    if choice.n_init is not None and not any('n_init' in cell.metric_options for cell in cells):
        raise UsageError(f'--n_init={choice.n_init}: no chosen cell of {study.name} uses K-means')
    return [_adapted(cell, choice) for cell in cells]


def _of_another_system(study, name):
    try:
        models.REGISTRY.get(name)
    except UsageError as error:
        labels = dict.fromkeys(cell.label for cell in study.cells)
        raise UsageError(f'--models={name}: {study.name} has {", ".join(labels)}; and {error}') from None
    rows = {_place(cell, cell.dataset): cell for cell in reversed(study.cells) if cell.model != PIXELS}
    return [dataclasses.replace(cell, model=name, label=name, base='baseline', model_options={}, published=None,
                                deviation=None, source='', recalled=False,
                                caveat='not in the paper; default hyperparameters')
            for cell in reversed(rows.values())]


def _adapted(cell, choice):
    dataset, metric_options = choice.dataset_for.get(cell.dataset, cell.dataset), dict(cell.metric_options)
    options = cell.options if dataset == cell.dataset else cell.run_options
    if cell.model != PIXELS:
        options = options | choice.replaced()
    if cell.metric == 'classify':
        metric_options |= {name: value for name, value in choice.replaced().items() if name in _OF_CLASSIFY}
    if choice.n_init is not None and 'n_init' in metric_options:
        metric_options['n_init'] = choice.n_init
    return dataclasses.replace(cell, dataset=dataset, options=options, metric_options=metric_options,
                               stands_for=cell.dataset if dataset != cell.dataset else '')


def changes(study, cells):
    """Returns {name: ([values in the study], [values now])} of settings that differ from the study's.

    Includes only settings that change the numbers: not directories, and the report interval only for values that are the
    median of the last reports.
    """
    originals = grouped(study.cells, lambda cell: (cell.label, *_place(cell, cell.dataset)))
    of_any_system = grouped([cell for cell in study.cells if cell.model != PIXELS], lambda cell: _place(cell, cell.dataset))
    changed = {}
    for cell in cells:
        place = _place(cell, cell.stands_for or cell.dataset)
        settings = [_settings(original) for original in originals.get((cell.label, *place)) or of_any_system[place]]
        for name, value in {**cell.run_options, **cell.metric_options}.items():  # a preset's defaults are not changes
            before = [original.get(name, value) for original in settings]
            if value not in before and (name != 'report_kimg' or cell.metric in REPORTED):
                was, now = changed.setdefault(name, ([], []))
                was += [each for each in dict.fromkeys(before) if each not in was]
                now += [value] if value not in now else []
    return changed


def _place(cell, dataset):
    return dataset, cell.dz, cell.metric, cell.value


def _settings(cell):
    """Returns {name: value} of all settings of run and metric that can change a cell's number, except model and data."""
    preset = cell.run_options.get('preset')
    settings = {} if cell.model == PIXELS else {name: getattr(TrainConfig, name).default_of(preset) for name in _REPLACEABLE}
    if cell.metric == 'classify':
        settings |= {name: declared(metrics.REGISTRY.get('classify'))[name].default for name in _OF_CLASSIFY}
    return settings | cell.run_options | cell.metric_options


def refusal(cell):
    """Returns the reason why no program can fill a cell; None if one can."""
    try:
        metrics.create(cell.metric, **cell.metric_options)
    except UsageError as error:
        return str(error)
    return None
