"""Options of a training run, each declared once; models, architectures and data sets declare their own.

Flags, config.json and the comparison on resume follow from these declarations.
"""

import json
import math
import os

from acai_tf import architectures, datasets, metrics, models, registry
from acai_tf.architectures.acai import scales_of
from acai_tf.errors import UsageError
from acai_tf.options import Configured, Option, declared, resolve
from acai_tf.runs import last_step
from acai_tf.versions import FORMAT, versions

# Options that may name a class in the user's own file.
OWN_FILES = ('model', 'base', 'architecture', 'dataset')
# Options that join a run's name if they differ from their default.
_JOINING = ('seed', 'lr', 'batch', 'precision', 'start', 'lr_schedule', 'warmup_kimg', 'average')
# Options of the run's parts in config.json.
_PARTS = ('model_options', 'base_options', 'architecture_options', 'dataset_options')


class TrainConfig(Configured):
    """All options of one run.

    Every option except `train_dir` and those marked `may_change` must stay the same when a run is resumed; `total_kimg` may
    only grow.

    Args:
        **given: {name: value}, options below and options of the model, the architecture and the data set.

    Attributes:
        model_class, base_class, architecture_class, data: once resolved, the classes and the data set that the options
            name; `base_class` is `object` for a model that takes no base.
        batch_multiple: once resolved, a number of images; each replica takes a multiple of it.
        model_options, base_options, architecture_options, dataset_options: once resolved, {name: value} of each.
        run_path: once resolved, path of the run directory.
        checksums: {option: sha256} of the user's own files.
        fingerprint: identity of the data, from `Dataset.fingerprint`; {} before the data is read.
        began_with: {library: version} at the start of the run; None: the current versions.

    Raises:
        UsageError: a value of the wrong type or outside its range.
    """

    model = Option('acai', f'the autoencoder: {models.REGISTRY.choices}')
    base = Option('baseline', f'the autoencoder to which the model is added: {models.BASES}, or path/to/file.py:Name')
    dataset = Option('lines32', f'the data: {datasets.REGISTRY.choices}')
    train_dir = Option('./experiments', 'where run directories are made', may_change=True)
    data_dir = Option('', 'where prepared data sets are; the default is $AE_DATA, else ./data', may_change=True)
    depth = Option(64, 'channels of the first convolutions, doubled at each scale', minimum=1)
    latent = Option(16, 'channels of the latent', minimum=1)
    latent_width = Option(4, 'width of the latent; image width / latent_width is a power of two', minimum=1)
    architecture = Option('acai', f'the networks: {architectures.REGISTRY.choices}')
    preset = Option('released', 'defaults of other options: as in the released code, or for good results sooner',
                    choices=('released', 'quick'), may_change=True)
    start = Option('zero', 'last bias of the decoder at the start: 0, or the mean color of the training images',
                   choices=('zero', 'mean'), quick='mean')
    lr = Option(0.0001, 'learning rate', minimum=0.0, quick=0.0002)
    lr_schedule = Option('constant', 'learning rates stay constant, or fall to a twentieth',
                         choices=('constant', 'cosine', 'linear'), quick='cosine')
    schedule_kimg = Option(0, 'when the schedule ends, in units of 1024 images; 0: at the run\'s first total_kimg',
                           minimum=0)
    warmup_kimg = Option(0.0, 'learning rates rise linearly over this many units of 1024 images', minimum=0.0)
    average = Option(0.0, 'decay of the moving average of the weights that reports and exports use; 0: the weights '
                     'themselves', minimum=0.0, maximum=0.9999, quick=0.99)
    batch = Option(64, 'global batch size', minimum=1, quick=16)
    total_kimg = Option(16384, 'length of the training, in units of 1024 images', minimum=1, may_change=True)
    report_kimg = Option(64, 'images between two reports, in units of 1024', minimum=1, may_change=True)
    seed = Option(0, 'seed of the initial weights, the order of the data and all random numbers', minimum=0)
    strategy = Option('auto', 'devices: auto is mirrored with several GPUs, else one; multi_worker reads TF_CONFIG',
                      choices=('auto', 'one', 'mirrored', 'multi_worker'), may_change=True)
    precision = Option('float32', 'compute dtype; weights and losses are always float32',
                       choices=('float32', 'mixed_bfloat16'))
    jit = Option('auto', 'XLA: auto is on with a single GPU', choices=('auto', 'on', 'off'), may_change=True)
    cache_gib = Option(4.0, 'a prepared data set larger than this when decoded is streamed from its files', minimum=0.0,
                       may_change=True)
    deterministic = Option(False, 'make TensorFlow use only deterministic kernels')
    keep_checkpoints = Option(3, 'number of checkpoints to keep', minimum=1, may_change=True)
    report_metrics = Option('', 'metrics to log at each report in addition to the usual ones, separated by commas: '
                            f'{metrics.REGISTRY.choices}', may_change=True)
    checkpoint_steps = Option(0, 'steps between two checkpoints; 0: at reports and every 10 minutes', minimum=0,
                              may_change=True)

    def __init__(self, **given):
        own = {name: value for name, value in given.items() if name in declared(TrainConfig)}
        self.set_options(own, 'run', own.get('preset'))
        self._given = {name: value for name, value in given.items() if name not in own}
        self._named = set(own)
        self.checksums, self.fingerprint, self.run_path, self.began_with = {}, {}, None, None

    def resolve(self):
        """Looks up the names in the options, checks that everything fits together, and returns self.

        Raises:
            UsageError: an unknown name, an unknown option, or sizes that do not fit.
            DataError: for `records:`, no manifest.
        """
        if self.run_path is not None:
            return self
        for name in OWN_FILES:
            if registry.is_reference(getattr(self, name)):
                setattr(self, name, registry.absolute(getattr(self, name)))
                self.checksums[name] = registry.checksum(getattr(self, name))
        for name in self.metrics_to_report():
            metrics.REGISTRY.get(name)
        self.model_class = models.REGISTRY.get(self.model)
        self.architecture_class = architectures.REGISTRY.get(self.architecture)
        self.base_class = models.options_of_base(self.model_class, self.base).get('base', object)
        if self.preset == 'quick':
            for name in set(self.model_class.quick) - self._named:
                setattr(self, name, self.model_class.quick[name])
        self._resolve_parts()
        self._check_batch()
        if self.schedule_kimg and self.lr_schedule == 'constant':
            raise UsageError('--schedule_kimg has no effect without --lr_schedule=cosine or linear')
        self.data = datasets.get(self.dataset, self.data_dir, self.cache_gib, **self.dataset_options)
        self.run_path = os.path.join(self.train_dir, datasets.directory_name(self.data), self.run_name())
        return self

    def _resolve_parts(self):
        """Distributes the given options to the parts."""
        parts = {'model_options': (f'model {self.model}', self.model_class),
                 'base_options': (f'base {self.base}', self.base_class),
                 'architecture_options': (f'architecture {self.architecture}', self.architecture_class),
                 'dataset_options': (f'data set {self.dataset}', datasets.dataset_class(self.dataset))}
        known = {part: declared(cls) for part, (_, cls) in parts.items()}
        for name in dict.fromkeys([*self._given, *(name for options in known.values() for name in options)]):
            owners = [parts[part][0] for part in parts if name in known[part]]
            if len(owners) > 1:
                raise UsageError(f'both the {owners[0]} and the {owners[1]} have an option {name}; rename one')
            if not owners:
                has = ', '.join(option for options in known.values() for option in options) or 'none'
                raise UsageError(f'the model {self.model} has no option {name}, and neither do architecture and data set; '
                                 f'they have {has}{_elsewhere(name)}')
        for part, (owner, cls) in parts.items():
            values = resolve(owner, cls, {name: value for name, value in self._given.items() if name in known[part]},
                             self.preset)
            for name, option in known[part].items():
                if option.follows:
                    values[name] = values[name] or getattr(self, option.follows)
            setattr(self, part, values)

    def keep_schedule(self, earlier):
        """Fixes the end of the schedule at the start of the run. `earlier`: content of its config.json; {} for a new run."""
        if self.lr_schedule != 'constant':
            self.schedule_kimg = self.schedule_kimg or earlier.get('schedule_kimg') or self.total_kimg

    def _check_batch(self):
        autoencoders = [cls for cls in (self.model_class, self.base_class) if cls is not object]
        smallest = max(cls.smallest_batch for cls in autoencoders)
        multiple = self.batch_multiple = math.lcm(*(cls.batch_multiple for cls in autoencoders))
        if self.batch < smallest:
            raise UsageError(f'--batch={self.batch}: {self.model} needs at least {smallest}, because its loss compares the '
                             'images of a batch')
        if self.batch % multiple:
            raise UsageError(f'--batch={self.batch}: {self.model} needs a multiple of {multiple}, because it mixes the '
                             f'parts of a batch; choose {self.batch + -self.batch % multiple}')

    def metrics_to_report(self):
        """The names that `report_metrics` lists."""
        return [name.strip() for name in self.report_metrics.split(',') if name.strip()]

    def run_name(self):
        """`<Class>_<sorted key+value>` as released, e.g. ACAI_advdepth64_advweight0.5_depth64_latent16_reg0.2_scales3.

        Seed, lr, batch, precision, architecture, and options that the released code does not have, join if they differ from
        their default. The name is for people and is never parsed.
        """
        parts = {'depth': self.depth, 'latent': self.latent}
        if self.architecture == 'acai':
            parts['scales'] = scales_of(self.data.image_shape, self.latent_width)
        else:
            parts |= {'architecture': architectures.name_of(self.architecture), 'latent_width': self.latent_width}
        for cls, values in ((self.model_class, self.model_options), (self.base_class, self.base_options),
                            (self.architecture_class, self.architecture_options)):
            for name, option in declared(cls).items():
                default = getattr(self, option.follows) if option.follows else option.default
                if (option.released and cls is not self.architecture_class) or values[name] != default:
                    parts[name] = values[name]
        if self.base != 'baseline':
            parts['base'] = self.base.rpartition(':')[2]
        for name in _JOINING:
            if getattr(self, name) != declared(TrainConfig)[name].default:
                parts[name] = getattr(self, name)
        return '_'.join([self.model_class.__name__, *(f'{key}{parts[key]}' for key in sorted(parts))])

    def create_model(self, dtype=None):
        """The compiled model, with fresh weights; `dtype` overrides the precision."""
        model = self.model_class(
            self.data.image_shape, self.data.nclass, self.depth, self.latent, self.latent_width, self.seed,
            self.architecture, dtype or self.precision, start=self.start, average=self.average,
            **models.options_of_base(self.model_class, self.base_class), **self.model_options, **self.base_options,
            **self.architecture_options)
        model.compile(lr=self._rate())
        return model

    def _rate(self):
        if self.lr_schedule == 'constant' and not self.warmup_kimg:
            return self.lr
        from acai_tf.models.optimizers import Schedule
        falls_until, rises_until = (math.ceil(kimg * 1024 / self.batch) for kimg in (
            self.schedule_kimg or self.total_kimg, self.warmup_kimg))
        return Schedule(self.lr, self.lr_schedule, falls_until, rises_until)

    @property
    def total_steps(self):
        """Number of steps of the whole run."""
        return last_step(self.options())

    # ---- config.json

    def to_json(self):
        """The content of config.json, as text."""
        content = {'format': FORMAT, 'versions': self.began_with or versions(), **self.options(),
                   'checksums': self.checksums, 'fingerprint': self.fingerprint,
                   **{part: getattr(self, part) for part in _PARTS}}
        return json.dumps(content, indent=2, sort_keys=True) + '\n'

    @classmethod
    def from_dict(cls, content):
        """Returns the TrainConfig, not resolved yet, of a config.json's content (see `runs.Run.config`); UsageError for an
        option or a value that this version does not have."""
        parts = {name: value for part in _PARTS for name, value in content.get(part, {}).items()}
        options = {name: value for name, value in content.items()
                   if name not in (*_PARTS, 'format', 'versions', 'checksums', 'fingerprint')}
        unknown = set(options) - set(declared(cls))
        if unknown:
            raise UsageError(f'unknown options {", ".join(sorted(unknown))}')
        config = cls(**options, **parts)
        config.checksums, config.fingerprint = content.get('checksums', {}), content.get('fingerprint', {})
        return config

    def difference(self, earlier):
        """Options that prevent this config from resuming a run, given the content of its config.json: [(name, value there,
        value here)]."""
        rows = [(name, _comparable(name, earlier.get(name), earlier['checksums']),
                 _comparable(name, getattr(self, name), self.checksums))
                for name, option in declared(TrainConfig).items()
                if not option.may_change and (name != 'schedule_kimg' or self.schedule_kimg)]
        for part in _PARTS:
            here, there = getattr(self, part), earlier.get(part, {})
            rows += [(name, there.get(name), here.get(name)) for name in sorted({*here, *there})]
        if self.fingerprint and earlier.get('fingerprint'):
            rows += [(f'data {name}', earlier['fingerprint'].get(name), value) for name, value in self.fingerprint.items()]
        if self.total_kimg < earlier['total_kimg']:
            rows.append(('total_kimg', earlier['total_kimg'], self.total_kimg))
        return [row for row in rows if row[1] != row[2]]


def _comparable(name, value, checksums):
    """An option's value without the location of files: a checksum for the user's own code, and only the kind for data in a
    file, because the fingerprint identifies the data."""
    if name == 'dataset' and datasets.is_path(value):
        return value.partition(':')[0]
    if name not in checksums:
        return value
    path, _, class_name = value.rpartition(':')
    return f'{os.path.basename(path)}:{class_name} (sha256 {checksums[name][:12]})'


def _elsewhere(name):
    """Lists the systems, architectures and data sets that have an option, as the end of a message; '' without any."""
    owners = [owner for registered in (models.REGISTRY, architectures.REGISTRY, datasets.REGISTRY)
              for owner in registered.names() if name in declared(registered.get(owner))]
    owners += ['records:DIR'] * (name in declared(datasets.dataset_class('records:DIR')))
    return f'; {name} is an option of {", ".join(owners)}' if owners else ''
