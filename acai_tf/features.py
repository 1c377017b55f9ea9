"""What classifiers and clusters are made of: the latents that an exported encoder gives, or the pixels themselves."""

import numpy as np
import tqdm

from acai_tf import images
from acai_tf.errors import DataError

SPLITS = ('train', 'test')


def check_fits(loaded, dataset):
    """Raises DataError where a data set's images are not of the shape that the loaded model takes."""
    expected = tuple(loaded.config['image_shape'])
    if dataset.image_shape != expected:
        raise DataError(f'{dataset.name} has images of {images.by(dataset.image_shape)}, but {loaded.path} takes {images.by(expected)}')


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
        for some, some_labels in dataset.train_once(batch) if split == 'train' else dataset.test(batch):
            some, some_labels = some.numpy(), some_labels.numpy()
            if limit is not None:
                some, some_labels = some[:limit - count], some_labels[:limit - count]
            features.append(loaded.encode(some) if loaded else some)
            labels.append(some_labels)
            count += len(some)
            progress.update(len(some))
            if count == limit:
                break
    return np.concatenate(features), np.concatenate(labels)


def of_files(paths, loaded, batch=64):
    """Latents [n, ...] of image files, through the signature `encode_bytes`.

    Raises:
        DataError: a file cannot be read or does not decode; names it.
    """
    latents = []
    for start in tqdm.trange(0, len(paths), batch, unit='batch', disable=None):
        some = paths[start:start + batch]
        contents = [images.read_bytes(path) for path in some]
        try:
            latents.append(loaded.encode_bytes(contents))
        except ValueError:
            for path, content in zip(some, contents):
                try:
                    loaded.encode_bytes([content])
                except ValueError as error:
                    raise images.does_not_decode(path, error) from None
            raise
    return np.concatenate(latents)
