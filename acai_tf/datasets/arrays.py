"""NumPy arrays as a data set: in Python, or in a .npy or .npz file."""

import hashlib
import logging
import os

import numpy as np

from acai_tf.datasets.base import InMemory
from acai_tf.errors import DataError, short_message

_logger = logging.getLogger(__name__)

_IMAGES, _OTHERS = ('x', 'images'), ('labels', 'x_test', 'labels_test')


class Arrays(InMemory):
    """Images and labels in memory.

    Args:
        x: images [n, h, w] or [n, h, w, c], c 1 or 3; see `InMemory.load` for types and ranges.
        labels: [n], integers or text; None: one class.
        x_test, labels_test: the test set; by default a fixed stratified part of the training set.
        test_fraction: size of that part, as a share of the images.
        class_names: list of str, by number; text labels are numbered in this order. Default: the text labels, sorted.

    Raises:
        DataError: arrays have wrong types, shapes, lengths or values.
    """

    def __init__(self, x, labels=None, x_test=None, labels_test=None, test_fraction=0.1, class_names=None, name='arrays'):
        if x_test is None and labels_test is not None:
            raise DataError(f'{name}: labels_test needs x_test')
        if x_test is not None and (labels is None) != (labels_test is None):
            raise DataError(f'{name}: give labels for both the training and the test images, or for neither')
        images = {split: _images(array, f'{name}: the {split} images') for split, array in (('train', x), ('test', x_test))
                  if array is not None}
        names = None if class_names is None else list(map(str, class_names))
        numbers, names = _numbered({'train': labels, 'test': labels_test}, images, names, name)
        largest = max(int(each.max()) for each in numbers.values())
        if names is None and largest >= max(1000, sum(map(len, numbers.values()))):
            raise DataError(f'{name}: the labels reach {largest}, more than there are images; number the classes from 0')
        if names is not None and len(names) <= largest:
            raise DataError(f'{name}: {len(names)} class_names are too few; the labels reach {largest}')
        super().__init__(name, images['train'].shape[1:], largest + 1 if names is None else len(names))
        self.class_names = names
        self._given = {split: (images[split], numbers[split]) for split in images}
        if x_test is None:
            is_test = stratified_part(numbers['train'], test_fraction, name)
            self._given = {split: (images['train'][chosen], numbers['train'][chosen])
                           for split, chosen in (('train', ~is_test), ('test', is_test))}
        self.preload()

    def load(self, split):
        return self._given[split]

    def fingerprint(self):
        digest, count = hashlib.sha256(), 0
        for images, labels in map(self._arrays, self._given):
            digest.update(np.ascontiguousarray(images))
            digest.update(np.ascontiguousarray(labels))
            count += len(labels)
        return {**super().fingerprint(), 'checksum': digest.hexdigest(), 'count': count}


class ArraysFile(Arrays):
    """Arrays in a file, `arrays:FILE`: a .npy file with images, or a .npz file with `x` (or `images`, or a single array)
    and optionally `labels`, `x_test` and `labels_test`. Raises DataError if it is missing or damaged, or lacks images."""

    def __init__(self, name, data_dir=None):
        super().__init__(**_read(name.partition(':')[2]), name=name)


def stratified_part(labels, fraction, name):
    """Returns a mask of a fixed random part of the images with labels int [n]: `fraction` of them, drawn evenly over the
    classes, with at least one image of each class that has two or more.

    Raises:
        DataError: the fraction is not between 0 and 1, or there are fewer than two images.
    """
    if not 0 < fraction < 1:
        raise DataError(f'{name}: test_fraction={fraction}: must be between 0 and 1')
    if len(labels) < 2:
        raise DataError(f'{name}: there is only one image; at least two are needed, one to train on and one to test on')
    random, wanted = np.random.default_rng(0), max(1, round(fraction * len(labels)))
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    shares = [fraction * len(each) for each in members]
    counts = [min(len(each) - 1, max(1, int(share))) for each, share in zip(members, shares)]
    for i in np.argsort([count - share for count, share in zip(counts, shares)], kind='stable'):
        if sum(counts) < wanted and counts[i] < len(members[i]) - 1:
            counts[i] += 1
    if not sum(counts):  # every class has a single image
        counts[0] = 1
    is_test = np.zeros(len(labels), bool)
    for each, count in zip(members, counts):
        is_test[random.permutation(each)[:count]] = True
    return is_test


