"""Pixels: scaling, resizing, grids of images, and image files.

Files hold pixels, uint8 0..255; models take images, float32 in [-1, 1].
"""

import contextlib
import io
import logging
import os

import numpy as np
import tensorflow as tf

from acai_tf.errors import DataError, short_message

_logger = logging.getLogger(__name__)

ENDINGS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif', '.webp', '.tif', '.tiff')
KINDS = 'PNG, JPEG, BMP, GIF, WebP or TIFF'
MOST_PIXELS = 2**26
_PLAIN_MODES = {'LAB': 'RGB', 'YCbCr': 'RGB', 'La': 'LA'}  # modes that Pillow does not convert to all others
_FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'WEBP', 'TIFF')  # Pillow's names
_WIDTH_TAG, _HEIGHT_TAG, _BITS_TAG, _PHOTOMETRIC_TAG, _ORIENTATION_TAG = 0x0100, 0x0101, 0x0102, 0x0106, 0x0112


# ---- scale

def to_float(pixels):
    """Pixels 0..255 of any type -> float32 in [-1, 1], as in the released code: v * (2 / 255) - 1."""
    return tf.cast(pixels, tf.float32) * (2.0 / 255) - 1.0


def to_uint8(images):
    """Float images in [-1, 1] -> pixels, a uint8 array; values outside are clipped."""
    return np.rint(127.5 * (np.clip(images, -1, 1) + 1)).astype(np.uint8)


def round_to_uint8(values):
    """Float tensor 0..255 -> uint8; values outside are clipped."""
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


# ---- size

FITS = ('stretch', 'crop', 'pad')


def resize(pixels, size, fit='stretch'):
    """Pixels [..., h, w, c] -> float32 0..255 [..., *size, c], not rounded: bilinear, antialiased when shrinking.

    Args:
        size: (height, width).
        fit: how to handle another aspect ratio: 'stretch' distorts the image, 'crop' keeps its middle, 'pad' centers all
            of it on black.
    """
    (height, width), target = tf.unstack(tf.shape(pixels)[-3:-1]), tf.cast(size, tf.float64)
    sides = tf.cast([height, width], tf.float64)
    if fit == 'crop':
        kept = tf.cast(tf.round(target * tf.reduce_min(sides / target)), tf.int32)
        kept = tf.clip_by_value(kept, 1, [height, width])
        top, left = tf.unstack(([height, width] - kept) // 2)
        pixels = pixels[..., top:top + kept[0], left:left + kept[1], :]
    if fit != 'pad':
        return tf.image.resize(pixels, size, antialias=True)
    inner = tf.cast(tf.round(sides * tf.reduce_min(target / sides)), tf.int32)
    inner = tf.clip_by_value(inner, 1, size)
    before = (size - inner) // 2
    resized = tf.image.resize(pixels, inner, antialias=True)
    margins = tf.pad(tf.stack([before, size - inner - before], axis=1), [[len(pixels.shape) - 3, 1], [0, 0]])
    return tf.ensure_shape(tf.pad(resized, margins), [*[None] * (len(pixels.shape) - 3), *size, pixels.shape[-1]])


def by(shape):
    """Returns a shape as text: 32x32x1."""
    return 'x'.join(map(str, shape))


# ---- grids

def grid(images, gap=2, shade=64, frame=True):
    """Arranges images in rows and columns of one picture.

    Args:
        images: float [rows, columns, h, w, c] in [-1, 1]; values outside are clipped.
        gap: width in pixels of the lines between images, and of the frame.
        shade: gray value of the lines, 0..255.
        frame: True for a frame around all images.

    Returns:
        uint8 array [rows * (h + gap) + gap, columns * (w + gap) + gap, c]; without a frame, 2 * gap less in each direction.
    """
    pixels = to_uint8(images)
    rows, columns, height, width, channels = pixels.shape
    padded = np.pad(pixels, [(0, 0), (0, 0), (gap, 0), (gap, 0), (0, 0)], constant_values=shade)
    picture = padded.transpose(0, 2, 1, 3, 4).reshape(rows * (height + gap), columns * (width + gap), channels)
    if not frame:
        return picture[gap:, gap:]
    return np.pad(picture, [(0, gap), (0, gap), (0, 0)], constant_values=shade)


def sheet(images, columns):
    """Arranges images [n, h, w, c] edge to edge, `columns` in a row; the last row is filled with black."""
    padded = np.pad(images, [(0, -len(images) % columns), (0, 0), (0, 0), (0, 0)], constant_values=-1)
    return grid(padded.reshape(-1, columns, *images.shape[1:]), gap=0)


# ---- files

def find(images_dir, beside=()):
    """Returns (paths of the images in a folder and below, paths of other files), sorted, without hidden files. Follows
    symbolic links. Warns of other files, except those named `beside`.

    Raises:
        DataError: not a folder, no images in it, or a link to a folder above it.
    """
    if not os.path.isdir(images_dir):
        raise DataError(f'{images_dir} is not a folder')
    found = sorted(_files_below(images_dir, [os.path.realpath(images_dir)]))
    images = [path for path in found if path.lower().endswith(ENDINGS)]
    if not images:
        raise DataError(f'{images_dir} holds no images ({", ".join(ENDINGS)})')
    others = sorted({*found} - {*images} - {os.path.join(images_dir, name) for name in beside})
    if others:
        _logger.warning('%s: left out, because not an image (%s): %s%s', images_dir, ', '.join(ENDINGS), others[0],
                        f' and {len(others) - 1:,} more' if len(others) > 1 else '')
    return images, others


def _files_below(folder, above):
    """Yields the paths of the files in a folder and below; `above` are the real paths of this folder and its parents."""
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith('.')]
    except OSError as error:
        raise DataError(f'{folder} cannot be read ({error.strerror})') from None
    for entry in entries:
        if not entry.is_dir():
            if entry.is_file() or not os.path.exists(entry.path):  # not pipes and sockets: reading them would block
                yield entry.path
            continue
        real = os.path.realpath(entry.path)
        if real in above:
            raise DataError(f'{entry.path} is a loop: it leads back to {real}; remove the link')
        yield from _files_below(entry.path, [*above, real])


