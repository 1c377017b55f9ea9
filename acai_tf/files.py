"""Files that appear whole or not at all: written under another name, then renamed."""

import contextlib
import os
import shutil
import tempfile


@contextlib.contextmanager
def atomic_write(path, mode='w'):
    """Opens a new file that replaces `path` when the block ends without an error."""
    directory = os.path.dirname(path) or '.'
    descriptor, beside = tempfile.mkstemp(prefix=f'.{os.path.basename(path)}.', dir=directory)
    try:
        with os.fdopen(descriptor, mode, **({} if 'b' in mode else {'encoding': 'utf-8'})) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(beside)
        raise


@contextlib.contextmanager
def atomic_directory(path):
    """Yields the path of a directory that becomes `path`, which must not exist, when the block ends without an error.

    Raises FileExistsError if `path` exists by then.
    """
    parent, name = os.path.split(os.path.abspath(path))
    os.makedirs(parent, exist_ok=True)
    beside = tempfile.mkdtemp(prefix=f'.{name}.tmp-', dir=parent)
    try:
        yield beside
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o777 & ~umask)
        if os.path.exists(path):
            raise FileExistsError(path)
        os.rename(beside, path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
