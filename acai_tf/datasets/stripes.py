"""stripes32: sinusoidal stripes with two parameters (MIDR-AE, section 5.2; `lines2` in the released code)."""

import math

import numpy as np
import tensorflow as tf

from acai_tf import randomness
from acai_tf.datasets.base import Generated, InMemory
from acai_tf.datasets.lines import SECTORS, float64

_SHAPE = (32, 32, 1)


def draw_stripes(frequency, angle):
    """sin(frequency * ((y - 16) cos(angle) - (x - 16) sin(angle))) for row y and column x.

    Takes frequencies [n] in radians per pixel and angles [n] in radians; returns a float32 tensor [n, 32, 32, 1] in [-1, 1].
    """
    frequency, angle = (float64(v)[:, None, None] for v in (frequency, angle))
    offset = tf.range(32, dtype=tf.float64) - 16  # as released: not the pixels' true center, 15.5
    phase = offset[:, None] * tf.cos(angle) - offset * tf.sin(angle)
    return tf.cast(tf.sin(frequency * phase), tf.float32)[..., None]


class Stripes(InMemory):
    """The paper's 10,000 images: frequencies 0.3, 0.304, ... and angles 0, 0.02 pi, ..., 100 of each. A fixed fifth is
    the test set; the label is the tenth of the turn."""

    class_names = SECTORS

    def __init__(self, name='stripes32', data_dir=None):
        super().__init__(name, _SHAPE, 10)

    def parameters(self, split):
        """Returns the frequency and angle of the images of a split: two arrays [n]."""
        frequency, turn = self._steps(split)
        return 0.3 + 0.004 * frequency, 0.02 * math.pi * turn

    def load(self, split):
        return draw_stripes(*self.parameters(split)), self._steps(split)[1] // 10

    def _steps(self, split):
        number = np.random.default_rng(0).permutation(10000)
        return np.divmod(np.sort(number[:2000] if split == 'test' else number[2000:]), 100)


class ReleasedStripes(Generated):
    """The released code's endless stream: frequency uniform in [0.2, 0.7], angle in [0, 2 pi); the label is the tenth of the
    turn. (In the released code, labels are tenths of half a turn, 0 to 19; labels from 10 on have no class.)"""

    class_names = SECTORS

    def __init__(self, name='stripes32-code', data_dir=None):
        super().__init__(name, _SHAPE, 10)

    def parameters(self, count, draw_key):
        unit = randomness.uniform([count, 2], draw_key, tf.float64)
        return tf.stack([0.2 + 0.5 * unit[:, 0], 2 * math.pi * unit[:, 1]], axis=1)

    def render(self, parameters):
        label = tf.cast(10 * parameters[:, 1] / (2 * math.pi), tf.int64)
        return draw_stripes(parameters[:, 0], parameters[:, 1]), tf.minimum(label, 9)
