"""Common code of all programs: `--help` that exits 0, a quiet TensorFlow, and one line and an exit code for each error."""

import contextlib
import json
import logging
import os
import re
import signal
import sys

import acai_tf
from acai_tf import files
from acai_tf.cli.parsing import Flags
from acai_tf.errors import AcaiError, StorageError, UsageError, short_message
from acai_tf.quiet import silence_pillow, without_import_noise
from acai_tf.stopping import answering

_logger = logging.getLogger('acai_tf')

# TensorFlow's errors, by name, for files that cannot be read or written.
_FILE_ERRORS = ('AlreadyExistsError', 'DataLossError', 'FailedPreconditionError', 'NotFoundError', 'PermissionDeniedError',
                'ResourceExhaustedError')
# The flags with the most influence on a program's memory.
_SIZES = ('batch', 'depth', 'count', 'resolution', 'rows', 'steps')


def main(doc, define_flags, run, argv=None):
    """Runs a program and returns its exit code.

    Args:
        doc: the program's docstring, shown as its help; its first example begins with the program's name.
        define_flags, run: functions, Flags -> None, that define the program's flags, and do its work once they are parsed.
        argv: the arguments, without the program's name; default: the arguments of the process.

    Returns:
        0; an AcaiError's exit code, or 4 for another OSError, after one line on stderr; 128 plus the signal's number after
        SIGINT, SIGTERM or SIGHUP, as in shells.
    """
    if argv is None:
        program, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    else:
        program, arguments = re.search(r'^  (\S+)', doc, re.MULTILINE)[1], argv
    flags = Flags(program, arguments)
    with _own_streams_and_signals():
        try:
            _run(flags, doc, define_flags, run)
            sys.stdout.flush()
        except AcaiError as error:
            return _fail(program, error, error.exit_code)
        except OSError as error:
            return _fail(program, f'reading or writing failed: {error}', StorageError.exit_code)
        except _Ended as ended:
            number, = ended.args
            return _fail(program, f'ended by {signal.Signals(number).name}', 128 + number)
        except Exception as error:
            return _fail(program, *_explained(error, flags))
    return 0


def _run(flags, doc, define_flags, run):
    tf = import_tensorflow()
    silence_pillow()
    _set_logical_cpus(tf)
    define_flags(flags)
    if any(argument.lstrip('-') in ('help', 'helpfull', 'helpshort', '?') for argument in flags.command_line):
        print(flags.help(doc))
        return
    flags.parse()
    if flags.version:
        print(f'{flags.program} of acai_tf {acai_tf.__version__}, TensorFlow {tf.__version__}')
    else:
        run(flags)


def import_tensorflow():
    """Imports tensorflow without the noise that it prints, and returns the module. Raises UsageError if TensorFlow, Keras or
    matplotlib rejects keras.json or an environment variable."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    if 'tensorflow' not in sys.modules:
        try:
            with without_import_noise():
                import tensorflow as tf
                tf.config.get_visible_devices()  # the first listing of devices prints the rest of the noise
        except (AssertionError, AttributeError, TypeError, ValueError) as error:
            raise UsageError(f'TensorFlow and Keras cannot be imported ({short_message(error)}); correct keras.json in '
                             '$KERAS_HOME (default: ~/.keras) and the variables KERAS_* and MPLBACKEND') from None
    return sys.modules['tensorflow']


def _fail(program, message, code):
    print(f'{program}: {message}', file=sys.stderr)
    return code


def _explained(error, flags):
    """Returns (message, exit code) for TensorFlow's errors about memory or files; raises other errors again."""
    is_of_file = type(error).__name__ in _FILE_ERRORS and hasattr(error, 'op')
    if isinstance(error, MemoryError) or (is_of_file and re.search(  # TensorFlow raises the same error for memory and disks
            r'\bOOM\b|out of memory', str(error), re.IGNORECASE)):
        smaller = ' or '.join(f'--{name}' for name in _SIZES if name in flags)
        advice = f'; choose a smaller {smaller}' if smaller else ''
        return f'out of memory ({short_message(error)}){advice}', AcaiError.exit_code
    if not is_of_file:
        raise error
    return f'reading or writing failed: {short_message(error)}', StorageError.exit_code


class _Ended(BaseException):
    """Raised, with the signal's number, to end the process after a signal."""


def _end(number, _):
    raise _Ended(number)


@contextlib.contextmanager
def _own_streams_and_signals():
    """Makes the standard streams usable, logs to stderr and handles signals until the block ends."""
    _open_streams()
    streams = sys.stdout, sys.stderr
    errors = {stream: stream.errors for stream in streams if hasattr(stream, 'reconfigure')}
    for stream in errors:
        stream.reconfigure(errors='backslashreplace')  # for characters that a terminal cannot show
    sys.stdout, sys.stderr = map(_Stream, streams)
    handler = logging.StreamHandler()
    _logger.addHandler(handler)
    level, propagate = _logger.level, _logger.propagate
    _logger.setLevel(logging.INFO)
    _logger.propagate = False
    try:
        with answering(_end):
            yield
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        sys.stdout, sys.stderr = streams
        for stream, earlier in errors.items():
            stream.reconfigure(errors=earlier)
        _logger.removeHandler(handler)
        _logger.setLevel(level)
        _logger.propagate = propagate


class _Stream:
    """A standard stream that drops output once its reader, such as `head`, has exited."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        with self._until_reader_leaves():
            self._stream.write(text)
        return len(text)

    def flush(self):
        with self._until_reader_leaves():
            self._stream.flush()

    @contextlib.contextmanager
    def _until_reader_leaves(self):
        try:
            yield
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # Python flushes its buffer when the process ends
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                raise


def _open_streams():
    """Opens standard streams that are closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout, sys.stderr = (stream or open(os.devnull, 'w') for stream in (sys.stdout, sys.stderr))


def write_results(results, path=None):
    """Prints results as JSON, then writes them to a file if a path is given."""
    print(json.dumps(results, indent=2), flush=True)
    if path:
        files.write_json(results, path)


def _set_logical_cpus(tf):
    """Splits the CPU into $ACAI_LOGICAL_CPUS devices, for trying `--strategy=mirrored` without GPUs."""
    count = os.environ.get('ACAI_LOGICAL_CPUS', '1')
    if not count.isdecimal() or int(count) < 1:
        raise UsageError(f'ACAI_LOGICAL_CPUS={count!r}: must be a positive number')
    if int(count) > 1:
        cpu, = tf.config.list_physical_devices('CPU')
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(count))
