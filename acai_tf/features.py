"""What classifiers and clusters are made of: the latents that an exported encoder gives, or the pixels themselves."""

import logging
import os

import numpy as np
import tqdm

from acai_tf.errors import DataError

_logger = logging.getLogger(__name__)

_ENDINGS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif')
SPLITS = ('train', 'test')


def check_fits(loaded, dataset):
    """Raises DataError where a data set's images are not of the shape that the loaded model takes."""
    expected = tuple(loaded.config['image_shape'])
    if dataset.image_shape != expected:
        raise DataError(f'{dataset.name} has images of {_by(dataset.image_shape)}, but {loaded.path} takes {_by(expected)}')


def of_dataset(dataset, split, loaded=None, limit=None, batch=512):
    """Features of a data set's images, in file order.

    Args:
        dataset: datasets.base.Dataset.
        split: 'train' (once) or 'test'.
        loaded: export.LoadedModel, whose latents are taken; None for pixels in [-1, 1].
        limit: how many images at most, from the first on.
        batch: images encoded at a time.

    Returns:
        (float32 [n, ...], int64 [n]): features and labels.
    """
    dataset.check()
    if loaded:
        check_fits(loaded, dataset)
    features, labels, count = [], [], 0
    with tqdm.tqdm(unit='image', desc=split, disable=None) as progress:
        for images, some_labels in dataset.train_once(batch) if split == 'train' else dataset.test(batch):
            images, some_labels = images.numpy(), some_labels.numpy()
            if limit is not None:
                images, some_labels = images[:limit - count], some_labels[:limit - count]
            features.append(loaded.encode(images) if loaded else images)
            labels.append(some_labels)
            count += len(images)
            progress.update(len(images))
            if count == limit:
                break
    return np.concatenate(features), np.concatenate(labels)


def image_paths(images_dir):
    """Paths of the images in a folder and below, sorted; what is hidden is left out.

    Raises:
        DataError: no folder, or no images in it.
    """
    if not os.path.isdir(images_dir):
        raise DataError(f'{images_dir} is no folder')
    found = []
    for folder, subfolders, names in os.walk(images_dir):
        subfolders[:] = [name for name in subfolders if not name.startswith('.')]
        found += [os.path.join(folder, name) for name in names if not name.startswith('.')]
    images = sorted(path for path in found if path.lower().endswith(_ENDINGS))
    if not images:
        raise DataError(f'{images_dir} holds no images ({", ".join(_ENDINGS)})')
    if len(images) < len(found):
        _logger.warning('%d files in %s are no images (%s) and are left out', len(found) - len(images), images_dir,
                        ', '.join(_ENDINGS))
    return images


def of_files(paths, loaded, batch=64):
    """Latents [n, ...] of image files, through the signature `encode_bytes`.

    Raises:
        DataError: a file cannot be read or does not decode; names it.
    """
    latents = []
    for start in tqdm.trange(0, len(paths), batch, unit='batch', disable=None):
        some = paths[start:start + batch]
        contents = [_read(path) for path in some]
        try:
            latents.append(loaded.encode_bytes(contents))
        except ValueError:
            for path, content in zip(some, contents):
                try:
                    loaded.encode_bytes([content])
                except ValueError as error:
                    raise DataError(f'{path} does not decode as an image ({error})') from None
            raise
    return np.concatenate(latents)


def _read(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError as error:
        raise DataError(f'{path} cannot be read ({error})') from None


def _by(shape):
    return 'x'.join(map(str, shape))
