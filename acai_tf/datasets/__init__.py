"""The data sets and their registry.

`get(name).train(batch, seed, start_step)` and its siblings give `tf.data.Dataset`s of `(images, labels)`: images
float32 [batch, h, w, c] in [-1, 1], labels int64 [batch]. A new data set is one line below.
"""

import functools
import inspect
import os

from acai_tf.datasets import coil100, digits, lines, pole, records, stripes
from acai_tf.errors import UsageError

_OWN = 'records'
_FASHION = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot']
_CIFAR10 = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']

_REGISTRY = {
    'lines32': lines.Lines,
    'stripes32': stripes.Stripes,
    'stripes32-code': stripes.ReleasedStripes,
    'digits32': digits.Digits,
    'pole64': pole.Pole,
    'mnist32': functools.partial(records.prepared, 'mnist', (28, 28, 1), digits.NAMES, preprocess=records.pad(2)),
    'fashion32': functools.partial(records.prepared, 'fashion', (28, 28, 1), _FASHION, preprocess=records.pad(2)),
    'svhn32': functools.partial(records.prepared, 'svhn', (32, 32, 3), digits.NAMES, train=('train', 'extra'),
                                train_once=('train',)),
    'cifar10': functools.partial(records.prepared, 'cifar10', (32, 32, 3), _CIFAR10),
    'celeba32': functools.partial(records.prepared, 'celeba', (218, 178, 3), ['face'], preprocess=records.celeba_crop),
    'coil100': coil100.Coil100,
}


def names():
    """Names of all data sets."""
    return list(_REGISTRY)


def resolve_data_dir(data_dir):
    """Where prepared data sets are: `data_dir`, else $AE_DATA, else ./data."""
    return os.fspath(data_dir) if data_dir else os.environ.get('AE_DATA') or './data'


def short_name(name):
    """A name as `get` takes it, without a path: records-photos for records:DIR/photos."""
    kind, _, directory = name.partition(':')
    return f'{kind}-{os.path.basename(os.path.abspath(directory))}' if directory else kind


def get(name, data_dir=None, **options):
    """The data set of that name; opens no file yet, except for `records:`.

    Args:
        name: one of `names()`, or `records:DIR` for a user's own records.
        data_dir: where prepared files are; default $AE_DATA, else ./data.
        **options: `cache_gib` (4.0): a prepared set larger than that when decoded is streamed from its files;
            `resolution`, for coil100, pole64 and records: height and width; `coil_object` (1..100), for coil100: the
            only object.

    Returns:
        A `base.Dataset`.

    Raises:
        UsageError: unknown name, or an option that the data set does not have.
        DataError: for `records:`, no manifest.
    """
    kind, _, directory = name.partition(':')
    if kind == _OWN and directory:
        make = functools.partial(records.of_directory, directory=directory)
    elif name in _REGISTRY:
        make = functools.partial(_REGISTRY[name], data_dir=resolve_data_dir(data_dir))
    else:
        raise UsageError(f'unknown data set {name!r}; choose one of {", ".join(names())}, or {_OWN}:DIR')
    known = inspect.signature(make).parameters
    if 'cache_gib' not in known:
        options.pop('cache_gib', None)  # generated sets keep nothing
    for option in options:
        if option not in known:
            raise UsageError(f'--{option} does not apply to {name}')
    dataset = make(name=name, **options)
    dataset.options = {key: value for key, value in options.items() if key != 'cache_gib' and value}
    return dataset