def _images(x, what):
    """Returns images [n, h, w, c]; DataError if the array does not hold images."""
    x = np.asarray(x)
    x = x[..., None] if x.ndim == 3 else x
    if x.ndim != 4 or x.shape[-1] not in (1, 3) or not x.size:
        raise DataError(f'{what} have shape {list(x.shape)}; give images [n, height, width] or [n, height, width, 1 or 3]')
    return x


def _numbered(labels, images, names, name):
    """Returns ({split: class numbers}, names of the classes or None); `names` are those given, or None."""
    given = {split: np.zeros(len(x), np.int64) if labels[split] is None else _as_text(labels[split], f'{name}: {split}')
             for split, x in images.items()}
    for split, x in images.items():
        if given[split].shape != (len(x),):
            raise DataError(f'{name}: {split} has {len(x)} images, but labels of shape {list(given[split].shape)}; give one '
                            'label for each image')
    kinds = {values.dtype.kind for values in given.values()}
    if kinds == {'U'}:
        found = np.unique(np.concatenate(list(given.values())))
        names = found.tolist() if names is None else names
        if unknown := set(found.tolist()) - set(names):
            raise DataError(f'{name}: the label {min(unknown)!r} is not one of the class_names')
        numbers = np.array(list(map(names.index, found.tolist())))
        return {split: numbers[np.searchsorted(found, values)] for split, values in given.items()}, names
    if not kinds <= {'i', 'u'}:
        raise DataError(f'{name}: labels are {next(iter(given.values())).dtype}; give integers from 0, or text')
    return given, names


def _as_text(labels, what):
    """Labels as an array, of str if they are text in another form: bytes, or objects as in pandas."""
    labels = np.asarray(labels)
    if labels.dtype.kind == 'O' and all(isinstance(label, str) for label in labels.flat):
        return labels.astype(str)
    try:
        return np.char.decode(labels, 'utf-8') if labels.dtype.kind == 'S' else labels
    except UnicodeDecodeError:
        raise DataError(f'{what} has labels of bytes that are not UTF-8; decode them') from None


def _read(path):
    """Reads the arguments of `Arrays` from a file."""
    try:
        with open(os.path.expanduser(path), 'rb') as file:  # NumPy would leave it open on failure
            content = np.load(file, allow_pickle=False)
            arrays = {'x': content} if isinstance(content, np.ndarray) else {name: content[name] for name in content.files}
    except FileNotFoundError:
        raise DataError(f'{path} is missing; if you moved it, use --dataset=arrays:NEW; to make it: '
                        f'np.savez({os.path.basename(path)!r}, x=images, labels=labels)') from None
    except Exception as error:  # NumPy raises almost anything for a damaged file
        raise DataError(f'{path} cannot be read as a .npy or .npz file ({short_message(error)}); object arrays are '
                        'not allowed') from None
    images = next((name for name in _IMAGES if name in arrays), next(iter(arrays)) if len(arrays) == 1 else None)
    if images is None:
        raise DataError(f'{path} holds {", ".join(arrays) or "nothing"}; it needs an array x or images')
    unused = [name for name in arrays if name not in (images, *_OTHERS)]
    if unused:
        _logger.warning('%s: not used: %s; known names are %s', path, ', '.join(unused), ', '.join((*_IMAGES, *_OTHERS)))
    return {'x': arrays[images], **{name: arrays[name] for name in _OTHERS if name in arrays}}
