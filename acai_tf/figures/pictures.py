"""Pictures made of images: interpolations, bilinear grids, samples, reconstructions."""

import re

import matplotlib
import numpy as np
import tensorflow as tf

from acai_tf import images as images_lib
from acai_tf import interpolation
from acai_tf.errors import DataError, UsageError
from acai_tf.figures import text
from acai_tf.latents import reading

matplotlib.use('Agg')
from matplotlib import figure as mpl_figure  # noqa: E402  (after the backend is chosen)

DPI = 200
CURVES = {'lerp': interpolation.lerp, 'slerp': interpolation.slerp}
_TEST_IMAGE = re.compile(r'test:(\d{1,9})')
_INCH_PER_PIXEL = 1 / 60
_WIDE_GAP = 8
_POINTS = 9  # font size of names
_NAME, _ACROSS, _DOWN = 0.25, 0.25, 0.1  # inches: height of a name, gaps between the columns and rows of pictures
_MOST_PIXELS = 2**16 - 1  # largest side that matplotlib draws


def pick_images(dataset, count, seed):
    """Returns `count` different test images [count, h, w, c], chosen by the seed. Raises DataError if there are fewer."""
    size = reading.size(dataset, 'test')
    if size < count:
        raise DataError(f'{dataset.name} has {size} test images; {count} are needed: choose fewer --rows')
    return reading.rows(dataset, 'test', np.random.default_rng(seed).permutation(size)[:count])


def interpolations(images, frames):
    """Rows of frames [rows, steps, h, w, c] between images [2 * rows, ...], from the k-th of the first half to the k-th of
    the second half. The images themselves are at both ends, set apart. uint8 picture [h, w, c]."""
    starts, ends = np.split(np.asarray(images), 2)
    parts = [_grid(part) for part in (starts[:, None], frames, ends[:, None])]
    space = np.full([len(parts[0]), _WIDE_GAP, parts[0].shape[2]], 255, np.uint8)
    return np.concatenate([parts[0], space, parts[1], space, parts[2]], axis=1)


def bilinear(loaded, images, steps):
    """A grid of steps x steps between four images [4, ...]; its corners are their reconstructions."""
    return plain(loaded, interpolation.bilinear(tf.constant(loaded.encode(images)), steps, steps).numpy())


def plain(loaded, latents):
    """Decoded latents [rows, columns, ...]."""
    return _grid(reading.decoded(loaded, latents))


def samples(loaded, dataset, rows, columns, seed, source='prior'):
    """Decoded latents drawn from one of `reading.SOURCES`."""
    latents = reading.drawn(source, loaded, dataset, rows * columns, seed)
    return plain(loaded, latents.reshape(rows, columns, *latents.shape[1:]))


def reconstructions(loaded, images, columns):
    """Rows of images [n, ...], each above a row of their reconstructions."""
    pairs = np.stack([images, loaded.reconstruct(images)]).reshape(2, -1, columns, *images.shape[1:])
    blocks = [np.concatenate([_grid(row[None]) for row in pair]) for pair in zip(*pairs)]
    space = np.full([_WIDE_GAP, *blocks[0].shape[1:]], 255, np.uint8)
    return np.concatenate([part for block in blocks for part in (space, block)][1:])


def _grid(images):
    """Images [rows, columns, h, w, c] in [-1, 1] as a picture with white gaps between them."""
    return images_lib.grid(images, shade=255, frame=False)


def drawing(mode, dataset, image_files, rows, steps, seed, source='prior'):
    """Returns the function, LoadedModel -> picture, that draws one of `acai_tf.figures.MODES` except a map. Every model gets
    the same images: `image_files` as for `read_images`, or test images of the data set, chosen by the seed. Samples come
    from `source`, one of `reading.SOURCES`."""
    rows_of_picture = steps if mode == 'bilinear' else 1 if image_files else rows
    height, width = (count * side * _INCH_PER_PIXEL for count, side in zip((rows_of_picture, steps), dataset.image_shape))
    _check_size(width, height)  # before the images are made
    if mode == 'samples':
        if image_files:
            raise UsageError('--mode=samples takes no --images')
        return lambda loaded: samples(loaded, dataset, rows, steps, seed, source)
    images = choose_images(mode, dataset, image_files, rows, steps, seed)
    if mode in CURVES:
        return lambda loaded: interpolations(images, reading.walks(loaded, loaded.encode(images), steps, CURVES[mode]))
    if mode == 'reconstruction':
        return lambda loaded: reconstructions(loaded, images, len(images) if image_files else steps)
    return lambda loaded: bilinear(loaded, images, steps)


