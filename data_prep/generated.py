"""Generated data sets as files: for a fixed set, another framework, or a cluster's input pipeline.

Each function returns {split: splits.Split} of PNG images, in which pixels are rounded to 256 values. Its arguments are its
options. The parameters that describe an image are kept next to its label.
"""

import numpy as np

from acai_tf import datasets, randomness
from acai_tf.images import to_uint8
from data_prep.splits import Split

_CHUNK = 256


def lines(count=60000, seed=0):
    """`count` random lines for training, and the fixed test set of lines32; `angle` in radians."""
    dataset = datasets.get('lines32')
    angles = {'train': dataset.parameters(count, randomness.key(seed, 'records/lines')),
              'test': dataset.fixed_parameters('test', dataset.test_size)}

    def of(angle):
        return _split(dataset, len(angle), lambda part: (*dataset.render(angle[part]), {'angle': angle[part]}))
    return {split: of(angle) for split, angle in angles.items()}


def stripes():
    """The 8,000 and 2,000 images of stripes32; `frequency` in radians per pixel, `angle` in radians."""
    dataset = datasets.get('stripes32')
    return _in_memory(dataset, ('frequency', 'angle'), dataset.parameters)


def digits():
    """The 1,437 and 360 images of digits32."""
    return _in_memory(datasets.get('digits32'))


def pole(resolution=0):
    """The 461 and 115 images of pole64, or smaller ones; `azimuth` and `altitude` in degrees."""
    dataset = datasets.get('pole64', resolution=resolution)
    return _in_memory(dataset, ('azimuth', 'altitude'), lambda split: dataset.poses[dataset.is_test == (split == 'test')].T)


SOURCES = {'lines': lines, 'stripes': stripes, 'digits': digits, 'pole': pole}


def _in_memory(dataset, names=(), parameters=lambda split: ()):
    def of(split):
        images, labels = map(np.asarray, dataset.load(split))
        described = dict(zip(names, parameters(split)))
        return _split(dataset, len(labels), lambda part: (
            images[part], labels[part], {name: values[part] for name, values in described.items()}))
    return {split: of(split) for split in ('train', 'test')}


def _split(dataset, count, take):
    """Returns the Split of `count` images; `take` returns a slice of them, with labels and parameters."""
    def chunks():
        for start in range(0, count, _CHUNK):
            images, *rest = take(slice(start, start + _CHUNK))
            images = np.asarray(images)
            yield images if images.dtype == np.uint8 else to_uint8(images), *rest
    return Split.from_chunks(count, dataset.image_shape, chunks, generator=dataset.name, classes=dataset.class_names)
