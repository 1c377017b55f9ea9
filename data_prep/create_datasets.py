#!/usr/bin/env python3
"""Prepares data sets as TFRecords that acai_train reads: downloads them through tensorflow-datasets, or reads --source_dir.

  create_datasets.py --datasets=fashion --source_dir=/usr/share/datasets/fashion-mnist --data_dir=data
"""

import logging
import os

from absl import flags

from acai_tf import command_line
from acai_tf.errors import DataError, UsageError

_logger = logging.getLogger('acai_tf.data_prep')

DATASETS = flags.DEFINE_list('datasets', [], 'what to prepare, separated by commas')
DATA_DIR = flags.DEFINE_string('data_dir', '', 'where the prepared files go; default $AE_DATA, else ./data')
SOURCE_DIR = flags.DEFINE_string('source_dir', '', 'where the original files are; without it they are downloaded')


def main():
    from acai_tf.datasets import resolve_data_dir
    from data_prep import sources, tfrecord
    if not DATASETS.value:
        raise UsageError(f'--datasets is missing; there are {", ".join(sources.SOURCES)}')
    data_dir = resolve_data_dir(DATA_DIR.value)
    for name in DATASETS.value:
        if name not in sources.SOURCES:
            raise UsageError(f'cannot prepare {name!r}; there are {", ".join(sources.SOURCES)}')
    for name in DATASETS.value:
        source = sources.SOURCES[name]
        if SOURCE_DIR.value and not source.read:
            raise UsageError(f'--source_dir does not serve {name}: it comes through tensorflow-datasets')
        if SOURCE_DIR.value and not os.path.isdir(SOURCE_DIR.value):
            raise DataError(f'{SOURCE_DIR.value} is no directory; put {source.files} there')
        splits = source.read(SOURCE_DIR.value) if SOURCE_DIR.value else sources.download(source)
        origin = os.path.abspath(SOURCE_DIR.value) if SOURCE_DIR.value else f'tensorflow-datasets {source.tfds_name}'
        for path in tfrecord.write_dataset(data_dir, name, splits, origin):
            print(path)


if __name__ == '__main__':
    command_line.run(main)
