"""Command line flags, made from the declared options and hyperparameters."""

import glob
import json
import os
import sys

from absl import flags

from acai_tf import architectures, datasets, measures, models, user_files
from acai_tf.config import OWN_FILES, TrainConfig, common_options
from acai_tf.errors import DataError, UsageError
from acai_tf.models import hyperparameter

_DEFINE = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string}
# Of the common options, those that say which data a program reads.
_DATA_OPTIONS = ('dataset', 'data_dir', 'cache_gib', 'coil_object', 'resolution')


def define_training_flags():
    """Defines a flag for every common option and for every hyperparameter of any model, the user's own included."""
    for field in common_options():
        choices = field.metadata['choices']
        if choices:
            flags.DEFINE_enum(field.name, field.default, choices, field.metadata['help'])
        else:
            _DEFINE[field.type](field.name, field.default, field.metadata['help'])
    define_hyperparameters({name: models.model_class(name) for name in [*models.names(), *_own_models()]})


def _own_models():
    """References to the user's own systems among the arguments; their files are read before the flags are parsed."""
    try:
        for name in OWN_FILES:
            for reference in filter(user_files.is_reference, _arguments(name)):
                {'model': models.model_class, 'architecture': architectures.architecture_class}[name](reference)
    except user_files.MissingFile as error:
        raise _gone(reference, error) from None
    return [name for name in _arguments('model') if user_files.is_reference(name)]


def _arguments(flag):
    """Values that the unparsed command line gives a flag."""
    arguments = flags.FLAGS.read_flags_from_files(sys.argv[1:])
    for i, argument in enumerate(arguments, 1):
        name, equals, value = argument.partition('=')
        if name in (f'--{flag}', f'-{flag}'):
            yield from [value] if equals else arguments[i:i + 1]


def _gone(reference, error):
    """The error for a missing file of the user's; it names the run that was started with it, if there is one."""
    train_dir, = [*_arguments('train_dir'), TrainConfig.train_dir][:1]
    for path in glob.glob(os.path.join(glob.escape(train_dir), '*', '*', 'config.json')):
        try:
            with open(path, encoding='utf-8') as file:
                options = json.load(file)
        except (OSError, ValueError):
            continue
        if user_files.absolute(reference) in [options.get(name) for name in OWN_FILES]:
            return DataError(f'{error}, but {os.path.dirname(path)} was started with it; put it back to resume that run')
    return error


def training_config():
    """The validated TrainConfig that the parsed flags describe."""
    values = {field.name: flags.FLAGS[field.name].value for field in common_options()}
    known = {name for model in {*models.names(), values['model']}
             for name in hyperparameter.declared(models.model_class(model))}
    return TrainConfig(**values, hyperparameters=_given(known)).validate()


def define_hyperparameters(classes):
    """Defines a flag for each hyperparameter of {name: class}, which may share some.

    Raises:
        UsageError: one has the name of another option.
    """
    users = {}
    for user, cls in classes.items():
        for name, parameter in hyperparameter.declared(cls).items():
            users.setdefault(name, []).append((user, parameter))
    for name, found in users.items():
        if name in flags.FLAGS:
            raise UsageError(f'the hyperparameter {name} of {found[-1][0]} has the name of an option; rename it')
        define = flags.DEFINE_bool if found[0][1].kind is bool else flags.DEFINE_string
        define(name, None, _help(found, named=len(classes) > 1))


def _help(found, named):
    """What a hyperparameter of [(user, Hyperparameter)] is, once for each meaning, with the users' defaults."""
    meanings = {}
    for user, parameter in found:
        default = '' if parameter.default is None else str(parameter.default)
        meanings.setdefault(parameter.help, []).append(' '.join(filter(None, [user if named else '', default])))
    return '; '.join(
        meaning + (f' (default: {", ".join(filter(None, users))})' if any(
            parameter.default is not None for _, parameter in found if parameter.help == meaning) else '')
        for meaning, users in meanings.items())


def hyperparameters(cls):
    """{name: value} of a class's hyperparameters that the flags give.

    Raises:
        UsageError: a value of the wrong type or outside its range.
    """
    declared = hyperparameter.declared(cls)
    given = _given(declared)
    try:
        return {name: declared[name].parse(value) for name, value in given.items()}
    except UsageError as error:
        raise UsageError(f'--{error}') from None


def _given(names):
    return {name: flags.FLAGS[name].value for name in names if flags.FLAGS[name].value is not None}


def given(name):
    """Whether a flag is given on the command line."""
    return bool(flags.FLAGS[name].present)


def define_measure_flags(*names):
    """Defines the options of measures and of their methods, and the flags that say which data set they read."""
    classes = {name: measures.measure_class(name) for name in names}
    define_hyperparameters(classes)
    for cls in classes.values():
        define_hyperparameters(cls.methods())
    define_data_flags()


def measure_options(name):
    """{name: value} of the options of a measure, and of those of its methods, that the flags give.

    Raises:
        UsageError: a value of the wrong type or outside its range.
    """
    cls = measures.measure_class(name)
    return {option: value for part in (cls, *cls.methods().values()) for option, value in hyperparameters(part).items()}


def create_measures(names, program):
    """Measures that a program prints, with the options that the flags give.

    Raises:
        UsageError: an unknown name, a measure of another program, a wrong option, or one that none of them has.
    """
    for name in names:
        other = measures.measure_class(name).program
        if other != program:
            raise UsageError(f'the measure {name} has its own program; use {other}')
    classes = [measures.measure_class(name) for name in names]
    taken = {option for cls in classes for option in hyperparameter.declared(cls)}
    for name in measures.names(program):
        for option in set(hyperparameters(measures.measure_class(name))) - taken:
            raise UsageError(f'--{option} is an option of the measure {name}, which --metrics does not name')
    return [cls(**hyperparameters(cls)) for cls in classes]


def define_data_flags():
    """Defines the flags that say which data set a program reads, for programs that do not train."""
    for field in common_options():
        if field.name in _DATA_OPTIONS:
            default = None if field.name == 'dataset' else field.default
            _DEFINE[field.type](field.name, default, field.metadata['help'])


def given_data_flags():
    """Those of the flags that say which data set a program reads, as they are given: ['--dataset=...', ...]."""
    return [f'--{name}={flags.FLAGS[name].value}' for name in _DATA_OPTIONS if given(name)]


def open_dataset(model_config=None):
    """The data set that the flags describe; what they do not give is that which an exported model was trained on.

    Args:
        model_config: LoadedModel.config, if any.

    Raises:
        UsageError: there is neither.
    """
    values = {name: flags.FLAGS[name].value for name in _DATA_OPTIONS}
    if model_config and values['dataset'] in (None, model_config['dataset']):
        defaults = {'dataset': model_config['dataset'], **model_config.get('dataset_options', {})}
        values.update({name: value for name, value in defaults.items() if not given(name)})
    if not values['dataset']:
        raise UsageError(f'--dataset is missing; choose one of {", ".join(datasets.names())}, or records:DIR')
    return TrainConfig(**values).open_dataset()
