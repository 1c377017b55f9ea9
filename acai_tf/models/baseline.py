"""Baseline: a plain convolutional autoencoder (ACAI, section 3.2; released baseline.py)."""

import keras
import tensorflow as tf

from acai_tf.models.base import Autoencoder, Pass


@keras.saving.register_keras_serializable('acai_tf')
class AEBaseline(Autoencoder):
    """Minimizes the mean of (x - D(E(x)))^2; one Adam updates everything, including the classifier."""

    optimizer_networks = {'all': ('encoder', 'decoder', 'classifier')}
    loss_names = ('loss', 'rmse', 'classify_latent')

    def forward(self, images, random_inputs, labels=None, training=False):
        latents = self.encode(images, training)
        reconstruction = self.decode(latents, training)
        return Pass(latents, reconstruction, {**self.reconstruction_terms('loss', images, reconstruction),
                                              **self.classifier_terms(latents, labels, training)})

    def objectives(self, terms):
        return {'all': terms['loss'] + terms.get('classify_latent', 0.0)}

    def train_step(self, data):
        """One update of everything, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