def choose_images(mode, dataset, image_files, rows, steps, seed):
    """Returns the images of a figure (see `drawing`); for lerp and slerp, the starts of all rows, then the ends."""
    if not image_files:
        return pick_images(dataset, {'bilinear': 4, 'reconstruction': rows * steps}.get(mode, 2 * rows), seed)
    count, in_pairs = len(image_files), mode in CURVES
    if in_pairs and count % 2 or mode == 'bilinear' and count != 4:
        raise UsageError(f'--mode={mode} takes {"pairs of" if in_pairs else "4"} --images, not {count}')
    images = read_images(image_files, dataset)
    # a,b,c,d: from a to b, and from c to d
    return np.concatenate([images[0::2], images[1::2]]) if in_pairs else images


def is_test_image(name):
    """Returns True for the name of a test image, such as 'test:17', and False for a file."""
    return bool(_TEST_IMAGE.fullmatch(name))


def read_images(paths, dataset):
    """Reads image files as model input, [n, h, w, c] in [-1, 1], like `encode_bytes`; 'test:17' is test image 17, counted
    from 0. Raises DataError, which names it, for a file that cannot be read or decoded, or a test image that does not exist.
    """
    numbers = {path: int(match[1]) for path in paths if (match := _TEST_IMAGE.fullmatch(path))}
    try:
        of_tests = dict(zip(numbers, reading.rows(dataset, 'test', list(numbers.values())))) if numbers else {}
    except IndexError:
        raise DataError(f'test:{max(numbers.values())}: {dataset.name} has {reading.size(dataset, "test")} test images, '
                        'numbered from 0') from None
    return np.stack([of_tests[path] if path in numbers else dataset.fit(images_lib.read(path, dataset.image_shape[-1]))
                     for path in paths])


def _check_size(width, height):
    """Raises UsageError if a figure, with sizes in inches, has more pixels than matplotlib can draw."""
    if max(width, height) * DPI > _MOST_PIXELS:
        raise UsageError(f'the figure would have {width * DPI:.0f}x{height * DPI:.0f} pixels; choose fewer --rows or '
                         '--steps')


def one_each(names, drawn, in_a_row):
    """Arranges a picture, uint8 [h, w, 1 or 3], of each model: in a row with the names above, or one below the other with
    the names to the left."""
    return arrange([drawn], above=names) if in_a_row else arrange([[picture] for picture in drawn], left=names)


def arrange(rows, left=(), above=()):
    """Arranges pictures in one figure.

    Args:
        rows: lists of uint8 pictures [h, w, 1 or 3], drawn at the same height within a row; None leaves a gap.
        left, above: names of the rows and of the columns; empty: no names.
    """
    left = [text.shorten(name) for name in left] or [''] * len(rows)
    tall = [_INCH_PER_PIXEL * max(picture.shape[0] for picture in row if picture is not None) for row in rows]
    wide = [max(height * picture.shape[1] / picture.shape[0] for height, picture in zip(tall, column) if picture is not None)
            for column in zip(*rows)]
    slots = [max(height, text.inches(name, _POINTS)) for height, name in zip(tall, left)]
    x = np.cumsum([_NAME * any(left), *(length + _ACROSS for length in wide)])
    y = np.cumsum([_NAME * any(above), *(slot + _DOWN for slot in slots)])  # downward
    width, height = x[-1] - _ACROSS, y[-1] - _DOWN
    _check_size(width, height)
    figure = mpl_figure.Figure(figsize=(width, height), dpi=DPI)
    for row, name, top, length, slot in zip(rows, left, y, tall, slots):
        middle = 1 - (top + slot / 2) / height
        _write(figure, _NAME / 2 / width, middle, name, rotation=90)
        for picture, start in zip(row, x):
            if picture is not None:
                share = length * picture.shape[1] / picture.shape[0]
                axes = figure.add_axes((start / width, middle - length / 2 / height, share / width, length / height))
                axes.imshow(np.broadcast_to(picture, [*picture.shape[:2], 3]), interpolation='nearest', aspect='auto')
                axes.set_axis_off()
    for name, start, length in zip(above, x, wide):
        _write(figure, (start + length / 2) / width, 1 - _NAME / 2 / height,
               text.shorten(name, int(length / text.inches('x', _POINTS))))
    return figure


def _write(figure, x, y, name, **options):
    figure.text(x, y, name, ha='center', va='center', fontsize=_POINTS, parse_math=False, **options)
