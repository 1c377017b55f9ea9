"""Accuracy of a classifier."""

import numpy as np


def accuracy(classify, batches):
    """Percentage of images whose class is right.

    Args:
        classify: function, images [n, h, w, c] -> scores [n, nclass]; the largest wins.
        batches: iterable of (images, labels), all of which are counted.

    Returns:
        float in [0, 100].

    Raises:
        ValueError: there are no images.
    """
    right = total = 0
    for images, labels in batches:
        right += int(np.sum(np.argmax(classify(images), axis=-1) == np.asarray(labels)))
        total += len(labels)
    if not total:
        raise ValueError('no images to classify')
    return 100.0 * right / total
