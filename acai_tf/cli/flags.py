"""Flags made from declared options, and the data set that the flags describe."""

import glob
import os

from acai_tf import architectures, datasets, metrics, models, registry
from acai_tf.datasets.described import Described
from acai_tf.errors import DataError, StorageError, UsageError
from acai_tf.options import declared
from acai_tf.runs import Run
from acai_tf.training.config import OWN_FILES, TrainConfig

# The run's options, by heading in the help.
_GROUPS = {
    'data': ('dataset', 'data_dir', 'cache_gib'),
    'networks': ('model', 'base', 'depth', 'latent', 'latent_width', 'architecture', 'start'),
    'training': ('preset', 'lr', 'lr_schedule', 'schedule_kimg', 'warmup_kimg', 'average', 'batch', 'total_kimg', 'seed'),
    'reporting': ('train_dir', 'report_kimg', 'keep_checkpoints', 'report_metrics', 'checkpoint_steps'),
    'devices': ('strategy', 'precision', 'jit', 'deterministic'),
}
# Options that hold paths.
_PATHS = ('architecture', 'base', 'data_dir', 'dataset', 'model', 'train_dir')
# Flags that may name a class in the user's own file; the file is read before the flags are parsed.
_REGISTRIES = {'model': models.REGISTRY, 'base': models.REGISTRY, 'architecture': architectures.REGISTRY,
               'dataset': datasets.REGISTRY, 'metrics': metrics.REGISTRY}


def define_options(flags, owners, only=None):
    """Defines a flag for each option of some classes, which may share options. A flag that is not given is None. Raises
    UsageError if an option has the name of another flag.

    Args:
        owners: {heading: {owner: class}}. A flag is listed under the heading of its first owner, in which {} becomes the
            names of all its owners.
        only: names of the options that become flags; None: all.
    """
    meanings_of = {}
    for heading, classes in owners.items():
        for owner, cls in classes.items():
            for name, option in declared(cls).items():
                if only is None or name in only:
                    meanings_of.setdefault(name, []).append((heading, owner, option))
    for name, meanings in meanings_of.items():
        heading, owner, option = meanings[0]
        if hasattr(flags, name):  # another flag, or a method
            raise UsageError(f'the option {name} of {meanings[-1][1]} has the name of another option; rename it')
        flags.under(heading.format(', '.join(os.path.basename(owner) for _, owner, _ in meanings)))
        if option.kind is bool:
            flags.boolean(name, None, _help(meanings))
        else:
            flags.string(name, None, _help(meanings), is_path=name in _PATHS, choices=option.choices)


def _help(meanings):
    """Returns the help of a name's [(heading, owner, Option)]: each meaning once, on its own line, with its defaults."""
    by_text = {}
    for _, owner, option in meanings:
        by_text.setdefault(option.help, {})[os.path.basename(owner)] = _default(option)
    return '\n'.join((f'for {", ".join(defaults)}: ' if len(by_text) > 1 else '') + text + _defaults(defaults)
                     for text, defaults in by_text.items())


def _defaults(defaults):
    """The end of a help text, from {owner: default as text}."""
    if len({*defaults.values()}) > 1:
        return f' (default: {", ".join(f"{owner} {default}" for owner, default in defaults.items() if default)})'
    default = next(iter(defaults.values()))
    return f' (default: {default})' if default else ''


def _default(option):
    """An option's default as text, and what it is with the preset quick, for the run's options also of single models."""
    if option.quick is None:
        return _shown(option.default)
    models_by_value = {}
    if option is declared(TrainConfig).get(option.name):
        for model, cls in _registered(models.REGISTRY).items():
            if option.name in cls.quick:
                models_by_value.setdefault(cls.quick[option.name], []).append(model)
    return f'{_shown(option.default)}; with --preset=quick: {_shown(option.quick)}' + ''.join(
        f'; for {", ".join(names)}: {_shown(value)}' for value, names in models_by_value.items())


