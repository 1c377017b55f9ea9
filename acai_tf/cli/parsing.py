"""The flags of a program: definitions, values and help."""

import contextlib
import functools
import logging
import os
import textwrap

from absl import flags as absl_flags

from acai_tf import files
from acai_tf.errors import UsageError

_logger = logging.getLogger('acai_tf')

_WIDTH = 100  # of the help, in columns
_LAST = 'every program'  # the last heading of the help


class Flags:
    """The flags of one call of a program, defined by its `define_flags` and read as attributes."""

    def __init__(self, program, command_line):
        self.program, self.command_line = program, list(command_line)
        self._values, self._paths = absl_flags.FlagValues(), []
        self._groups, self._heading = {}, _LAST
        self.boolean('version', False, 'print the versions of acai_tf and TensorFlow and exit')
        self.string('flagfile', '', 'a file with more flags, one a line')

    # ---- definition

    def under(self, heading):
        """Lists the flags that are defined from now on under a heading of the help."""
        self._heading = heading

    def _define(self, define, name, default, help, *, is_path=False, choices=(), **limits):
        """Defines a flag. In a path, ~ and $VARIABLES are expanded: a shell does not expand --flag=~/x. The `choices` are
        for the help; the caller checks them. Numbers may have `limits`: `lower_bound` and `upper_bound`."""
        if name in self:
            raise UsageError(f'the option {name} of your own class has the name of a flag of {self.program}; rename it')
        define(name=name, default=default, help=help, flag_values=self._values, **limits)
        self._paths += [name] if is_path else []
        allowed = f'={"|".join(map(str, choices))}' if choices else ''
        self._groups.setdefault(self._heading, {})[name] = f'--{name}{allowed}: {help}'

    string = functools.partialmethod(_define, absl_flags.DEFINE_string)
    boolean = functools.partialmethod(_define, absl_flags.DEFINE_bool)  # given as --name or --noname
    integer = functools.partialmethod(_define, absl_flags.DEFINE_integer)
    float = functools.partialmethod(_define, absl_flags.DEFINE_float)
    list = functools.partialmethod(_define, absl_flags.DEFINE_list)  # values separated by commas
    multi_string = functools.partialmethod(_define, absl_flags.DEFINE_multi_string)  # can be repeated

    def enum(self, name, default, choices, help):
        """Defines a flag with a fixed set of values."""
        self._define(absl_flags.DEFINE_enum, name, default, help, choices=choices, enum_values=choices)

    # ---- use

    def parse(self):
        """Parses the command line; UsageError if it is wrong."""
        self._refuse_repeated()
        with _usage_errors():
            rest = self._values([self.program, *self.command_line])[1:]
        if rest:
            raise UsageError(f'unexpected argument {rest[0]!r}: options are given as --name=value; see --help')
        for name in self._paths:
            self._values[name].value = _expanded(name, self._values[name].value)

    def _refuse_repeated(self):
        """Raises UsageError if the command line gives a flag twice. It may override flags of a --flagfile."""
        names = [argument.lstrip('-').partition('=')[0] for argument in self.command_line if argument.startswith('-')]
        names = [name if name in self._values else name.removeprefix('no') for name in names]
        for name in names:
            if names.count(name) > 1 and name in self._values and not isinstance(self._values[name], absl_flags.MultiFlag):
                raise UsageError(f'--{name} is given twice; give it once')

    def arguments(self, name):
        """Yields the values of a flag on the command line, which need not be parsed yet."""
        with _usage_errors():
            arguments = self._values.read_flags_from_files(self.command_line)
        for i, argument in enumerate(arguments, 1):
            given, equals, value = argument.partition('=')
            if given in (f'--{name}', f'-{name}'):
                yield from [value] if equals else arguments[i:i + 1]

    def names(self):
        """Returns the names of the program's flags, except those that all programs have."""
        return [name for name in self._values if name not in ('flagfile', 'version')]

    def __contains__(self, name):
        return name in self._values

    def __getattr__(self, name):
        if name.startswith('_') or name not in self._values:
            raise AttributeError(name)
        return self._values[name].value

    def given(self, name):
        """Returns True if a flag is given on the command line."""
        return bool(self._values[name].present)

    def required(self, name):
        """Returns the value of a required flag. Raises UsageError if it is missing."""
        flag = self._values[name]
        if not flag.value:
            raise UsageError(f'--{name} is missing: {flag.help.split(";" + chr(10))[0]}')  # absl adds a line to some helps
        return flag.value

    def output(self):
        """Returns --output, None if it is not given. Raises like `files.check_destination` if it cannot be written."""
        path = self._values['output'].value
        if path:
            files.check_destination(path)
        return path or None

    def refuse(self, why, *names):
        """Raises UsageError if one of the flags is given, because it has no effect `why`, such as 'with --mode=map'."""
        for name in filter(self.given, names):
            raise UsageError(f'--{name} has no effect {why}; leave it out')

    def note(self, why, *names):
        """Logs the same for flags that scripts pass to every mode, such as --rows."""
        for name in filter(self.given, names):
            _logger.warning('--%s has no effect %s', name, why)

    def help(self, doc):
        """Returns a program's help, at most 100 columns wide: the examples in its docstring (the indented paragraphs), the
        other paragraphs, and the flags under their headings."""
        paragraphs = doc.strip('\n').split('\n\n')
        examples = [paragraph for paragraph in paragraphs if paragraph.startswith(' ')]
        prose = [_wrapped(paragraph) for paragraph in paragraphs if paragraph not in examples]
        groups = ['\n'.join([f'{heading}:', *(self._entry(name, text) for name, text in self._groups[heading].items())])
                  for heading in sorted(self._groups, key=lambda heading: heading == _LAST)]
        return '\n\n'.join([*examples, *prose, *groups])

    def _entry(self, name, text):
        flag = self._values[name]
        if flag.default not in (None, '', []):
            text += f' (default: {flag.default_as_str.strip(chr(39))})'
        first, *others = text.split('\n')
        return '\n'.join([_wrapped(first, '  ', ' ' * 6), *(_wrapped(other, ' ' * 6, ' ' * 8) for other in others)])


@contextlib.contextmanager
def _usage_errors():
    """Turns absl's errors into UsageErrors."""
    try:
        yield
    except (absl_flags.Error, UnicodeDecodeError) as error:  # the latter from a --flagfile that is not text
        raise UsageError(f'{" ".join(str(error).split())}; see --help') from None


def _expanded(name, value):
    """Returns the value of a flag that holds paths, with ~ and $VARIABLES expanded."""
    if isinstance(value, list):
        return [_expanded(name, each) for each in value]
    if not value:
        return value
    before = next((kind for kind in ('records:', 'arrays:') if value.startswith(kind)), '')
    path = before + os.path.expanduser(os.path.expandvars(value[len(before):]))
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode(errors='backslashreplace').decode()
        raise UsageError(f'--{name}={shown}: TensorFlow opens files only under names in UTF-8; rename the folder') from None
    return path


def _wrapped(text, first='', rest=''):
    return textwrap.fill(' '.join(text.split()), _WIDTH, initial_indent=first, subsequent_indent=rest,
                         break_long_words=False, break_on_hyphens=False)
