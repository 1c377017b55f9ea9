"""Prepares data sets as TFRecords for acai_train: downloads them with tensorflow-datasets, or reads the files in
--source_dir. It also turns a folder of your own images into a data set, and checks prepared files.

  acai_create_datasets --datasets=svhn,cifar10 --data_dir=data
  acai_create_datasets --datasets=fashion --source_dir=downloads/fashion-mnist --data_dir=data
  acai_create_datasets --images_dir=photos --resolution=32 --data_dir=prepared
  acai_create_datasets --datasets=lines,pole --data_dir=data
  acai_create_datasets --verify --data_dir=data

To train on the folder of images prepared above, use acai_train --dataset=records:prepared; for the generated lines,
--dataset=records:data/lines.
"""

import inspect
import logging
import os

from acai_tf.cli import program
from acai_tf.errors import DataError, UsageError

_logger = logging.getLogger('acai_tf')


def define_flags(flags):
    from acai_tf.images import FITS, KINDS
    flags.under('data')
    flags.list('datasets', [], 'the data sets to prepare, separated by commas')
    flags.string('data_dir', '', 'where the prepared files go (default: $AE_DATA, else ./data)', is_path=True)
    flags.string('source_dir', '', 'where the original files are; without it they are downloaded', is_path=True)
    flags.boolean('verify', False, 'check the files of --datasets, or all prepared files, against the manifest')
    flags.under('your own images')
    flags.string('images_dir', '', f'a folder of {KINDS} images, with or without a subfolder for each class', is_path=True)
    flags.integer('resolution', 0, 'resize images to this height and width; 0 keeps their size, which must be the same for '
                  'all; with --datasets=pole: their size, 0 is 64', lower_bound=0, upper_bound=2**14)
    flags.enum('fit', 'stretch', FITS, 'with --resolution: stretch images that have another aspect ratio, crop them in the '
               'middle, or pad them with black')
    flags.float('test_fraction', 0.1, 'share of all images that becomes the test set, drawn evenly over the classes; each '
                'class with two images or more keeps one for it')
    flags.under('with --datasets=lines')
    flags.integer('count', 60000, 'number of training images', lower_bound=1, upper_bound=10**9)
    flags.integer('seed', 0, 'seed for the choice of training images')


def run(flags):
    from acai_tf.datasets import resolve_data_dir
    from data_prep import generated, sources
    data_dir, known = resolve_data_dir(flags.data_dir), [*sources.SOURCES, *generated.SOURCES]
    for name in flags.datasets:
        if name not in known:
            raise UsageError(f'cannot prepare {name!r}; choose from {", ".join(known)}')
    if flags.verify:
        flags.refuse('with --verify', 'source_dir', 'images_dir', 'resolution', 'fit', 'test_fraction', 'count', 'seed')
        _verify(flags, data_dir)
    elif flags.images_dir:
        if flags.datasets:
            raise UsageError('--images_dir and --datasets are separate jobs; give one of them')
        flags.refuse('with --images_dir', 'source_dir', 'count', 'seed')
        _prepare_images(flags, data_dir)
    elif flags.datasets:
        flags.refuse('without --images_dir', 'test_fraction', 'fit')
        options = {'count': flags.count, 'seed': flags.seed, 'resolution': flags.resolution}
        taken = {name: inspect.signature(generated.SOURCES[name]).parameters
                 for name in flags.datasets if name in generated.SOURCES}
        flags.refuse(f'for {", ".join(flags.datasets)}', *(set(options) - set().union(*taken.values())))
        if len(taken) == len(flags.datasets):
            flags.refuse('for generated data sets', 'source_dir')
        for name in flags.datasets:
            if name in taken:
                _generate(data_dir, name, {option: options[option] for option in taken[name]})
            else:
                _prepare(flags, data_dir, name, sources.SOURCES[name])
    else:
        raise UsageError(f'--datasets is missing; choose from {", ".join(known)}')


