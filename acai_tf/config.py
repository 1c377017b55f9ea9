"""Options of a training run: each common option is declared here, once.

The command line's flags (flags.py), config.json and the comparison on resume are made from these declarations; a model's
own hyperparameters are declared in its file and join them.
"""

import dataclasses
import json
import math
import os
import platform

import acai_tf
from acai_tf import architectures, datasets, measures, models, user_files
from acai_tf.errors import UsageError
from acai_tf.models import hyperparameter

# Options that may name a class in the user's own file.
OWN_FILES = ('model', 'architecture')


def _option(default, help, *, choices=None, minimum=None, may_change=False):
    return dataclasses.field(default=default, metadata={
        'help': help, 'choices': choices, 'minimum': minimum, 'may_change': may_change})


@dataclasses.dataclass
class TrainConfig:
    """All options of one run.

    Every option but `train_dir` and those marked `may_change` must stay the same when a run is resumed; `total_kimg`
    may only grow.

    Raises:
        UsageError: by `validate`, for a value outside its range.
    """

    model: str = _option('acai', f'the autoencoder: {", ".join(models.names())}, or path/to/file.py:Name for your own')
    dataset: str = _option('lines32', f'the data: {", ".join(datasets.names())}, or records:DIR for your own')
    train_dir: str = _option('./experiments', 'where run directories are made', may_change=True)
    data_dir: str = _option('', 'where prepared data sets are; default $AE_DATA, else ./data', may_change=True)
    depth: int = _option(64, 'channels of the first convolutions, doubled at each scale', minimum=1)
    latent: int = _option(16, 'channels of the latent', minimum=1)
    latent_width: int = _option(4, 'width of the latent; image width / latent_width is a power of two', minimum=1)
    architecture: str = _option('acai', f'the networks: {", ".join(architectures.names())}, or path/to/file.py:Name for '
                                'your own')
    lr: float = _option(0.0001, 'learning rate', minimum=0.0)
    batch: int = _option(64, 'global batch size', minimum=1)
    total_kimg: int = _option(16384, 'length of the training, in units of 1024 images', minimum=1, may_change=True)
    report_kimg: int = _option(64, 'images between two reports, in units of 1024', minimum=1, may_change=True)
    seed: int = _option(0, 'seed of the initial weights, the order of the data and every draw')
    strategy: str = _option('auto', 'devices: auto is mirrored with several GPUs, else one; multi_worker reads TF_CONFIG',
                            choices=('auto', 'one', 'mirrored', 'multi_worker'), may_change=True)
    precision: str = _option('float32', 'compute dtype; weights and losses are float32 either way',
                             choices=('float32', 'mixed_bfloat16'))
    jit: str = _option('auto', 'XLA: auto is on with a single GPU', choices=('auto', 'on', 'off'), may_change=True)
    cache_gib: float = _option(4.0, 'a prepared data set larger than this when decoded is streamed from its files',
                               minimum=0.0, may_change=True)
    coil_object: int = _option(0, 'for coil100: the only object, 1 to 100; 0 is all', minimum=0)
    resolution: int = _option(0, 'for coil100, pole64 and records: height and width of images; 0 keeps their size',
                              minimum=0)
    deterministic: bool = _option(False, 'make TensorFlow use only deterministic kernels')
    keep_checkpoints: int = _option(3, 'how many checkpoints are kept', minimum=1, may_change=True)
    report_measures: str = _option('', 'measures to log at each report besides the usual ones, separated by commas: '
                                   f'{", ".join(measures.names())}', may_change=True)
    checkpoint_steps: int = _option(0, 'steps between two checkpoints; 0: at reports and every 10 minutes',
                                    minimum=0, may_change=True)
    hyperparameters: dict = dataclasses.field(default_factory=dict)
    checksums: dict = dataclasses.field(default_factory=dict)  # of the user's own files in these options
    data: dict = dataclasses.field(default_factory=dict)  # the data set's identity; earlier versions did not keep it

    def validate(self):
        """Checks every value and fills in the model's hyperparameters and the checksums of the user's files; returns self.
        """
        for field in common_options():
            value, choices = getattr(self, field.name), field.metadata['choices']
            if choices and value not in choices:
                raise UsageError(f'--{field.name}={value}: choose one of {", ".join(choices)}')
            minimum = field.metadata['minimum']
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f'--{field.name}={value}: must be a finite number')
            if minimum is not None and not value >= minimum:
                raise UsageError(f'--{field.name}={value}: must be at least {minimum}')
        for name in self.measures_to_report():
            measures.measure_class(name)
        self.checksums = {}
        for name in OWN_FILES:
            if user_files.is_reference(getattr(self, name)):
                setattr(self, name, user_files.absolute(getattr(self, name)))
                self.checksums[name] = user_files.checksum(getattr(self, name))
        model_class = models.model_class(self.model)
        architectures.architecture_class(self.architecture)
        if self.batch < model_class.smallest_batch:
            raise UsageError(f'--batch={self.batch}: {self.model} needs at least {model_class.smallest_batch}, because its '
                             'loss compares the images of a batch')
        multiple = model_class.batch_multiple
        if self.batch % multiple:
            raise UsageError(f'--batch={self.batch}: {self.model} needs a multiple of {multiple}, because it mixes the '
                             f'parts of a batch; choose {self.batch + -self.batch % multiple}')
        self.hyperparameters = hyperparameter.resolve(
            f'model {self.model}', model_class, self.hyperparameters, 'hyperparameter')
        for name, parameter in hyperparameter.declared(model_class).items():
            if parameter.follows:
                self.hyperparameters[name] = self.hyperparameters[name] or getattr(self, parameter.follows)
        return self

    def measures_to_report(self):
        """The names that `report_measures` lists."""
        return [name.strip() for name in self.report_measures.split(',') if name.strip()]

    def open_dataset(self):
        """The data set; raises as `datasets.get`."""
        options = {name: getattr(self, name) for name in ('coil_object', 'resolution') if getattr(self, name)}
        return datasets.get(self.dataset, self.data_dir, cache_gib=self.cache_gib, **options)

    def create_model(self, dataset, dtype=None):
        """The compiled model, with fresh weights.

        Args:
            dataset: as returned by `open_dataset`.
            dtype: overrides the precision.
        """
        model = models.create(
            self.model, dataset.image_shape, dataset.nclass, self.depth, self.latent, self.latent_width, self.seed,
            dtype=dtype or self.precision, architecture=self.architecture, **self.hyperparameters)
        model.compile(lr=self.lr)
        return model

    @property
    def total_steps(self):
        """Number of steps of the whole run."""
        return -(-self.total_kimg * 1024 // self.batch)

    def to_json(self, began_with=None):
        """The options and the library versions that the run began with (default: these), as JSON text."""
        values = {**dataclasses.asdict(self), 'versions': began_with or versions()}
        return json.dumps(values, indent=2, sort_keys=True) + '\n'

    @classmethod
    def from_json(cls, text):
        """Reads `to_json`'s text; unknown keys are refused. Raises ValueError."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError('it is not a JSON object')
        values.pop('versions', None)
        types = {field.name: field.type for field in dataclasses.fields(cls)}
        unknown = set(values) - set(types)
        if unknown:
            raise ValueError(f'unknown options {", ".join(sorted(unknown))}')
        for name, value in values.items():
            if type(value) is not types[name] and not (types[name] is float and type(value) is int):
                raise ValueError(f'{name} is {value!r}, not of type {types[name].__name__}')
        return cls(**values)

    def difference(self, other):
        """Options that keep `other` from resuming this run: [(name, value here, value in `other`)]."""
        fixed = [field.name for field in common_options() if not field.metadata['may_change']]
        rows = [(name, self._comparable(name), other._comparable(name)) for name in fixed]
        # A run made before its model had a hyperparameter was made with its default.
        defaults = {name: parameter.default for name, parameter in hyperparameter.declared(
            models.model_class(other.model)).items()}
        for name in sorted({*self.hyperparameters, *other.hyperparameters}):
            rows.append((name, *(config.hyperparameters.get(name, defaults.get(name)) for config in (self, other))))
        if self.data and other.data:
            # What an earlier version did not keep is not known.
            rows += [(f'data {name}', value, other.data.get(name)) for name, value in self.data.items()]
        if other.total_kimg < self.total_kimg:
            rows.append(('total_kimg', self.total_kimg, other.total_kimg))
        return [row for row in rows if row[1] != row[2]]

    def _comparable(self, name):
        """An option's value; for the user's own files a checksum, wherever they are."""
        value = getattr(self, name)
        if name not in self.checksums:
            return value
        path, _, class_name = value.rpartition(':')
        return f'{os.path.basename(path)}:{class_name} (sha256 {self.checksums[name][:12]})'


def common_options():
    """The dataclass fields that are options of every run (all but the model's own hyperparameters and checksums)."""
    return [field for field in dataclasses.fields(TrainConfig) if field.metadata]


def versions():
    """{library: version} of what a run depends on."""
    import keras
    import numpy
    import tensorflow
    return {'acai_tf': acai_tf.__version__, 'python': platform.python_version(), 'tensorflow': tensorflow.__version__,
            'keras': keras.__version__, 'numpy': numpy.__version__}
