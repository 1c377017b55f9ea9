"""ACAI: Adversarially Constrained Autoencoder Interpolation (Berthelot et al., ICLR 2019; released acai.py)."""

import keras
import tensorflow as tf

from acai_tf.interpolation import fold_alpha, mix_with_reversed
from acai_tf.losses import critic_loss
from acai_tf.models.adversarial import Adversarial
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class ACAI(Adversarial):
    """From a decoded mix of two latents a critic guesses the mixing coefficient; the autoencoder makes it answer 0.

        critic:       |c(x_mix) - alpha|^2 + |c(ae + reg * (x - ae))|^2           (eq. 1, gamma = reg)
        autoencoder:  mean (x - ae)^2 + advweight * |c(x_mix)|^2                  (eq. 2, lambda = advweight)

    with ae = D(E(x)), x_mix = D(alpha * z + (1 - alpha) * z[::-1]), alpha uniform in [0, 0.5]. As in the released code,
    the critic's second term mixes x with its own reconstruction, and no gradient is blocked between the networks.
    """

    advweight = Option(0.5, 'lambda: weight of the critic in the autoencoder\'s loss', minimum=0)
    advdepth = Option(0, 'channels of the critic\'s first convolutions; 0 means depth', minimum=0, follows='depth')
    critic_lr = Option(0.0, 'learning rate of the critic; 0 means lr', minimum=0, released=False, quick=0.001)
    critic_beta_2 = Option(0.999, 'beta_2 of the critic\'s Adam; the smaller, the less one large gradient moves it',
                           minimum=0, maximum=0.9999, released=False, quick=0.99)
    reg = Option(0.2, 'gamma: share of the image in the critic\'s "real" mix', minimum=0, maximum=1)

    quick = {'lr_schedule': 'constant'}  # at falling rates, Mean Distance on lines is higher: docs/training.md
    loss_names = ('loss_ae', 'rmse', 'loss_disc', 'loss_ae_disc', 'loss_disc_real', 'classify_latent')

    def critic_score(self, images, training=False):
        """The critic's guess of alpha, [batch, 1, 1, 1]: the mean over all outputs of an encoder (released layers.py)."""
        return tf.reshape(super().critic_score(images, training), [-1, 1, 1, 1])

    def alpha_shape(self, images):
        """Shape of the mixing coefficients and of the critic's guesses."""
        return [tf.shape(images)[0], 1, 1, 1]

    def random_inputs(self, images):
        return {**super().random_inputs(images), 'alpha': fold_alpha(self.uniform('alpha', self.alpha_shape(images)))}

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        mix = self.critic_score(self.decode(mix_with_reversed(latents, random_inputs['alpha']), training), training)
        real = self.critic_score(reconstruction + self.reg * (images - reconstruction), training)
        return {'loss_disc': tf.reduce_mean(critic_loss(mix, random_inputs['alpha'])),
                'loss_ae_disc': tf.reduce_mean(critic_loss(mix, 0)),
                'loss_disc_real': tf.reduce_mean(critic_loss(real, 0))}

    def objectives(self, terms):
        objectives = super().objectives(terms)
        objectives['autoencoder'] += self.loss_scale * self.advweight * terms['loss_ae_disc']
        objectives['critic'] = terms['loss_disc'] + terms['loss_disc_real']
        return objectives

    def train_step(self, data):
        """One update of autoencoder, critic and classifier, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
