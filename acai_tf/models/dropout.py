"""Dropout autoencoder (arXiv version 2 of ACAI; released dropout.py)."""

import keras
import tensorflow as tf

from acai_tf.models.base import Pass
from acai_tf.models.baseline import AEBaseline
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class AEDropout(AEBaseline):
    """Minimizes the mean of (x - D(drop(E(x))))^2, with inverted dropout on individual values of the latent. Dropout is for
    training only: the classifier, `encode` and `call` see the whole latent."""

    dropout = Option(0.5, 'probability of KEEPING a value of the latent', minimum=1e-3, maximum=1)

    def random_inputs(self, images):
        shape = [tf.shape(images)[0], *self.latent_shape]
        return {'mask': tf.floor(self.dropout + self.uniform('mask', shape))}

    def forward(self, images, random_inputs, labels=None, training=False):
        latents = self.encode(images, training)
        dropped = latents / self.dropout * tf.reshape(random_inputs['mask'], tf.shape(latents))
        reconstruction = self.decode(dropped, training)
        return Pass(latents, reconstruction, {**self.reconstruction_terms('loss', images, reconstruction),
                                              **self.classifier_terms(latents, labels, training)})
