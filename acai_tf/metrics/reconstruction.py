"""Mean squared error of reconstructing the test images."""

import numpy as np

from acai_tf import losses
from acai_tf.metrics.base import Metric


class Reconstruction(Metric):
    """`mse` of images in [-1, 1], and `rmse` on the 0..255 scale."""

    supports_pixels = False

    def compute(self, model, dataset):
        squared = count = 0
        for images, _ in dataset.test(500):
            squared += float(np.square(model.reconstruct(images) - images, dtype=np.float64).sum())
            count += images.shape.num_elements()
        mse = squared / count
        return {'mse': mse, 'rmse': float(losses.rmse(mse))}
