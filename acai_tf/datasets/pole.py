"""pole64: the shadow of a pole, seen from above, for different directions of the light (after AEAI, section 4.1).

The paper's images were rendered and are not public; these are drawn by a formula with the same two parameters.
"""

import functools

import numpy as np

from acai_tf.datasets.base import RESOLUTION, InMemory
from acai_tf.errors import UsageError

_LENGTH = 13  # length of the shadow at 45 degrees; lengths are in 32nds of the image's side
_PIXELS = 2**14  # drawn at a time, to fit the CPU's caches


def tip_of(poses):
    """Returns the tips of shadows relative to the pole's foot, float64 [n, 2], to the right and up, in 32nds of the image's
    side.

    Args:
        poses: [n, 2], azimuth and altitude of the light in degrees; azimuth 0 is to the right, 90 up.
    """
    azimuth, altitude = np.radians(np.asarray(poses, np.float64)).T
    opposite = azimuth + np.pi
    return (_LENGTH / np.tan(altitude) * np.stack([np.cos(opposite), np.sin(opposite)])).T


def draw_shadow(tips, size=64):
    """Draws a pole and its shadow, antialiased, for each of the tips [n, 2] that `tip_of` returns: float32 array
    [n, size, size, 1] in [-1, 1]."""
    centers = (np.arange(size) + 0.5 - size / 2) * 32 / size
    u, v = centers, -centers[:, None]  # rows run downward
    images = np.empty([len(tips), size, size, 1], np.float32)
    to_foot = np.hypot(u, v)
    disc = np.clip(0.5 + (1.75 - to_foot) / 1.5, 0, 1)
    tips = np.asarray(tips, np.float64)[..., None, None]
    count = max(1, _PIXELS // size**2)
    for begin in range(0, len(tips), count):
        part = slice(begin, begin + count)
        x, y = tips[part, 0], tips[part, 1]
        along = np.clip((u * x + v * y) / np.maximum(x * x + y * y, 1e-12), 0, 1)
        distance = np.hypot(u - along * x, v - along * y)
        ground = 0.75 - 0.6 * np.clip(0.5 + (1.5 - distance) / 1.5, 0, 1)
        images[part, ..., 0] = 2 * (ground + disc * (1 - ground)) - 1
    return images


def draw_pole(poses, size=64):
    """Calls `draw_shadow` for directions of the light: poses [n, 2] as for `tip_of`."""
    return draw_shadow(tip_of(poses), size)


def realistic(size=64):
    """Draws images [4080, size, size, 1] for a dense grid of directions of the light, slightly beyond the set's
    altitudes."""
    radius, angle = np.meshgrid(np.linspace(0.1763, 1, 34) * _LENGTH, np.radians(np.arange(0, 360, 3)))
    return draw_shadow(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1, 2), size)


class Pole(InMemory):
    """576 images: 72 azimuths 0, 5 .. 355 at each of the 8 altitudes 45, 50 .. 80, in one class. A fixed random fifth is the
    test set."""

    resolution = RESOLUTION

    generator = 'pole64'
    class_names = ['pole']

    def __init__(self, name='pole64', data_dir=None, resolution=0):
        if resolution and resolution < 8:
            raise UsageError(f'--resolution={resolution}: must be at least 8 for {name}')
        size = resolution or 64
        super().__init__(name, (size, size, 1), 1)
        azimuths, altitudes = np.meshgrid(np.arange(0.0, 360, 5), np.arange(45.0, 85, 5))
        self.poses = np.stack([azimuths, altitudes], axis=-1).reshape(-1, 2)
        self.is_test = np.zeros(len(self.poses), bool)
        self.is_test[np.random.default_rng(0).permutation(len(self.poses))[:len(self.poses) // 5]] = True

    @functools.cached_property
    def _images(self):
        return draw_pole(self.poses, self.image_shape[0])

    def load(self, split):
        images = self._images[self.is_test == (split == 'test')]
        return images, np.zeros(len(images), np.int64)

    def load_poses(self):
        return self._images, self.poses, self.is_test
