"""lines32: white lines from the center of a black image at random angles (ACAI, section 3.1; released lib/data.py)."""

import functools
import math

import tensorflow as tf

from acai_tf import randomness
from acai_tf.datasets.base import Generated

SECTORS = [f'{start}-{start + 36}°' for start in range(0, 360, 36)]  # names of the tenths of a turn


def draw_line(angles, height: int = 32, width: int = 32) -> tf.Tensor:
    """Draws an antialiased line of width 2 from the image's center, one per angle.

    Computes in float64, because in float32 some angles give a different image. As in the released code, the line in a 32x32
    image is 15 (not 16) long, its width is measured along the minor axis, and its end is antialiased only where it points to
    smaller coordinates.

    Args:
        angles: [n] in radians; 0 points right, pi/2 up.
        height, width: size of the image, in pixels.

    Returns:
        float32 tensor [n, height, width, 1]; background -1, line 1.
    """
    angles = float64(angles)
    center_x, center_y = float64(width // 2), float64(height // 2)
    tip_x = center_x + (center_x - 1) * tf.cos(angles)
    tip_y = center_y - (center_y - 1) * tf.sin(angles)
    along_x = tf.abs(tip_x - center_x) > tf.abs(tip_y - center_y)
    center_major, center_minor = tf.where(along_x, center_x, center_y), tf.where(along_x, center_y, center_x)
    tip_major, tip_minor = tf.where(along_x, tip_x, tip_y), tf.where(along_x, tip_y, tip_x)
    tip_first = tip_major < center_major
    first, last = tf.minimum(tip_major, center_major), tf.maximum(tip_major, center_major)
    minor = tf.where(tip_first, tip_minor, center_minor) - 1  # half the line's width
    end_minor = tf.where(tip_first, center_minor, tip_minor) - 1
    slope = tf.math.divide_no_nan(end_minor - minor, last - first)

    def coverage(majors, minors):
        """Coverage of pixels, t along the line and m across it: [n, t, m]."""
        t, m = (tf.range(size, dtype=tf.float64) for size in (majors, minors))
        start, stop = tf.floor(first)[:, None], tf.math.ceil(last)[:, None]
        weight = tf.where(t < tf.math.ceil(first)[:, None], (tf.math.ceil(first) - first)[:, None], 1.0)
        weight = tf.where((t >= start) & (t < stop), weight, 0.0)
        low = (minor[:, None] + (t - first[:, None] - 0.5) * slope[:, None])[..., None]
        overlap = tf.minimum(m + 1, low + 2) - tf.maximum(m, low)
        return weight[..., None] * tf.clip_by_value(overlap, 0.0, 1.0)

    covered = tf.where(along_x[:, None, None], tf.transpose(coverage(width, height), [0, 2, 1]), coverage(height, width))
    return tf.cast(tf.clip_by_value(2 * covered - 1, -1.0, 1.0), tf.float32)[..., None]


def float64(values):
    """Returns numbers as a float64 tensor."""
    # The hint keeps Python floats from becoming float32 on the way.
    return tf.cast(tf.convert_to_tensor(values, dtype_hint=tf.float64), tf.float64)


def label_of(angles):
    """Returns the class 0..9 of angles in [0, 2 pi): the tenth of the turn."""
    label = tf.cast(10 * float64(angles) / (2 * math.pi - 1e-6), tf.int64)
    return tf.minimum(label, 9)  # in the released code, the last 1e-6 of a turn would be an eleventh class


def evaluation_pairs(test):
    """Returns the 256 fixed pairs of lines for measuring interpolation, two arrays [256, 32, 32, 1], from a function: batch
    size -> the test set."""
    images, _ = next(iter(test(512)))
    return images[:256], images[256:]


class Lines(Generated):
    """Lines at angles uniform in [0, 2 pi)."""

    generator = 'lines32'
    class_names = SECTORS

    def __init__(self, name='lines32', data_dir=None):
        super().__init__(name, (32, 32, 1), 10)

    def parameters(self, count, draw_key):
        return 2 * math.pi * randomness.uniform([count], draw_key, tf.float64)

    def render(self, angles):
        return draw_line(angles, *self.image_shape[:2]), label_of(angles)

    @functools.cached_property
    def evaluation_pairs(self):
        return evaluation_pairs(self.test)
