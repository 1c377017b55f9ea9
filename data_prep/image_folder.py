"""A folder of images, in subfolders by class or not, as a data set."""

import hashlib
import logging
import os

import numpy as np
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from acai_tf.errors import DataError, UsageError
from data_prep.tfrecord import Split, decode_image, in_order

_logger = logging.getLogger('acai_tf.data_prep')

_ENDINGS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif')
_GRAY_MODES = ('1', 'L', 'LA', 'I', 'I;16', 'F')
_MOST_PIXELS = 10**8


def find_images(images_dir):
    """The images below a folder.

    Returns:
        (paths, labels, names of the classes): the class is the subfolder of images_dir, in alphabetical order; without
        subfolders there is one class, and no name.

    Raises:
        DataError: no folder, no images, or images both in it and in subfolders.
    """
    if not os.path.isdir(images_dir):
        raise DataError(f'{images_dir} is no folder')
    found, others = {}, 0
    for folder, subfolders, names in os.walk(images_dir):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith('.'))
        relative = os.path.relpath(folder, images_dir)
        for name in sorted(name for name in names if not name.startswith('.')):
            if name.lower().endswith(_ENDINGS):
                found.setdefault(relative.split(os.sep)[0], []).append(os.path.join(folder, name))
            else:
                others += 1
    if not found:
        raise DataError(f'{images_dir} holds no images ({", ".join(_ENDINGS)})')
    if '.' in found and len(found) > 1:
        loose, named = found['.'][0], sorted(set(found) - {'.'})[0]
        raise DataError(f'{images_dir} holds images ({os.path.basename(loose)}) beside folders of images ({named}); '
                        'give every image a class folder, or none')
    if others:
        _logger.warning('%d files in %s are no images and are left out', others, images_dir)
    classes = sorted(found)
    paths = [path for name in classes for path in found[name]]
    labels = [label for label, name in enumerate(classes) for _ in found[name]]
    return paths, labels, [] if classes == ['.'] else classes


def _peek(path):
    """(width, height, whether gray) from an image's header."""
    try:
        with Image.open(path) as image:
            width, height, mode = *image.size, image.mode
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError, SyntaxError) as error:
        raise DataError(f'{path} does not open as an image ({str(error).splitlines()[0][:200]})') from None
    if width * height > _MOST_PIXELS:
        raise DataError(f'{path} claims {width}x{height} pixels, which is too many')
    return width, height, mode in _GRAY_MODES


def read_images(images_dir, resolution, test_fraction):
    """{'train': Split, 'test': Split} of a folder's images.

    Images are gray if all are, else RGB. PNG and JPEG files that have the size already stay as they are; others are
    resized (bilinear, antialiased, as an exported encoder does with images of another size) and stored as PNG.

    Args:
        resolution: height and width in pixels; 0: all images must have the same size, which is kept.
        test_fraction: the part of each class that becomes the test set, chosen at random but always the same way.

    Raises:
        DataError: names the image that does not open, or that has another size.
    """
    paths, labels, classes = find_images(images_dir)
    headers = list(in_order(_peek, paths))
    colors = 1 if all(gray for _, _, gray in headers) else 3
    height, width = (resolution, resolution) if resolution else (headers[0][1], headers[0][0])
    for path, header in zip(paths, headers):
        if not resolution and header[:2] != (width, height):
            raise DataError(f'{path} is {header[0]}x{header[1]} but {paths[0]} is {width}x{height}; give --resolution')
    shape = (height, width, colors)

    def ready(path):
        with open(path, 'rb') as file:
            content = file.read()
        image = decode_image(content, path, colors)
        if image.shape == shape and path.lower().endswith(('.png', '.jpg', '.jpeg')):
            return content
        resized = tf.round(tf.image.resize(image, shape[:2], antialias=True))
        return tf.io.encode_png(tf.cast(tf.clip_by_value(resized, 0, 255), tf.uint8)).numpy()
    is_test = _choose(np.array(labels), test_fraction)
    checksums = {'files': _fingerprint(images_dir, paths)}

    def split(chosen):
        # In an order of its own, so that what reads from the file's beginning sees all classes.
        items = [(paths[i], labels[i]) for i in np.random.default_rng(1).permutation(np.flatnonzero(chosen))]
        return Split(len(items), shape, lambda: in_order(lambda item: (ready(item[0]), item[1]), items),
                     classes=classes, checksums=checksums)
    return {'train': split(~is_test), 'test': split(is_test)}


def _choose(labels, fraction):
    """Mask of the test images: of each class that part, and at least one image in all."""
    chosen = np.zeros(len(labels), bool)
    random = np.random.default_rng(0)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        chosen[members[:round(len(members) * fraction)]] = True
    if not chosen.any():
        chosen[random.integers(len(labels))] = True
    if chosen.all():
        raise UsageError(f'--test_fraction={fraction} leaves none of the {len(labels)} images to train on')
    return chosen


def _fingerprint(images_dir, paths):
    """sha256 over the names and contents of the images."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, 'rb') as file:
            content = hashlib.sha256(file.read()).hexdigest()
        digest.update(f'{os.path.relpath(path, images_dir)} {content}\n'.encode())
    return digest.hexdigest()
