"""Readers of data sets as their authors publish them.

A reader gives {split: (images uint8 [n, h, w, c], labels int64 [n])}, or raises DataError with the file's name.
"""

import dataclasses
import gzip
import math
import os
import struct
import zlib
from typing import Callable

import numpy as np

from acai_tf.errors import DataError

_IDX_UINT8 = 0x08


@dataclasses.dataclass(frozen=True)
class Source:
    """How one data set is prepared.

    Attributes:
        nclass: labels are 0..nclass-1.
        read: function, source_dir -> {split: (images, labels)}.
        files: what `source_dir` must hold, for people.
    """
    nclass: int
    read: Callable
    files: str


def read_idx(path):
    """The array in an IDX file, gzipped or not.

    Raises:
        DataError: not an IDX file of bytes, cut off, or longer than its header says.
    """
    try:
        with open(path, 'rb') as file:
            zipped = file.read(2) == b'\x1f\x8b'
        with (gzip.open if zipped else open)(path, 'rb') as file:
            zeros, kind, rank = struct.unpack('>HBB', file.read(4))
            if zeros or kind != _IDX_UINT8 or not 1 <= rank <= 4:
                raise DataError(f'{path} is no IDX file of bytes (wrong magic number)')
            shape = struct.unpack(f'>{rank}I', file.read(4 * rank))
            size = math.prod(shape)
            # One byte more than the header claims shows a longer file, without reading all of a hostile one.
            content = file.read(size + 1)
    except (OSError, EOFError, struct.error, zlib.error, MemoryError, OverflowError) as error:
        raise DataError(f'{path} cannot be read ({error}); fetch it again') from None
    if len(content) != size:
        relation = 'more' if len(content) > size else f'{size - len(content)} fewer'
        raise DataError(f'{path} has {relation} bytes than its header says ({"x".join(map(str, shape))}); fetch it again')
    return np.frombuffer(content, np.uint8).reshape(shape)


def _find(source_dir, stem):
    """The file of that name in source_dir, gzipped or not, with a dash or a dot before `idx`."""
    candidates = [name + end for name in (stem, stem.replace('-idx', '.idx')) for end in ('', '.gz')]
    for name in candidates:
        path = os.path.join(source_dir, name)
        if os.path.isfile(path):
            return path
    raise DataError(f'{os.path.join(source_dir, stem)}[.gz] is missing')


def read_mnist_layout(source_dir):
    """MNIST and sets of its layout: {train, t10k}-{images-idx3, labels-idx1}-ubyte, gzipped or not."""
    splits = {}
    for split, prefix in (('train', 'train'), ('test', 't10k')):
        images_path, labels_path = (_find(source_dir, f'{prefix}-{part}-ubyte') for part in
                                    ('images-idx3', 'labels-idx1'))
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.ndim != 3 or images.shape[1:] != (28, 28) or not len(images):
            raise DataError(f'{images_path} holds an array of {"x".join(map(str, images.shape))}, not nx28x28')
        if labels.shape != images.shape[:1]:
            raise DataError(f'{labels_path} holds {labels.size} labels for the {len(images)} images of {images_path}')
        if labels.max() > 9:
            raise DataError(f'{labels_path} has the label {labels.max()}; labels are 0..9')
        splits[split] = images[..., None], labels.astype(np.int64)
    return splits


_IDX_FILES = '{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]'

SOURCES = {
    'mnist': Source(10, read_mnist_layout, _IDX_FILES),
    'fashion': Source(10, read_mnist_layout, _IDX_FILES),
}
