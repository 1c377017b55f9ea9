"""Where data sets come from: tensorflow-datasets, or the files that their authors publish.

A reader gives {split: tfrecord.Split}, or raises DataError with the file's name.
"""

import dataclasses
import functools
import gzip
import math
import os
import struct
import zlib
from typing import Callable

import numpy as np

from acai_tf.errors import DataError
from data_prep.tfrecord import Split

_IDX_UINT8 = 0x08


@dataclasses.dataclass(frozen=True)
class Source:
    """How one data set is prepared.

    Attributes:
        tfds_name: its name in tensorflow-datasets.
        splits: {split of ours: split of tensorflow-datasets}.
        image_shape: (height, width, colors).
        label: the feature that is the label; None labels everything 0.
        read: function, source_dir -> {split: Split}, of the original files; None where only tensorflow-datasets serves.
        files: what `source_dir` must hold, for people.
    """
    tfds_name: str
    splits: dict
    image_shape: tuple
    label: str | None = 'label'
    read: Callable | None = None
    files: str = ''


def download(source):
    """{split: Split} through tensorflow-datasets, which keeps what it downloads in $TFDS_DATA_DIR, else
    ~/tensorflow_datasets. Images stay the PNG or JPEG bytes that it stores.

    Raises:
        DataError: not there and not to be had; lists the files that can be put there by hand.
    """
    import tensorflow_datasets as tfds
    builder = tfds.builder(source.tfds_name, data_dir=os.environ.get('TFDS_DATA_DIR'))
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever a network, a quota page or a full disk makes of it
        manual = os.path.join(os.path.dirname(os.path.dirname(builder.data_dir.rstrip('/'))), 'downloads', 'manual')
        raise DataError(_by_hand(source, builder, manual, error)) from None

    def examples(split):
        decoders = {'image': tfds.decode.SkipDecoding()}
        dataset = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
        for example in dataset.as_numpy_iterator():
            yield example['image'], 0 if source.label is None else example[source.label]
    return {ours: Split(builder.info.splits[theirs].num_examples, source.image_shape,
                        functools.partial(examples, theirs)) for ours, theirs in source.splits.items()}


def _by_hand(source, builder, manual, error):
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    rows = [f'{source.tfds_name} could not be downloaded ({reason}); fetch these files by hand, put them into {manual} '
            'and run the same command again' + (f', or give --source_dir with {source.files}' if source.read else '')]
    rows += [f'  {info.filename}  sha256 {info.checksum}  {url}' for url, info in sorted(builder.url_infos.items())]
    return '\n'.join(rows)


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
        splits[split] = Split.from_arrays(images[..., None], labels.astype(np.int64))
    return splits


_IDX_FILES = '{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]'

_TRAIN_TEST = {'train': 'train', 'test': 'test'}

SOURCES = {
    'mnist': Source('mnist', _TRAIN_TEST, (28, 28, 1), read=read_mnist_layout, files=_IDX_FILES),
    'fashion': Source('fashion_mnist', _TRAIN_TEST, (28, 28, 1), read=read_mnist_layout, files=_IDX_FILES),
    'svhn': Source('svhn_cropped', {'train': 'train', 'extra': 'extra', 'test': 'test'}, (32, 32, 3)),
    'cifar10': Source('cifar10', _TRAIN_TEST, (32, 32, 3)),
    'celeba': Source('celeb_a', {'train': 'train', 'validation': 'validation', 'test': 'test'}, (218, 178, 3),
                     label=None),
    'coil100': Source('coil100', {'all': 'train'}, (128, 128, 3), label='object_id'),
}