def _prepare(flags, data_dir, name, source):
    from data_prep import sources, tfrecord
    if flags.source_dir:
        if not os.path.isdir(flags.source_dir):
            raise DataError(f'{flags.source_dir} is not a directory; put {source.files} there')
        origin, make_splits = os.path.abspath(flags.source_dir), lambda: source.read(flags.source_dir)
    else:
        origin, make_splits = f'tensorflow-datasets {source.tfds_name}', lambda: sources.download(source)
    paths = tfrecord.prepare(data_dir, name, source.splits, origin, make_splits)
    print(*paths, sep='\n')


def _generate(data_dir, name, options):
    from data_prep import generated, tfrecord
    described = ', '.join(f'{key} {value}' for key, value in options.items())
    origin = f'generated: {name}' + (f' ({described})' if described else '')
    paths = tfrecord.prepare(os.path.join(data_dir, name), '', ('train', 'test'), origin,
                             lambda: generated.SOURCES[name](**options))
    print(*paths, sep='\n')


def _prepare_images(flags, data_dir):
    from acai_tf.datasets import manifests
    from data_prep import image_folder, tfrecord
    if not 0 < flags.test_fraction < 1:
        raise UsageError(f'--test_fraction={flags.test_fraction}: must be between 0 and 1')
    listed = image_folder.find_images(flags.images_dir)
    if listed.splits:
        flags.refuse('when folders are the splits', 'test_fraction')
    if not flags.resolution:
        flags.refuse('without --resolution', 'fit')
    how = f', fit {flags.fit}' if flags.fit != 'stretch' else ''
    origin = (f'{os.path.abspath(flags.images_dir)} ({len(listed.paths)} images, resolution {flags.resolution}, '
              f'test_fraction {flags.test_fraction}{how})')

    def make_splits():
        return image_folder.read_images(flags.images_dir, flags.resolution, flags.test_fraction, flags.fit, listed)
    paths = tfrecord.prepare(data_dir, '', ('train', 'test'), origin, make_splits,
                             image_folder.listing(flags.images_dir, listed.paths))
    print(*paths, sep='\n')
    manifest = manifests.read(data_dir)
    _logger.info(image_folder.summary(flags.images_dir, listed, {
        split: manifest[tfrecord.file_name('', split)] for split in ('train', 'test')}))


def _verify(flags, data_dir):
    from data_prep import sources, tfrecord, verification
    names = [tfrecord.file_name(name, split) for name in flags.datasets if name in sources.SOURCES
             for split in sources.SOURCES[name].splits]
    jobs = [(data_dir, names or None)] if names or not flags.datasets else []
    jobs += [(os.path.join(data_dir, name), None) for name in flags.datasets if name not in sources.SOURCES]
    if not os.path.isdir(data_dir):
        raise DataError(f'{data_dir} is not a directory; choose another --data_dir')
    if not flags.datasets:  # generated data sets and the user's own may be in subdirectories
        jobs += [(entry.path, None) for entry in sorted(os.scandir(data_dir), key=lambda entry: entry.name)
                 if os.path.exists(os.path.join(entry.path, 'manifest.json'))]
    damaged, checked = [], 0
    for directory, names in jobs:
        if not os.path.isdir(directory):
            raise DataError(f'{directory} is not a directory; prepare it first, without --verify')
        for name, count, trouble in verification.verify(directory, names):
            shown = os.path.relpath(os.path.join(directory, name), data_dir)
            print(f'{shown}: {trouble or f"sound, {count:,} images"}')
            checked += 1
            if trouble:
                damaged.append(shown)
    if not checked:
        raise DataError(f'{data_dir} holds no prepared files; choose another --data_dir, or prepare them without --verify')
    if damaged:
        raise DataError(f'{data_dir}: {", ".join(damaged)} {"does" if len(damaged) == 1 else "do"} not match the '
                        'manifest; delete and prepare again')


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
