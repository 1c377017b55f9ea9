"""Declared settings: an `Option` is declared once, where it is used. It becomes an attribute, a constructor argument, a flag
and part of the run's name."""

import math

from acai_tf.errors import UsageError


class Option:
    """A setting of a run, a model, an architecture, a data set, a metric or a clusterer, declared as a class attribute.

        class ACAI(Autoencoder):
            reg = Option(0.2, 'gamma: ...')

    On an instance the attribute is the value in force.

    Args:
        default: int, float, bool or str; its type is the option's type. None: unset; needs `kind`.
        help: one line, with the paper's symbol if there is one.
        minimum, maximum: the allowed range of a number, both ends included.
        choices: the allowed values.
        kind: the type, if the default is None.
        follows: name of a run's option; 0 means the value of that option.
        released: True if the released code has it. Other options join the run directory's name only if they differ from
            their default, which keeps the released names.
        may_change: for a run's option, True if it may change when a run is resumed.
        quick: the default of the preset `quick`; None: the same default.
    """

    def __init__(self, default, help, *, minimum=None, maximum=None, choices=None, kind=None, follows=None, released=True,
                 may_change=False, quick=None):
        self.default, self.help, self.minimum, self.maximum = default, help, minimum, maximum
        self.choices, self.kind, self.follows = choices, kind or type(default), follows
        self.released, self.may_change, self.quick, self.name = released, may_change, quick, None

    def default_of(self, preset):
        """Returns the default of a preset, released or quick."""
        return self.quick if preset == 'quick' and self.quick is not None else self.default

    def __set_name__(self, owner, name):
        self.name = name

    def parse(self, value):
        """Returns `value` (a number, or a flag's string) as this option's type; UsageError if its type or range is wrong."""
        if value is None and self.default is None:
            return None
        try:
            parsed = self._converted(value)
        except (KeyError, OverflowError, TypeError, ValueError):
            raise UsageError(f'{self.name}={value!r} is not of type {self.kind.__name__}') from None
        if self.choices and parsed not in self.choices:
            raise UsageError(f'{self.name}={value}: choose one of {", ".join(map(str, self.choices))}')
        if isinstance(parsed, float) and not math.isfinite(parsed):
            raise UsageError(f'{self.name}={value!r} is not a finite number')
        if self.minimum is not None and parsed < self.minimum or self.maximum is not None and parsed > self.maximum:
            bounds = {'at least': self.minimum, 'at most': self.maximum}
            allowed = ' and '.join(f'{name} {bound}' for name, bound in bounds.items() if bound is not None)
            raise UsageError(f'{self.name}={value}: must be {allowed}')
        return parsed

    def _converted(self, value):
        if self.kind is bool:
            return {'true': True, '1': True, 'false': False, '0': False}[str(value).lower()]
        if (self.kind is int and not isinstance(value, str) and int(value) != value
                or self.kind is float and isinstance(value, bool)):
            raise ValueError
        return self.kind(value)


class Configured:
    """Base class for classes with options, which become checked attributes."""

    def set_options(self, given, owner, preset='released'):
        """Sets all options.

        Args:
            given: {name: value}; other options get their defaults.
            owner: for messages, such as 'metric lines'.
            preset: which defaults to use, released or quick.

        Raises:
            UsageError: an unknown name, or a value of the wrong type or outside its range.
        """
        for name, value in resolve(owner, type(self), given, preset).items():
            setattr(self, name, value)

    def options(self):
        """Returns {name: value in force}."""
        return {name: getattr(self, name) for name in declared(type(self))}


def declared(cls):
    """Returns {name: Option} of a class and its ancestors, starting with the ancestors.

    A subclass that sets an inherited option to a plain value fixes that value and no longer has the option.
    """
    attributes = {name: value for ancestor in reversed(cls.__mro__) for name, value in vars(ancestor).items()}
    return {name: value for name, value in attributes.items() if isinstance(value, Option)}


def resolve(owner, cls, given, preset='released'):
    """Returns {name: value} of a class's options, with a preset's defaults filled in. Arguments and errors are those of
    `Configured.set_options`."""
    known = declared(cls)
    for name in given:
        if name not in known:
            has = f'it has {", ".join(known)}' if known else 'it has none'
            raise UsageError(f'the {owner} has no option {name}; {has}')
    return {name: option.parse(given.get(name, option.default_of(preset))) for name, option in known.items()}


def sizes_of(name, text):
    """Parses sizes of layers such as '500,500,2000,10'; UsageError if they are not positive numbers."""
    sizes = [size.strip() for size in text.split(',')]
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise UsageError(f'{name}={text!r}: must be positive numbers, separated by commas')
    return [int(size) for size in sizes]
