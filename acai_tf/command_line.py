"""What every binary shares: a quiet TensorFlow, `--help` that exits 0, one line and an exit code for each error."""

import contextlib
import json
import logging
import os
import re
import signal
import sys
import tempfile
import textwrap

import acai_tf
from acai_tf.errors import AcaiError, StorageError, UsageError, short_message

_WIDTH = 100  # of the help, in columns
# TensorFlow's C++ prints these at import, before any log level is in force.
_NOISE = re.compile(rb'^(WARNING: All log messages before absl|[IWE]\d{4,} .*(port|cudart_stub|cuda\w+)\.cc)')


# Flags that hold paths, in which ~ and $VARIABLES are expanded: a shell does not expand --flag=~/x.
_PATHS = ('architecture', 'data_dir', 'export_dir', 'images', 'images_dir', 'load', 'model', 'models', 'output',
          'projector_dir', 'report', 'run_dir', 'save', 'saved_model', 'source_dir', 'study', 'train_dir')
_PATHS_OF_TENSORFLOW = ('data_dir', 'dataset', 'export_dir', 'run_dir', 'saved_model', 'train_dir')
# TensorFlow's errors, by name, for files that cannot be read or written.
_FILE_ERRORS = ('AlreadyExistsError', 'DataLossError', 'FailedPreconditionError', 'NotFoundError', 'PermissionDeniedError',
                'ResourceExhaustedError')
# The flags that the memory a program needs depends on most.
_SIZES = ('batch', 'depth', 'count', 'resolution', 'rows', 'steps')
_PATHS_AFTER = {'dataset': 'records:'}


@contextlib.contextmanager
def without_import_noise():
    """Holds back file descriptor 2, then passes on everything but known noise."""
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            held.seek(0)
            os.write(2, b''.join(line for line in held if not _NOISE.match(line)))
            os.close(original)


def run(main, define_flags=lambda: None):
    """Runs a binary and exits.

    Args:
        main: called without arguments once the flags are parsed.
        define_flags: defines the flags that need the library; the others are defined when the binary is imported.

    Exits with 0; with an AcaiError's exit code, or 4 for another OSError, after one line on stderr; after SIGINT or
    SIGTERM with 128 plus the signal's number, as shells do, after cleaning up.
    """
    from absl import flags
    _mend_streams()
    program = os.path.basename(sys.argv[0])
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter('%(message)s'))
    logging.getLogger('acai_tf').addHandler(handler)
    logging.getLogger('acai_tf').setLevel(logging.INFO)
    logging.getLogger('acai_tf').propagate = False
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        with without_import_noise():
            import tensorflow as tf
            tf.config.get_visible_devices()  # the rest of the noise comes when devices are first listed
        _set_logical_cpus(tf)
        version = flags.DEFINE_bool('version', False, 'print the versions of acai_tf and TensorFlow and exit')
        with _flag_errors():
            define_flags()
        if any(argument.lstrip('-') in ('help', 'helpfull', 'helpshort', '?') for argument in sys.argv[1:]):
            print(_help(sys.modules['__main__'].__doc__, flags.FLAGS))
            sys.exit(0)
        with _flag_errors():
            rest = flags.FLAGS(sys.argv)[1:]
        if rest:
            raise AcaiError(f'unexpected argument {rest[0]!r}: options are given as --name=value; see --help')
        _expand_paths(flags.FLAGS)
        if version.value:
            print(f'{program} of acai_tf {acai_tf.__version__}, TensorFlow {tf.__version__}')
        else:
            main()
    except AcaiError as error:
        print(f'{program}: {error}', file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f'{program}: reading or writing failed: {error}', file=sys.stderr)
        sys.exit(StorageError.exit_code)
    except Exception as error:
        is_of_file = type(error).__name__ in _FILE_ERRORS and hasattr(error, 'op')
        if isinstance(error, MemoryError) or (is_of_file and re.search(  # TensorFlow has one error for memory and disks
                r'\bOOM\b|out of memory', str(error), re.IGNORECASE)):
            smaller = [f'--{name}' for name in _SIZES if name in flags.FLAGS]
            print(f'{program}: the memory is too small ({short_message(error)})'
                  + (f'; choose a smaller {" or ".join(smaller)}' if smaller else ''), file=sys.stderr)
            sys.exit(AcaiError.exit_code)
        if not is_of_file:
            raise
        print(f'{program}: reading or writing failed: {short_message(error)}', file=sys.stderr)
        sys.exit(StorageError.exit_code)
    sys.exit(0)


@contextlib.contextmanager
def _flag_errors():
    from absl import flags
    try:
        yield
    except flags.Error as error:
        raise AcaiError(f'{" ".join(str(error).split())}; see --help') from None


def required(flag):
    """Value of a flag that must be given. Raises UsageError if it is not."""
    if not flag.value:
        from absl import flags
        meaning = flags.FLAGS[flag.name].help.split(';\n')[0]  # absl says more of a flag that can be repeated
        raise UsageError(f'--{flag.name} is missing: {meaning}')
    return flag.value


def output_of(flag, needed=False):
    """Value of a flag that names a file to write, made sure of before the work; None if it is not given nor needed.

    Raises:
        UsageError: it is missing, or a directory.
        StorageError: it cannot be written.
    """
    from acai_tf import files
    if not flag.value and not needed:
        return None
    path = required(flag)
    files.check_destination(path)
    return path


def refuse(why, *names):
    """Raises UsageError for those of the flags that are given on the command line: they would have no effect.

    Args:
        why: the reason, such as 'with --mode=map'.
    """
    for name in _given(names):
        raise UsageError(f'--{name} has no effect {why}; leave it out')


