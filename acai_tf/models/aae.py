"""AAE: adversarial autoencoder (Makhzani et al., 2015; released aae.py)."""

import keras
import tensorflow as tf

from acai_tf.architectures.dense import dense
from acai_tf.losses import binary_cross_entropy
from acai_tf.models.base import Autoencoder, Pass
from acai_tf.options import Option, sizes_of


@keras.saving.register_keras_serializable('acai_tf')
class AAE(Autoencoder):
    """A critic distinguishes latents from draws from N(0, I); the encoder makes it take latents for draws.

        critic:       BCE(c(prior), 1) + BCE(c(z), 0)
        autoencoder:  mean (x - D(z))^2 + wgt_prior * BCE(c(z), 1)
    """

    adversary_lr = Option(0.0, 'learning rate of the critic; 0 means lr', minimum=0, follows='lr')
    disc_layer_sizes = Option('100,100', 'sizes of the critic\'s hidden layers, separated by commas')
    wgt_prior = Option(1.0, 'weight of the critic in the autoencoder\'s loss', minimum=0, released=False, quick=0.01)

    optimizer_networks = {'autoencoder': ('encoder', 'decoder'), 'critic': ('critic',), 'classifier': ('classifier',)}
    loss_names = ('loss_ae', 'rmse', 'loss_adv_latent', 'loss_adv_prior', 'loss_ae_latent', 'adversary_accuracy',
                  'classify_latent')
    training_only = ('critic',)

    def build_networks(self):
        super().build_networks()
        sizes = sizes_of('disc_layer_sizes', self.disc_layer_sizes)
        # Keras's leaky ReLU has the released slope, 0.2.
        self.add_network('critic', dense(self.latent_shape, [*sizes, 1], self.seed, 'critic', 'leaky_relu'))

    def rate_of(self, name):
        return self.rate(self.adversary_lr) if name == 'critic' and self.adversary_lr else self.lr

    def random_inputs(self, images):
        return {'prior': self.normal('prior', [tf.shape(images)[0], *self.latent_shape])}

    def forward(self, images, random_inputs, labels=None, training=False):
        latents = self.encode(images, training)
        reconstruction = self.decode(latents, training)
        latent_logits, prior_logits = (self.critic(x, training=training) for x in (latents, random_inputs['prior']))
        correct = [tf.cast(latent_logits < 0, tf.float32), tf.cast(prior_logits > 0, tf.float32)]
        return Pass(latents, reconstruction, {
            **self.reconstruction_terms('loss_ae', images, reconstruction),
            'loss_adv_latent': tf.reduce_mean(binary_cross_entropy(latent_logits, 0)),
            'loss_adv_prior': tf.reduce_mean(binary_cross_entropy(prior_logits, 1)),
            'loss_ae_latent': tf.reduce_mean(binary_cross_entropy(latent_logits, 1)),
            'adversary_accuracy': tf.reduce_mean(correct), **self.classifier_terms(latents, labels, training)})

    def objectives(self, terms):
        return {'autoencoder': terms['loss_ae'] + self.wgt_prior * terms['loss_ae_latent'],
                'critic': terms['loss_adv_latent'] + terms['loss_adv_prior'],
                'classifier': terms.get('classify_latent')}

    def train_step(self, data):
        """One update of autoencoder, critic and classifier, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
