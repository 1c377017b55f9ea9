"""Reads latents of data sets and image files, draws random ones, and decodes latents and paths between them."""

import logging

import numpy as np
import tensorflow as tf
import tqdm

from acai_tf import images, interpolation, randomness
from acai_tf.errors import DataError, NonFiniteError, UsageError
from acai_tf.latents import mixture

_logger = logging.getLogger(__name__)

SPLITS = ('train', 'test')
SOURCES = ('prior', 'mixture')
MOST_FITTED = 10_000  # a mixture to draw from is fitted to the first training latents, at most this many


def of_dataset(model, dataset, split, limit=None, batch=512):
    """Encodes the images of a data set, in file order.

    Args:
        model: anything with `encode`, such as export.LoadedModel or metrics.PIXELS.
        dataset: datasets.base.Dataset whose images the model takes.
        split: 'train' (once) or 'test'.
        limit: encodes only this many images, the first ones; None: all.
        batch: number of images encoded at a time.

    Returns:
        (float32 [n, ...], int64 [n]): features and labels; NonFiniteError if a feature is NaN or infinite.
    """
    dataset.check()
    features, labels, count = [], [], 0
    with tqdm.tqdm(unit='image', desc=split, disable=None) as progress:
        for part in _in_order(dataset, split, batch):
            stop = None if limit is None else limit - count
            batch_images, batch_labels = (tensor.numpy()[:stop] for tensor in part)
            features.append(model.encode(batch_images))
            labels.append(batch_labels)
            count += len(batch_images)
            progress.update(len(batch_images))
            if count == limit:
                break
    features, labels = np.concatenate(features), np.concatenate(labels)
    if not np.isfinite(features).all():
        raise NonFiniteError(f'{model} encodes {dataset.name} to values that are not finite; train the model again')
    return features, labels


def size(dataset, split):
    """Number of images in a split of a data set."""
    return sum(len(part) for part in batches(dataset, split))


def rows(dataset, split, index):
    """Returns the images of a split at `index` [n], in that order: float32 [n, h, w, c]. Keeps only those in memory. Raises
    IndexError if an index is out of range."""
    chosen, start = {}, 0
    for part in batches(dataset, split):
        chosen |= {number: part[number - start].copy() for number in set(index) if start <= number < start + len(part)}
        start += len(part)
    if missing := set(index) - set(chosen):
        raise IndexError(f'{dataset.name} has {start} {split} images; there is no image {min(missing)}')
    return np.stack([chosen[number] for number in index])


def batches(dataset, split, batch=2048):
    """Yields the images of a split in file order, float32 arrays [up to `batch`, h, w, c]."""
    for batch_images, _ in _in_order(dataset, split, batch):
        yield batch_images.numpy()


def _in_order(dataset, split, batch):
    return dataset.train_once(batch) if split == 'train' else dataset.test(batch)


def of_files(paths, loaded, batch=64, strict=False):
    """Encodes image files with an export.LoadedModel. Skips a file that cannot be read with a warning, unless `strict`.

    Returns:
        (latents [n, ...], the paths [n] of the files that were read).

    Raises:
        DataError: none can be read or decoded or, if `strict`, one cannot (the message names it).
    """
    latents, read = [], []
    for start in tqdm.trange(0, len(paths), batch, unit='batch', disable=None):
        pngs = []  # only the export can prepare an image like its data set, and it takes encoded images
        for path in paths[start:start + batch]:
            try:
                pngs.append(tf.io.encode_png(images.read(path, loaded.image_shape[-1])).numpy())
                read.append(path)
            except DataError as error:
                if strict:
                    raise
                _logger.warning('%s; left out', error)
        latents.append(loaded.encode_bytes(pngs))
    if not read:
        raise DataError(f'none of the {len(paths):,} images can be read')
    return np.concatenate(latents), read


def drawn(source, model, dataset, count, seed=0):
    """Draws latents [count, *latent_shape] from one of `SOURCES`: the prior N(0, I), or a mixture fitted to the training
    latents. Only the mixture needs the data set."""
    if source == 'prior':
        return randomness.normal([count, *model.latent_shape], randomness.key(seed, 'samples')).numpy()
    if source == 'mixture':
        return mixture.Mixture(of_dataset(model, dataset, 'train', MOST_FITTED)[0]).sample(count, seed)
    raise UsageError(f'unknown source of latents {source!r}; choose one of {", ".join(SOURCES)}')


def decoded(model, latents):
    """Decodes latents [rows, columns, ...] to images [rows, columns, h, w, c]."""
    frames = model.decode(latents.reshape(-1, *latents.shape[2:]))
    return frames.reshape(*latents.shape[:2], *frames.shape[1:])


def walks(model, latents, steps, curve=interpolation.lerp):
    """Decodes paths between latents [2 * n, ...], from the k-th of the first half to the k-th of the second half, to images
    [n, steps, h, w, c]."""
    return decoded(model, interpolation.path(
        *(tf.constant(half) for half in np.split(np.asarray(latents), 2)), steps, curve).numpy())


def between(model, starts, ends, steps):
    """Decodes straight paths between the latents of `starts` and `ends`, images [n, h, w, c], to images [n, steps, h, w, c].
    Both ends of a path are reconstructions."""
    return walks(model, model.encode(np.concatenate([starts, ends])), steps)
