"""DEC: deep embedded clustering (Xie, Girshick, Farhadi, ICML 2016; its released Caffe code)."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from acai_tf.clusterers.kmeans import kmeans
from acai_tf.clusterers.network import Network
from acai_tf.losses import kl_divergence, mean_squared_error
from acai_tf.models.fitting import Fitting, OneLoss
from acai_tf.options import Option, sizes_of
from acai_tf.randomness import layer_seed
from acai_tf.tracing import in_batches

_MOMENTUM = 0.9
_DROPPED = 0.2  # share of a layer's input dropped in layerwise pretraining; none of the points themselves, as released
_FALLS_AFTER = 0.4  # share of a layer's pretraining after which the learning rate falls to a tenth: 20k of 50k steps


class DEC(Network):
    """An encoder and centers in its code space, refined so that soft assignments become more confident.

    A stacked denoising autoencoder is pretrained layer by layer, then as a whole. K-means on its codes gives the centers.
    Then encoder and centers minimize KL(P || Q) (eq. 2), where Q are the points' soft assignments (eq. 1) and P their
    target distribution (eq. 3). P is recomputed every `refresh` steps, until less than a share `tolerance` of the points
    changes cluster in between. SGD with momentum 0.9 throughout, as released (where biases learn twice as fast). With
    `pretrain_steps=0` there is no encoder, and only the centers are refined, in the space of the points.
    """

    layer_sizes = Option('500,500,2000,10', 'sizes of the layers, separated by commas')
    pretrain_steps = Option(50000, 'steps of pretraining for each layer, and twice as many for all together; '
                                    '0: no encoder, only the centers are refined', minimum=0)
    pretrain_lr = Option(0.1, 'learning rate of the pretraining; it falls to a tenth after each 2/5 of '
                                 'pretrain_steps', minimum=0)
    n_init = Option(20, 'number of random starts of K-means', minimum=1)
    finetune_steps = Option(20000, 'largest number of refinement steps', minimum=0)
    lr = Option(0.01, 'learning rate', minimum=0)
    refresh = Option(160, 'T: steps between two target distributions', minimum=1)
    tolerance = Option(0.001, 'the refinement ends when less than this share of the points changes cluster', minimum=0,
                               maximum=1)
    batch = Option(256, 'batch size', minimum=1)

    on_latents = {'pretrain_steps': 0}
    idle = {('pretrain_steps', 0): ('layer_sizes', 'pretrain_lr'), ('finetune_steps', 0): ('lr', 'refresh', 'tolerance')}
    optimizer_networks = {'clusters': ('encoder', 'centers')}

    def build_networks(self):
        sizes = sizes_of('layer_sizes', self.layer_sizes) if self.pretrain_steps else []
        self._pairs = [self._pair(i, inputs, units, i == len(sizes) - 1)
                       for i, (inputs, units) in enumerate(zip([self.width, *sizes], sizes))]
        self.add_network('encoder', _chain([encode for encode, _ in self._pairs], self.width))
        self.add_network('centers', keras.Sequential(
            [keras.Input(self.encoder.output_shape[1:]), Centers(self.clusters, dtype='float32')], name='centers'))

    def _pair(self, index, inputs, units, last):
        """Makes a layer of the encoder and the matching layer of the decoder."""
        def layer(name, units, is_end):
            return layers.Dense(
                units, None if is_end else 'relu', dtype='float32' if is_end else self.dtype_policy,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01, seed=layer_seed(self.seed, name, index)))
        return layer('encode', units, last), layer('decode', inputs, index == 0)

    def make_optimizer(self, name):
        return keras.optimizers.SGD(self.lr, momentum=_MOMENTUM, name=name)

    def call(self, points, training=False):
        """Soft assignments Q."""
        return self.centers(self.encoder(points, training=training))

    def loss_terms(self, points, target, training=False):
        """{'loss': KL divergence of a batch of points from their target distribution}."""
        return {'loss': tf.reduce_mean(kl_divergence(target, self(points, training=training)))}

    def loss_on(self, points):
        assigned = self.answers(points)
        return tf.reduce_mean(kl_divergence(target_distribution(assigned), assigned))

    def learn(self, points, state_path=None):
        self.normalize(points)
        points = self.normalized(points)
        self.compile()
        stages = self._stages()
        steps = {name: self.pretrain_steps * (2 if name == 'autoencoder' else 1) for name in stages}
        with Fitting({**stages, 'refinement': self}, state_path, sum(steps.values()) + self.finetune_steps) as fitting:
            for name, stage in stages.items():
                if int(stage.steps.numpy()) < steps[name]:
                    fitting.train(name, [in_batches(stage.before, points)], steps[name], self.batch)
            if not int(self.steps.numpy()):
                codes = in_batches(self.encoder, points)
                self.centers.set_weights([kmeans(codes, self.clusters, self.n_init, self.seed)[1]])
            self._refine(points, fitting)
        self.objective = float(self.loss_on(points))

    def _stages(self):
        """{name: Pretraining}, for each pair of layers, then for all together."""
        stages, count = {}, len(self._pairs)
        spans = {**{f'layer_{i + 1}': (i, i + 1) for i in range(count)}, 'autoencoder': (0, count)} if count else {}
        widths = [self.width, *(layer.units for layer, _ in self._pairs)]
        for name, (first, last) in spans.items():
            before, (encode, decode) = [layer for layer, _ in self._pairs[:first]], zip(*self._pairs[first:last])
            stages[name] = Pretraining(
                _chain(before, self.width), _chain(encode, widths[first]), _chain(reversed(decode), widths[last]),
                (_DROPPED if first else 0, _DROPPED if last < count else 0), int(_FALLS_AFTER * self.pretrain_steps) or 1,
                self.seed, name)
            stages[name].compile(self.pretrain_lr)
        return stages

    def _refine(self, points, fitting):
        while True:
            assigned, step = self.answers(points), int(self.steps.numpy())
            clusters, before = assigned.argmax(axis=1), fitting.extras.get('clusters')
            settled = before is not None and np.sum(clusters != before) < self.tolerance * len(points)
            if settled or step >= self.finetune_steps:
                return
            fitting.extras['clusters'] = clusters
            fitting.train('refinement', [points, target_distribution(assigned)],
                          min(step + self.refresh, self.finetune_steps), self.batch, save=False)
            fitting.save_if_due()


class Pretraining(OneLoss):
    """Layers that learn to reconstruct their input when a part of it is dropped (DEC, section 3.2).

        minimize  1/2 mean (x - D(drop(E(drop(x)))))^2

    Args:
        before: network that computes their input.
        encoder, decoder: networks of the layers.
        dropped: shares of the values to drop before encoder and decoder.
        falls_after: the learning rate falls to a tenth after each this many steps.
    """

    optimizer_networks = {'autoencoder': ('encoder', 'decoder')}

    def __init__(self, before, encoder, decoder, dropped, falls_after, seed, name):
        super().__init__(seed, name)
        self.before, self._dropped, self._falls_after = before, dropped, falls_after
        self.add_network('encoder', encoder)
        self.add_network('decoder', decoder)
        self.built = True

    def make_optimizer(self, name):
        rate = keras.optimizers.schedules.ExponentialDecay(self.lr, self._falls_after, 0.1, staircase=True)
        return keras.optimizers.SGD(rate, momentum=_MOMENTUM, name=name)

    def loss_terms(self, points, training=False):
        """{'loss': mean error of a batch of points}, from one forward pass."""
        codes = self.encoder(self._drop(points, 0), training=training)
        reconstruction = self.decoder(self._drop(codes, 1), training=training)
        return {'loss': 0.5 * tf.reduce_mean(mean_squared_error(points, reconstruction))}

    def _drop(self, values, which):
        part = self._dropped[which]
        if not part:
            return values
        kept = tf.cast(self.uniform(f'{self.name}/drop/{which}', tf.shape(values)) >= part, values.dtype)
        return values * kept / (1 - part)


class Centers(layers.Layer):
    """Cluster centers; the layer maps codes to soft assignments."""

    def __init__(self, clusters, **kwargs):
        super().__init__(**kwargs)
        self.clusters = clusters

    def build(self, shape):
        self.centers = self.add_weight(name='centers', shape=(self.clusters, shape[-1]), initializer='zeros')

    def call(self, codes):
        return soft_assignment(codes, self.centers)


def soft_assignment(codes, centers):
    """Q: similarity to each center, by a Student t distribution with one degree of freedom (eq. 1): codes [n, d],
    centers [k, d] -> [n, k]; rows sum to 1."""
    distances = tf.reduce_sum(tf.math.squared_difference(codes[:, None], centers[None]), axis=-1)
    similarities = 1 / (1 + distances)
    return similarities / tf.reduce_sum(similarities, axis=1, keepdims=True)


def target_distribution(assigned):
    """P: assignments, sharpened and with clusters of equal weight (eq. 3): [n, k] of all points -> [n, k]."""
    weighted = np.square(assigned) / np.sum(assigned, axis=0)
    return weighted / np.sum(weighted, axis=1, keepdims=True)


def _chain(chain, width):
    """Makes a network from a sequence of layers, which may be empty, for inputs of the given width."""
    return keras.Sequential([keras.Input((width,)), *chain, layers.Identity(dtype='float32')])
