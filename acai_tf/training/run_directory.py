"""The directory of one run: its name, its lock, config.json and metrics.jsonl."""

import contextlib
import fcntl
import glob
import json
import logging
import os
import re
import shutil

from acai_tf import architectures, datasets, files, measures, models
from acai_tf import config as config_lib
from acai_tf.architectures.acai import scales_of
from acai_tf.errors import StorageError, UsageError, short_message
from acai_tf.models import hyperparameter

_logger = logging.getLogger(__name__)

IN_USE = 'is in use by another process'  # part of a message that others look for
_DIVERGED = 'diverged.json'

# Options that join a run's name where they differ from their default, and those that did not in earlier versions.
_JOINING, _JOINED_LATER = ('seed', 'lr', 'batch', 'precision'), ('lr', 'batch', 'precision')


def run_name(config, image_shape, without=()):
    """`<Class>_<sorted key+value>` as released, e.g. ACAI_advdepth64_advweight0.5_depth64_latent16_reg0.2_scales3.

    Seed, lr, batch, precision, architecture, and hyperparameters that the released code does not have, join where they
    differ from their default. The name is for people; it is never parsed.

    Args:
        without: options that do not join.
    """
    model_class = models.model_class(config.model)
    parts = {'depth': config.depth, 'latent': config.latent}
    if config.architecture == 'acai':
        parts['scales'] = scales_of(image_shape, config.latent_width)
    else:
        parts |= {'architecture': architectures.name_of(config.architecture), 'latent_width': config.latent_width}
    for name, parameter in hyperparameter.declared(model_class).items():
        value = config.hyperparameters[name]
        default = getattr(config, parameter.follows) if parameter.follows else parameter.default
        if parameter.released or value != default:
            parts[name] = value
    for name in _JOINING:
        value = getattr(config, name)
        if name not in without and value != getattr(config_lib.TrainConfig, name):
            parts[name] = value
    return '_'.join([model_class.__name__, *(f'{key}{parts[key]}' for key in sorted(parts))])


def run_path(config, image_shape):
    """Path of the directory of a run, which need not exist.

    A run made before some options joined the name is found under its shorter name, if its config.json agrees.
    """
    parent = os.path.join(config.train_dir, dataset_name(config))
    path, shorter = (os.path.join(parent, run_name(config, image_shape, without)) for without in ((), _JOINED_LATER))
    if path != shorter and not os.path.lexists(path):
        with contextlib.suppress(FileNotFoundError, StorageError):
            if {name for name, _, _ in read_config(shorter).difference(config)} <= {'total_kimg'}:
                return shorter
    return path


def dataset_name(config):
    """Name of the directory that holds the runs on one data set, e.g. lines32, records-photos, coil100-object7-64px."""
    parts = [datasets.short_name(config.dataset)]
    if config.coil_object:
        parts.append(f'object{config.coil_object}')
    if config.resolution:
        parts.append(f'{config.resolution}px')
    return '-'.join(parts)


class RunDirectory:
    """A run directory that this process holds exclusively until `close`; nothing in it is changed before `begin`.

    Args:
        config: validated TrainConfig.
        image_shape: of the data set.
        overwrite: whether to start over, at `begin`, if there already is a run.

    Raises:
        UsageError: the directory cannot be made, is in use, or holds a run with another config.
    """

    def __init__(self, config, image_shape, overwrite=False):
        self.path = run_path(config, image_shape)
        self._config, self._overwrite = config, overwrite
        try:
            if os.path.islink(self.path):
                raise UsageError(f'{self.path} is a link; name the directory it points to with --train_dir')
            os.makedirs(self.path, exist_ok=True)
            self._lock = open(self.file('.lock'), 'w')
        except OSError as error:
            raise UsageError(f'{self.path} cannot be written ({error.strerror}); choose another --train_dir') from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not overwrite:
                self._check_config()
        except BlockingIOError:
            self.close()
            raise UsageError(f'{self.path} {IN_USE}; wait for it or choose another --train_dir') from None
        except BaseException:
            self.close()
            raise

    def begin(self):
        """Empties it if it is to be overwritten, and writes config.json."""
        if self._overwrite:
            self._clear()
        text = self._config.to_json(began_with(self.path))
        with files.atomic_write(self.file('config.json')) as file:
            file.write(text)

    def close(self):
        """Lets other processes use the directory."""
        self._lock.close()

    def file(self, *parts):
        """Path of something inside."""
        return os.path.join(self.path, *parts)

    def _clear(self):
        for entry in os.scandir(self.path):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            elif entry.name != '.lock':
                os.remove(entry.path)

    def _check_config(self):
        try:
            earlier = read_config(self.path)
        except FileNotFoundError:
            if set(os.listdir(self.path)) - {'.lock'}:
                raise UsageError(f'{self.path} is not empty and has no config.json; choose another --train_dir, or '
                                 'start over with --overwrite') from None
            return
        rows = conflicts(self.path, earlier, self._config)
        if rows:
            changes = ', '.join(f'{name} is {there} there and {here} here' for name, there, here in rows)
            raise UsageError(f'{self.path} holds a run with another config ({changes}); choose another --train_dir, or '
                             'start over with --overwrite')

    def note_divergence(self, message):
        """Keeps why training became non-finite, for those who look at the directory later; None: it did not, or not yet."""
        path = self.file(_DIVERGED)
        if message is None:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
            return
        with files.atomic_write(path) as file:
            json.dump({'message': message}, file)
            file.write('\n')

    # ---- metrics.jsonl

    def append_metrics(self, record):
        """Adds one report; NaN is written as null."""
        line = json.dumps(measures.defined(record), allow_nan=False)
        with open(self.file('metrics.jsonl'), 'a', encoding='utf-8') as file:
            file.write(line + '\n')
            file.flush()
            os.fsync(file.fileno())

    def metrics(self):
        """All reports, oldest first; what cannot be read is left out."""
        return read_metrics(self.path)

    def cut_metrics(self, step):
        """Drops the reports after `step`, which will be made again."""
        kept = [record for record in self.metrics() if record['step'] <= step]
        with files.atomic_write(self.file('metrics.jsonl')) as file:
            file.writelines(json.dumps(record) + '\n' for record in kept)


