"""The data sets and their registry.

`get(name).train(batch, seed, start_step)` and its siblings give `tf.data.Dataset`s of `(images, labels)`: images
float32 [batch, h, w, c] in [-1, 1], labels int64 [batch]. A new data set is one line below.
"""

import functools
import os

from acai_tf.datasets import digits, lines, records, stripes
from acai_tf.errors import UsageError

_REGISTRY = {
    'lines32': lines.Lines,
    'stripes32': stripes.Stripes,
    'stripes32-code': stripes.StripesOfTheCode,
    'digits32': digits.Digits,
    'mnist32': functools.partial(records.Records, 'mnist', (28, 28, 1), 10, preprocess=records.pad(2)),
    'fashion32': functools.partial(records.Records, 'fashion', (28, 28, 1), 10, preprocess=records.pad(2)),
    'svhn32': functools.partial(records.Records, 'svhn', (32, 32, 3), 10, train=('train', 'extra'), once=('train',)),
    'cifar10': functools.partial(records.Records, 'cifar10', (32, 32, 3), 10),
    'celeba32': functools.partial(records.Records, 'celeba', (218, 178, 3), 1, preprocess=records.celeba_crop),
    'coil100': functools.partial(records.Records, 'coil100', (128, 128, 3), 100, train=('all',), test=None),
}


def names():
    """Names of all data sets."""
    return list(_REGISTRY)


def resolve_data_dir(data_dir):
    """Where prepared data sets are: `data_dir`, else $AE_DATA, else ./data."""
    return os.fspath(data_dir) if data_dir else os.environ.get('AE_DATA') or './data'


def get(name, data_dir=None):
    """The data set of that name; no file is opened yet.

    Args:
        name: one of `names()`.
        data_dir: where prepared files are; default $AE_DATA, else ./data.

    Returns:
        A `base.Dataset`.

    Raises:
        UsageError: unknown name.
    """
    if name not in _REGISTRY:
        raise UsageError(f'unknown data set {name!r}; there are {", ".join(names())}')
    return _REGISTRY[name](name=name, data_dir=resolve_data_dir(data_dir))
