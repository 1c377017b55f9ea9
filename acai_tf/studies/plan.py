"""From the cells of a study to the runs that fill them: which run directories, which commands."""

import dataclasses
import os
import shlex

from acai_tf import measures, models
from acai_tf.config import TrainConfig
from acai_tf.errors import StorageError, UsageError
from acai_tf.measures.results import read
from acai_tf.models import hyperparameter
from acai_tf.studies.base import PIXELS, REPORTED
from acai_tf.training.loop import total_steps
from acai_tf.training.run_directory import conflicts, dataset_name, divergence, read_config, run_path

# Options of a training that say which part of one data set is read: they do not apply to another.
_OF_ONE_DATASET = ('coil_object', 'resolution')


@dataclasses.dataclass
class Choice:
    """What of a study is run, and how; None leaves what the study says.

    Attributes:
        models, datasets, dz: labels or models, data sets, sizes of the latent; empty: all.
        seeds: how many.
        total_kimg, depth, lr, precision: in place of those of the cells.
        n_init: in place of the restarts of K-means.
        report_kimg: images between two reports, in units of 1024.
        dataset_for: {data set of the study: the one that stands in}.
        train_dir, data_dir: as acai_train takes them.
    """

    models: list = dataclasses.field(default_factory=list)
    datasets: list = dataclasses.field(default_factory=list)
    dz: list = dataclasses.field(default_factory=list)
    seeds: int = 3
    total_kimg: int | None = None
    depth: int | None = None
    lr: float | None = None
    precision: str | None = None
    n_init: int | None = None
    report_kimg: int | None = None
    dataset_for: dict = dataclasses.field(default_factory=dict)
    train_dir: str = TrainConfig.train_dir
    data_dir: str = ''


# ---- cells


def select(study, choice):
    """The cells of a study that are chosen, as they are to be run.

    A system that the study does not have, but the package or a file of the user's does, gets the cells of a system of the
    study, without published numbers.

    Raises:
        UsageError: a name or size that the study does not have.
    """
    cells = list(study.cells)
    for kind, wanted, known in (('datasets', choice.datasets, [cell.dataset for cell in cells]),
                                ('dz', choice.dz, [cell.dz for cell in cells if cell.dz]),
                                ('dataset_for', choice.dataset_for, [cell.dataset for cell in cells])):
        for name in wanted:
            if name not in known:
                raise UsageError(f'--{kind}={name}: {study.name} has {", ".join(map(str, dict.fromkeys(known)))}')
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
        raise UsageError(f'{study.name} has no cell with all that --models, --datasets and --dz choose')
    for name in choice.dataset_for:
        if not any(cell.dataset == name for cell in cells):
            raise UsageError(f'--dataset_for={name}:{choice.dataset_for[name]}: --datasets leaves {name} out')
    if choice.n_init is not None and not any('n_init' in cell.measure_options for cell in cells):
        raise UsageError(f'--n_init={choice.n_init}: none of the chosen cells of {study.name} is clustered by K-means')
    return [_adapted(cell, choice) for cell in cells]


def _of_another_system(study, name):
    try:
        models.model_class(name)
    except UsageError as error:
        labels = dict.fromkeys(cell.label for cell in study.cells)
        raise UsageError(f'--models={name}: {study.name} has {", ".join(labels)}; and {error}') from None
    rows = {cell.row: cell for cell in reversed(study.cells) if cell.model != PIXELS}
    return [dataclasses.replace(cell, model=name, label=name, hyperparameters={}, published=None, deviation=None, source='',
                                recalled=False, caveat='not in the paper; default hyperparameters')
            for cell in reversed(rows.values())]


def _adapted(cell, choice):
    options, measure_options = dict(cell.options), dict(cell.measure_options)
    changes = {name: getattr(choice, name) for name in ('total_kimg', 'report_kimg', 'depth', 'lr', 'precision')
               if getattr(choice, name) is not None}
    if cell.model != PIXELS:
        options |= changes
    if cell.measure == 'classify':
        measure_options |= {name: changes[name] for name in ('total_kimg', 'lr') if name in changes}
    if choice.n_init is not None and 'n_init' in measure_options:
        measure_options['n_init'] = choice.n_init
    dataset = choice.dataset_for.get(cell.dataset, cell.dataset)
    if dataset != cell.dataset:
        options = {name: value for name, value in options.items() if name not in _OF_ONE_DATASET}
    return dataclasses.replace(cell, dataset=dataset, options=options, measure_options=measure_options,
                               stands_for=cell.dataset if dataset != cell.dataset else '')


