"""A folder of images, with or without class folders, as a data set; with poses, if there is a file poses.csv."""

import contextlib
import csv
import functools
import hashlib
import logging
import math
import os
import unicodedata
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from acai_tf import images
from acai_tf.datasets.arrays import stratified_part
from acai_tf.errors import DataError
from data_prep.splits import Split, in_order

_logger = logging.getLogger('acai_tf.data_prep')
# Splits by folder name in lower case.
_SPLITS = {'train': 'train', 'training': 'train', 'test': 'test', 'testing': 'test',
           'val': 'validation', 'valid': 'validation', 'validation': 'validation'}
POSES = 'poses.csv'
_COLUMNS = ('file', 'azimuth', 'altitude')


class Listing(NamedTuple):
    """The images below a folder."""
    paths: list  # of str, sorted
    classes: list  # name of the class folder of each image; None for an image outside class folders
    splits: list | None  # 'train' or 'test' for each image; None if the folders are not splits
    skipped: int  # number of files that are not images


def find_images(images_dir):
    """Returns the Listing of a folder: a subfolder is a class, or a split that holds class folders. Logs the splits, folders
    without images, and classes with nearly the same name. Raises DataError if there is no folder, or no images in it or in a
    split."""
    paths, others = images.find(images_dir, beside=(POSES,))
    folders = [os.path.relpath(path, images_dir).split(os.sep)[:-1] for path in paths]
    split_of = _split_folders(images_dir, {folder[0] for folder in folders}) if all(folders) else {}
    depth = 1 if split_of else 0
    classes = [folder[depth] if folder[depth:] else None for folder in folders]
    used = {tuple(folder[:depth + 1]) for folder in folders}
    for parent in split_of or ['']:
        for name in _subfolders(os.path.join(images_dir, parent)):
            if (parent, name)[-depth - 1:] not in used:
                _logger.warning('%s holds no images (%s), so it is not a class; with images it would be, and labels would '
                                'change', os.path.join(images_dir, parent, name), ', '.join(images.ENDINGS))
    _warn_of_similar(images_dir, sorted({*classes} - {None}))
    return Listing(paths, classes, [split_of[folder[0]] for folder in folders] if split_of else None, len(others))


def _subfolders(folder):
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith('.'))


def _split_folders(images_dir, used):
    """Returns {folder: 'train' or 'test'} if all folders with images, those in `used`, are named like splits, including a
    training split; else {}. Validation images become the test split if there is no other, or else training images."""
    kinds = {name: _SPLITS.get(name.lower()) for name in _subfolders(images_dir)}
    kinds = {name: kind for name, kind in kinds.items() if kind or name in used}
    if None in kinds.values() or not {'train'} < set(kinds.values()):
        for name in filter(kinds.get, kinds):
            _logger.warning('%s: the folder %s is treated as a class; for splits, make one folder each for training '
                            'and test images, with the class folders in them, and no others', images_dir, name)
        return {}
    for name in sorted({*kinds} - used):
        raise DataError(f'{os.path.join(images_dir, name)} holds no images ({", ".join(images.ENDINGS)}); put images there, '
                        'or remove the folder')
    validation = 'train' if 'test' in kinds.values() else 'test'
    split_of = {name: validation if kind == 'validation' else kind for name, kind in kinds.items()}
    train, test = (' and '.join(name for name in split_of if split_of[name] == split) for split in ('train', 'test'))
    _logger.info('%s: training images are in %s, test images in %s', images_dir, train, test)
    return split_of


def _warn_of_similar(images_dir, names):
    similar = {}
    for name in names:
        similar.setdefault(unicodedata.normalize('NFC', name).casefold().strip(), []).append(ascii(name))
    for spellings in similar.values():
        if len(spellings) > 1:
            _logger.warning('%s: %s are different classes, but their names differ only in case, spaces or Unicode form '
                            '(NFC, NFD); if they are one class, use one folder', images_dir, ' and '.join(spellings))


def _warn_of_missing(images_dir, listed):
    """Warns of classes that are missing in one of the splits."""
    pairs = set(zip(listed.splits or (), listed.classes))
    for split, other in (('train', 'test'), ('test', 'train')):
        if missing := sorted(name for its, name in pairs if its == other and (split, name) not in pairs):
            _logger.warning('%s: the %s split has no images of %s', images_dir, split, ', '.join(missing))


def _numbered(images_dir, listed):
    """Returns (labels, class names in alphabetical order). Without class folders, all labels are 0, without names."""
    names = sorted({*listed.classes} - {None})
    if names and None in listed.classes:
        loose = os.path.relpath(listed.paths[listed.classes.index(None)], images_dir)
        raise DataError(f'{images_dir} holds images ({loose}) next to folders of images ({names[0]}); put every image in a '
                        'class folder, or none')
    numbers = {name: number for number, name in enumerate(names)}
    return [numbers.get(name, 0) for name in listed.classes], names


def summary(images_dir, listed, entries):
    """Describes in one line what was prepared, from entries of the manifest: {'train': ..., 'test': ...}."""
    train, test = (entry['label_histogram'] for entry in entries.values())
    by_class, names = list(map(sum, zip(train, test))), entries['train'].get('classes')
    smallest = f', fewest of {names[np.argmin(by_class)]} ({min(by_class):,})' if len(by_class) > 1 else ''
    return (f'{images_dir}: {len(by_class):,} {"class" if len(by_class) == 1 else "classes"}, {sum(train):,} training and '
            f'{sum(test):,} test images{smallest}; {listed.skipped:,} {"file" if listed.skipped == 1 else "files"} skipped')


