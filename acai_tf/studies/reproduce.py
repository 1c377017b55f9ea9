"""From a study to its result: plan, estimate, run, fill the cells, draw."""

import logging
import os
import shlex
import subprocess
import sys

from acai_tf import figures, files
from acai_tf.config import versions
from acai_tf.errors import AcaiError, DataError, UsageError
from acai_tf.studies import output, values
from acai_tf.studies.base import PIXELS, counted
from acai_tf.studies.estimate import estimate
from acai_tf.studies.plan import changes, plan, program_command, refusal, select, shell_line
from acai_tf.studies.runner import Runner

_logger = logging.getLogger(__name__)


class Reproduction:
    """A study, or the part of it that is chosen.

    Args:
        study: base.Study.
        choice: plan.Choice.
        programs: directory of the programs.

    Raises:
        UsageError: the choice does not fit the study, no program can fill any of its cells, or other runs stand where its
            own would.
    """

    def __init__(self, study, choice, programs):
        self.study, self.choice, self._programs = study, choice, programs
        self.cells = select(study, choice)
        self.runs, self._runs_of = plan(self.cells, choice)
        if not self.runs:
            raise UsageError(f'nothing of {study.name} can be run: {refusal(self.cells[0])}')
        for cell, runs in zip(self.cells, self._runs_of):
            if not runs:
                _logger.warning('%s on %s is refused: %s', cell.label, cell.dataset, refusal(cell))
        identities = {}

        def identity(config):
            data = config.dataset, config.coil_object, config.resolution
            if data not in identities:
                identities[data] = _identity(config.open_dataset())
            return identities[data]
        for run in self.runs:
            run.check_directory(identity)
        self.stand_ins = {cell.stands_for: cell.dataset for cell in self.cells if cell.stands_for}
        self.changes = changes(study, self.cells)

    def scaled(self):
        """One sentence on how the settings differ from the study's own; '' if they do not."""
        if not self.changes:
            return ''
        smaller = any(max(here) < min(there) for name, (there, here) in self.changes.items()
                      if name in ('total_kimg', 'depth', 'n_init'))
        rows = [f'{name} {_either(here)} in place of {_either(there)}' for name, (there, here) in self.changes.items()]
        return f'{"Scaled down" if smaller else "Other settings"}: {", ".join(rows)}.'

    def lines(self):
        """One shell command for each run."""
        return [shell_line(run, self._programs, sys.executable) for run in self.runs]

    def run(self, jobs=1):
        """Does what is not done yet; {run's key: [runner.Failure]} of what cannot be.

        Raises:
            DataError: data is missing.
            Stopped: by a signal.
        """
        todo = [run for run in self.runs if run.next_command() is not None]
        for dataset in {run.dataset: run.config.open_dataset() for run in todo}.values():
            dataset.check()
        seconds = {}
        if todo:
            _logger.info('%s, %d done already; measuring a few steps of each kind of training',
                         counted(len(self.runs), 'run'), len(self.runs) - len(todo))
            seconds, size = estimate(todo)
            _logger.info('about %s of training one after another on this machine, and the measures; about %s in %s',
                         _duration(sum(seconds.values())), _size(sum(size.values())), self.choice.train_dir)
        return Runner(self.runs, self._programs, self.choice.train_dir, jobs, seconds).carry_out()

    def result(self, failures, command):
        """What came out: JSON values, from which `output` makes everything else.

        Args:
            failures: as `run` returns them.
            command: the command line that asked for it.
        """
        cells = [values.fill(cell, runs, failures) for cell, runs in zip(self.cells, self._runs_of)]
        return {'scaled': self.scaled(), 'study': self.study.name, 'title': self.study.title,
                'stand_ins': self.stand_ins, 'notes': self.study.notes, 'command': command, 'versions': _versions(cells),
                'cells': cells, 'conclusions': values.conclusions(cells, self._limits(cells)), 'pictures': []}

    def _limits(self, cells):
        limits = []
        if all(cell['measured'] is None for cell in cells):
            return ''
        if 'total_kimg' in self.changes:
            there, here = self.changes['total_kimg']
            limits.append(f'training ended after {_either(here)} kimg in place of {_either(there)}')
        if any(cell['measured'] is not None and cell['measured_deviation'] is None for cell in cells):
            limits.append('with one seed nothing is known about how much a number varies')
        limits += [f'{here} is not {there}' for there, here in self.stand_ins.items()]
        return '; '.join(limits)

    # ---- pictures

    def draw(self, result, path):
        """Draws the figures beside `path`, and notes their names in the result."""
        picture = output.draw(result)
        if picture:
            self._keep(result, picture, output.beside(path, '.png'))
        of_poses = [cell for cell in result['cells'] if cell['measure'] == 'poses' and cell['measured'] is not None]
        if of_poses:
            from acai_tf.figures import poses
            found = {cell['system']: seed['figures']['poses']['model'] for cell in of_poses
                     for seed in [seed for seed in cell['seeds'] if seed.get('figures')][:1]}
            picture = poses.draw(found, along='altitude' if '.altitude.' in of_poses[0]['figure'] else 'azimuth_80')
            picture.suptitle(output.heading(result), fontsize=9)
            self._keep(result, picture, output.beside(path, '-poses.png'))
        if self.study.mode:
            self._interpolate(result, path)

    def _keep(self, result, picture, path):
        figures.save(picture, path)
        result['pictures'].append(os.path.basename(path))

    def _interpolate(self, result, path):
        groups = {}
        for cell, runs in zip(self.cells, self._runs_of):
            if runs and runs[0].is_trained() and cell.model != PIXELS:
                groups.setdefault((cell.dataset, cell.dz), {})[runs[0].export] = runs[0]
        for (dataset, dz), runs in groups.items():
            ending = '' if len(groups) == 1 else f'-{os.path.basename(dataset)}-{dz}'
            ending += '-scaled-down' if result['scaled'] else ''  # the picture itself has no text
            picture = output.beside(path, f'-{self.study.mode}{ending}.png')
            options = {'mode': self.study.mode} | self.study.mode_options
            command = ['acai_interpolate', *(f'--saved_model={export}' for export in runs),
                       *(f'--{name}={value}' for name, value in options.items()),
                       *([f'--data_dir={self.choice.data_dir}'] if self.choice.data_dir else []), f'--output={picture}']
            done = subprocess.run(program_command(command, self._programs, sys.executable), capture_output=True, text=True)
            if done.returncode:
                _logger.warning('no picture: %s', (done.stderr.strip().splitlines() or ['acai_interpolate failed'])[-1])
                continue
            result['pictures'].append(os.path.basename(picture))
            result.setdefault('picture_commands', []).append(shlex.join(command))


