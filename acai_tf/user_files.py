"""Classes and other objects in a user's own files, named as path/to/file.py:Name.

Such a file is run, with all that it does, only because the user names it on the command line or in Python: a name that
comes from another file is never loaded.
"""

import contextlib
import hashlib
import importlib.util
import inspect
import os
import sys
import traceback

from acai_tf import files
from acai_tf.errors import AcaiError, UsageError, short_message


class MissingFile(UsageError):
    """The file that a reference names does not exist."""


def is_reference(text):
    """Whether a name is that of something in a file."""
    path, colon, _ = text.rpartition(':')
    return bool(colon) and path.endswith('.py')


def absolute(reference):
    """The reference with the file's absolute path."""
    path, _, name = reference.rpartition(':')
    return f'{os.path.abspath(os.path.expanduser(path))}:{name}'


def checksum(reference):
    """sha256 of the file, as hexadecimal digits."""
    path = absolute(reference).rpartition(':')[0]
    with _missing(path):
        return files.sha256(path)


def load_class(reference):
    """The class that a reference names; raises as `load`, and UsageError if the name is not a class."""
    found = load(reference)
    if not inspect.isclass(found):
        path, _, name = absolute(reference).rpartition(':')
        raise UsageError(f'{name} in {path} is not a class')
    return found


def load(reference):
    """What a reference names; a file is run once per process.

    Raises:
        MissingFile: there is no such file.
        UsageError: the file fails or has no such name.
    """
    path, _, name = absolute(reference).rpartition(':')
    module_name = f'acai_tf_user.{hashlib.sha256(path.encode()).hexdigest()[:12]}'
    if module_name not in sys.modules:
        with _missing(path), open(path, 'rb'):
            pass
        spec = importlib.util.spec_from_file_location(module_name, path)
        module = sys.modules[module_name] = importlib.util.module_from_spec(spec)
        try:
            with errors_in_one_line(path):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[module_name]
            raise
    if not hasattr(sys.modules[module_name], name):
        raise UsageError(f'{path} has no {name}')
    return getattr(sys.modules[module_name], name)


@contextlib.contextmanager
def errors_in_one_line(what):
    """Turns an error in a user's code into a UsageError that says where it came from."""
    try:
        yield
    except AcaiError:
        raise
    except SyntaxError as error:
        raise UsageError(f'{what} cannot be run ({error.msg}, line {error.lineno})') from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(f'{what} fails ({os.path.basename(place.filename)}, line {place.lineno}: '
                         f'{type(error).__name__}: {short_message(error)})') from error


@contextlib.contextmanager
def _missing(path):
    try:
        yield
    except FileNotFoundError:
        raise MissingFile(f'{path} does not exist') from None
    except OSError as error:
        raise UsageError(f'{path} cannot be read ({error.strerror})') from None
