"""Read access to a run directory: paths and contents."""

import contextlib
import fcntl
import json
import logging
import os
import re
from typing import Any

from acai_tf import files
from acai_tf.errors import StorageError, short_message
from acai_tf.versions import check_format

_logger = logging.getLogger(__name__)

# Entries of config.json that readers rely on, with their types.
_ENTRIES = {'batch': int, 'total_kimg': int, 'versions': dict, 'checksums': dict, 'fingerprint': dict, 'model_options': dict,
            'base_options': dict, 'architecture_options': dict, 'dataset_options': dict}


class Run:
    """A run directory, which need not exist yet. Only this class knows its layout."""

    def __init__(self, path: str | os.PathLike):
        self.path = os.fspath(path)
        self.config_path = self.file('config.json')  # the options
        self.reports_path = self.file('metrics.jsonl')  # one line for each report
        self.lock_path = self.file('.lock')  # kept locked by the training process
        self.divergence_path = self.file('diverged.json')  # the reason why training became non-finite
        self.checkpoints_dir = self.file('checkpoints')  # TensorFlow's
        self.summaries_dir = self.file('summaries')  # TensorBoard's
        self.export_dir = self.file('export')  # the numbered exports
        self.template_dir = self.file('template')  # the untrained model, from which users' own systems are exported

    def __str__(self):
        return self.path

    @classmethod
    def of_export(cls, version_dir: str | os.PathLike) -> 'Run | None':
        """Returns the run that contains an exported version; None if no run does."""
        exports, _ = os.path.split(os.path.abspath(version_dir))
        run_dir, name = os.path.split(exports)
        run = cls(run_dir)
        return run if name == 'export' and os.path.isfile(run.config_path) else None

    # ---- places

    def file(self, *parts):
        """Returns the path of a file in the run directory."""
        return os.path.join(self.path, *parts)

    def checkpoint(self, step):
        """Returns the common prefix of the files of a step's checkpoint."""
        return os.path.join(self.checkpoints_dir, f'step-{step}')

    def picture(self, name, step):
        """Returns the path of a report's picture: reconstruction, interpolation, slerp or samples."""
        return self.file('images', f'{name}-{step:08d}.png')

    def export(self, step: int) -> str:
        """Returns the path of a step's export."""
        return self.file('export', str(int(step)))

    def results_dir(self, step):
        """Returns the directory of the metrics of a step's export."""
        return self.file('results', str(int(step)))

    # ---- contents

    @property
    def config(self) -> dict[str, Any]:
        """The content of config.json. Raises FileNotFoundError if there is none, StorageError if it is damaged, and
        UsageError if it has another format."""
        try:
            with open(self.config_path, encoding='utf-8') as file:
                content = json.load(file)
            if not isinstance(content, dict):
                raise ValueError('it is not a JSON object')
        except (ValueError, RecursionError) as error:
            raise self._damaged_config(short_message(error)) from None
        check_format(content, self.config_path)
        for name, kind in _ENTRIES.items():
            if type(content.get(name)) is not kind or kind is int and content[name] < 1:
                raise self._damaged_config(f'{name} is {content.get(name)!r}')
        return content

    def _damaged_config(self, why):
        return StorageError(f'{self.config_path} is damaged ({why}); correct it, or start over with --overwrite')

    @property
    def is_finished(self) -> bool:
        """True if the run is trained to its end and exported; False if there is no run."""
        try:
            return os.path.isdir(self.export(last_step(self.config)))
        except FileNotFoundError:
            return False

    @property
    def in_use(self):
        """True if a process is training the run."""
        try:
            with open(self.lock_path) as lock:
                files.lock(lock, self.path, 'train_dir', fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (FileNotFoundError, StorageError):  # training needs locks
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def divergence(self):
        """The reason why training became non-finite; None if it did not."""
        content = files.read_json(self.divergence_path) or {}
        return content.get('message', 'training became non-finite') if os.path.exists(self.divergence_path) else None

    def checkpoint_steps(self) -> list[int]:
        """Returns the steps of the checkpoints, ascending."""
        names = os.listdir(self.checkpoints_dir) if os.path.isdir(self.checkpoints_dir) else []
        return sorted(int(found[1]) for name in names if (found := re.fullmatch(r'step-(\d+)\.index', name)))

    def export_steps(self) -> list[int]:
        """Returns the steps of the exports, ascending."""
        return sorted(map(int, version_names(self.export_dir)))

    def reports(self, warn: bool = True) -> list[dict[str, Any]]:
        """Returns the reports, oldest first. Skips unreadable lines, such as a line cut off by a dying process, with a
        warning if `warn`."""
        records, bad = [], 0
        with contextlib.suppress(FileNotFoundError), open(self.reports_path, encoding='utf-8', errors='replace') as file:
            for line in file:
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    record = None
                if isinstance(record, dict) and type(record.get('step')) is int:
                    records.append(record)
                else:
                    bad += 1
        if bad and warn:
            _logger.warning('%d lines of %s cannot be read and are skipped', bad, self.reports_path)
        return records

    def results(self, step: int) -> dict[str, dict[str, Any]]:
        """Returns {metric: content of its file} for a step's export. A content has `values`, `dataset` and what else
        `metrics.results` keeps."""
        return {name: content for name, content in files.read_json_directory(self.results_dir(step)).items()
                if isinstance(content.get('values'), dict)}


def version_names(directory):
    """Returns the names of the numbered directories in a directory; [] if it does not exist."""
    entries = os.scandir(directory) if os.path.isdir(directory) else ()
    return [entry.name for entry in entries if re.fullmatch('[0-9]+', entry.name) and entry.is_dir()]


def last_step(config):
    """Returns the number of steps of the whole run that the content of a config.json describes."""
    return -(-config['total_kimg'] * 1024 // config['batch'])
