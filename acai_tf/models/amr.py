"""AMR: Adversarial Mixup Resynthesis (Beckham et al., NeurIPS 2019; released in PyTorch)."""

import keras
import tensorflow as tf

from acai_tf.losses import binary_cross_entropy
from acai_tf.models.adversarial import Adversarial
from acai_tf.models.optimizers import Adam
from acai_tf.options import Option


class TorchAdam(Adam):
    """PyTorch's Adam. `coupled_decay` times the variable (biases too) is added to the gradient. Epsilon is added to the root
    after its bias correction, not before as in Keras and TF1."""

    def __init__(self, *args, coupled_decay=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.coupled_decay = coupled_decay

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient + self.coupled_decay * variable, variable, learning_rate)

    def scaled_epsilon(self, correction):
        return self.epsilon * correction


@keras.saving.register_keras_serializable('acai_tf')
class AMR(Adversarial):
    """A critic distinguishes images from reconstructions and from decoded mixes of latents; the autoencoder makes it take
    both for images.

        critic:       BCE(c(x), 1) + BCE(c(ae), 0) + BCE(c(x_mix), 0)
        autoencoder:  lamb * mean |x - ae| + BCE(c(ae), 1) + BCE(c(x_mix), 1) + wgt_consist * mean |E(x_mix) - z_mix|

    with ae = D(E(x)), z_mix = alpha * z + (1 - alpha) * z[permutation], x_mix = D(z_mix), and c the mean over all outputs of
    the critic, a logit. The autoencoder is updated at every `update_g_every`-th step, starting with the first. All
    optimizers are PyTorch's Adam with beta 0.5 and 0.99.

    As in all systems here, the networks are the architecture's; the released networks have instance normalization in the
    autoencoder and spectral normalization in the critic. `d_x` is the mean of the critic's three terms, as released.
    """

    mixer = Option(
        'mixup', 'alpha: mixup, one uniform number per image; mixup2, one per channel; fm, 0 or 1 per '
        'channel; fm2, like fm with one probability per batch', choices=('mixup', 'mixup2', 'fm', 'fm2'))
    lamb = Option(10.0, 'lambda: weight of the reconstruction', minimum=0, quick=1000.0)
    wgt_consist = Option(0.0, 'weight of the consistency of re-encoded mixes', minimum=0)
    update_g_every = Option(5, 'steps from one update of the autoencoder to the next', minimum=1, quick=1)
    weight_decay = Option(1e-5, 'multiplies each variable and is added to its gradient', minimum=0)
    advdepth = Option(0, 'channels of the critic\'s first convolutions; 0 means depth', minimum=0, follows='depth')

    reconstruction_loss = 'recon'
    quick = {'lr': 0.001}
    stays_blank_on = ('lines32',)
    loss_names = ('recon', 'disc_g_recon', 'disc_g_mix', 'consist', 'gen_loss', 'd_x_real', 'd_x_fake', 'd_out_mix', 'd_x',
                  'rmse', 'classify_latent')

    def make_optimizer(self, name):
        return TorchAdam(self.lr, beta_1=0.5, beta_2=0.99, epsilon=1e-8, coupled_decay=self.weight_decay, name=name)

    def due(self, step):
        return {'autoencoder': tf.equal(step % self.update_g_every, 0)} if self.update_g_every > 1 else {}

    def random_inputs(self, images):
        size = tf.shape(images)[0]
        channels = 1 if self.mixer == 'mixup' else self.latent_shape[-1]
        alpha = self.uniform('alpha', [size, 1, 1, channels])
        if self.mixer in ('fm', 'fm2'):
            probability = self.uniform('probability', [] if self.mixer == 'fm2' else tf.shape(alpha))
            alpha = tf.cast(alpha < probability, tf.float32)
        return {**super().random_inputs(images), 'alpha': alpha, 'permutation': self.permutation('permutation', size)}

    def loss_terms(self, images, random_inputs, labels=None, training=False):
        terms = super().loss_terms(images, random_inputs, labels, training)
        base_loss = super().objectives(terms)['autoencoder']
        terms['gen_loss'] = (self.lamb / self.loss_scale * base_loss + terms['disc_g_recon'] + terms['disc_g_mix']
                             + self.wgt_consist * terms['consist'])
        return terms

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        alpha, partners = random_inputs['alpha'], tf.gather(latents, random_inputs['permutation'])
        mixed = alpha * latents + (1 - alpha) * partners
        mix = self.decode(mixed, training)
        real, fake, of_mix = (self.critic_score(x, training) for x in (images, reconstruction, mix))

        def bce(logits, target):
            return tf.reduce_mean(binary_cross_entropy(logits, target))
        consistency = tf.reduce_mean(tf.abs(self.encode(mix, training) - mixed)) if self.wgt_consist else tf.constant(0.0)
        terms = {'disc_g_recon': bce(fake, 1), 'disc_g_mix': bce(of_mix, 1), 'consist': consistency,
                 'd_x_real': bce(real, 1), 'd_x_fake': bce(fake, 0), 'd_out_mix': bce(of_mix, 0)}
        terms['d_x'] = (terms['d_x_real'] + terms['d_x_fake'] + terms['d_out_mix']) / 3
        if self.on_baseline:
            terms['recon'] = tf.reduce_mean(tf.abs(images - reconstruction))
        return terms

    def objectives(self, terms):
        return {**super().objectives(terms), 'autoencoder': terms['gen_loss'],
                'critic': terms['d_x_real'] + terms['d_x_fake'] + terms['d_out_mix']}

    def train_step(self, data):
        """One update of critic and classifier, and of the autoencoder if it is due, from one forward pass; returns the loss
        terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