def _shown(value):
    return '' if value is None else str(value).lower() if isinstance(value, bool) else (
        f'{value:g}' if isinstance(value, float) else str(value))


def given_options(flags, cls, names=None):
    """Returns {name: value} of the given flags that are options of a class; with `names`, only of these options. Raises
    UsageError for a value of the wrong type or outside its range."""
    options = declared(cls)
    try:
        return {name: options[name].parse(getattr(flags, name)) for name in names or options
                if getattr(flags, name) is not None}
    except UsageError as error:
        raise UsageError(f'--{error}') from None


# ---- users' own files


def own_classes(flags, *names):
    """Returns {reference: class} of the user's own classes that the command line names in these flags. Raises UsageError if
    a file fails or the name is not a class of that kind, DataError if a file is missing with which a run was started."""
    classes = {}
    for name in names:
        for value in flags.arguments(name):
            for reference in filter(registry.is_reference, map(str.strip, os.path.expandvars(value).split(','))):
                try:
                    classes[reference] = _REGISTRIES[name].get(reference)
                except registry.MissingFile as error:
                    raise _missing_file(flags, reference, error) from None
    return classes


def _missing_file(flags, reference, error):
    """Returns the error for a missing user's file; it names the run that was started with the file, if there is one."""
    train_dir = next(flags.arguments('train_dir'), TrainConfig.train_dir.default)
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
    """Defines a flag for every option of a run and of all models, architectures and data sets, including the user's own."""
    for heading, names in _GROUPS.items():
        define_options(flags, {heading: {'run': TrainConfig}}, names)
    define_options(flags, {
        'data': _dataset_classes(flags),
        'networks': {**_registered(architectures.REGISTRY), **own_classes(flags, 'architecture')},
        'model {}': {**_registered(models.REGISTRY), **own_classes(flags, 'model', 'base')}})


def _registered(registry):
    return {name: registry.get(name) for name in registry.names()}


# ---- data


def define_data_flags(flags):
    """Defines the flags that describe the data set of a program that does not train."""
    flags.under('data')
    flags.string('dataset', None, f'{declared(TrainConfig)["dataset"].help} (default: the model\'s)', is_path=True)
    define_options(flags, {'data': {'run': TrainConfig}}, ('data_dir', 'cache_gib'))
    define_options(flags, {'data': _dataset_classes(flags)})


def _dataset_classes(flags):
    return {**_registered(datasets.REGISTRY), 'records': datasets.dataset_class('records:DIR'),
            **own_classes(flags, 'dataset')}


def given_data_flags(flags):
    """Returns the given flags that describe the data set: ['--dataset=...', ...]."""
    names = dict.fromkeys([*_GROUPS['data'], *(name for cls in _dataset_classes(flags).values() for name in declared(cls))])
    return [f'--{name}={getattr(flags, name)}' for name in names if flags.given(name)]


def open_dataset(flags, model_config=None):
    """Returns the data set that the flags describe; a LoadedModel.config supplies the defaults. If that model was trained on
    the user's own data, and the data is not available, returns a `Described` data set. UsageError if none is named."""
    name, trained_on = flags.dataset, model_config and model_config['dataset']
    if not name and not trained_on:
        raise UsageError(f'--dataset is missing; choose one of {datasets.REGISTRY.choices}')
    at_hand = name or trained_on in datasets.names() or os.path.exists(os.path.expanduser(trained_on.partition(':')[2]))
    options = {}
    if trained_on and (not name or datasets.short_name(name) == datasets.short_name(trained_on)):
        name, options = name or trained_on, dict(model_config['dataset_options'])
    cls = datasets.dataset_class(name) if at_hand else Described
    others = {option for each in _dataset_classes(flags).values() for option in declared(each)} - set(declared(cls))
    for option in filter(flags.given, sorted(others)):
        raise UsageError(f'--{option} does not apply to {name}')
    if not at_hand:
        return Described(model_config)
    options |= given_options(flags, cls) | given_options(flags, TrainConfig, ['cache_gib'])
    return datasets.get(name, flags.data_dir, **options)
