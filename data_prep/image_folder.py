"""A folder of images, in subfolders by class or not, as a data set; with their poses, if a file poses.csv has them."""

import csv
import hashlib
import logging
import math
import os

import numpy as np
import tensorflow as tf

from acai_tf import images
from acai_tf.errors import DataError, UsageError
from data_prep.splits import Split, in_order

_logger = logging.getLogger('acai_tf.data_prep')
_SPLITS = ('train', 'test')
POSES = 'poses.csv'
_COLUMNS = ('file', 'azimuth', 'altitude')


def find_images(images_dir):
    """The images below a folder.

    Returns:
        (paths, labels, names of the classes, splits): the class is the subfolder of images_dir, in alphabetical order;
        without subfolders there is one class, and no name. `splits` has 'train' or 'test' for each image if images_dir has
        just these two subfolders, with the same classes in both; else it is None.

    Raises:
        DataError: not a folder, no images, or images both in it and in subfolders.
    """
    paths = images.find(images_dir, beside=(POSES,))
    folders = [os.path.relpath(path, images_dir).split(os.sep)[:-1] for path in paths]
    if {folder[0] for folder in folders if folder} == set(_SPLITS) and all(folders):
        inner = {split: {folder[1] if folder[1:] else None for folder in folders if folder[0] == split}
                 for split in _SPLITS}
        if inner['train'] == inner['test']:
            return (*_classes(images_dir, paths, [folder[1:] for folder in folders]), [folder[0] for folder in folders])
    if any(folder[:1] in (['train'], ['test']) for folder in folders):
        _logger.warning('%s has a folder train or test, which is taken for a class; to use both as the splits, let them be '
                        'its only folders, with the same class folders in each', images_dir)
    return (*_classes(images_dir, paths, folders), None)


def _classes(images_dir, paths, folders):
    """(paths, labels, names of the classes) from the folders that each path lies in."""
    classes = sorted({folder[0] for folder in folders if folder})
    if classes and [] in folders:
        loose = os.path.basename(paths[folders.index([])])
        raise DataError(f'{images_dir} holds images ({loose}) next to folders of images ({classes[0]}); put every image in '
                        'a class folder, or none')
    return paths, [classes.index(folder[0]) if folder else 0 for folder in folders], classes


def read_poses(images_dir, paths):
    """[{'azimuth': degrees, 'altitude': degrees}], one for each of the paths, from images_dir/poses.csv; None without it.

    Its columns are file (the path below images_dir), azimuth and altitude, named in the first line.

    Raises:
        DataError: the file cannot be read, or does not have one pose for each image; names the line or the image.
    """
    path, poses = os.path.join(images_dir, POSES), {}
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or [])]
            if missing:
                raise DataError(f'{path}: its first line must name the columns {", ".join(_COLUMNS)}; it lacks '
                                f'{", ".join(missing)}')
            for row in rows:
                name = os.path.normpath(row['file'] or '')
                if name in poses:
                    raise DataError(f'{path}, line {rows.line_num}: {name} has a pose already')
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
        raise DataError(f'{path} has no pose of {without[0]}' if without else f'{path}: there is no image {idle[0]}')
    return [poses[name] for name in names]


def read_images(images_dir, resolution, test_fraction, fit='stretch', listed=None):
    """{'train': Split, 'test': Split} of a folder's images.

    Images are gray if all are, else RGB; what is stored is PNG of the pixels that `images.read` gives, resized (bilinear,
    antialiased, as an exported encoder does with images of another size) where the size differs.

    Args:
        resolution: height and width in pixels; 0: all images must have the same size, which is kept.
        test_fraction: the fraction of each class that becomes the test set, chosen at random but always the same way;
            without effect if the folders train and test are the splits.
def read_images(images_dir, resolution, test_fraction, fit='stretch', listed=None):

    Raises:
        DataError: names the image that does not open, or that has another size.
    """
    paths, labels, classes, splits = listed or find_images(images_dir)
    poses = read_poses(images_dir, paths)
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
    is_test = _choose(np.array(labels), test_fraction) if splits is None else np.array(splits) == 'test'
    checksums = {'files': contents_checksum(images_dir, sources(images_dir, paths))}

    def split(chosen):
        # Shuffled, so that a reader of the file's beginning sees all classes.
        order = np.random.default_rng(1).permutation(np.flatnonzero(chosen))
        items = [(paths[i], labels[i], *([poses[i]] if poses else [])) for i in order]
        return Split(len(items), shape, lambda: in_order(lambda item: (ready(item[0]), *item[1:]), items),
                     classes=classes, checksums=checksums,
                     fit=fit if resolution else None)
    return {'train': split(~is_test), 'test': split(is_test)}


def _choose(labels, fraction):
    """Mask of the test images: that fraction of each class, and at least one image in all."""
    chosen = np.zeros(len(labels), bool)
    random = np.random.default_rng(0)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        chosen[members[:round(len(members) * fraction)]] = True
    if not chosen.any():
        chosen[random.integers(len(labels))] = True
    if len(labels) < 2:
        raise DataError('there is only one image; at least two are needed, one to train on and one to test on')
    if chosen.all():
        raise UsageError(f'--test_fraction={fraction} leaves none of the {len(labels)} images to train on; lower it')
    return chosen


def sources(images_dir, paths):
    """All files that a folder's records are made of: the images, and poses.csv if it is there."""
    poses = os.path.join(images_dir, POSES)
    return [*paths, *([poses] if os.path.exists(poses) else [])]


def contents_checksum(images_dir, paths):
    """sha256 over the names and contents of the files."""
    digest = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256(images.read_bytes(path)).hexdigest()
        digest.update(os.fsencode(f'{os.path.relpath(path, images_dir)} {content}\n'))
    return digest.hexdigest()


def listing(images_dir, paths):
    """{'images': how many, 'bytes': their size, 'listing': sha256 over names, sizes and times}; quick."""
    sizes, digest = 0, hashlib.sha256()
    for path in paths:
        status = os.stat(path)
        sizes += status.st_size
        digest.update(os.fsencode(f'{os.path.relpath(path, images_dir)} {status.st_size} {status.st_mtime_ns}\n'))
    return {'images': sum(os.path.basename(path) != POSES for path in paths), 'bytes': sizes, 'listing': digest.hexdigest()}