def check_outputs(path):
    """Makes sure that all files of a result can be written; raises as `files.check_destination`."""
    for ending in ('.json', '.csv', '.png'):
        if output.beside(path, ending) == path:
            raise UsageError(f'--output={path}: is the Markdown, such as {output.beside(path, ".md")}; the others stand '
                             'beside it')
    for name in (path, *(output.beside(path, ending) for ending in ('.json', '.csv', '.png'))):
        files.check_destination(name)


class Unfinished(AcaiError):
    """Some runs of a study could not be finished; the exit code is that of the first."""

    def __init__(self, failures):
        first = next(iter(failures.values()))[0]
        self.exit_code = first.exit_code
        super().__init__(f'{counted(len(failures), "run")} could not be finished; the first: {first.message}')


def _identity(dataset):
    try:
        dataset.check()
    except DataError:  # said when something is to be trained
        return {}
    return dataset.identity()


def _versions(cells):
    found = [seed['versions'] for cell in cells for seed in cell['seeds'] if seed['versions']] or [versions()]
    return {library: sorted({str(each[library]) for each in found if library in each}) for library in found[0]}


def _either(found):
    return ' or '.join(map(str, found))


def _duration(seconds):
    return f'{seconds / 3600:.1f} hours' if seconds > 5400 else f'{seconds / 60:.1f} minutes'


def _size(count):
    return f'{count / 1e9:.1f} GB' if count >= 1e9 else f'{count / 1e6:.0f} MB'
