"""Small data sets, models with known latents, and random numbers."""

import numpy as np

from acai_tf.datasets.base import InMemory


def random(*shape, seed=0):
    """Standard normal numbers."""
    return np.random.default_rng(seed).normal(size=shape)


class Stripes(InMemory):
    """Thirty 4x4 images in three classes that are easy to distinguish."""

    def __init__(self):
        super().__init__('stripes', (4, 4, 1), 3)

    def load(self, split):
        labels = np.arange(30) % 3
        noise = np.random.default_rng(len(split)).integers(0, 20, [30, 4, 4, 1])
        pixels = noise + 200 * (np.arange(4)[:, None, None] == labels[:, None, None, None])
        return pixels.astype(np.uint8), labels


class Ring(InMemory):
    """A bump at an angle on a ring of 16 pixels. The training images have 64 equally spaced angles."""

    def __init__(self):
        super().__init__('ring', (4, 4, 1), 2)

    def load(self, split):
        angles = (np.arange(64) * 2 * np.pi / 64 if split == 'train' else
                  np.random.default_rng(0).uniform(-3, 3, 20))
        return self.draw(angles), np.arange(len(angles)) % 2

    @staticmethod
    def draw(angles):
        angles = np.reshape(angles, [-1, 1])
        return -np.exp(2 * np.cos(np.arange(16) * 2 * np.pi / 16 - angles) - 2).astype(np.float32).reshape(-1, 4, 4, 1)


def first_images(dataset, count):
    """Makes a data set of the first images of another one, with a class that takes no arguments."""
    class First(type(dataset)):
        def load(self, split):
            return tuple(part[:count] for part in super().load(split))
    return First()


class OnTheRing:
    """A model with the angles of `Ring` as latents; `function` changes them before decoding."""

    image_shape, latent_shape = (4, 4, 1), (1, 1, 1)

    def __init__(self, function=lambda angles: angles):
        self.function = function

    def encode(self, images):
        waves = np.asarray(images).reshape(-1, 16) @ np.exp(1j * np.arange(16) * 2 * np.pi / 16)
        return np.angle(waves).astype(np.float32).reshape(-1, 1, 1, 1)

    def decode(self, latents):
        return Ring.draw(self.function(latents))


class Constant:
    """A model that encodes every image to the same two numbers."""

    image_shape = None

    def __init__(self, value=0.0):
        self.value = value

    def encode(self, images):
        return np.full([len(images), 2], self.value)
