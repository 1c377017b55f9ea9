"""DR-ACAI: ACAI with dual regularizations (guanyuelee/midrae, dr_acai.py; no published numbers)."""

import keras
import tensorflow as tf

from acai_tf.interpolation import fold_alpha
from acai_tf.losses import critic_loss
from acai_tf.models.lrae import LRAE
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class DRACAI(LRAE):
    """LR-AE with a critic that also judges mixes of latents with the prior, and draws from the prior alone:

        x_noise = D(alpha_noise * z + (1 - alpha_noise) * prior),  x_fake = D(prior)
        critic:       LR-AE's + |c(x_noise) - alpha_noise|^2 + |c(x_fake) - 0.5|^2
        autoencoder:  LR-AE's + advnoise * |c(x_noise)|^2 + advfake * |c(x_fake)|^2

    At alpha_noise = 0 the two targets disagree (0 in one term, 0.5 in the other), as released.
    """

    advnoise = Option(0.1, 'omega_3: weight of the critic on mixes with the prior', minimum=0, quick=0.01)
    advfake = Option(0.1, 'omega_4: weight of the critic on decoded draws of the prior', minimum=0, quick=0.01)
    broadcast_noise_target = Option(
        False, 'compare each guess with every alpha_noise of the batch, as the released code does by mistake',
        released=False)

    loss_names = (*LRAE.loss_names, 'loss_disc_noise', 'loss_ae_disc_noise', 'loss_disc_fake', 'loss_ae_disc_fake')

    def random_inputs(self, images):
        return {**super().random_inputs(images), 'alpha_noise': self.alpha_noise(self.alpha_shape(images))}

    def alpha_noise(self, shape):
        """Mixing coefficients of latents with the prior, in [0, 0.5]."""
        return fold_alpha(self.uniform('alpha_noise', shape))

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        alpha, prior = random_inputs['alpha_noise'], random_inputs['prior']
        noise = self.critic_score(self.decode(alpha * latents + (1 - alpha) * prior, training), training)
        fake = self.critic_score(self.decode(prior, training), training)
        guess_and_target = noise, alpha
        if self.broadcast_noise_target:
            guess_and_target = tf.meshgrid(tf.reshape(noise, [-1]), tf.reshape(alpha, [-1]))
        return {**super().regularizer_terms(images, latents, reconstruction, random_inputs, training),
                'loss_disc_noise': tf.reduce_mean(critic_loss(*guess_and_target)),
                'loss_ae_disc_noise': tf.reduce_mean(critic_loss(noise, 0)),
                'loss_disc_fake': tf.reduce_mean(critic_loss(fake, 0.5)),
                'loss_ae_disc_fake': tf.reduce_mean(critic_loss(fake, 0))}

    def objectives(self, terms):
        objectives = super().objectives(terms)
        objectives['autoencoder'] += self.loss_scale * (self.advnoise * terms['loss_ae_disc_noise']
                                                        + self.advfake * terms['loss_ae_disc_fake'])
        objectives['critic'] += terms['loss_disc_noise'] + terms['loss_disc_fake']
        return objectives
