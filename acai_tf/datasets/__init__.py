"""The data sets and their registry.

`get(name).train(batch, seed, start_step)` and its siblings give `tf.data.Dataset`s of `(images, labels)`: images
float32 [batch, h, w, c] in [-1, 1], labels int64 [batch]. A new data set is a class, one line below, and a test.
"""

import os
import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from acai_tf import registry
from acai_tf.errors import UsageError, program_name
from acai_tf.options import declared, resolve
from acai_tf.registry import Registry

if TYPE_CHECKING:
    import numpy as np

    from acai_tf.datasets.base import Dataset

REGISTRY = Registry('data set', 'acai_tf.datasets', {
    'lines32': 'lines:Lines',
    'stripes32': 'stripes:Stripes',
    'stripes32-code': 'stripes:ReleasedStripes',
    'digits32': 'digits:Digits',
    'pole64': 'pole:Pole',
    'mnist32': 'prepared:MNIST',
    'fashion32': 'prepared:FashionMNIST',
    'svhn32': 'prepared:SVHN',
    'cifar10': 'prepared:CIFAR10',
    'celeba32': 'prepared:CelebA',
    'coil100': 'coil100:Coil100',
}, base='acai_tf.datasets.base:Dataset', others='records:DIR, arrays:FILE')

names = REGISTRY.names
__getattr__ = REGISTRY.module

# kind -> 'module:class' of the data sets named as kind:PATH.
_BY_PATH = {'records': 'records:OwnRecords', 'arrays': 'arrays:ArraysFile'}
# Options that a run directory's name writes in a shorter way.
_SHORT_FORMS = {'coil_object': 'object{}', 'resolution': '{}px'}


def resolve_data_dir(data_dir):
    """Returns the directory of prepared data sets: `data_dir`, else $AE_DATA, else ./data."""
    return os.fspath(data_dir) if data_dir else os.environ.get('AE_DATA') or './data'


def short_name(name):
    """Returns a name for `get` without its path: records-photos for records:DIR/photos, Mine for path/to/file.py:Mine."""
    if registry.is_reference(name):
        return name.rpartition(':')[2]
    kind, _, path = name.partition(':')
    if not path:
        return kind
    base = os.path.basename(os.path.abspath(path))
    return f'{kind}-{os.path.splitext(base)[0] if kind == "arrays" else base}'


def directory_name(dataset):
    """Name of the directory that holds the runs on one data set, e.g. lines32, records-photos, coil100-object7-64px."""
    return '-'.join([short_name(dataset.name), *(_SHORT_FORMS.get(key, f'{key}{{}}').format(value)
                                                 for key, value in dataset.options.items())])


def is_path(name):
    """Returns True for data in the user's own files, named as kind:PATH."""
    kind, _, path = name.partition(':')
    return kind in _BY_PATH and bool(path) and not registry.is_reference(name)


def dataset_class(name):
    """Returns the class of a data set, by a name for `get`; UsageError if the name is unknown."""
    if is_path(name):
        return pkgutil.resolve_name(f'acai_tf.datasets.{_BY_PATH[name.partition(":")[0]]}')
    if name not in names() and os.path.exists(name):
        raise UsageError(f'unknown data set {name!r}, but it is {_what_is(name)}')
    return REGISTRY.get(name)


def _what_is(path):
    """Describes a path and how to use it as a data set."""
    if os.path.isfile(os.path.join(path, 'train.tfrecord')):
        return f'a folder of records: use --dataset=records:{path}'
    if os.path.isdir(path):
        return f'a folder: to use the images in it, {preparing(path)}'
    if path.endswith('.py'):
        return f'a file: to use a class in it, give --dataset={path}:Name'
    return f'a file: if it holds arrays, use --dataset=arrays:{path}'


def preparing(images_dir):
    """Explains how to turn a folder of images into a data set, for messages."""
    return (f'run {program_name("acai_create_datasets")} --images_dir={images_dir} --data_dir=DIR, then use '
            '--dataset=records:DIR')


def from_arrays(x: 'np.ndarray', labels: 'np.ndarray | None' = None, x_test: 'np.ndarray | None' = None,
                labels_test: 'np.ndarray | None' = None, test_fraction: float = 0.1,
                class_names: Sequence[str] | None = None, name: str = 'arrays') -> 'Dataset':
    """Makes a data set from NumPy arrays; arguments and errors as for `acai_tf.datasets.arrays.Arrays`."""
    from acai_tf.datasets.arrays import Arrays
    return Arrays(x, labels, x_test, labels_test, test_fraction, class_names, name)


def get(name: str, data_dir: str | os.PathLike | None = None, cache_gib: float = 4.0, **options) -> 'Dataset':
    """Returns a data set by name. Only `records:` opens a file yet.

    Args:
        name: one of `names()`, `records:DIR` for a user's own records, `arrays:FILE` for a .npy or .npz file, or
            path/to/file.py:Name for your own class.
        data_dir: where prepared files are; default $AE_DATA, else ./data.
        cache_gib: a prepared set that is larger when decoded is streamed from its files.
        **options: options of the data set's class, such as `resolution`.

    Returns:
        A `base.Dataset`.

    Raises:
        UsageError: unknown name, or an option that the data set does not have.
        DataError: for `records:`, no manifest.
    """
    cls = dataset_class(name)
    values = resolve(f'data set {name}', cls, options)
    if cls.reads_files:
        values['cache_gib'] = cache_gib
    own = registry.is_reference(name)
    with registry.errors_in_one_line(f'the data set {short_name(name)}'):
        dataset = cls(name=short_name(name) if own else name, data_dir=resolve_data_dir(data_dir), **values)
        if not hasattr(dataset, 'image_shape'):
            raise UsageError(f'{cls.__name__} must call super().__init__(name, image_shape, nclass)')
    dataset.options = {key: values[key] for key, option in declared(cls).items() if values[key] != option.default}
    return dataset
