"""The jobs that fill the cells of a study: their run directories and commands."""

import contextlib
import dataclasses
import json
import os

from acai_tf import datasets, files, metrics
from acai_tf.errors import DataError, StorageError, UsageError
from acai_tf.options import declared
from acai_tf.runs import Run
from acai_tf.studies.base import PIXELS, REPORTED
from acai_tf.studies.select import refusal
from acai_tf.training.config import TrainConfig
from acai_tf.training.run_directory import conflicts


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a metric's program."""

    metric: str
    options: tuple  # of (name, value)

    @property
    def key(self):
        """Name of the file with its values, without ending."""
        name = metrics.REGISTRY.name_of(metrics.REGISTRY.get(self.metric))
        return '_'.join([name, *(f'{option}{value}' for option, value in sorted(self.options))])


class Job:
    """One training with one seed, and the metrics of its export; or one metric of pixels.

    Args:
        cell: the first Cell that it fills.
        choice: select.Choice, for the directories.

    Attributes:
        run: runs.Run of its directory; for pixels, of the directory of the results.
        config: the resolved TrainConfig; None for pixels.
        data: datasets.base.Dataset.
        calls: list of Call.

    Raises:
        UsageError: the options are wrong.
        DataError: for `records:`, no manifest.
    """

    def __init__(self, cell, seed, choice):
        self.label, self.dataset, self.seed, self.calls = cell.label, cell.dataset, seed, []
        self.is_pixels, self.config = cell.model == PIXELS, None
        data_dir = {'data_dir': choice.data_dir} if choice.data_dir else {}
        self._training = []  # the command that trains, if there is one
        try:
            if self.is_pixels:
                self.data = datasets.get(cell.dataset, choice.data_dir, **cell.dataset_options)
                self.run = Run(os.path.join(choice.train_dir, datasets.directory_name(self.data), PIXELS))
                self._subject = ['--space=pixels', *_flags({'dataset': cell.dataset} | cell.dataset_options | data_dir)]
            else:
                options = {'model': cell.model, 'dataset': cell.dataset} | cell.options
                options |= {'base': cell.base} if cell.base != 'baseline' else {}
                options |= ({'seed': seed} if seed else {}) | cell.model_options | {'train_dir': choice.train_dir} | data_dir
                self._training = [['acai_train', *_flags(options)]]
                self.config = TrainConfig(**options).resolve()
                self.config.keep_schedule({})  # of a new run: another one's schedule gives other numbers
                self.data, self.run = self.config.data, Run(self.config.run_path)
                self._subject = [f'--saved_model={self.export}', *_flags(data_dir)]
        except UsageError as error:
            raise UsageError(f'cell {cell.label} on {cell.dataset}: {error}') from None

    def add(self, cell):
        """Makes the job fill a cell too."""
        if cell.metric not in REPORTED and self.call_of(cell) not in self.calls:
            self.calls.append(self.call_of(cell))

    def call_of(self, cell):
        """Returns the call that fills a cell."""
        options = dict(cell.metric_options)
        if self.is_pixels and self.seed and 'seed' in declared(metrics.REGISTRY.get(cell.metric)):
            options.setdefault('seed', self.seed)
        return Call(cell.metric, tuple(options.items()))

    @property
    def key(self):
        """Identifies the job in its study."""
        return (self.run.path, *(call.key for call in self.calls if self.is_pixels))

    @property
    def name(self):
        """Name in messages, and of files about the job."""
        return os.path.join(datasets.directory_name(self.data), '_'.join([os.path.basename(self.run.path), *self.key[1:]]))

    @property
    def export(self):
        """Path of the training's SavedModel, which need not exist yet."""
        return self.run.export(self.config.total_steps)

    def is_trained(self):
        """Returns True if there is nothing left to train."""
        return self.is_pixels or os.path.isdir(self.export)

    def divergence(self):
        """The reason why the training became non-finite; None if it did not."""
        return None if self.is_trained() else self.run.divergence

    def output(self, call):
        """Returns the path of the file that a call writes."""
        directory = self.run.path if self.is_pixels else kept_dir(self.run, self.config.total_steps)
        return os.path.join(directory, f'{call.key}.json')

    def values(self, call):
        """Returns {name: value} of a call, made in this study or elsewhere; None if it was not made yet."""
        values = files.read_json(self.output(call))
        if values is None and not self.is_pixels:
            metric = metrics.create(call.metric, **dict(call.options))
            result = self.run.results(self.config.total_steps).get(metric.label)
            if result and result.get('options') == metric.options():
                values = result['values']
        return values

    def commands(self):
        """Returns the job's commands in order: [(True if done, [program, flag, ...])]."""
        return [(self.is_trained(), command) for command in self._training] + [
            (self.values(call) is not None, self._compute(call)) for call in self.calls]

    def commands_of(self, cell):
        """Returns the commands that a cell depends on."""
        return self._training + ([] if cell.metric in REPORTED else [self._compute(self.call_of(cell))])

    def next_command(self, failed=()):
        """Returns the next command, [program, flag, ...], that is not among those that `failed` for good; None if nothing is
        left that can be done. Without its training, a job has no metrics."""
        todo = [] if self.divergence() else [command for done, command in self.commands() if not done]
        if any(command in failed and command in self._training for command in todo):
            return None
        return next((command for command in todo if command not in failed), None)

    def check_directory(self):
        """Raises UsageError if the directory holds another run, finished or not."""
        if self.is_pixels or not os.path.exists(self.run.config_path):
            return
        with contextlib.suppress(DataError):  # reported before training
            self.data.check()
            self.config.fingerprint = self.data.fingerprint()
        try:
            rows = conflicts(self.run, self.config)
        except StorageError:  # acai_train refuses a damaged directory
            return
        rows = [row for row in rows if row[0] != 'total_kimg' or not self.is_trained()]
        if rows:
            raise UsageError(f'{self.run} holds another run ({_told(rows, "there", "here")}); choose another --train_dir')

    def _compute(self, call):
        program = metrics.REGISTRY.get(call.metric).program
        of_program = [f'--metrics={call.metric}'] if program == 'acai_evaluate' else []
        return [program, *self._subject, *of_program, *_flags(dict(call.options)), f'--output={self.output(call)}']


