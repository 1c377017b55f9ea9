"""Baseline: a plain convolutional autoencoder (ACAI, section 3.2; released baseline.py)."""

from acai_tf.models.base import Autoencoder, Pass


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