def read(path, channels=0):
    """Returns the pixels of an image file (see `decode`); DataError if it cannot be read."""
    return decode(read_bytes(path), path, channels)


def read_bytes(path):
    """Returns the content of a file; DataError if it cannot be read."""
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError as error:
        raise DataError(f'{path} cannot be read ({error.strerror})') from None


def decode(content, name, channels=0):
    """Decodes an image file to the pixels that a viewer would show.

    Palettes are looked up, 1 and 16 bits become 8, CMYK becomes RGB, transparent parts are put on black, and the EXIF
    orientation is applied. Only the first frame or page is used. Gray is 0.299 R + 0.587 G + 0.114 B, rounded.

    Args:
        content: bytes of a PNG, JPEG, BMP, GIF, WebP or TIFF file.
        name: name of the file, for messages.
        channels: 1 or 3; 0: 1 if the image is gray, else 3.

    Returns:
        uint8 array [h, w, channels].

    Raises:
        DataError: the file does not decode, has more than 64 megapixels, or is a TIFF file with an unknown range of values.
    """
    with _opened(content, name) as image:
        image = _eight_bits(_upright(image))
        channels = channels or (1 if _is_gray(image) else 3)
        return np.asarray(_on_black(image).convert({1: 'L', 3: 'RGB'}[channels])).reshape(*image.size[::-1], channels)


def peek(path):
    """Returns (height, width, True if gray) from the header of an image file. Raises like `read`."""
    with _opened(path, path) as image:
        # Pillow may have swapped the size of a TIFF file already.
        width, height = map(image.tag_v2.get, (_WIDTH_TAG, _HEIGHT_TAG)) if image.format == 'TIFF' else image.size
        if _orientation(image) >= 5:  # rotated by 90 degrees
            width, height = height, width
        return height, width, _is_gray(image)