def kept_dir(run, step):
    """Returns the directory of the values that studies have computed from a step's export."""
    return os.path.join(run.results_dir(step), 'studies')


def plan(cells, choice, first_seed=0):
    """Returns the jobs that fill cells: [Job], and for each cell [Job for each seed], which is empty if no program can fill
    the cell.

    Raises:
        UsageError: a metric does not apply to its data set, or two cells need different runs under the same name.
    """
    jobs, of_cells, checked = {}, [], set()
    for cell in cells:
        of_cells.append([])
        for seed in range(first_seed, first_seed + (0 if refusal(cell) else choice.seeds)):
            job = Job(cell, seed, choice)
            applied = repr((cell.metric, cell.metric_options, cell.dataset, cell.dataset_options))
            if applied not in checked:  # takes a second for lines
                reason = metrics.create(cell.metric, **cell.metric_options).unsupported_reason(job.data)
                if reason:
                    raise UsageError(f'cell {cell.label} on {cell.dataset}: the metric {cell.metric} {reason}')
                checked.add(applied)
            job.add(cell)
            first = jobs.setdefault(job.key, job)
            _check_same(first, job)
            first.add(cell)
            of_cells[-1].append(first)
    return list(jobs.values()), of_cells


def _check_same(first, second):
    """Raises UsageError if two jobs with the same directory are different."""
    if first.is_pixels:
        rows = [('dataset', first.dataset, second.dataset)]
    else:
        rows = [row for row in second.config.difference(json.loads(first.config.to_json())) if row[0] != 'total_kimg']
        rows += [(name, *(getattr(job.config, name) for job in (first, second))) for name in ('total_kimg', 'report_kimg')]
    rows = [row for row in rows if row[1] != row[2]]
    if rows:
        raise UsageError(f'cells {first.label} and {second.label} would train in one directory, {first.run}, but '
                         f'{_told(rows, "in the first", "in the second")}; put one into a separate study with another '
                         '--train_dir')


def _flags(options):
    return [f'--{name}={str(value).lower() if isinstance(value, bool) else value}' for name, value in options.items()]


def _told(rows, first, second):
    return ', '.join(f'{name} is {value} {first} and {other} {second}' for name, value, other in rows)
