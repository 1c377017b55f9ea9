"""Denoising autoencoder (ACAI, section 3.2; released denoising.py)."""

import keras
import tensorflow as tf

from acai_tf.models.base import Pass
from acai_tf.models.baseline import AEBaseline
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class AEDenoising(AEBaseline):
    """Minimizes the mean of (x - D(E(x + noise * n)))^2, with n standard normal; noisy images are not clipped. The
    classifier reads the latents of clean images."""

    noise = Option(1.0, 'sigma: standard deviation of the noise on images in [-1, 1]', minimum=0)

    def random_inputs(self, images):
        return {'noise': self.normal('noise', tf.shape(images))}

    def forward(self, images, random_inputs, labels=None, training=False):
        noisy = self.encode(images + self.noise * random_inputs['noise'], training)
        reconstruction = self.decode(noisy, training)
        return Pass(noisy, reconstruction, {**self.reconstruction_terms('loss', images, reconstruction),
                                            **self.classifier_terms(self.encode(images, training), labels, training)})
