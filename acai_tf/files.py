"""Atomic files and directories: written under another name, then renamed."""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile

from acai_tf.errors import StorageError, UsageError

EXISTS = '{} exists and is not overwritten; choose another name or delete it'


@contextlib.contextmanager
def atomic_write(path, mode='w'):
    """Opens a new file that replaces `path` when the block ends without an error.

    If `path` is a link, its target is replaced. A device or pipe is written directly. An OSError names `path`.
    """
    target, encoding = os.path.realpath(path), {} if 'b' in mode else {'encoding': 'utf-8'}
    try:
        if is_special(path):
            with open(path, mode, **encoding) as file:
                yield file
            return
        with _unfinished(os.path.dirname(target), '.acai-') as beside:
            with open(beside, mode, **encoding) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), path) from None  # numpy's have no errno


def check_new_directory(path):
    """Checks, before long work, that `atomic_directory` can make a directory for the result. Raises UsageError if it exists,
    and like `check_destination`."""
    if os.path.lexists(path.rstrip(os.sep)):
        raise UsageError(EXISTS.format(path))
    check_destination(path.rstrip(os.sep))


def check_destination(path):
    """Checks, before long work, that a file for the result can be written; makes its folder. Raises UsageError if the path
    is a directory, and StorageError if it cannot be written."""
    target = os.path.realpath(path)
    if os.path.isdir(target) or path.endswith(os.sep):
        raise UsageError(f'{path} is a directory; name a file in it')
    try:
        if is_special(path):
            with open(path, 'w'):
                return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        tempfile.TemporaryFile(dir=os.path.dirname(target)).close()
    except OSError as error:
        raise StorageError(f'{path} cannot be written ({error.strerror}); choose another place') from None


def sha256(path):
    """Returns the checksum of a file as hexadecimal digits."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def is_special(path):
    """Returns True for a device or a pipe, which a file cannot replace."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def lock(file, path, option, kind=fcntl.LOCK_EX):
    """Locks an open file or directory until it is closed.

    Args:
        path, option: the directory and its flag, for the message.
        kind: as for `fcntl.flock`.

    Raises:
        BlockingIOError: another process holds the lock, and `kind` includes LOCK_NB.
        StorageError: the file system has no locks.
    """
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        raise
    except OSError as error:
        raise StorageError(f'{path} cannot be locked ({error.strerror}); choose a --{option} on a file system with '
                           'locks') from None


@contextlib.contextmanager
def _unfinished(folder, prefix):
    """Yields a path in a new hidden directory in the folder; the directory is removed at the end."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True) as directory:
        yield os.path.join(directory, 'unfinished')


@contextlib.contextmanager
def atomic_directory(path, exists=EXISTS):
    """Yields the path of a directory that becomes `path` when the block ends without an error. If `path` exists by then,
    raises UsageError with the message `exists`, which has {} for the path."""
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with _unfinished(folder, f'.{name}.tmp-') as beside:
        os.mkdir(beside)
        yield beside
        if os.path.exists(path):
            raise UsageError(exists.format(path))
        os.rename(beside, path)


def write(content, path):
    """Writes text or bytes to a file, atomically."""
    with atomic_write(path, 'wb' if isinstance(content, bytes) else 'w') as file:
        file.write(content)


def write_json(content, path, sort_keys=False):
    """Writes a value to a JSON file, atomically."""
    write(json.dumps(content, indent=2, sort_keys=sort_keys) + '\n', path)


def read_json(path):
    """Returns the dict in a JSON file; None if the file is missing or damaged, or holds something else."""
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_json_directory(directory):
    """Returns {name without .json: dict} of the JSON files in a directory, in order, without damaged ones."""
    names = [name for name in sorted(os.listdir(directory)) if name.endswith('.json')] if os.path.isdir(directory) else []
    contents = {name.removesuffix('.json'): read_json(os.path.join(directory, name)) for name in names}
    return {name: content for name, content in contents.items() if content is not None}
