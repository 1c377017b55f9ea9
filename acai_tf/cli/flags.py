"""Flags made from declared options, and the data set that flags describe."""

import glob
import os

from acai_tf import architectures, datasets, metrics, models, registry
from acai_tf.datasets.described import Described
from acai_tf.errors import DataError, StorageError, UsageError
from acai_tf.options import declared
from acai_tf.runs import Run
from acai_tf.training.config import OWN_FILES, TrainConfig

# Of the run's options, those that say which data a program reads.
_DATA_OPTIONS = ('dataset', 'data_dir', 'cache_gib')
# Options that hold paths.
_PATHS = ('architecture', 'base', 'data_dir', 'dataset', 'model', 'train_dir')
# Flags that may name a class in the user's own file; the file is read before the flags are parsed.
_REGISTRIES = {'model': models.REGISTRY, 'base': models.REGISTRY, 'architecture': architectures.REGISTRY,
               'dataset': datasets.REGISTRY, 'metrics': metrics.REGISTRY}


def define_options(flags, owners, only=None):
    """Defines a flag for each option of {owner: class}; owners may share options. A flag that is not given is None.

    Args:
        only: names of the options that become flags; None: all.

    Raises:
        UsageError: an option has the name of another flag.
    """
    meanings_of = {}
    for owner, cls in owners.items():
        for name, option in declared(cls).items():
            if only is None or name in only:
                meanings_of.setdefault(name, []).append((owner if len(owners) > 1 else '', option))
    for name, meanings in meanings_of.items():
        if name in flags:
            raise UsageError(f'the option {name} of {list(owners)[-1]} has the name of another option; rename it')
        define = flags.boolean if meanings[0][1].kind is bool else flags.string
        define(name, None, _help(meanings), *([name in _PATHS] if define == flags.string else []))


def _help(meanings):
    """Help of the [(owner, Option)] of one name: each meaning once, with the defaults of its owners."""
    defaults = {}
    for owner, option in meanings:
        default = '' if option.default in (None, '') else str(option.default)
        text = option.help + (f' ({", ".join(map(str, option.choices))})' if option.choices else '')
        defaults.setdefault(text, []).append(' '.join(filter(None, [owner, default])) if default or owner else '')
    return '; '.join(text + (f' (default: {", ".join(filter(None, owners))})' if any(owners) else '')
                     for text, owners in defaults.items())


def given_options(flags, cls):
    """{name: value} of a class's options that the flags give.

    Raises:
        UsageError: a value of the wrong type or outside its range.
    """
    try:
        return {name: option.parse(getattr(flags, name)) for name, option in declared(cls).items()
                if getattr(flags, name) is not None}
    except UsageError as error:
        raise UsageError(f'--{error}') from None


# ---- users' own files


def own_classes(flags, *names):
    """{reference: class} of the user's own classes that the command line gives these flags.

    Raises:
        UsageError: a file fails, or what it names is not a class of that kind.
        DataError: a file is missing, but a run was started with it.
    """
    classes = {}
    for name in names:
        for value in flags.arguments(name):
            for reference in filter(registry.is_reference, map(str.strip, value.split(','))):
                try:
                    classes[reference] = _REGISTRIES[name].get(os.path.expanduser(os.path.expandvars(reference)))
                except registry.MissingFile as error:
                    raise _missing_file(flags, reference, error) from None
    return classes


def _missing_file(flags, reference, error):
    """The error for a missing file of the user's; it names the run that was started with the file, if there is one."""
    train_dir, = [*flags.arguments('train_dir'), declared(TrainConfig)['train_dir'].default][:1]
    for path in glob.glob(os.path.join(glob.escape(os.path.expanduser(os.path.expandvars(train_dir))), '*', '*')):
        try:
            config = Run(path).config
        except (OSError, StorageError, UsageError):
            continue
        if registry.absolute(reference) in [config.get(name) for name in OWN_FILES]:
            return DataError(f'{error}, but {path} was started with it; put it back to resume that run')
    return error


# ---- training


def define_training_flags(flags):
    """Defines a flag for every option of a run, and of any model, architecture and data set, the user's own included."""
    define_options(flags, {'run': TrainConfig})
    registered = {name: kind.get(name) for kind in (models.REGISTRY, architectures.REGISTRY, datasets.REGISTRY)
                  for name in reversed(kind.names())}
    define_options(flags, {**registered, 'records': datasets.dataset_class('records:DIR'),
                           **own_classes(flags, *OWN_FILES)})


def training_config(flags, besides):
    """The resolved TrainConfig that the parsed flags describe, all except the flags `besides`."""
    given = {name: getattr(flags, name) for name in flags.names() if name not in besides}
    try:
        return TrainConfig(**{name: value for name, value in given.items() if value is not None}).resolve()
    except UsageError as error:
        option = str(error).partition('=')[0]
        raise UsageError(f'--{error}' if option in flags else str(error)) from None


# ---- data


def define_data_flags(flags):
    """Defines the flags that say which data set a program reads, for programs that do not train."""
    define_options(flags, {'run': TrainConfig}, only=_DATA_OPTIONS)
    own = own_classes(flags, 'dataset').values()
    define_options(flags, {f'data {number}': cls for number, cls in enumerate([*_dataset_classes(), *own])})


def _dataset_classes():
    return [*map(datasets.REGISTRY.get, datasets.names()), datasets.dataset_class('records:DIR')]


def given_data_flags(flags):
    """The flags that say which data set a program reads, as they are given: ['--dataset=...', ...]."""
    classes = [*_dataset_classes(), *own_classes(flags, 'dataset').values()]
    names = dict.fromkeys([*_DATA_OPTIONS, *(name for cls in classes for name in declared(cls))])
    return [f'--{name}={getattr(flags, name)}' for name in names if flags.given(name)]


def open_dataset(flags, model_config=None):
    """The data set that the flags describe; what they do not give is taken from an exported model. If that was trained on
    the user's own data, which is not at hand, the data set is a `Described` one.

    Args:
        model_config: LoadedModel.config, if any.

    Raises:
        UsageError: there is neither.
    """
    name, trained_on = flags.dataset, model_config and model_config['dataset']
    if not name and not trained_on:
        raise UsageError(f'--dataset is missing; choose one of {datasets.REGISTRY.choices}')
    at_hand = name or trained_on in datasets.names() or os.path.exists(trained_on.partition(':')[2])
    options = {}
    if trained_on and (not name or datasets.short_name(name) == datasets.short_name(trained_on)):
        name, options = name or trained_on, dict(model_config['dataset_options'])
    cls = datasets.dataset_class(name) if at_hand else Described
    others = {option for each in _dataset_classes() for option in declared(each)} - set(declared(cls))
    for option in sorted(others):
        if flags.given(option):
            raise UsageError(f'--{option} does not apply to {name}')
    if not at_hand:
        return Described(model_config)
    options |= given_options(flags, cls)
    own = declared(TrainConfig)
    cache_gib = own['cache_gib'].parse(own['cache_gib'].default if flags.cache_gib is None else flags.cache_gib)
    return datasets.get(name, flags.data_dir, cache_gib, **options)
