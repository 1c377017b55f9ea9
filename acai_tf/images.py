"""The one place for pixels: their scale, their size, grids of images, and image files.

Pixels are uint8 0..255, as files have them; images are float32 in [-1, 1], as models take them.
"""

import logging
import os

import numpy as np
import tensorflow as tf

from acai_tf.errors import DataError, short_message

_logger = logging.getLogger(__name__)

ENDINGS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif')


# ---- scale

def to_float(pixels):
    """Pixels 0..255, of any type -> float32 in [-1, 1], as released: v * (2 / 255) - 1."""
    return tf.cast(pixels, tf.float32) * (2.0 / 255) - 1.0


def to_uint8(images):
    """Float images in [-1, 1] -> pixels, a uint8 array; values outside are clipped."""
    return np.rint(127.5 * (np.clip(images, -1, 1) + 1)).astype(np.uint8)


def round_to_uint8(values):
    """Float tensor 0..255 -> uint8; values outside are clipped."""
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


# ---- size

def resize(pixels, size):
    """Pixels [..., h, w, c] -> float32 0..255 [..., *size, c], not rounded: bilinear, antialiased where they shrink."""
    return tf.image.resize(pixels, size, antialias=True)


def by(shape):
    """A shape for people: 32x32x1."""
    return 'x'.join(map(str, shape))


# ---- grids

def grid(images, gap=2, shade=64, frame=True):
    """One picture of images in rows and columns.

    Args:
        images: float [rows, columns, h, w, c] in [-1, 1]; values outside are clipped.
        gap: width in pixels of the lines between images, and of the frame around all.
        shade: of the lines, 0..255.
        frame: whether there is a frame.

    Returns:
        uint8 array [rows * (h + gap) + gap, columns * (w + gap) + gap, c]; without a frame, 2 * gap less each way.
    """
    pixels = to_uint8(images)
    rows, columns, height, width, colors = pixels.shape
    padded = np.pad(pixels, [(0, 0), (0, 0), (gap, 0), (gap, 0), (0, 0)], constant_values=shade)
    picture = padded.transpose(0, 2, 1, 3, 4).reshape(rows * (height + gap), columns * (width + gap), colors)
    if not frame:
        return picture[gap:, gap:]
    return np.pad(picture, [(0, gap), (0, gap), (0, 0)], constant_values=shade)


# ---- files

def find(images_dir):
    """Paths of the images in a folder and below, sorted; hidden ones are left out.

    Raises:
        DataError: not a folder, or no images in it.
    """
    if not os.path.isdir(images_dir):
        raise DataError(f'{images_dir} is not a folder')
    found = []
    for folder, subfolders, names in os.walk(images_dir):
        subfolders[:] = [name for name in subfolders if not name.startswith('.')]
        found += [os.path.join(folder, name) for name in names if not name.startswith('.')]
    images = sorted(path for path in found if path.lower().endswith(ENDINGS))
    if not images:
        raise DataError(f'{images_dir} holds no images ({", ".join(ENDINGS)})')
    if len(images) < len(found):
        _logger.warning('%d files in %s are not images (%s) and are left out', len(found) - len(images), images_dir,
                        ', '.join(ENDINGS))
    return images


def read_bytes(path):
    """Content of an image file; DataError if it cannot be read."""
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError as error:
        raise DataError(f'{path} cannot be read ({error.strerror})') from None


def decode(content, name, colors=0):
    """uint8 tensor [h, w, colors] of an image's bytes; DataError with the name if they do not decode.

    Args:
        colors: 1 or 3; 0: as in the file.
    """
    try:
        return decode_tensor(content, colors)
    except (tf.errors.OpError, ValueError) as error:
        raise does_not_decode(name, error) from None


def decode_tensor(content, colors):
    """The same for a string tensor, in graphs; TensorFlow's error if it does not decode."""
    return tf.io.decode_image(content, channels=colors, expand_animations=False)


def does_not_decode(name, error):
    """The DataError for an image that does not decode."""
    return DataError(f'{name} does not decode as an image ({short_message(error)})')