def read_poses(images_dir, paths):
    """Returns [{'azimuth': degrees, 'altitude': degrees}] of the paths from images_dir/poses.csv; None without this file.

    Its columns are file (the path below images_dir), azimuth and altitude, named in the first line. Raises DataError if the
    file cannot be read, or does not have one pose for each image; names the line or the image.
    """
    path, poses = os.path.join(images_dir, POSES), {}
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or [])]:
                raise ValueError(f'its first line must name the columns {", ".join(_COLUMNS)}; it lacks '
                                 f'{", ".join(missing)}')
            for row in rows:
                name = os.path.normpath(row['file'] or '')
                if name in poses:
                    raise ValueError(f'{name} already has a pose')
                if not all(row[key] for key in _COLUMNS[1:]):
                    raise ValueError(f'{name} lacks its azimuth or altitude')
                poses[name] = {key: float(row[key]) for key in _COLUMNS[1:]}
                if not all(map(math.isfinite, poses[name].values())):
                    raise ValueError('a pose must be finite')
    except ValueError as error:
        raise DataError(f'{path}, line {rows.line_num}: {error}') from None
    except (OSError, csv.Error) as error:
        raise DataError(f'{path} cannot be read ({error})') from None
    names = [os.path.relpath(image, images_dir) for image in paths]
    without, idle = [name for name in names if name not in poses], sorted(set(poses) - set(names))
    if without or idle:
        raise DataError(f'{path} has no pose for {without[0]}' if without else f'{path}: the image {idle[0]} does not exist')
    return [poses[name] for name in names]


def read_images(images_dir, resolution, test_fraction, fit='stretch', listed=None):
    """Returns {'train': Split, 'test': Split} of a folder's images.

    Images are stored as PNG, gray if all are gray, else RGB. Images of another size are resized (bilinear, antialiased, as
    in an exported encoder).

    Args:
        resolution: height and width in pixels; 0: all images must have the same size, which is kept.
        test_fraction: share of the test images (see `arrays.stratified_part`). No effect if folders are the splits.
        fit: how images of another aspect ratio are resized: one of images.FITS.
        listed: the Listing of the folder, if known.

    Raises:
        DataError: an image does not open, or has another size; names it.
    """
    listed = listed or find_images(images_dir)
    paths, (labels, classes) = listed.paths, _numbered(images_dir, listed)
    _warn_of_missing(images_dir, listed)
    poses = read_poses(images_dir, paths)
    is_test = (stratified_part(np.array(labels), test_fraction, images_dir) if listed.splits is None else
               np.array(listed.splits) == 'test')
    headers = list(in_order(images.peek, paths))
    channels = 1 if all(gray for _, _, gray in headers) else 3
    height, width = (resolution, resolution) if resolution else headers[0][:2]
    for path, header in zip(paths, headers):
        if not resolution and header[:2] != (height, width):
            raise DataError(f'{path} is {header[1]}x{header[0]} but {paths[0]} is {width}x{height}; give --resolution')
    shape = (height, width, channels)

    def ready(path):
        pixels = images.read(path, channels)
        if pixels.shape != shape:
            pixels = images.round_to_uint8(images.resize(pixels, shape[:2], fit))
        return tf.io.encode_png(pixels).numpy()
    checksums = {'files': _contents_checksum(images_dir, paths)}

    def split(chosen):
        # Shuffled, so that a reader of the first records sees all classes.
        order = np.random.default_rng(1).permutation(np.flatnonzero(chosen))
        items = [(paths[i], labels[i], *([poses[i]] if poses else [])) for i in order]
        return Split(len(items), shape, lambda: in_order(lambda item: (ready(item[0]), *item[1:]), items),
                     classes=classes, checksums=checksums, fit=fit if resolution else None)
    return {'train': split(~is_test), 'test': split(is_test)}


def _sources(images_dir, paths):
    """Returns all files that a folder's records are made from: the images, and poses.csv if it exists."""
    poses = os.path.join(images_dir, POSES)
    return [*paths, *([poses] if os.path.exists(poses) else [])]


def _contents_checksum(images_dir, paths):
    digest = hashlib.sha256()
    for path in _sources(images_dir, paths):
        content = hashlib.sha256(images.read_bytes(path)).hexdigest()
        digest.update(os.fsencode(f'{os.path.relpath(path, images_dir)} {content}\n'))
    return digest.hexdigest()


def listing(images_dir, paths):
    """Returns {'images': their number, 'listing': sha256 of names, sizes and times, 'contents': function that returns the
    sha256 of names and contents}; quick."""
    digest = hashlib.sha256()
    for path in _sources(images_dir, paths):
        with contextlib.suppress(FileNotFoundError):  # a link to nowhere, which reading names
            status = os.stat(path)
            digest.update(os.fsencode(f'{os.path.relpath(path, images_dir)} {status.st_size} {status.st_mtime_ns}\n'))
    return {'images': len(paths), 'listing': digest.hexdigest(),
            'contents': functools.partial(_contents_checksum, images_dir, paths)}
