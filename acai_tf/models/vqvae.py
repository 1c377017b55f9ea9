"""VQ-VAE (van den Oord et al., 2017), in the form of the released vqvae.py and lib/discretization.py."""

import math

import keras
import tensorflow as tf

from acai_tf import losses, randomness
from acai_tf.architectures.dense import dense
from acai_tf.errors import UsageError
from acai_tf.models import start
from acai_tf.models.base import Autoencoder, Pass
from acai_tf.models.steps import all_reduce
from acai_tf.options import Option

_DECAY, _EPSILON = 0.999, 1e-5
_HIDDEN = 512
_START_IMAGES, _CODE_NOISE = 1024, 0.1


class Codebook(keras.layers.Layer):
    """Codes that follow the moving averages of the vectors assigned to them.

    As released, the counts begin at zero and the means at the codes themselves, so the first update multiplies an unused
    code by about 1e5, and one used once by about 1e3. `size` is the number of codes, `dim` the length of a code.
    """

    def __init__(self, size, dim, seed):
        super().__init__(name='codebook', dtype='float32')
        bound = (3 / size)**0.5  # TF1's uniform_unit_scaling on shape [1, 1, size, dim]
        uniform = keras.initializers.RandomUniform(-bound, bound, seed=randomness.layer_seed(seed, 'codebook'))
        # Every replica makes the same update, from the summed statistics.
        self.codes, self.ema_means, self.ema_count = (
            self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False,
                            aggregation='only_first_replica')
            for name, shape, initializer in (('codes', [size, dim], uniform), ('ema_means', [size, dim], 'zeros'),
                                             ('ema_count', [size], 'zeros')))
        self._begin_at(self.codes)

    def _begin_at(self, codes):
        self.codes.assign(codes)
        self.ema_means.assign(codes)

    def start_from(self, vectors, seed):
        """Draws the codes from vectors [n, dim], adds noise of 0.1 standard deviations, and sets each count to 1."""
        size = self.codes.shape[0]
        rows = tf.random.stateless_uniform([size], randomness.key(seed, 'codes'), 0, len(vectors), tf.int32)
        chosen = tf.gather(vectors, rows)
        noise = randomness.normal(chosen.shape, randomness.key(seed, 'code_noise'))
        self._begin_at(chosen + _CODE_NOISE * tf.math.reduce_std(vectors, axis=0) * noise)
        self.ema_count.assign(tf.ones([size]))

    def call(self, vectors):
        """[n, dim] -> (the nearest codes [n, dim], their numbers [n]); no gradient."""
        origin = tf.reduce_mean(self.codes, 0)  # differences of large squares would lose digits
        codes = self.codes - origin
        distance = tf.reduce_sum(tf.square(codes), 1) - 2 * tf.matmul(vectors - origin, codes, transpose_b=True)
        numbers = tf.argmin(distance, axis=1)
        return tf.stop_gradient(tf.gather(self.codes, numbers)), numbers

    def statistics(self, vectors, numbers):
        """(number of vectors assigned to each code [size], their sum [size, dim]), over all replicas."""
        size = self.ema_count.shape[0]
        return all_reduce('SUM', [tf.math.unsorted_segment_sum(tf.ones_like(vectors[:, 0]), numbers, size),
                                  tf.math.unsorted_segment_sum(vectors, numbers, size)])

    def update(self, counts, sums):
        """Updates the averages, and sets the codes to the resulting means."""
        count = _DECAY * self.ema_count + (1 - _DECAY) * counts
        means = _DECAY * self.ema_means + (1 - _DECAY) * sums
        total = tf.reduce_sum(count)
        smoothed = (count + _EPSILON) / (total + count.shape[0] * _EPSILON) * total
        self.ema_count.assign(count)
        self.ema_means.assign(means)
        self.codes.assign(means / smoothed[:, None])


