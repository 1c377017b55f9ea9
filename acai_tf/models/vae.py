"""VAE and beta-VAE (Kingma and Welling, 2014; Higgins et al., 2017; released vae.py)."""

import math

import keras
import tensorflow as tf

from acai_tf import losses
from acai_tf.architectures.dense import heads
from acai_tf.models.base import Autoencoder, Pass
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class VAE(Autoencoder):
    """Maximizes loss_ll - beta * loss_kl. loss_ll is the Bernoulli log-likelihood of the pixels, summed over an image;
    loss_kl is the KL divergence of the posterior from N(0, I).

    Two linear heads on the flattened encoder output give the posterior's mean and log variance. `encode` returns the mean,
    or with `sample_latent` a sample, as released. The classifier reads the encoder before the heads, as released.
    """

    beta = Option(1.0, 'weight of the KL divergence; 1 is the VAE', minimum=0)
    sample_latent = Option(False, 'encode to a sample of the posterior, as the released code does, instead of its mean',
                           released=False)

    quick = {'lr': 0.001}
    optimizer_networks = {'autoencoder': ('encoder', 'latent_heads', 'decoder'), 'classifier': ('classifier',)}
    loss_names = ('loss_kl', 'loss_ll', 'elbo', 'rmse', 'classify_latent')

    def build_networks(self):
        super().build_networks()
        size = math.prod(self.latent_shape)
        self.add_network('latent_heads', heads(self.latent_shape, size, 2, self.seed, 'latent_heads'))

    @property
    def loss_scale(self):
        return float(math.prod(self.image_shape))

    def sample(self, mean, log_variance, eps):
        """mean + exp(log_variance / 2) * eps, as latents [n, *latent_shape]."""
        return tf.reshape(mean + tf.exp(log_variance / 2) * eps, [-1, *self.latent_shape])

    def encode(self, images, training=False):
        mean, log_variance = self.latent_heads(self.encoder(images, training=training), training=training)
        if not self.sample_latent:
            return tf.reshape(mean, [-1, *self.latent_shape])
        return self.sample(mean, log_variance, self.noise(tf.shape(mean)))

    def noise(self, shape):
        """Noise for `sample_latent`: keyed by the step in training, so that a resumed run reports the same; else fresh."""
        return self.normal('sample_latent', shape) if hasattr(self, 'lr') else tf.random.normal(shape)

    def to_images(self, values):
        return 2 * tf.sigmoid(values) - 1

    def classifier_input(self, images):
        return self.encoder(images, training=False)

    def random_inputs(self, images):
        return {'eps': self.normal('eps', [tf.shape(images)[0], self.latent_heads.output_shape[0][-1]])}

    def forward(self, images, random_inputs, labels=None, training=False):
        features = self.encoder(images, training=training)
        mean, log_variance = self.latent_heads(features, training=training)
        latents = self.sample(mean, log_variance, random_inputs['eps'])
        logits = self.decoder(latents, training=training)
        reconstruction = self.to_images(logits)
        kl = tf.reduce_mean(losses.gaussian_kl(mean, log_variance))
        likelihood = tf.reduce_mean(losses.bernoulli_log_likelihood(images, logits))
        return Pass(latents, reconstruction, {
            'loss_kl': kl, 'loss_ll': likelihood, 'elbo': likelihood - self.beta * kl,
            **self.rmse_term(images, reconstruction), **self.classifier_terms(features, labels, training)})

    def objectives(self, terms):
        return {'autoencoder': -terms['elbo'], 'classifier': terms.get('classify_latent')}

    def train_step(self, data):
        """One update of autoencoder and classifier, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
