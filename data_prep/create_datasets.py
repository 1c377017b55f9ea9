#!/usr/bin/env python3
"""Prepares data sets as TFRecords that acai_train reads: downloads them through tensorflow-datasets, or reads the files
in --source_dir. Also turns a folder of your own images into such a data set, and checks prepared files.

  create_datasets.py --datasets=svhn,cifar10 --data_dir=data
  create_datasets.py --datasets=fashion --source_dir=downloads/fashion-mnist --data_dir=data
  create_datasets.py --images_dir=photos --resolution=32 --data_dir=prepared
  create_datasets.py --datasets=lines,pole --data_dir=data
  create_datasets.py --verify --data_dir=data

acai_train reads a folder of images, thus prepared, as --dataset=records:prepared, and the generated lines as
--dataset=records:data/lines.
"""

import inspect
import os

from absl import flags

from acai_tf import command_line
from acai_tf.errors import DataError, UsageError

DATASETS = flags.DEFINE_list('datasets', [], 'what to prepare, separated by commas')
DATA_DIR = flags.DEFINE_string('data_dir', '', 'where the prepared files go; default $AE_DATA, else ./data')
SOURCE_DIR = flags.DEFINE_string('source_dir', '', 'where the original files are; without it they are downloaded')
IMAGES_DIR = flags.DEFINE_string('images_dir', '', 'a folder of PNG, JPEG, BMP or GIF images, in subfolders by class or '
                                 'not, to prepare as train.tfrecord and test.tfrecord')
RESOLUTION = flags.DEFINE_integer('resolution', 0, 'with --images_dir: resize to this height and width; 0 keeps the size, '
                                  'which must be the same for all; for pole: height and width, 64 by default', lower_bound=0,
                                  upper_bound=2**14)
COUNT = flags.DEFINE_integer('count', 60000, 'for lines: how many to train on', lower_bound=1)
SEED = flags.DEFINE_integer('seed', 0, 'for lines: chooses those to train on')
TEST_FRACTION = flags.DEFINE_float('test_fraction', 0.1, 'with --images_dir: the fraction that becomes the test set')
VERIFY = flags.DEFINE_bool('verify', False, 'check all prepared files, or those of --datasets, against the manifest')


def main():
    from acai_tf.datasets import resolve_data_dir
    from data_prep import generated, sources
    data_dir, known = resolve_data_dir(DATA_DIR.value), [*sources.SOURCES, *generated.SOURCES]
    for name in DATASETS.value:
        if name not in known:
            raise UsageError(f'cannot prepare {name!r}; choose from {", ".join(known)}')
    if VERIFY.value:
        command_line.refuse('with --verify', 'source_dir', 'images_dir', 'resolution', 'test_fraction', 'count', 'seed')
        _verify(data_dir)
    elif IMAGES_DIR.value:
        if DATASETS.value:
            raise UsageError('--images_dir and --datasets are separate jobs; give one of them')
        command_line.refuse('with --images_dir', 'source_dir', 'count', 'seed')
        _prepare_images(data_dir)
    elif DATASETS.value:
        command_line.refuse('without --images_dir', 'test_fraction')
        options = {'count': COUNT.value, 'seed': SEED.value, 'resolution': RESOLUTION.value}
        taken = {name: inspect.signature(generated.SOURCES[name]).parameters
                 for name in DATASETS.value if name in generated.SOURCES}
        command_line.refuse(f'for {", ".join(DATASETS.value)}', *(set(options) - set().union(*taken.values())))
        if len(taken) == len(DATASETS.value):
            command_line.refuse('for data sets that are generated', 'source_dir')
        for name in DATASETS.value:
            if name in taken:
                _generate(data_dir, name, {option: options[option] for option in taken[name]})
            else:
                _prepare(data_dir, name, sources.SOURCES[name])
    else:
        raise UsageError(f'--datasets is missing; choose from {", ".join(known)}')


def _prepare(data_dir, name, source):
    from data_prep import sources, tfrecord
    if SOURCE_DIR.value and not os.path.isdir(SOURCE_DIR.value):
        raise DataError(f'{SOURCE_DIR.value} is not a directory; put {source.files} there')

    def make_splits():
        return source.read(SOURCE_DIR.value) if SOURCE_DIR.value else sources.download(source)
    origin = os.path.abspath(SOURCE_DIR.value) if SOURCE_DIR.value else f'tensorflow-datasets {source.tfds_name}'
    for path in tfrecord.prepare(data_dir, name, source.splits, origin, make_splits):
        print(path)


def _generate(data_dir, name, options):
    from data_prep import generated, tfrecord
    described = ', '.join(f'{key} {value}' for key, value in options.items())
    for path in tfrecord.prepare(os.path.join(data_dir, name), '', ('train', 'test'),
                                 f'generated: {name}' + (f' ({described})' if described else ''),
                                 lambda: generated.SOURCES[name](**options)):
        print(path)


def _prepare_images(data_dir):
    from data_prep import image_folder, tfrecord
    if not 0 < TEST_FRACTION.value < 1:
        raise UsageError(f'--test_fraction={TEST_FRACTION.value}: must be between 0 and 1')
    found = image_folder.find_images(IMAGES_DIR.value)
    paths, _, _, splits = found
    if splits:
        command_line.refuse('where the folders train and test are the splits', 'test_fraction')
    origin = (f'{os.path.abspath(IMAGES_DIR.value)} ({len(paths)} images, resolution {RESOLUTION.value}, test_fraction '
              f'{TEST_FRACTION.value})')

    def make_splits():
        return image_folder.read_images(IMAGES_DIR.value, RESOLUTION.value, TEST_FRACTION.value, found)
    files = image_folder.sources(IMAGES_DIR.value, paths)
    listing = {**image_folder.listing(IMAGES_DIR.value, files),
               'contents': lambda: image_folder.contents_checksum(IMAGES_DIR.value, files)}
    for path in tfrecord.prepare(data_dir, '', ('train', 'test'), origin, make_splits, listing):
        print(path)


def _verify(data_dir):
    from data_prep import sources, tfrecord
    names = [tfrecord.file_name(name, split) for name in DATASETS.value if name in sources.SOURCES
             for split in sources.SOURCES[name].splits]
    jobs = [(data_dir, names or None)] if names or not DATASETS.value else []
    jobs += [(os.path.join(data_dir, name), None) for name in DATASETS.value if name not in sources.SOURCES]
    if not os.path.isdir(data_dir):
        raise DataError(f'{data_dir} is not a directory; choose another --data_dir')
    if not DATASETS.value:  # what is generated has a directory of its own, and so may have what is the user's
        jobs += [(entry.path, None) for entry in sorted(os.scandir(data_dir), key=lambda entry: entry.name)
                 if os.path.exists(os.path.join(entry.path, 'manifest.json'))]
    damaged, checked = [], 0
    for directory, names in jobs:
        if not os.path.isdir(directory):
            raise DataError(f'{directory} is not a directory; prepare it first, without --verify')
        for name, count, trouble in tfrecord.verify(directory, names):
            shown = os.path.relpath(os.path.join(directory, name), data_dir)
            print(f'{shown}: {trouble or f"sound, {count:,} images"}')
            checked += 1
            if trouble:
                damaged.append(shown)
    if not checked:
        raise DataError(f'{data_dir} holds no prepared files; choose another --data_dir, or prepare them, without --verify')
    if damaged:
        raise DataError(f'{data_dir}: {", ".join(damaged)} {"is" if len(damaged) == 1 else "are"} not as the manifest '
                        'says; delete and prepare again')


if __name__ == '__main__':
    command_line.run(main)
