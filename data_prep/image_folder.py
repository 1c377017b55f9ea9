"""A folder of images, in subfolders by class or not, as a data set."""

import hashlib
import os

import numpy as np
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from acai_tf import images
from acai_tf.errors import DataError, UsageError, short_message
from data_prep.tfrecord import Split, in_order

_GRAY_MODES = ('1', 'L', 'LA', 'I', 'I;16', 'F')
_MOST_PIXELS = 10**8


def find_images(images_dir):
    """The images below a folder.

    Returns:
        (paths, labels, names of the classes): the class is the subfolder of images_dir, in alphabetical order; without
        subfolders there is one class, and no name.

    Raises:
        DataError: not a folder, no images, or images both in it and in subfolders.
    """
    paths = images.find(images_dir)
    folders = [os.path.relpath(path, images_dir).split(os.sep)[:-1][:1] for path in paths]
    classes = sorted({folder[0] for folder in folders if folder})
    if classes and [] in folders:
        loose = os.path.basename(paths[folders.index([])])
        raise DataError(f'{images_dir} holds images ({loose}) next to folders of images ({classes[0]}); put every image in '
                        'a class folder, or none')
    return paths, [classes.index(folder[0]) if folder else 0 for folder in folders], classes


def _peek(path):
    """(width, height, whether gray) from an image's header."""
    try:
        with Image.open(path) as image:
            width, height, mode = *image.size, image.mode
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError, SyntaxError) as error:
        raise DataError(f'{path} does not open as an image ({short_message(error)})') from None
    if width * height > _MOST_PIXELS:
        raise DataError(f'{path} claims {width}x{height} pixels, which is too many')
    return width, height, mode in _GRAY_MODES


def read_images(images_dir, resolution, test_fraction):
    """{'train': Split, 'test': Split} of a folder's images.

    Images are gray if all are, else RGB. PNG and JPEG files that already have the size stay as they are; others are
    resized (bilinear, antialiased, as an exported encoder does with images of another size) and stored as PNG.

    Args:
        resolution: height and width in pixels; 0: all images must have the same size, which is kept.
        test_fraction: the fraction of each class that becomes the test set, chosen at random but always the same way.

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
        content = images.read_bytes(path)
        image = images.decode(content, path, colors)
        if image.shape == shape and path.lower().endswith(('.png', '.jpg', '.jpeg')):
            return content
        return tf.io.encode_png(images.round_to_uint8(images.resize(image, shape[:2]))).numpy()
    is_test = _choose(np.array(labels), test_fraction)
    checksums = {'files': _fingerprint(images_dir, paths)}

    def split(chosen):
        # Shuffled, so that a reader of the file's beginning sees all classes.
        items = [(paths[i], labels[i]) for i in np.random.default_rng(1).permutation(np.flatnonzero(chosen))]
        return Split(len(items), shape, lambda: in_order(lambda item: (ready(item[0]), item[1]), items),
                     classes=classes, checksums=checksums)
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
    if chosen.all():
        raise UsageError(f'--test_fraction={fraction} leaves none of the {len(labels)} images to train on; lower it')
    return chosen


def _fingerprint(images_dir, paths):
    """sha256 over the names and contents of the images."""
    digest = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256(images.read_bytes(path)).hexdigest()
        digest.update(f'{os.path.relpath(path, images_dir)} {content}\n'.encode())
    return digest.hexdigest()
