"""Share of the variance of the test images that their reconstructions explain."""

import numpy as np

from acai_tf.metrics.base import Metric


class ExplainedVariance(Metric):
    """`explained_variance`: 1 - sum |x - ae|^2 / sum |x - mean image|^2 over the test images.

    About 0 for a model that always decodes the same picture, 1 for a perfect model, below 0 for a model that is worse than
    the mean image. NaN if all images are the same.
    """

    supports_pixels = False

    def compute(self, model, dataset):
        count, error, total, squares = 0, 0.0, 0.0, 0.0
        for images, _ in dataset.test(500):
            images = images.numpy().astype(np.float64)
            error += np.square(images - model.reconstruct(images.astype(np.float32))).sum()
            count, total, squares = count + len(images), total + images.sum(axis=0), squares + np.square(images).sum()
        variance = squares - np.square(total).sum() / count
        return {'explained_variance': float(1 - error / variance) if variance > 0 else float('nan')}