def changes(study, cells):
    """How chosen cells differ from the study's own: {name: (values there, values here)}, which may be several.

    Only what changes the numbers: not where runs are, nor, but for the median of the last reports, how often they report.
    """
    def row(cell, dataset):
        return dataset, cell.dz, cell.measure, cell.figure
    own = {(cell.label, *row(cell, cell.dataset)): cell for cell in study.cells}
    rows = {row(cell, cell.dataset): cell for cell in study.cells if cell.model != PIXELS}
    found = {}
    for cell in cells:
        before = own.get((cell.label, *row(cell, cell.slot))) or rows[row(cell, cell.slot)]
        for name, here in _effective(cell).items():
            there = _effective(before).get(name, here)
            if (name != 'report_kimg' or cell.measure in REPORTED) and name not in _OF_ONE_DATASET and there != here:
                sides = found.setdefault(name, ([], []))
                for values, value in zip(sides, (there, here)):
                    if value not in values:
                        values.append(value)
    return found


def _effective(cell):
    defaults = {} if cell.model == PIXELS else {
        name: getattr(TrainConfig, name) for name in ('total_kimg', 'report_kimg', 'depth', 'lr', 'precision')}
    if cell.measure == 'classify':
        defaults |= {name: getattr(measures.measure_class('classify'), name).default for name in ('total_kimg', 'lr')}
    return defaults | cell.options | cell.measure_options


def refusal(cell):
    """Why no program can fill a cell; None if one can."""
    try:
        measures.create(cell.measure, **cell.measure_options)
    except UsageError as error:
        return str(error)
    return None


# ---- runs


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a measure's program, with options in force."""

    measure: str
    options: tuple  # of (name, value)

    @property
    def key(self):
        """Name of the file that keeps what it finds."""
        return '_'.join([self.measure, *(f'{name}{value}' for name, value in sorted(self.options))])


class Run:
    """One training with one seed, and the measures of its export; or one measure of pixels.

    Args:
        cell: a Cell that it fills.
        seed: int.
        choice: where things are.

    Raises:
        UsageError: the options are wrong.
        DataError: for `records:`, no manifest.
    """

    def __init__(self, cell, seed, choice):
        self.label, self.model, self.dataset, self.seed, self.calls = cell.label, cell.model, cell.dataset, seed, []
        self._choice = choice
        self._options = cell.options | ({'seed': seed} if seed else {})
        self._hyperparameters = cell.hyperparameters
        places = {'train_dir': choice.train_dir, 'data_dir': choice.data_dir}
        self.is_pixels = self.model == PIXELS
        try:
            if self.is_pixels:
                self.config = TrainConfig(dataset=self.dataset, **self._options | {'seed': seed}, **places)
            else:
                self.config = TrainConfig(model=self.model, dataset=self.dataset, **self._options, **places,
                                          hyperparameters=dict(self._hyperparameters)).validate()
        except TypeError as error:
            raise UsageError(f'cell {cell.label} on {cell.dataset}: {error}') from None
        data = self.config.open_dataset()
        unfit = measures.create(cell.measure, **cell.measure_options).unfit(data)
        if unfit:
            raise UsageError(f'cell {cell.label} on {cell.dataset}: the measure {cell.measure} {unfit}')
        if self.is_pixels:
            self.path = os.path.join(choice.train_dir, dataset_name(self.config), PIXELS)
        else:
            self.path = run_path(self.config, data.image_shape)
        self.image_shape = data.image_shape

    def add(self, cell):
        """Lets the run fill a cell."""
        if cell.measure not in REPORTED and self.call_of(cell) not in self.calls:
            self.calls.append(self.call_of(cell))

    def call_of(self, cell):
        """The call that fills a cell."""
        options = dict(cell.measure_options)
        if self.is_pixels and self.seed and 'seed' in hyperparameter.declared(measures.measure_class(cell.measure)):
            options.setdefault('seed', self.seed)
        return Call(cell.measure, tuple(options.items()))

    @property
    def key(self):
        """What other runs of a study do not share."""
        return (self.path, *(call.key for call in self.calls if self.is_pixels))

    @property
    def name(self):
        """For people, and for the names of files about the run."""
        return os.path.join(dataset_name(self.config), '_'.join([os.path.basename(self.path), *self.key[1:]]))

    @property
    def step(self):
        """The last step of the training."""
        return total_steps(self.config)

    @property
    def export(self):
        """Where the training's SavedModel is, or will be."""
        return os.path.join(self.path, 'export', str(self.step))

    def is_trained(self):
        """Whether there is nothing to train, or no more."""
        return self.is_pixels or os.path.isdir(self.export)

    def divergence(self):
        """Why the training became non-finite; None if it did not."""
        return None if self.is_trained() else divergence(self.path)

    def output(self, call):
        """File that a call writes."""
        inside = () if self.is_pixels else ('results', str(self.step), 'studies')
        return os.path.join(self.path, *inside, f'{call.key}.json')

    def found(self, call):
        """{figure: number} of a call, by whoever made it; None if nobody did."""
        figures = read(self.output(call))
        if figures is None and not self.is_pixels:
            kept = read(os.path.join(self.path, 'results', str(self.step), f'{call.measure}.json')) or {}
            options = measures.create(call.measure, **dict(call.options)).options()
            if kept.get('options') == options and kept.get('dataset') == self.dataset:
                figures = kept.get('figures')
        return figures

    def commands(self):
        """What is to be done, in order: [(whether it is done, [program, flag, ...])]."""
        training = [] if self.is_pixels else [(self.is_trained(), self._train())]
        return training + [(self.found(call) is not None, self._measure(call)) for call in self.calls]

    def commands_of(self, cell):
        """Those of the commands on which a cell depends."""
        training = [] if self.is_pixels else [self._train()]
        return training + ([] if cell.measure in REPORTED else [self._measure(self.call_of(cell))])

    def next_command(self, failed=()):
        """[program, flag, ...] of what is to be done next; None if nothing is, or nothing can be.

        Args:
            failed: commands that cannot be finished. Without its training a run has no measures.
        """
        if self.divergence():
            return None
        for done, command in self.commands():
            if not done and command not in failed:
                return command
            if not done and command == self._train():
                return None
        return None

    def check_directory(self, identity):
        """UsageError if the directory holds another run, finished or not.

        Args:
            identity: config -> what `Dataset.identity` gives of its data set, or {} if that is not known.
        """
        if self.is_pixels:
            return
        try:
            earlier = read_config(self.path)
        except (FileNotFoundError, StorageError):  # a damaged one is acai_train's to refuse
            return
        rows = [row for row in conflicts(self.path, earlier, dataclasses.replace(self.config, data=identity(self.config)))
                if row[0] != 'total_kimg' or not self.is_trained()]
        if rows:
            raise UsageError(f'{self.path} holds another run ({_told(rows, "there", "here")}); choose another --train_dir')

    def _train(self):
        options = {'model': self.model, 'dataset': self.dataset} | self._options | self._hyperparameters
        return ['acai_train', *_flags(options), *self._places('train_dir', 'data_dir')]

    def _measure(self, call):
        program = measures.measure_class(call.measure).program
        of_program = [f'--metrics={call.measure}'] if program == 'acai_evaluate' else []
        subject = ['--space=pixels', *_flags({'dataset': self.dataset} | {
            name: self._options[name] for name in _OF_ONE_DATASET if name in self._options})] \
            if self.is_pixels else [f'--saved_model={self.export}']
        return [program, *subject, *self._places('data_dir'), *of_program, *_flags(dict(call.options)),
                f'--output={self.output(call)}']

    def _places(self, *names):
        return _flags({name: getattr(self._choice, name) for name in names if getattr(self._choice, name)})


