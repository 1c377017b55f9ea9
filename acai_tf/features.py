"""Latents of a data set's images, of image files, or drawn; and images of latents in between."""

import numpy as np
import tensorflow as tf
import tqdm

from acai_tf import images, interpolation, randomness
from acai_tf.errors import NonFiniteError, UsageError
from acai_tf.evaluation import mixture

SPLITS = ('train', 'test')
SOURCES = ('prior', 'mixture')
MOST_FITTED = 10_000  # training latents, the first ones, to which a mixture to draw from is fitted


def of_dataset(model, dataset, split, limit=None, batch=512):
    """What a model encodes a data set's images to, in file order.

    Args:
        model: anything with `encode`, such as export.LoadedModel or measures.PIXELS.
        dataset: datasets.base.Dataset of its shape.
        split: 'train' (once) or 'test'.
        limit: how many images at most, from the first on.
        batch: images encoded at a time.

    Returns:
        (float32 [n, ...], int64 [n]): features and labels.

    Raises:
        NonFiniteError: a feature is NaN or infinite.
    """
    dataset.check()
    features, labels, count = [], [], 0
    with tqdm.tqdm(unit='image', desc=split, disable=None) as progress:
        for some, some_labels in _in_order(dataset, split, batch):
            some, some_labels = some.numpy(), some_labels.numpy()
            if limit is not None:
                some, some_labels = some[:limit - count], some_labels[:limit - count]
            features.append(model.encode(some))
            labels.append(some_labels)
            count += len(some)
            progress.update(len(some))
            if count == limit:
                break
    features, labels = np.concatenate(features), np.concatenate(labels)
    if not np.isfinite(features).all():
        raise NonFiniteError(f'{model} encodes {dataset.name} to values that are not finite; train it again')
    return features, labels


def size(dataset, split):
    """How many images a split of a data set has."""
    return sum(len(some) for some in batches(dataset, split))


def rows(dataset, split, index):
    """The images of a split at `index` [n], in its order: float32 [n, h, w, c]. Only they are kept in memory.

    Raises:
        IndexError: there is no such image.
    """
    found, start = {}, 0
    for some in batches(dataset, split):
        found |= {at: some[at - start].copy() for at in set(index) if start <= at < start + len(some)}
        start += len(some)
    if missing := set(index) - set(found):
        raise IndexError(f'{dataset.name} has {start} {split} images; none has the number {min(missing)}')
    return np.stack([found[at] for at in index])


def batches(dataset, split, batch=2048):
    """A data set's images, float32 arrays [up to `batch`, h, w, c], in file order."""
    for some, _ in _in_order(dataset, split, batch):
        yield some.numpy()


def _in_order(dataset, split, batch):
    return dataset.train_once(batch) if split == 'train' else dataset.test(batch)


def of_files(paths, loaded, batch=64):
    """Latents [n, ...] of image files.

    Raises:
        DataError: a file cannot be read or does not decode; names it.
    """
    latents = []
    for start in tqdm.trange(0, len(paths), batch, unit='batch', disable=None):
        # The export alone knows how its data set makes an image ready, and takes files.
        pngs = [tf.io.encode_png(images.read(path, loaded.image_shape[-1])).numpy() for path in paths[start:start + batch]]
        latents.append(loaded.encode_bytes(pngs))
    return np.concatenate(latents)


def drawn(source, model, dataset, count, seed=0):
    """Latents [count, *latent_shape] drawn from the prior N(0, I), or from a mixture fitted to the training latents.

    Args:
        source: one of `SOURCES`.
        model: anything with `encode` and `latent_shape`.
        dataset: datasets.base.Dataset of its shape; for the mixture alone.
    """
    if source == 'prior':
        return randomness.normal([count, *model.latent_shape], randomness.key(seed, 'samples')).numpy()
    if source == 'mixture':
        return mixture.Mixture(of_dataset(model, dataset, 'train', MOST_FITTED)[0]).sample(count, seed)
    raise UsageError(f'unknown source of latents {source!r}; choose one of {", ".join(SOURCES)}')


def decoded(model, latents):
    """Images [rows, columns, h, w, c] of latents in rows and columns."""
    frames = model.decode(latents.reshape(-1, *latents.shape[2:]))
    return frames.reshape(*latents.shape[:2], *frames.shape[1:])


def walks(model, latents, steps, curve=interpolation.lerp):
    """Decoded paths [n, steps, h, w, c] between latents [2 * n, ...], from the k-th of the first half to the k-th of the
    second."""
    return decoded(model, interpolation.path(
        *(tf.constant(half) for half in np.split(np.asarray(latents), 2)), steps, curve).numpy())


def between(model, starts, ends, steps, curve=interpolation.lerp):
    """Decoded paths from images [n, h, w, c] to as many others: [n, steps, h, w, c], both ends reconstructed."""
    return walks(model, np.concatenate([model.encode(starts), model.encode(ends)]), steps, curve)
