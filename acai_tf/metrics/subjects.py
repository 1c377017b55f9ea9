"""Subjects of metrics: an exported model, a live model, or pixels; all work on numpy arrays.

A subject has `image_shape`, `encode` and, except for pixels, `latent_shape`, `decode`, `decoder_products`, `reconstruct`
and `classify`, as `export.LoadedModel` and `models.base.Autoencoder` have them.
"""

import numpy as np


class Pixels:
    """The images themselves instead of latents."""

    image_shape = None  # any
    encode = staticmethod(np.asarray)

    def __str__(self):
        return 'pixels'


PIXELS = Pixels()