@keras.saving.register_keras_serializable('acai_tf')
class AEVQVAE(Autoencoder):
    """Minimizes mean (x - ae)^2 + beta * mean (v - sg(code))^2; one Adam updates everything, including the classifier.

    The flattened latent (size d) is projected to `num_latents` vectors v of size d. Each is replaced by its nearest of
    2^z_log_size codes (straight through for the gradient). Two linear layers, each after a ReLU, lead back to the decoder;
    the classifier reads their output. `encode` returns the latent before the projection; `decode` quantizes.

    `plain` is the paper's form: the latent itself is the one vector, and its code is decoded directly.
    """

    beta = Option(10.0, 'weight of the commitment loss', minimum=0)
    z_log_size = Option(14, 'base-2 logarithm of the number of codes', minimum=1, maximum=20)
    num_latents = Option(10, 'number of codes per image', minimum=1)
    plain = Option(False, 'the paper\'s form: no projection before the codes and no layers after them; needs num_latents=1',
                   released=False)

    loss_names = ('loss_ae', 'rmse', 'vqvae_loss', 'perplexity', 'classify_latent')

    def build_networks(self):
        super().build_networks()
        if self.plain and self.num_latents != 1:
            raise UsageError(f'plain needs num_latents=1, not {self.num_latents}')
        size, trained = math.prod(self.latent_shape), ['encoder', 'decoder', 'classifier']
        if not self.plain:
            self.add_network('pre_quantizer', dense(self.latent_shape, self.num_latents * size, self.seed, 'pre_quantizer'))
            self.add_network('post_quantizer', dense(
                [self.num_latents * size], [_HIDDEN, size], self.seed, 'post_quantizer', 'relu'))
            trained += ['pre_quantizer', 'post_quantizer']
        self.optimizer_networks = {'all': tuple(trained)}
        self.add_network('codebook', Codebook(2**self.z_log_size, size, self.seed))

    def quantize_latents(self, latents, training=False):
        """Latents -> (the decoder's input, same shape; vectors v [n * num_latents, d]; their codes; the codes' numbers)."""
        flat = tf.reshape(latents, [-1, self.codebook.codes.shape[1]])
        vectors = flat if self.plain else tf.reshape(
            self.pre_quantizer(latents, training=training), tf.shape(flat) * [self.num_latents, 1])
        codes, numbers = self.codebook(vectors)
        straight = vectors + tf.stop_gradient(codes - vectors)
        if not self.plain:
            straight = self.post_quantizer(tf.nn.relu(tf.reshape(straight, [tf.shape(flat)[0], -1])), training=training)
        return tf.reshape(straight, tf.shape(latents)), vectors, codes, numbers

    def start_from(self, dataset):
        """Like `Autoencoder.start_from`, and draws the codes from the latents of 1,024 images."""
        super().start_from(dataset)
        images = start.first_images(dataset, _START_IMAGES, self.image_shape)
        self.codebook.start_from(self.quantize_latents(self.encode(images))[1], self.seed)

    def decode(self, latents, training=False):
        return super().decode(self.quantize_latents(latents, training)[0], training)

    def classifier_input(self, images):
        return self.quantize_latents(self.encode(images))[0]

    def forward(self, images, random_inputs, labels=None, training=False):
        latents = self.encode(images, training)
        quantized, vectors, codes, numbers = self.quantize_latents(latents, training)
        reconstruction = super().decode(quantized, training)
        commitment = tf.reduce_mean(losses.mean_squared_error(vectors, codes))
        counts, sums = self.codebook.statistics(tf.stop_gradient(vectors), numbers)
        object.__setattr__(self, '_statistics', (counts, sums))  # not tracked: it belongs to one trace, or to one step
        share = counts / tf.reduce_sum(counts)
        return Pass(latents, reconstruction, {
            **self.reconstruction_terms('loss_ae', images, reconstruction), 'vqvae_loss': self.beta * commitment,
            'perplexity': tf.exp(-tf.reduce_sum(tf.math.xlogy(share, share))),
            **self.classifier_terms(quantized, labels, training)})

    def after_update(self):
        self.codebook.update(*self._statistics)

    def objectives(self, terms):
        return {'all': terms['loss_ae'] + terms['vqvae_loss'] + terms.get('classify_latent', 0.0)}

    def train_step(self, data):
        """One update of everything and of the codebook's averages, from one forward pass; returns the loss terms."""
        images, labels = self.unpack(data)
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(images, self.random_inputs(images), labels, training=True))
            objectives = self.objectives(terms)
        self.update(tape, objectives)
        return self.track(terms, objectives)