def conflicts(path, earlier, config):
    """What keeps `config` from resuming the run of a directory: rows of `TrainConfig.difference`. The length is one of them
    where the run is longer already."""
    exports = [int(os.path.basename(export)) for export in glob.glob(os.path.join(glob.escape(path), 'export', '[0-9]*'))
               if os.path.basename(export).isdecimal()]
    trained = max(available_steps(os.path.join(path, 'checkpoints')) + exports, default=0)
    return [row for row in earlier.difference(config) if row[0] != 'total_kimg' or trained > config.total_steps]


def available_steps(directory):
    """Steps of the checkpoints in a directory, ascending."""
    return sorted(int(re.search(r'-(\d+)\.index$', path).group(1))
                  for path in glob.glob(os.path.join(glob.escape(directory), 'step-*.index')))


def began_with(path):
    """The library versions that a run began with; None if they are not known."""
    try:
        with open(os.path.join(path, 'config.json'), encoding='utf-8') as file:
            return json.load(file).get('versions')
    except (OSError, ValueError, AttributeError):
        return None


def read_config(path):
    """The TrainConfig of a run directory.

    Raises:
        FileNotFoundError: there is no config.json.
        StorageError: it is damaged.
    """
    try:
        with open(os.path.join(path, 'config.json'), encoding='utf-8') as file:
            return config_lib.TrainConfig.from_json(file.read())
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError(f'{path}/config.json is damaged ({short_message(error)}); correct it, or start over with '
                           '--overwrite') from None


def in_use(path):
    """Whether a process holds a run directory."""
    try:
        with open(os.path.join(path, '.lock')) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def divergence(path):
    """Why the training in a run directory became non-finite; None if it did not."""
    try:
        with open(os.path.join(path, _DIVERGED), encoding='utf-8') as file:
            return json.load(file)['message']
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return 'training became non-finite'


def read_metrics(path, warn=True):
    """The reports of a run directory, oldest first; a line that cannot be read, as one cut off by a dying process, is left
    out, with a warning if that is wanted."""
    records, bad = [], 0
    with contextlib.suppress(FileNotFoundError), open(os.path.join(path, 'metrics.jsonl'), encoding='utf-8',
                                                      errors='replace') as file:
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
        _logger.warning('%d lines of %s/metrics.jsonl cannot be read and are left out', bad, path)
    return records


def summary(path):
    """A few lines for people: the last report of a run and where its results are.

    Raises:
        StorageError: there is no report.
    """
    records = read_metrics(path)
    if not records:
        raise StorageError(f'{path}/metrics.jsonl holds no report any more; the exported model and the checkpoints are not '
                           'concerned, and --overwrite starts over')
    last = records[-1]
    rows = [f'  {key:<26}' + (f'{value:.6g}' if isinstance(value, (int, float)) else 'undefined')
            for key, value in last.items()]
    return '\n'.join(['final metrics', *rows, f'pictures    {path}/images', f'SavedModel  {path}/export/{last["step"]}'])
