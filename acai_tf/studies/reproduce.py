"""Reproduces a study: plans, estimates, runs, fills the cells, draws."""

import logging
import os

from acai_tf import datasets, figures, files
from acai_tf.errors import AcaiError, NonFiniteError, UsageError
from acai_tf.studies import figure, output, programs, values
from acai_tf.studies.base import PIXELS
from acai_tf.studies.estimate import estimate
from acai_tf.studies.plan import plan
from acai_tf.studies.runner import Runner
from acai_tf.studies.select import changes, refusal, select
from acai_tf.values import counted, duration
from acai_tf.versions import versions

_logger = logging.getLogger(__name__)


class Reproduction:
    """A base.Study, or the part that a select.Choice chooses.

    Args:
        directory: directory of the programs; default: `programs.directory()`.

    Raises:
        UsageError: the choice does not fit the study, no program can fill any of its cells, or one of its directories holds
            another run.
    """

    def __init__(self, study, choice, directory=None):
        self.study, self.choice, self._programs = study, choice, directory or programs.directory()
        self.cells = select(study, choice)
        self.jobs, self._jobs_of = plan(self.cells, choice, study.first_seed)
        if not self.jobs:
            raise UsageError(f'no cell of {study.name} can be run: {refusal(self.cells[0])}')
        for cell, jobs in zip(self.cells, self._jobs_of):
            if not jobs:
                _logger.warning('%s on %s cannot be run: %s', cell.label, cell.dataset, refusal(cell))
        for job in self.jobs:
            job.check_directory()
        self.stand_ins = {cell.stands_for: cell.dataset for cell in self.cells if cell.stands_for}
        self.changes = changes(study, self.cells)

    def scaled(self):
        """Describes the settings that differ from the study's own in one sentence; '' if there are none."""
        if not self.changes:
            return ''
        smaller = any(max(now) < min(original) for name, (original, now) in self.changes.items()
                      if name in ('total_kimg', 'depth', 'n_init'))
        rows = [f'{name} {_either(now)} instead of {_either(original)}' for name, (original, now) in self.changes.items()]
        return f'{"Scaled down" if smaller else "Other settings"}: {", ".join(rows)}.'

    def lines(self):
        """Returns one shell command for each job."""
        return [programs.shell_line(job, self._programs) for job in self.jobs]

    def run(self, at_once=1):
        """Does the remaining jobs; returns and raises like `Runner.carry_out`. Raises DataError if data is missing."""
        todo = [job for job in self.jobs if job.next_command() is not None]
        for data in {job.dataset: job.data for job in todo}.values():
            data.check()
        seconds = {}
        if todo:
            _logger.info('%s, %d done already; measuring a few steps of each kind of training',
                         counted(len(self.jobs), 'run'), len(self.jobs) - len(todo))
            seconds, size = estimate(todo)
            _logger.info('about %s of training, one run at a time on this machine, plus the metrics; about %s in %s',
                         duration(sum(seconds.values())), _size(sum(size.values())), self.choice.train_dir)
        return Runner(self.jobs, self._programs, self.choice.train_dir, at_once, seconds).carry_out()

    def result(self, failures, command):
        """Returns the result of the study as JSON values, from the failures that `run` returned; `output` makes everything
        else from it. `command`, the command line, is kept for the record."""
        cells = [values.fill(cell, jobs, failures) for cell, jobs in zip(self.cells, self._jobs_of)]
        values.keep_once(cells)
        return {'scaled': self.scaled(), 'study': self.study.name, 'title': self.study.title,
                'stand_ins': self.stand_ins, 'notes': self.study.notes, 'command': command, 'versions': _versions(cells),
                'cells': cells, 'conclusions': values.conclusions(cells, self._limits(cells)), 'pictures': []}

    def _limits(self, cells):
        limits, measured = [], [cell for cell in cells if cell['measured'] is not None]
        if not measured:
            return ''
        if 'total_kimg' in self.changes:
            original, now = self.changes['total_kimg']
            limits.append(f'training ended after {_either(now)} kimg instead of {_either(original)}')
        single = [cell['measured_deviation'] is None for cell in measured]
        if any(single):
            where = 'with one seed' if all(single) else 'where only one seed has a value'
            limits.append(f'{where}, it is unknown how much a number varies')
        limits += [f'{stand_in} is not {published}' for published, stand_in in self.stand_ins.items()]
        return '; '.join(limits)

    def write(self, result, path):
        """Writes the Markdown to `path`, and JSON, CSV and figures next to it; adds the figures' names to the result."""
        output.write(result, path)  # the numbers first
        self.draw(result, path)
        output.write(result, path)

    def draw(self, result, path):
        """Draws the figures next to `path`, and adds their names to the result."""
        curves, blank = values.curves(result['cells'])
        if curves:
            from acai_tf.figures import poses
            picture = poses.draw(curves, self.study.panels or poses.PANELS)
            figure.add_heading(picture, result, f'; left out, because every run is blank: {", ".join(blank)}' * bool(blank))
            self._keep(result, picture, output.beside(path, '-poses.png'))
        elif picture := figure.draw(result):
            self._keep(result, picture, output.beside(path, '.png'))
        if self.study.mode:
            ending = f'{self.study.mode}{"-scaled-down" * bool(result["scaled"])}.png'  # pictures have no text
            try:
                for name, picture in self._pictures():
                    self._keep(result, picture, output.beside(path, f'-{name}{ending}'))
            except AcaiError as error:
                _logger.warning('no picture: %s', error)

    def _keep(self, result, picture, path):
        figures.save(picture, path)
        result['pictures'].append(os.path.basename(path))

    def _pictures(self):
        """Yields (name, figure) in the study's mode from the first seed's finished runs: one figure named ''; for maps, one
        for each data set."""
        mode, shown = self.study.mode, self._shown()
        options = {'source' if name == 'from' else name: value for name, value in self.study.mode_options.items()}
        if mode == 'map':
            for name, (data, loaded) in shown.items():
                yield f'{name}-' * (len(shown) > 1), figures.draw(mode, list(loaded.values()), data, titles=list(loaded),
                                                                  **options)
        elif shown:
            yield '', figures.compare(mode, shown, **options)

    def _shown(self):
        """Returns {name of a data set: (the data set, {title: export.LoadedModel of the first seed})}."""
        from acai_tf import export
        shown, sizes = {}, {}
        for cell in self.cells:
            sizes.setdefault(cell.label, set()).add(cell.dz)
        for cell, jobs in zip(self.cells, self._jobs_of):
            if jobs and jobs[0].is_trained() and cell.model != PIXELS:
                name = datasets.directory_name(jobs[0].data) + (f' for {cell.stands_for}' if cell.stands_for else '')
                title = cell.label + (f', d_z {cell.dz}' if len(sizes[cell.label]) > 1 else '')
                shown.setdefault(name, (jobs[0].data, {}))[1].setdefault(title, jobs[0].export)
        return {name: (data, {title: export.load(path) for title, path in paths.items()})
                for name, (data, paths) in shown.items()}