def _flags(options):
    return [f'--{name}={str(value).lower() if isinstance(value, bool) else value}' for name, value in options.items()]


def _told(rows, first, second):
    return ', '.join(f'{name} is {there} {first} and {here} {second}' for name, there, here in rows)


def _of_one_directory(first, second):
    """UsageError if two runs, of which the directories have one name, are not the same."""
    rows = first.config.difference(second.config)
    rows += [(name, *values) for name in ('total_kimg', 'report_kimg')
             if len(set(values := [getattr(run.config, name) for run in (first, second)])) > 1
             and name not in [row[0] for row in rows]]
    if rows:
        raise UsageError(f'cells {first.label} and {second.label} would train in one directory, {first.path}, but '
                         f'{_told(rows, "in the first", "in the second")}; put one into a study of its own, with another '
                         '--train_dir')


def plan(cells, choice):
    """The runs that fill cells, and which fill which.

    Returns:
        [Run], and [[Run for each seed]], as long as `cells`; empty for a cell that no program can fill.

    Raises:
        UsageError: two cells need different runs under the same name.
    """
    runs, of_cells = {}, []
    for cell in cells:
        of_cells.append([])
        if refusal(cell):
            continue
        for seed in range(choice.seeds):
            run = Run(cell, seed, choice)
            if run.is_pixels:
                run.add(cell)
            _of_one_directory(runs.setdefault(run.key, run), run)
            run = runs[run.key]
            run.add(cell)
            of_cells[-1].append(run)
    return list(runs.values()), of_cells


def program_command(command, programs, python):
    """[program, flag, ...] as it is started: the interpreter, and the program's path in the directory `programs`."""
    return [python, os.path.join(programs, command[0]), *command[1:]]


def shell_line(run, programs, python):
    """One line of a shell that does all of a run, and goes on where it was stopped."""
    def shell(command):
        line = shlex.join(program_command(command, programs, python))
        output = command[-1].removeprefix('--output=')  # which appears when the measure is done
        return line if command[0] == 'acai_train' else f'{{ [ -s {shlex.quote(output)} ] || {line}; }}'
    return ' && '.join(shell(command) for _, command in run.commands())
