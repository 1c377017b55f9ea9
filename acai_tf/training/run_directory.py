"""Writes a run directory: its lock, config.json and metrics.jsonl."""

import contextlib
import fcntl
import json
import os
import shutil

from acai_tf import files
from acai_tf.errors import StorageError, UsageError
from acai_tf.runs import Run
from acai_tf.values import defined

IN_USE = 'is in use by another process'  # part of a message that other code looks for


class RunDirectory(Run):
    """A run directory that this process locks until `close`. Nothing in it changes before `begin`.

    Args:
        config: resolved TrainConfig.
        overwrite: start over, at `begin`, if the directory already holds a run.

    Raises:
        UsageError: the directory cannot be made, is in use, or holds a run with another config.
        StorageError: its file system does not support locks.
    """

    def __init__(self, config, overwrite=False):
        super().__init__(config.run_path)
        self._config, self._overwrite = config, overwrite
        try:
            if os.path.islink(self.path):
                raise UsageError(f'{self.path} is a link; give the directory it points to with --train_dir')
            os.makedirs(self.path, exist_ok=True)
            self._lock = open(self.lock_path, 'w')
        except OSError as error:
            raise UsageError(f'{self.path} cannot be written ({error.strerror}); choose another --train_dir') from None
        try:
            files.lock(self._lock, self.path, 'train_dir', fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not overwrite:
                self._check_config()
        except BlockingIOError:
            self.close()
            raise UsageError(f'{self.path} {IN_USE}; wait for it or choose another --train_dir') from None
        except BaseException:
            self.close()
            raise

    def begin(self):
        """Empties the directory if it is to be overwritten, and writes config.json."""
        if self._overwrite:
            for entry in os.scandir(self.path):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                elif entry.path != self.lock_path:
                    os.remove(entry.path)
        with contextlib.suppress(FileNotFoundError, StorageError):
            self._config.began_with = self.config['versions']
        files.write(self._config.to_json(), self.config_path)

    def earlier_config(self):
        """Content of the config.json of the run to resume; {} for a new run, or one that was stopped before it saved."""
        return {} if self._overwrite or not self.checkpoint_steps() else self.config

    def close(self):
        """Lets other processes use the directory."""
        self._lock.close()

    def _check_config(self):
        if not os.path.exists(self.config_path) and set(os.listdir(self.path)) - {os.path.basename(self.lock_path)}:
            raise UsageError(f'{self.path} is not empty and has no config.json; choose another --train_dir, or start over '
                             'with --overwrite')
        rows = conflicts(self, self._config)
        if rows:
            changes = ', '.join(f'{name} is {there} there and {here} here' for name, there, here in rows)
            raise UsageError(f'{self.path} holds a run with another config ({changes}); choose another --train_dir, or '
                             'start over with --overwrite')

    def keep_divergence(self, message):
        """Records why training became non-finite, for later readers of the directory; None removes the record."""
        if message is not None:
            files.write_json({'message': message}, self.divergence_path)
            return
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.divergence_path)

    def append_report(self, record):
        """Appends one report; NaN is written as null."""
        line = json.dumps(defined(record), allow_nan=False)
        with open(self.reports_path, 'a', encoding='utf-8') as file:
            file.write(line + '\n')
            file.flush()
            os.fsync(file.fileno())

    def cut_reports(self, step):
        """Drops the reports after `step`; training makes them again."""
        kept = [record for record in self.reports() if record['step'] <= step]
        files.write(''.join(json.dumps(record) + '\n' for record in kept), self.reports_path)


def conflicts(run, config):
    """Options that prevent a resolved TrainConfig from resuming a `runs.Run`: rows of `TrainConfig.difference`; [] if
    nothing is trained yet. total_kimg is included only if the run is already longer. Raises like `Run.config`, except if
    there is no config.json."""
    try:
        earlier = run.config
    except FileNotFoundError:
        return []
    trained = max(run.checkpoint_steps() + run.export_steps(), default=0)
    if not trained and not run.reports():
        return []
    return [row for row in config.difference(earlier) if row[0] != 'total_kimg' or trained > config.total_steps]


def summary(run):
    """Formats the last report of a run and the paths of its results, for people; StorageError if there is no report."""
    records = run.reports()
    if not records:
        raise StorageError(f'{run.reports_path} no longer holds any report; the exported model and the checkpoints are '
                           'intact; --overwrite starts over')
    last = records[-1]
    rows = [f'  {key:<26}' + (f'{value:.6g}' if isinstance(value, (int, float)) else 'undefined')
            for key, value in last.items()]
    return '\n'.join(['final metrics', *rows, f'pictures    {run.file("images")}',
                      f'SavedModel  {run.export(last["step"])}'])
