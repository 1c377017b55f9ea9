"""FLAT: a decoder that is close to a scaled isometry (Lee et al., Regularized Autoencoders for Isometric Representation
Learning, ICLR 2022)."""

import keras
import tensorflow as tf

from acai_tf.errors import UsageError
from acai_tf.models.regularizer import Regularizer
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class FLAT(Regularizer):
    """Adds the relaxed distortion measure of the decoder, where J is its Jacobian at a latent:

        autoencoder:  the base's loss + wgt_flat * mean Tr((J'J)^2) / (mean Tr(J'J))^2

    at mixes of two latents of the batch, alpha * z_i + (1 - alpha) * z_j with alpha uniform in [-margin, 1 + margin]. The
    smallest possible value is 1 / d for latents of d values. Then J'J is the same multiple of the identity everywhere, and
    straight lines in the latent space are shortest paths. The traces are Hutchinson's estimates |J v|^2 and |J'J v|^2 from
    one normal v per image. The means are over the global batch.
    """

    wgt_flat = Option(0.01, 'weight of the distortion', minimum=0, released=False)
    margin = Option(0.2, 'how far beyond the two latents a mix may lie, as a share of their distance', minimum=0,
                    released=False)

    optimizer_networks = {'autoencoder': ('encoder', 'decoder'), 'classifier': ('classifier',)}
    loss_names = ('loss_ae', 'rmse', 'loss_flat', 'classify_latent')

    def build_networks(self):
        if self.dtype_policy.compute_dtype == 'bfloat16':
            raise UsageError(f'flat differentiates its decoder, which {self.dtype_policy.name} does too coarsely; use '
                             'precision=float32')
        super().build_networks()

    def random_inputs(self, images):
        size = tf.shape(images)[0]
        return {**super().random_inputs(images), 'alpha': self.uniform('alpha', [size, 1, 1, 1]),
                'permutation': self.permutation('permutation', size),
                'direction': self.normal('direction', [size, *self.latent_shape])}

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        alpha = (1 + 2 * self.margin) * random_inputs['alpha'] - self.margin
        mixed = alpha * latents + (1 - alpha) * tf.gather(latents, random_inputs['permutation'])
        with tf.GradientTape() as tape:
            tape.watch(mixed)
            with tf.autodiff.ForwardAccumulator(mixed, random_inputs['direction']) as accumulator:
                decoded = self.decode(mixed, training)
            along = accumulator.jvp(decoded, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        back = tape.gradient(decoded, mixed, output_gradients=along)
        traces = [self.global_mean(tf.reduce_mean(tf.reduce_sum(tf.square(x), axis=[1, 2, 3]))) for x in (along, back)]
        return {'loss_flat': tf.math.divide_no_nan(traces[1], tf.square(traces[0]))}

    def objectives(self, terms):
        objectives = super().objectives(terms)
        objectives['autoencoder'] += self.loss_scale * self.wgt_flat * terms['loss_flat']
        return objectives

    def train_step(self, data):
        """One update of autoencoder and classifier, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
