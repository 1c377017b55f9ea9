"""GAIA: Generative Adversarial Interpolative Autoencoding (Sainburg et al., 2018; released network.py)."""

import keras
import tensorflow as tf

from acai_tf import architectures
from acai_tf.errors import UsageError
from acai_tf.models.base import Autoencoder
from acai_tf.models.optimizers import Adam
from acai_tf.options import Option


class SharedRateAdam(Adam):
    """Adam that uses a share of its learning rate; the share is set at each step."""

    def build(self, variables):
        super().build(variables)
        self.share = self.add_variable(shape=(), dtype='float32', name='share', initializer='ones')

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate * tf.cast(self.share, learning_rate.dtype))


@keras.saving.register_keras_serializable('acai_tf')
class GAIA(Autoencoder):
    """Two autoencoders. The critic learns to reconstruct images well and the generator's images badly. The generator learns
    to make reconstructions and decoded mixes that the critic reconstructs well.

        r = mean |x - C(x)|,  f_r = mean |x - C(G(x))|,  f_s = mean |x_mix - C(x_mix)|,  f = (f_r + f_s) / 2
        critic:       clip(r - f * clip(s(f_s / 2 - r), 0, 0.9), -1, 1)
        autoencoder:  clip(w * f_s + (1 - w) * f_r + latent_loss_weights * L_dist, -1, 1),  w = s(f_s - f_r)
        rates:        s(r - f) * lr for the critic, the rest of lr for the autoencoder; s(u) = sigmoid(lr_sigma_slope * u)

    with G the encoder and decoder, C a second pair of depth `advdepth`, and L_dist = mean (log(1 + d_x) - log(1 + d_z))^2.
    d_x are the mean squared differences of all pairs of images, divided by their mean; d_z are the same for latents. If A
    and B are the halves of the batch's latents, z_mix is A * m1 + B * (1 - m1) and A[::-1] * m2 + B * (1 - m2), with m1 and
    m2 normal around 0.5 with deviation 0.25. No gradient is blocked, not even through w, or through s in the critic's loss.

    r, f_r, f_s and L_dist are computed over the global batch, because the losses are not linear in them. The sigmoid is
    numerically stable: the released formula has a NaN gradient where lr_sigma_slope * u is below -88. The architecture's
    networks replace the released ones (after MUNIT).

    The batch size must be even. If the last batch of an epoch of `fit` is odd, its last image is left out of the mixes.
    """

    lr_sigma_slope = Option(20.0, 'slope of the sigmoids that balance the losses', minimum=0)
    latent_loss_weights = Option(5e-5, 'weight of the distances between latents', minimum=0)
    advdepth = Option(0, 'channels of the critic\'s first convolutions; 0 means depth', minimum=0, follows='depth')
    unit_range = Option(True, 'losses compare images in [0, 1], which the released slope and clips assume; false: in '
                                '[-1, 1]', released=False)

    optimizer_networks = {'autoencoder': ('encoder', 'decoder'), 'critic': ('critic_encoder', 'critic_decoder'),
                          'classifier': ('classifier',)}
    loss_names = ('x_real_recon_loss', 'x_fake_from_real_recon_loss', 'x_fake_from_sample_recon_loss', 'x_fake_recon_loss',
                  'discrim_proportion_real', 'discrim_proportion_fake', 'gen_proportion_sample', 'distance_loss', 'L_d',
                  'L_g', 'lr_D', 'lr_G', 'm_global', 'rmse', 'classify_latent')
    training_only = ('critic_encoder', 'critic_decoder')
    decoders = ('decoder', 'critic_decoder')
    batch_multiple = 2
    stays_blank_on = ('lines32', 'mnist32')
    takes_no_base = 'takes no base, because its loss never compares an image with its reconstruction'

    def build_networks(self):
        super().build_networks()
        encoder, latent_shape = architectures.build(self.architecture, 'encoder', self.image_shape, name='critic_encoder',
                                                    depth=self.advdepth)
        decoder, _ = architectures.build(self.architecture, 'decoder', latent_shape, self.image_shape[-1],
                                         image_shape=self.image_shape, answer=self.image_shape, name='critic_decoder',
                                         depth=self.advdepth)
        self.add_network('critic_encoder', encoder)
        self.add_network('critic_decoder', decoder)

    def make_optimizer(self, name):
        if name == 'classifier':
            return super().make_optimizer(name)
        return SharedRateAdam(self.lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8, name=name)

    def random_inputs(self, images):
        half = [tf.maximum(tf.shape(images)[0] // 2, 1)]
        return {name: 0.5 + 0.25 * self.normal(name, half) for name in ('midpoint_1', 'midpoint_2')}

    def mix(self, latents, random_inputs):
        """z_mix, two for each pair of images."""
        first, second = (tf.reshape(random_inputs[name], [-1, 1, 1, 1]) for name in ('midpoint_1', 'midpoint_2'))
        pairs = tf.maximum(tf.shape(latents)[0] // 2, 1)
        partners = tf.minimum(tf.range(pairs, 2 * pairs), tf.shape(latents)[0] - 1)  # a single image is its own partner
        a, b = latents[:pairs], tf.gather(latents, partners)
        return tf.concat([a * first + b * (1 - first), a[::-1] * second + b * (1 - second)], axis=0)

    def critic_reconstructs(self, images, training=False):
        """The critic's reconstruction C of images."""
        return self.to_images(self.critic_decoder(self.critic_encoder(images, training=training), training=training))

    def loss_terms(self, images, random_inputs, labels=None, training=False):
        in_eager_fit = self.in_keras and tf.executing_eagerly()  # where the last batch may be odd
        if not in_eager_fit and images.shape[0] is not None and images.shape[0] % 2:
            raise UsageError(f'a batch of {images.shape[0]} images: GAIA mixes the halves of a batch, which must be even')
        latents = self.encode(images, training)
        reconstruction, mixed = self.decode(latents, training), self.decode(self.mix(latents, random_inputs), training)
        scale = 0.5 if self.unit_range else 1.0

        def distance(x, y):
            return self.global_mean(scale * tf.reduce_mean(tf.abs(x - y)))
        terms = self.balance(
            distance(images, self.critic_reconstructs(images, training)),
            distance(images, self.critic_reconstructs(reconstruction, training)),
            distance(mixed, self.critic_reconstructs(mixed, training)),
            distance_loss(self.gather(images), self.gather(latents)))
        return {**terms, **self.rmse_term(images, reconstruction), **self.classifier_terms(latents, labels, training)}

    def share(self, difference):
        """s: a number in [0, 1] that grows with the difference of two losses."""
        return tf.sigmoid(self.lr_sigma_slope * difference)

    def balance(self, real, fake_from_real, fake_from_sample, distance):
        """All terms, under the released names, from the scalars r, f_r, f_s and L_dist."""
        fake = (fake_from_real + fake_from_sample) / 2
        of_fake = tf.clip_by_value(self.share(fake_from_sample / 2 - real), 0.0, 0.9)
        of_sample = self.share(fake_from_sample - fake_from_real)
        of_rate = self.share(real - fake)
        rate = self.optimizers['critic'].learning_rate if self.optimizers else 0.0  # none before `compile`
        return {
            'x_real_recon_loss': real, 'x_fake_from_real_recon_loss': fake_from_real,
            'x_fake_from_sample_recon_loss': fake_from_sample, 'x_fake_recon_loss': fake,
            'discrim_proportion_real': tf.ones_like(real), 'discrim_proportion_fake': of_fake,
            'gen_proportion_sample': of_sample, 'distance_loss': distance,
            'L_d': tf.clip_by_value(real - fake * of_fake, -1.0, 1.0),
            'L_g': tf.clip_by_value(of_sample * fake_from_sample + (1 - of_sample) * fake_from_real
                                    + self.latent_loss_weights * distance, -1.0, 1.0),
            'lr_D': of_rate * rate, 'lr_G': (1 - of_rate) * rate, 'm_global': real + fake}

    def objectives(self, terms):
        return {'autoencoder': terms['L_g'], 'critic': terms['L_d'], 'classifier': terms.get('classify_latent')}

    def train_step(self, data):
        """One update of autoencoder, critic and classifier, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        of_critic = self.share(terms['x_real_recon_loss'] - terms['x_fake_recon_loss'])
        self.optimizers['critic'].share.assign(of_critic)
        self.optimizers['autoencoder'].share.assign(1 - of_critic)
        self.update(tape, objectives)
        return self.track(terms, objectives)


def distance_loss(images, latents):
    """L_dist, a scalar: mismatch between the relative distances of all pairs of images [n, ...] and of their latents."""
    def relative_distances(x):
        flat = tf.reshape(x, [tf.shape(x)[0], -1])
        flat -= tf.reduce_mean(flat, axis=0)  # differences of large squares would lose digits
        squares = tf.reduce_sum(tf.square(flat), axis=1)
        distances = tf.nn.relu(squares[:, None] + squares[None] - 2 * tf.matmul(flat, flat, transpose_b=True))
        return tf.math.divide_no_nan(distances, tf.reduce_mean(distances))
    of_images, of_latents = relative_distances(images), relative_distances(latents)
    return tf.reduce_mean(tf.math.squared_difference(tf.math.log1p(of_images), tf.math.log1p(of_latents)))
