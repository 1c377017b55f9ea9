"""Subjects of a metric: an exported model, a live one, or pixels. All take and return numpy arrays.

A subject has `image_shape`, `encode` and, except for pixels, `latent_shape`, `decode`, `decoder_products`, `reconstruct`
and `classify`, as `export.LoadedModel` has them.
"""

import numpy as np
import tensorflow as tf

from acai_tf.export.load import Classification
from acai_tf.models.base import Autoencoder
from acai_tf.tracing import forward_products, in_batches, traced


class Pixels:
    """The images themselves, instead of latents."""

    image_shape = None  # any

    def encode(self, images):
        """Returns the images."""
        return np.asarray(images)

    def __str__(self):
        return 'pixels'


PIXELS = Pixels()


class LiveModel:
    """A model in memory, in inference mode, compiled.

    Args:
        model: `models.base.Autoencoder`.
    """

    def __init__(self, model):
        self.image_shape, self.latent_shape = model.image_shape, model.latent_shape
        self._name = type(model).__name__
        images, latents = (tf.TensorSpec([None, *shape], tf.float32) for shape in (self.image_shape, self.latent_shape))
        self._encode = traced(model.encode, input_signature=[images])
        self._decode = traced(model.decode, input_signature=[latents])
        self._decoder_products = forward_products(model.decode)
        self._reconstruct = traced(lambda images: model(images), input_signature=[images])
        self._probabilities = traced(lambda images: tf.nn.softmax(model.logits(images)), input_signature=[images])

    def __str__(self):
        return self._name

    def encode(self, images):
        """Images [n, h, w, c] in [-1, 1] -> latents [n, *latent_shape]."""
        return in_batches(self._encode, images)

    def decode(self, latents):
        """Latents -> images, not clipped."""
        return in_batches(self._decode, latents)

    def decoder_products(self, latents, directions):
        """Products J v [n, h, w, c] of the decoder's Jacobian J at latents and directions v [n, *latent_shape]."""
        return in_batches(self._decoder_products, latents, directions)

    def reconstruct(self, images):
        """Images -> images."""
        return in_batches(self._reconstruct, images)

    def classify(self, images):
        """Images -> export.Classification of the single-layer classifier."""
        probabilities = in_batches(self._probabilities, images)
        return Classification(probabilities, probabilities.argmax(axis=1))


def subject(model):
    """Returns the subject for a model: the model itself, compiled if it is live; PIXELS for 'pixels'."""
    if isinstance(model, str) and model == 'pixels':
        return PIXELS
    return LiveModel(model) if isinstance(model, Autoencoder) else model
