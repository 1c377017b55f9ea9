"""AEAI: Autoencoder Adversarial Interpolation (ICLR 2021 submission, arXiv 2008.01487; no code was released)."""

import keras
import numpy as np
import tensorflow as tf

from acai_tf.errors import UsageError
from acai_tf.losses import binary_cross_entropy
from acai_tf.models.adversarial import Adversarial
from acai_tf.options import Option

_WEIGHTS = {'rescaled': {'wgt_adv': 0.1, 'wgt_cycle': 0.01, 'wgt_smooth': 0.001},
            'paper': {'wgt_adv': 0.01, 'wgt_cycle': 0.01, 'wgt_smooth': 0.1}}


def _weight(name, loss):
    values = ', '.join(f'{objective} {weights[name]:g}' for objective, weights in _WEIGHTS.items())
    return Option(None, f'weight of the {loss}; 0 leaves it out; the default depends on the objective ({values})',
                  minimum=0, kind=float, released=False)


@keras.saving.register_keras_serializable('acai_tf')
class AEAI(Adversarial):
    """Mixes of two latents decode to images that a discriminator takes for real. The mixes survive decoding and encoding
    unchanged, and the images change smoothly along the way (section 2.1).

        L_R = |x_i - ae_i|^2 + |x_j - ae_j|^2       L_A = sum of -log c(x_mix), c the discriminator's probability
        L_C = sum of |z_mix - E(x_mix)|^2           L_S = sum of |d x_mix / d alpha|^2
        autoencoder:    L_R + wgt_adv * L_A + wgt_cycle * L_C + wgt_smooth * L_S
        discriminator:  BCE(c(x), 1) + BCE(c(x_mix), 0), with the learning rate disc_lr

    with z_mix = (1 - alpha) * z_i + alpha * z_j, x_mix = D(z_mix), j a random order of the batch; images in [0, 1]; sums
    over the alphas of a pair. The derivative is exact: the decoder's Jacobian times z_j - z_i, by forward accumulation. No
    gradient is blocked.

    `objective=paper` has these terms and the paper's weights. The paper does not say whether its norms are sums or means;
    here they are means over pixels and over the latent. In `objective=rescaled`, norms are sums, L_R counts every image
    once, and alphas are averaged; its weights are chosen for that. A term with weight 0 is not computed and is logged as 0;
    with wgt_adv=0 the discriminator is not trained. These are the paper's ablations (appendix B).

    With batch normalization, all passes of a step are in training mode, each with its own statistics.
    """

    objective = Option('rescaled', 'reductions and weights of the losses: rescaled, sums over an image; or the paper\'s',
                       choices=tuple(_WEIGHTS), released=False)
    wgt_adv = _weight('wgt_adv', 'adversarial loss')
    wgt_cycle = _weight('wgt_cycle', 'cycle loss')
    wgt_smooth = _weight('wgt_smooth', 'smoothness loss')
    n_alphas = Option(1, 'mixes per pair: 1 draws alpha uniformly from [0, 1], as the paper implements it; more take alphas '
                      'from 0 to 1 in equal steps (M + 1 in its formulas)', minimum=1, released=False)
    disc_lr = Option(1e-4, 'learning rate of the discriminator', minimum=0, released=False)
    advdepth = Option(0, 'channels of the discriminator\'s first convolutions; 0 means depth', minimum=0,
                      follows='depth', released=False)

    loss_names = ('loss_ae', 'loss_adv', 'loss_cycle', 'loss_smooth', 'loss_disc', 'rmse', 'classify_latent')

    def build_networks(self):
        if self.weight('wgt_smooth') and self.dtype_policy.compute_dtype == 'bfloat16':
            raise UsageError(f'aeai differentiates its decoder, which {self.dtype_policy.name} does too coarsely; use '
                             'precision=float32, or wgt_smooth=0')
        super().build_networks()

    def weight(self, name):
        """The value of `wgt_adv`, `wgt_cycle` or `wgt_smooth`, or its default for the objective."""
        given = getattr(self, name)
        return _WEIGHTS[self.objective][name] if given is None else given

    def rate_of(self, name):
        return self.rate(self.disc_lr) if name == 'critic' else self.lr

    def random_inputs(self, images):
        size = tf.shape(images)[0]
        return {**super().random_inputs(images), 'alpha': self.uniform('alpha', [size, 1, 1, 1]),
                'permutation': self.permutation('permutation', size)}

    def mix(self, latents, random_inputs):
        """z_mix and z_j - z_i of each pair at each alpha: [n_alphas * batch, *latent_shape]."""
        direction = tf.gather(latents, random_inputs['permutation']) - latents
        alphas = [random_inputs['alpha']] if self.n_alphas == 1 else np.linspace(0, 1, self.n_alphas, dtype=np.float32)
        return (tf.concat([latents + alpha * direction for alpha in alphas], axis=0),
                tf.concat([direction] * len(alphas), axis=0))

    def decode_along(self, latents, direction, training=False):
        """Decodes latents; also returns the images' derivative in the given direction."""
        # The step's gradient tape encloses the accumulator: inside it, the tape would miss the derivative's gradient.
        with tf.autodiff.ForwardAccumulator(latents, direction) as accumulator:
            images = self.decode(latents, training)
        return images, accumulator.jvp(images, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def squared_norm(self, x):
        """Mean over n of |x|^2, for x [n, ...]; |x|^2 is a sum of squares, or in the paper's objective a mean."""
        return tf.reduce_sum(tf.square(x)) / tf.cast(
            tf.shape(x)[0] if self.objective == 'rescaled' else tf.size(x), x.dtype)

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        mixed, direction = self.mix(latents, random_inputs)
        terms = dict.fromkeys(('loss_adv', 'loss_cycle', 'loss_smooth', 'loss_disc'), tf.constant(0.0))
        if self.weight('wgt_smooth'):
            mix, derivative = self.decode_along(mixed, direction, training)
            terms['loss_smooth'] = self.squared_norm(derivative / 2)
        else:
            mix = self.decode(mixed, training)
        if self.weight('wgt_cycle'):
            terms['loss_cycle'] = self.squared_norm(self.encode(mix, training) - mixed)
        if self.weight('wgt_adv'):
            real, fake = self.critic_score(images, training), self.critic_score(mix, training)
            of_real, of_fake = binary_cross_entropy(real, 1), binary_cross_entropy(fake, 0)
            terms['loss_disc'] = tf.reduce_mean(of_real) + tf.reduce_mean(of_fake)
            terms['loss_adv'] = tf.reduce_mean(binary_cross_entropy(fake, 1))
        if self.objective == 'paper':
            terms = {name: value if name == 'loss_disc' else self.n_alphas * value for name, value in terms.items()}
        if self.on_baseline:
            images_of_a_pair = 1 if self.objective == 'rescaled' else 2
            terms['loss_ae'] = images_of_a_pair * self.squared_norm((images - reconstruction) / 2)
        return terms

    def objectives(self, terms):
        objectives = super().objectives(terms)
        if not self.on_baseline:  # a mean over pixels in [-1, 1], given the weight that L_R has
            weight = np.prod(self.image_shape) / 4 if self.objective == 'rescaled' else 2 / 4
            objectives['autoencoder'] *= weight / self.loss_scale
        objectives['autoencoder'] += sum(
            self.weight(f'wgt_{term}') * terms[f'loss_{term}'] for term in ('adv', 'cycle', 'smooth'))
        objectives['critic'] = terms['loss_disc'] if self.weight('wgt_adv') else None
        return objectives

    def train_step(self, data):
        """One update of autoencoder, discriminator and classifier, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
