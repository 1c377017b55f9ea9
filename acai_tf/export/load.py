"""Exported models on numpy arrays, without any model code."""

import glob
import json
import logging
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from acai_tf import files
from acai_tf.errors import AcaiError, DataError, StorageError, program_name, short_message
from acai_tf.runs import Run, version_names
from acai_tf.tracing import as_rows, forward_products, in_batches
from acai_tf.values import Classification, is_blank
from acai_tf.versions import check_format

_logger = logging.getLogger(__name__)

CONFIG_NAME = 'acai_config.json'


def read_config(version_dir):
    """Returns the content of an exported version's acai_config.json; UsageError if it has another format."""
    path = os.path.join(version_dir, 'assets.extra', CONFIG_NAME)
    with open(path, encoding='utf-8-sig') as file:  # people edit it before publishing a model
        content = json.load(file)
    check_format(content, path)
    return content


def system_of(config):
    """Returns the name of the system that an acai_config.json names, with its base if that is not the baseline."""
    return config['model'] if config.get('base') in (None, 'baseline') else f'{config["model"]} on {config["base"]}'


def check_whole(path):
    """Raises StorageError if an exported version lacks a file, or a file has the wrong checksum."""
    try:
        _check_sums(path, read_config(path))
    except AcaiError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f'{path} is damaged ({short_message(error)}); delete it and run the same command '
                           'again') from None


def _check_sums(path, config):
    for name, checksum in config['sha256'].items():
        if files.sha256(os.path.join(path, name)) != checksum:
            raise ValueError(f'{name} has another checksum')


def load(path: str | os.PathLike) -> 'LoadedModel':
    """Loads an exported model without any model code.

    Load only SavedModels that you trust: they can run any TensorFlow operation, and even write files.

    Args:
        path: a version directory, or a directory of versions, which means the newest.

    Raises:
        DataError: not a SavedModel of acai_tf, or a damaged one.
    """
    return LoadedModel(path)


class LoadedModel:
    """An exported autoencoder on numpy arrays.

    Attributes:
        config: dict, the content of acai_config.json (model, dataset, shapes, step).
        class_names: list of str; None if the data set's classes have only numbers.
        path: str, the version directory.
        image_shape, latent_shape: (height, width, channels).
        nclass: int.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = _version_directory(os.fspath(path))
        try:
            self.config = read_config(self.path)
            _check_sums(self.path, self.config)
            self._module = tf.saved_model.load(self.path)  # holds the variables
            self._signatures = self._module.signatures
            self._decoder_products = forward_products(
                lambda latents, decode=self._signatures['decode']: decode(latents=latents)['images'])
            self.class_names = self.config['class_names']
            self.nclass = self.config['nclass']
            self.image_shape, self.latent_shape = (tuple(self.config[f'{what}_shape']) for what in ('image', 'latent'))
            if is_blank(self.config['reported']):
                _logger.warning('%s decodes all images to nearly the same picture (explained_variance %.2g); it needs '
                                'a longer training', path, self.config['reported']['explained_variance'])
        except AcaiError:
            raise
        except FileNotFoundError as error:
            raise DataError(f'{path} is not a SavedModel of acai_tf, or incomplete: {error.filename} does not '
                            'exist') from None
        except Exception as error:  # TensorFlow raises almost anything for a damaged file
            raise DataError(f'{path} is damaged ({short_message(error)}); copy or export it again') from None

    def __str__(self):
        return self.path

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Images float [n, h, w, c] in [-1, 1] -> latents [n, *latent_shape]."""
        return self._call('encode', images=(images, self.image_shape))['latents']

    def encode_bytes(self, contents: Sequence[bytes]) -> np.ndarray:
        """PNG or JPEG bytes [n], of any size -> latents [n, *latent_shape]. Raises ValueError if one does not decode."""
        if not len(contents):
            return np.zeros([0, *self.latent_shape], np.float32)
        try:
            return self._signatures['encode_bytes'](image_bytes=tf.constant(list(contents), tf.string))['latents'].numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(short_message(error)) from None

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Latents [n, *latent_shape] -> images [n, h, w, c], not clipped."""
        return self._call('decode', latents=(latents, self.latent_shape))['images']

    def decoder_products(self, latents: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Products J v [n, h, w, c] of the decoder's Jacobian J at latents with directions v [n, *latent_shape]."""
        return in_batches(self._decoder_products, latents, directions)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images -> images."""
        return self._call('reconstruct', images=(images, self.image_shape))['images']

    def interpolate(self, images_a: np.ndarray, images_b: np.ndarray, alpha: float | np.ndarray) -> np.ndarray:
        """Decoded mixes of the latents of a (alpha 0) and b (alpha 1); alpha is a number or [n]."""
        return self._call('interpolate', images_a=(images_a, self.image_shape),
                          images_b=(images_b, self.image_shape), alpha=(alpha, ()))['images']

    def classify(self, images: np.ndarray) -> Classification:
        """Images -> Classification(probabilities [n, nclass], classes int64 [n]) of the single-layer classifier."""
        answer = self._call('classify', images=(images, self.image_shape))
        return Classification(answer['probabilities'], answer['classes'])

    def _call(self, signature, **inputs):
        arrays = as_rows(**inputs)
        return in_batches(lambda *rows: self._signatures[signature](**dict(zip(arrays, rows))), *arrays.values())


def _version_directory(path):
    if os.path.isfile(os.path.join(path, 'saved_model.pb')):
        return path
    if not version_names(path):
        raise DataError(f'{path} is not a SavedModel: {_why_not(path)}')
    return os.path.join(path, max(version_names(path), key=int))


def _why_not(path):
    """Explains why a path is not a SavedModel and, if possible, what to name instead."""
    if not os.path.isdir(path):
        return 'it is a file; name its directory' if os.path.exists(path) else 'it does not exist'
    for below in ('', '*', '*/*'):  # a run, all runs on a data set, a --train_dir
        for export in sorted(glob.glob(os.path.join(glob.escape(path), below, 'export'))):
            if version_names(export):
                return f'the exported model is in {export}; use that path'
    if os.path.isfile(Run(path).config_path):
        return f'it is an unfinished run; finish it, or use {program_name("acai_export")} --run_dir={path}'
    return 'it holds neither saved_model.pb nor a numbered version'