@contextlib.contextmanager
def _opened(source, name):
    from PIL import Image, UnidentifiedImageError
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise DataError(f'{name} claims {width}x{height} pixels; an image may have {MOST_PIXELS:,} at most')
            if not _has_known_range(image):
                raise DataError(f'{name} is a TIFF file with 12, 32 or signed bits, or floating-point numbers, so its black '
                                'and white are unknown; save it with 8 or 16 bits')
            yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f'{name} does not decode as an image (it is not {KINDS})') from None
    except Exception as error:  # Pillow's decoders raise almost anything for a damaged file
        raise does_not_decode(name, error) from None


def _has_known_range(image):
    return image.format != 'TIFF' or image.mode not in ('I', 'F') and image.tag_v2.get(_BITS_TAG) != (12,)


def _orientation(image):
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # damaged EXIF data, which viewers ignore too
        return 1


def _upright(image):
    from PIL import Image
    image.load()  # rotates TIFF files
    transpose = Image.Transpose
    how = {2: transpose.FLIP_LEFT_RIGHT, 3: transpose.ROTATE_180, 4: transpose.FLIP_TOP_BOTTOM, 5: transpose.TRANSPOSE,
           6: transpose.ROTATE_270, 7: transpose.TRANSVERSE, 8: transpose.ROTATE_90}.get(_orientation(image))
    return image if how is None else image.transpose(how)


def _is_gray(image):
    if image.mode in ('P', 'PA'):
        palette = np.reshape(image.getpalette('RGB'), [-1, 3])
        return bool((palette == palette[:, :1]).all())
    return image.mode in ('1', 'L', 'LA', 'La') or image.mode.startswith('I')


def _eight_bits(image):
    from PIL import Image
    if image.mode in _PLAIN_MODES:
        return image.convert(_PLAIN_MODES[image.mode])
    if not image.mode.startswith('I'):
        return image
    deep = np.asarray(image, np.float64)
    if image.format == 'TIFF' and image.tag_v2.get(_PHOTOMETRIC_TAG) == 0:  # white is 0: Pillow inverts only up to 8 bits
        deep = 65535 - deep
    eight = np.rint(np.clip(deep, 0, 65535) / 257).astype(np.uint8)
    return Image.fromarray(np.where(deep == image.info.get('transparency', -1), np.uint8(0), eight))


def _on_black(image):
    from PIL import Image
    if not image.has_transparency_data:
        return image
    image = image.convert('RGBA')
    return Image.alpha_composite(Image.new('RGBA', image.size, (0, 0, 0, 255)), image).convert('RGB')


def decode_tensor(content, channels):
    """Pixels of a string tensor that holds an image file with `channels` channels, as in prepared data sets, for graphs.
    Raises TensorFlow's error if it does not decode."""
    return tf.io.decode_image(content, channels=channels, expand_animations=False)


def decode_bytes(content, channels):
    """Pixels of a string tensor that holds a PNG or JPEG file, for graphs. Equal to `decode` for 8-bit files without
    transparency, CMYK or EXIF orientation."""
    pixels = tf.cond(tf.io.is_jpeg(content),
                     lambda: tf.io.decode_jpeg(content, channels=3, dct_method='INTEGER_ACCURATE'),
                     lambda: tf.io.decode_image(content, channels=3, expand_animations=False))
    if channels == 3:
        return pixels
    # Pillow's gray, with its integer arithmetic.
    weighted = tf.reduce_sum(tf.cast(pixels, tf.int32) * [19595, 38470, 7471], axis=-1, keepdims=True)
    return tf.cast(tf.bitwise.right_shift(weighted + 0x8000, 16), tf.uint8)


def does_not_decode(name, error):
    """Returns the DataError for an image that does not decode."""
    return DataError(f'{name} does not decode as an image ({short_message(error)})')
