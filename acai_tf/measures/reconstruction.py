"""Error of reconstructing the test images."""

import numpy as np

from acai_tf import losses
from acai_tf.measures.base import Measure


class Reconstruction(Measure):
    """`mse` of images in [-1, 1], and `rmse` on the 0..255 scale."""

    of_pixels = False

    def measure(self, model, dataset):
        squared = count = 0
        for images, _ in dataset.test(500):
            squared += float(np.square(model.reconstruct(images) - images, dtype=np.float64).sum())
            count += images.shape.num_elements()
        mse = squared / count
        return {'mse': mse, 'rmse': float(losses.rmse(mse))}