def note(why, *names):
    """Logs the same for flags that scripts give to every mode, such as how many rows there are."""
    for name in _given(names):
        logging.getLogger('acai_tf').warning('--%s has no effect %s', name, why)


def _given(names):
    from acai_tf.flags import given
    return [name for name in names if given(name)]


def run_measure(name, saved_model, space, output, save, load, partial=False):
    """Runs a program that prints one measure that learns, whose options are flags.

    Args:
        name: the measure's name.
        saved_model, space, output, save, load: the flags `--saved_model`, `--space` (latents or pixels), `--output`,
            `--save` and `--load` (directories).
        partial: whether the measure keeps what is done beside what it writes.

    Raises:
        UsageError: the flags do not fit together.
    """
    from acai_tf import export, files, flags, measures
    path = output_of(output)
    if save.value:
        files.check_new_directory(save.value)
    options = flags.measure_options(name)
    if load.value:
        refuse('with --load, which keeps the options', *options)
        options = {'load': load.value}
    elif partial and (save.value or (path and not files.is_special(path))):
        options['partial'] = path if path and not files.is_special(path) else save.value.rstrip(os.sep)
    measure = measures.create(name, **options)
    if space.value == 'pixels':
        if saved_model.value:
            raise UsageError('--saved_model and --space=pixels exclude each other; give one of them')
        model, dataset = measures.PIXELS, flags.open_dataset()
    else:
        model = export.load(required(saved_model))
        dataset = flags.open_dataset(model.config)
    found = measure(model, dataset)
    # What was learned elsewhere says nothing about the run that this model is of.
    write_results(measures.defined(found) if load.value else keep_results(model, measure, found, dataset), path)
    if save.value:
        measure.save(save.value)
    measure.clean_up()


def keep_results(model, measure, found, dataset):
    """The figures that a measure found, as JSON has them; those of an exported model are also kept in its run."""
    from acai_tf import measures
    from acai_tf.measures import results
    if model is not measures.PIXELS:
        results.keep(model, measure, dataset, found)
    return measures.defined(found)


def write_results(results, path=None):
    """Prints results as JSON, whatever happens to the file, and writes them to it if a path is given."""
    print(json.dumps(results, indent=2), flush=True)
    if path:
        write_json(results, path)


def write_json(results, path):
    """Writes results to a JSON file, which appears whole."""
    from acai_tf import files
    with files.atomic_write(path) as file:
        json.dump(results, file, indent=2)
        file.write('\n')


def _mend_streams():
    """Opens the standard streams that are closed, and lets them write any text: what a terminal cannot show is escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, which is this one
    sys.stdout, sys.stderr = (stream or open(os.devnull, 'w') for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='backslashreplace')


def _expand_paths(values):
    def expanded(value, before=''):
        if isinstance(value, list):
            return [expanded(one) for one in value]
        if not value or not value.startswith(before):
            return value
        return before + os.path.expanduser(os.path.expandvars(value[len(before):]))
    for name, before in {**dict.fromkeys(_PATHS, ''), **_PATHS_AFTER}.items():
        if name in values:
            values[name].value = expanded(values[name].value, before)
            if name in _PATHS_OF_TENSORFLOW:
                _check_encoding(name, values[name].value)


def _check_encoding(name, value):
    try:
        str(value).encode()
    except UnicodeEncodeError:
        shown = str(value).encode(errors='backslashreplace').decode()
        raise UsageError(f'--{name}={shown}: TensorFlow opens files only under names in UTF-8; rename the folder') from None


def _end(number, _):
    print(f'{os.path.basename(sys.argv[0])}: ended by {signal.Signals(number).name}', file=sys.stderr)
    sys.exit(128 + number)


def _set_logical_cpus(tf):
    """Splits the CPU as $ACAI_LOGICAL_CPUS asks, for trying `--strategy=mirrored` without GPUs."""
    count = os.environ.get('ACAI_LOGICAL_CPUS', '1')
    if not count.isdigit() or int(count) < 1:
        raise AcaiError(f'ACAI_LOGICAL_CPUS={count!r}: must be a positive number')
    if int(count) > 1:
        cpu, = tf.config.list_physical_devices('CPU')
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(count))


def _help(doc, values):
    """A program's help, at most 100 columns wide: the examples of its docstring (the indented paragraphs), then the rest,
    then the flags that acai_tf and the program define; of absl's own, --flagfile alone."""
    paragraphs = doc.strip('\n').split('\n\n')
    examples = [paragraph for paragraph in paragraphs if paragraph.startswith(' ')]
    prose = [_wrapped(paragraph) for paragraph in paragraphs if paragraph not in examples]
    by_module = values.flags_by_module_dict()
    ours = [flag for module, found in by_module.items() if not module.startswith(('absl', 'tensorflow')) for flag in found]
    shown = [f'--{flag.name}: {flag.help}' + (f' [{_default(flag)}]' if flag.default not in (None, '', []) else '')
             for flag in ours]
    shown.append('--flagfile: a file with more flags, one a line')
    return '\n\n'.join([*examples, *prose, '\n'.join(['flags:', *(_wrapped(text, '  ', ' ' * 6) for text in shown)])])


def _default(flag):
    return flag.default_as_str.strip("'")


def _wrapped(text, first='', rest=''):
    return textwrap.fill(' '.join(text.split()), _WIDTH, initial_indent=first, subsequent_indent=rest,
                         break_long_words=False, break_on_hyphens=False)
