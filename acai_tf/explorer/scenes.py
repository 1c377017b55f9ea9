"""Scenes that the page requests, as latents in rows and columns, and as files to download.

A scene is a JSON object with a `kind`:

    walk        sources [2 or more], curve (lerp or slerp), steps; with `at` only that point, 0 to len(sources) - 1
    grid        sources [4], steps; with `at` [x, y] only that point, 0 to 1
    directions  values along the principal axes, in standard deviations; source, or null for the mean
    plane       at [x, y], a point on the map of two principal components
    samples     from (prior or mixture), seed, rows, columns
    images      sources

A source is the number of a test image, or {"latents": [one per model], "picture": PNG}, with base64 of float32 and of the
model's input image. Numbers are little-endian. Everything is checked; UsageError names what is wrong.
"""

import base64
import binascii

import numpy as np
import tensorflow as tf

from acai_tf import figures, interpolation, losses
from acai_tf import images as images_lib
from acai_tf.errors import UsageError
from acai_tf.figures import animation, pictures
from acai_tf.latents import reading

MOST_IMAGES = 1024
_MOST_SOURCES = 64
_KINDS = ('walk', 'grid', 'directions', 'plane', 'samples', 'images')


class Scene:
    """A validated scene.

    Args:
        asked: the JSON value.
        tests: space.Gallery.
        spaces: list of space.Space, one for each model of the page.
    """

    def __init__(self, asked, tests, spaces):
        self._asked, self._tests, self._spaces = _of_type(asked, dict, 'the scene'), tests, spaces
        self.kind = self._choice('kind', _KINDS)
        self._at = self._asked.get('at')

    # ---- parts of the request

    def _choice(self, name, choices):
        value = self._asked.get(name)
        if value not in choices:
            raise UsageError(f'{name} must be one of {", ".join(choices)}')
        return value

    def _whole(self, name, least, most):
        value = self._asked.get(name)
        if type(value) is not int or not least <= value <= most:
            raise UsageError(f'{name} must be a whole number from {least} to {most}')
        return value

    def _sources(self, least, most):
        sources = _of_type(self._asked.get('sources'), list, 'sources')
        if not least <= len(sources) <= most:
            raise UsageError(f'{len(sources)} images are chosen; this takes {least}' + f' to {most}' * (most > least))
        return sources

    def _latents_of(self, source, space):
        """Returns the latents of a source for a model."""
        if type(source) is int:
            return space.latents_of_test_image(self._test_image(source))
        parts = _of_type(_of_type(source, dict, 'a source').get('latents'), list, 'latents')
        number = self._spaces.index(space)
        if number >= len(parts):
            raise UsageError(f'latents for model {number} are missing')
        content, shape = _decode64(parts[number]), space.loaded.latent_shape
        if len(content) != 4 * int(np.prod(shape)):
            raise UsageError(f'latents must be {images_lib.by(shape)} numbers of 4 bytes')
        latents = np.frombuffer(content, '<f4').reshape(shape)
        if not np.isfinite(latents).all():
            raise UsageError('latents must be finite')
        return latents

    def _test_image(self, number):
        if not 0 <= number < len(self._tests):
            raise UsageError(f'test image {number} does not exist; there are {len(self._tests)}, numbered from 0')
        return number

    def _image_of(self, source):
        """Returns the image [h, w, c] of a source as model input."""
        if type(source) is int:
            return self._tests.images[self._test_image(source)]
        shape = self._tests.dataset.image_shape
        content = _decode64(_of_type(source, dict, 'a source').get('picture'))
        pixels = images_lib.decode(content, 'the picture', shape[-1])
        if pixels.shape != shape:
            raise UsageError(f'the picture must have {images_lib.by(shape)} pixels')
        return images_lib.to_float(pixels).numpy()

    def _images_of(self, sources):
        return np.stack([self._image_of(source) for source in sources])

    # ---- as latents

    def latents(self, space):
        """Returns latents [rows, columns, *latent_shape] for a model."""
        def of(sources):
            return np.stack([self._latents_of(source, space) for source in sources])
        if self.kind == 'walk':
            curve = pictures.CURVES[self._choice('curve', list(pictures.CURVES))]
            latents = of(self._sources(2, _MOST_SOURCES))
            if self._at is not None:
                t = _number(self._at, 'at', 0, len(latents) - 1)
                k = min(int(t), len(latents) - 2)
                return curve(tf.constant(latents[k:k + 1]), tf.constant(latents[k + 1:k + 2]), t - k).numpy()[None]
            steps = self._steps(len(latents) - 1)
            return interpolation.path(tf.constant(latents[:-1]), tf.constant(latents[1:]), steps, curve).numpy()
        if self.kind == 'grid':
            corners = tf.constant(of(self._sources(4, 4)))
            if self._at is not None:
                x, y = self._pair(0, 1)
                left, right = (interpolation.lerp(corners[k:k + 1], corners[k + 2:k + 3], y) for k in (0, 1))
                return interpolation.lerp(left, right, x).numpy()[None]
            steps = self._steps()
            return interpolation.bilinear(corners, steps, steps).numpy()
        if self.kind == 'images':
            return of(self._sources(1, _MOST_SOURCES))[None]
        if self.kind == 'directions':
            source = self._asked.get('source')
            values = _of_type(self._asked.get('values'), list, 'values')[:len(space.deviations())]
            values = [_number(value, 'a value', -1e3, 1e3) for value in values]
            return space.along_axes(None if source is None else of([source])[0], values)[None, None]
        if self.kind == 'plane':
            return space.at(self._pair(-1e6, 1e6))[None, None]
        rows, columns, seed = self._whole('rows', 1, 64), self._whole('columns', 1, 64), self._whole('seed', 0, 2**53)
        if rows * columns > MOST_IMAGES:
            raise UsageError(f'{rows * columns} samples are too many; {MOST_IMAGES} is the limit')
        if self._choice('from', reading.SOURCES) == 'mixture':
            latents = space.mixture().sample(rows * columns, seed)
        else:
            latents = reading.drawn('prior', space.loaded, None, rows * columns, seed)
        return latents.reshape(rows, columns, *latents.shape[1:])

    def _steps(self, rows=None):
        steps = self._whole('steps', 2, 64)
        if (steps if rows is None else rows) * steps > MOST_IMAGES:
            raise UsageError(f'these are more than {MOST_IMAGES} images; choose fewer steps or images')
        return steps

    def _pair(self, low, high):
        at = _of_type(self._at, list, 'at')
        if len(at) != 2:
            raise UsageError('at must be two numbers')
        return [_number(value, 'at', low, high) for value in at]

    def record(self, spaces):
        """Returns the latents for several models, as JSON values."""
        return {'scene': self.kind, 'dataset': self._tests.dataset.name, 'models': [
            {'saved_model': space.loaded.path, 'model': space.loaded.config['model'], 'step': space.loaded.config['step'],
             'latents': self.latents(space).tolist()} for space in spaces]}

    def track(self, space):
        """Returns the points [rows, columns, 2] of the latents on the map 'pca', as lists."""
        return [space.points_of(row).tolist() for row in self.latents(space)]

    # ---- as files

    def sheet(self, space):
        """Returns the images, edge to edge, as PNG."""
        return png(images_lib.grid(reading.decoded(space.loaded, self.latents(space)), gap=0))

    def figure(self, spaces):
        """Returns the same PNG as acai_interpolate, for scenes that it can draw."""
        titles = figures.names([space.loaded for space in spaces])
        drawn = [self._picture(space) for space in spaces]
        return figures.encode(pictures.one_each(titles, drawn, in_a_row=self.kind == 'grid'))

    def _picture(self, space):
        latents = self.latents(space)
        if self._at is not None or self.kind not in ('walk', 'images'):
            return pictures.plain(space.loaded, latents)
        images = self._images_of(self._asked['sources'])
        if self.kind == 'images':
            return pictures.reconstructions(space.loaded, images, len(images))
        return pictures.interpolations(np.concatenate([images[:-1], images[1:]]), reading.decoded(space.loaded, latents))

    def animation(self, spaces):
        """Returns the same GIF of a walk as acai_interpolate."""
        if self.kind != 'walk' or self._at is not None:
            raise UsageError('only walks have animations')
        return animation.gif([reading.decoded(space.loaded, self.latents(space)) for space in spaces])

    def errors(self, space):
        """Returns the MSE of each reconstruction on the [-1, 1] scale, and its root on the 0..255 scale."""
        images = self._images_of(self._sources(1, _MOST_SOURCES))
        mse = np.square(space.loaded.reconstruct(images) - images, dtype=np.float64).mean(axis=(1, 2, 3))
        return [{'mse': float(error), 'rmse': float(losses.rmse(error))} for error in mse]


def encode64(content):
    """Returns base64 of bytes as text."""
    return base64.b64encode(content).decode()


def png(pixels):
    """Encodes uint8 [h, w, c] as PNG, favoring speed over size."""
    return tf.io.encode_png(pixels, compression=1).numpy()


def _decode64(text):
    try:
        return base64.b64decode(_of_type(text, str, 'base64'), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError('this is not base64') from None


def _of_type(value, kind, name):
    if not isinstance(value, kind):
        raise UsageError(f'{name} must be {({dict: "an object", list: "a list", str: "text"})[kind]}')
    return value


def _number(value, name, low, high):
    if type(value) not in (int, float) or not low <= value <= high:
        raise UsageError(f'{name} must be a number from {low:g} to {high:g}')
    return float(value)
