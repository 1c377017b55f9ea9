"""Accuracy of the single-layer classifier that is trained in tandem (ACAI, section 4.1; the released latent_accuracy)."""

import numpy as np

from acai_tf.metrics.base import Metric


def accuracy(classify, batches):
    """Percentage of images classified correctly, in [0, 100].

    Args:
        classify: function, images [n, h, w, c] -> scores [n, nclass]; the largest wins.
        batches: iterable of (images, labels).

    Raises:
        ValueError: there are no images.
    """
    correct = total = 0
    for images, labels in batches:
        correct += int(np.sum(np.argmax(classify(images), axis=-1) == np.asarray(labels)))
        total += len(labels)
    if not total:
        raise ValueError('no images to classify')
    return 100.0 * correct / total


class Accuracy(Metric):
    """`latent_accuracy`: percent of the test images."""

    supports_pixels = False
    needs_classes = True

    def compute(self, model, dataset):
        return {'latent_accuracy': accuracy(lambda images: model.classify(images).probabilities, dataset.test(500))}
