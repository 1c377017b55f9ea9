"""The data sets that can be prepared, and their sources."""

import contextlib
import dataclasses
import functools
import logging
import os
import sys
from collections.abc import Callable

from acai_tf.errors import DataError, short_message
from data_prep import readers
from data_prep.splits import Split

# tensorflow-datasets tries 10 times to reach a server; without a network that is 4 minutes of waiting for nothing.
_CONNECTION_RETRIES = 4


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set that can be prepared."""
    tfds_name: str  # its name in tensorflow-datasets
    splits: dict  # {our split: split of tensorflow-datasets}
    image_shape: tuple  # (height, width, channels)
    read: Callable  # source_dir -> {split: Split}; reads the original files
    files: str  # names of these files, for messages
    label: str | None = 'label'  # the feature that is the label; None labels everything 0
    features: tuple = ()  # names of int features that are kept next to the label
    arrange: Callable = iter  # iterator over examples -> examples, in order; raises DataError if some are missing


def download(source):
    """Returns {split: Split} from tensorflow-datasets, which keeps downloads in $TFDS_DATA_DIR, else ~/tensorflow_datasets.
    Its PNG or JPEG bytes stay unchanged. Raises DataError, with the files to fetch by hand, if the download failed."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader
    downloader.MAX_RETRIES = _CONNECTION_RETRIES
    logging.getLogger('urllib3').setLevel(logging.ERROR)  # it logs every attempt
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    builder = tfds.builder(source.tfds_name, data_dir=os.environ.get('TFDS_DATA_DIR'))
    manual = os.path.join(os.path.dirname(os.path.dirname(builder.data_dir.rstrip('/'))), 'downloads', 'manual')
    try:
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except Exception as error:  # from the network, a quota page or a full disk
        raise DataError(_by_hand(source, builder, manual, error)) from None

    def examples(split):
        decoders = {'image': tfds.decode.SkipDecoding()}
        dataset = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
        for example in source.arrange(dataset.as_numpy_iterator()):
            features = [{name: int(example[name]) for name in source.features}] if source.features else []
            yield example['image'], 0 if source.label is None else example[source.label], *features
    checksums = {info.filename: info.checksum for info in builder.url_infos.values()}
    return {ours: Split(builder.info.splits[theirs].num_examples, source.image_shape,
                        functools.partial(examples, theirs), checksums) for ours, theirs in source.splits.items()}


def _by_hand(source, builder, manual, error):
    rows = [f'{source.tfds_name} could not be downloaded ({short_message(error)}); download these files yourself to '
            f'{manual} and run the same command again, or use --source_dir with {source.files}']
    rows += [f'  {info.filename}  sha256 {info.checksum}  {url}' for url, info in sorted(builder.url_infos.items())]
    return '\n'.join(rows)


def _turns(views):
    """Returns the examples of COIL-100 sorted by object and angle; DataError if some are missing."""
    views = sorted(views, key=lambda view: (int(view['object_id']), int(view['angle_label'])))
    readers.check_turns((int(view['object_id']) + 1, int(view['angle'])) for view in views)
    return views


_TRAIN_TEST = {'train': 'train', 'test': 'test'}
_IDX_FILES = '{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]'

SOURCES = {
    'mnist': Source('mnist', _TRAIN_TEST, (28, 28, 1), readers.read_mnist_layout, _IDX_FILES),
    'fashion': Source('fashion_mnist', _TRAIN_TEST, (28, 28, 1), readers.read_mnist_layout, _IDX_FILES),
    'svhn': Source('svhn_cropped', {'train': 'train', 'extra': 'extra', 'test': 'test'}, (32, 32, 3),
                   readers.read_svhn, '{train,extra,test}_32x32.mat'),
    'cifar10': Source('cifar10', _TRAIN_TEST, (32, 32, 3), readers.read_cifar10,
                      'cifar-10-binary.tar.gz or cifar-10-matlab.tar.gz'),
    'celeba': Source('celeb_a', {'train': 'train', 'validation': 'validation', 'test': 'test'}, (218, 178, 3),
                     readers.read_celeba, 'img_align_celeba.zip and list_eval_partition.txt', label=None),
    'coil100': Source('coil100', {'all': 'train'}, (128, 128, 3), readers.read_coil100, 'coil-100.zip',
                      label='object_id', features=('angle',), arrange=_turns),
}