def check_outputs(path):
    """Checks that the Markdown file and the files next to it can be written; raises like `files.check_destination`."""
    others = [output.beside(path, ending) for ending in ('.json', '.csv', '.png')]
    if path in others:
        raise UsageError(f'--output={path}: must name the Markdown file, such as {output.beside(path, ".md")}; other '
                         'files are written next to it')
    for name in (path, *others):
        files.check_destination(name)


def check_finished(failures):
    """Raises AcaiError with the exit code of the first failure if `Reproduction.run` returned failures other than diverged
    trainings."""
    unfinished = [rest for of_job in failures.values() if (
        rest := [failure for failure in of_job if failure.exit_code != NonFiniteError.exit_code])]
    if unfinished:
        first = unfinished[0][0]
        error = AcaiError(f'{counted(len(unfinished), "run")} could not be finished; the first: {first.message}')
        error.exit_code = first.exit_code
        raise error


def _versions(cells):
    of_runs = [seed['versions'] for cell in cells for seed in cell['seeds'] if seed['versions']] or [versions()]
    return {library: sorted({str(each[library]) for each in of_runs if library in each}) for library in of_runs[0]}


def _either(alternatives):
    return ' or '.join(map(str, alternatives))


def _size(count):
    return f'{count / 1e9:.1f} GB' if count >= 1e9 else f'{count / 1e6:.0f} MB'
