"""Names of models, architectures, data sets, metrics and the like, and classes in a user's own files.

A user's class is named as path/to/file.py:Name. The file runs only because the user names it on the command line or in
Python. A name that comes from another file is never loaded.
"""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
import traceback

from acai_tf import files
from acai_tf.errors import AcaiError, UsageError, short_message


class Registry:
    """The classes of one kind, by name. A class's module is imported on first use.

    Args:
        kind: such as 'model', for messages.
        package: package of the modules, such as 'acai_tf.models'.
        classes: {name: class name}, or {name: 'module:class'} if the module has another name.
        base: 'module:class', the base class required of a user's class; None: any class.
        others: other allowed names, for messages, such as 'records:DIR'.
    """

    def __init__(self, kind, package, classes, base=None, others=''):
        self.kind, self._package, self._base = kind, package, base
        self._places = {name: f'{package}.{place if ":" in place else f"{name}:{place}"}' for name, place in classes.items()}
        self.choices = ', '.join(filter(None, [*classes, others])) + ', or path/to/file.py:Name for your own'

    def names(self) -> list[str]:
        """Returns all registered names, in order."""
        return list(self._places)

    def get(self, name):
        """Returns the class for a registered name or path/to/file.py:Name; UsageError if it does not exist."""
        if is_reference(name):
            cls = load(name)
            if not inspect.isclass(cls):
                raise UsageError(f'{name} is not a class')
            if self._base and not issubclass(cls, pkgutil.resolve_name(self._base)):
                raise UsageError(f'{cls.__name__} of {name} does not derive from {self._base.replace(":", ".")}')
            return cls
        if name not in self.names():
            raise UsageError(f'unknown {self.kind} {name!r}; choose one of {self.choices}')
        return pkgutil.resolve_name(self._places[name])

    def name_of(self, cls):
        """Returns the registered name of a class, or the class's own name if it is not registered."""
        return next((name for name, place in self._places.items()
                     if place == f'{cls.__module__}:{cls.__name__}'), cls.__name__)

    def module(self, name):
        """Imports a module of the package; serves as the package's `__getattr__`, so `acai_tf.metrics.lines` just works.
        AttributeError if there is no such module."""
        place = f'{self._package}.{name}'
        if importlib.util.find_spec(place) is None:
            raise AttributeError(f'module {self._package!r} has no attribute {name!r}')
        return importlib.import_module(place)


# ---- users' files


class MissingFile(UsageError):
    """The file that a reference names does not exist."""


def is_reference(text):
    """Returns True for a name such as path/to/file.py:Name, False for other names and for what is not text."""
    if not isinstance(text, str):
        return False
    path, colon, _ = text.rpartition(':')
    return bool(colon) and path.endswith('.py')


def absolute(reference):
    """Returns the reference with the file's absolute path."""
    path, _, name = reference.rpartition(':')
    return f'{os.path.abspath(os.path.expanduser(path))}:{name}'


def checksum(reference):
    """Returns the sha256 of the file as hexadecimal digits; MissingFile, or another UsageError, if it cannot be read."""
    return _read(absolute(reference).rpartition(':')[0], files.sha256)


def _read(path, read):
    try:
        return read(path)
    except FileNotFoundError:
        raise MissingFile(f'{path} does not exist') from None
    except OSError as error:
        raise UsageError(f'{path} cannot be read ({error.strerror})') from None


def load(reference):
    """Returns the object that a reference names. Each file runs only once per process. Raises MissingFile if there is no
    such file, and UsageError if it fails or has no such name."""
    path, _, name = absolute(reference).rpartition(':')
    module_name = f'acai_tf_user.{hashlib.sha256(path.encode()).hexdigest()[:12]}'
    if module_name not in sys.modules:
        _read(path, open).close()
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
def errors_in_one_line(what, cls=None):
    """Turns an error or sys.exit() in a user's code into a UsageError with its file and line; not if the code is that of a
    class of the package, `cls`."""
    if cls is not None and cls.__module__.startswith('acai_tf.'):
        yield
        return
    try:
        yield
    except AcaiError:
        raise
    except SyntaxError as error:
        raise UsageError(f'{what} cannot be run ({error.msg}, line {error.lineno} of {error.filename})') from error
    except (Exception, SystemExit) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(f'{what} fails ({os.path.basename(place.filename)}, line {place.lineno}: '
                         f'{type(error).__name__}: {short_message(error)})') from error
