"""Declaration of a model's hyperparameters, once, in the model's own file."""

import math

from acai_tf.errors import UsageError


class Hyperparameter:
    """A class attribute of a model that becomes a constructor argument, a flag and a part of the run's name.

        class ACAI(Autoencoder):
            reg = Hyperparameter(0.2, 'gamma: ...')

    On an instance the attribute is the value in force.

    Args:
        default: int, float, bool or str; its type is the type of the hyperparameter. None: unset; needs `kind`.
        help: one line, with the paper's symbol.
        minimum, maximum: the allowed range of a number, both ends included.
        follows: name of the common option whose value a default of 0 stands for.
        released: whether the released code has it. One that it does not have joins the run directory's name only where
            it differs from its default, so that the released names stay.
        kind: the type, if the default is None.
        choices: the allowed values.
    """

    def __init__(self, default, help, minimum=None, maximum=None, follows=None, released=True, kind=None,
                 choices=None):
        self.default, self.help, self.minimum, self.maximum = default, help, minimum, maximum
        self.follows, self.released, self.kind, self.choices = follows, released, kind or type(default), choices
        self.name = None

    def __set_name__(self, owner, name):
        self.name = name

    def parse(self, value):
        """`value` (a number, a flag's string) as this hyperparameter's type; UsageError if it is not, or is outside."""
        kind = self.kind
        if value is None and self.default is None:
            return None
        try:
            if kind is bool:
                parsed = {'true': True, '1': True, 'false': False, '0': False}[str(value).lower()]
            elif kind is int and int(value) != float(value):
                raise ValueError
            else:
                parsed = kind(value)
        except (KeyError, OverflowError, TypeError, ValueError):
            raise UsageError(f'{self.name}={value!r} is not of type {kind.__name__}') from None
        if self.choices and parsed not in self.choices:
            raise UsageError(f'{self.name}={value}: choose one of {", ".join(map(str, self.choices))}')
        if isinstance(parsed, float) and not math.isfinite(parsed):
            raise UsageError(f'{self.name}={value!r} is not a finite number')
        if (self.minimum is not None and parsed < self.minimum) or (self.maximum is not None and parsed > self.maximum):
            low = '-inf' if self.minimum is None else self.minimum
            high = 'inf' if self.maximum is None else self.maximum
            raise UsageError(f'{self.name}={value} is outside [{low}, {high}]')
        return parsed


def declared(model_class):
    """{name: Hyperparameter} of a model class and its ancestors, the ancestors' first.

    A subclass that sets an inherited one to a plain value fixes it there, and no longer has it.
    """
    found = {name: value for ancestor in reversed(model_class.__mro__) for name, value in vars(ancestor).items()}
    return {name: value for name, value in found.items() if isinstance(value, Hyperparameter)}


def resolve(owner, cls, given, kind='option'):
    """{name: value} with the defaults filled in.

    Args:
        owner: for messages, such as 'measure lines'.
        cls: the class that declares them.
        given: {name: value}.
        kind: what they are called in messages.

    Raises:
        UsageError: a name that the class does not have, or a value of the wrong type or outside its range.
    """
    known = declared(cls)
    for name in given:
        if name not in known:
            has = f'it has {", ".join(known)}' if known else 'it has none'
            raise UsageError(f'the {owner} has no {kind} {name}; {has}')
    return {name: parameter.parse(given.get(name, parameter.default)) for name, parameter in known.items()}


def sizes_of(option, text):
    """Sizes of layers from a text such as '500,500,2000,10'; UsageError if they are not positive numbers."""
    sizes = [size.strip() for size in text.split(',')]
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise UsageError(f'{option}={text!r}: must be positive numbers, separated by commas')
    return [int(size) for size in sizes]
