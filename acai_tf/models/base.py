"""Base class of the autoencoders: networks, a classifier trained in tandem, order of one step's updates, configuration."""

import functools
import inspect
import os
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from acai_tf import architectures, losses, models, registry
from acai_tf.architectures.dense import dense
from acai_tf.errors import UsageError
from acai_tf.interpolation import lerp
from acai_tf.models import batches
from acai_tf.models import start as starts
from acai_tf.models.steps import CHECK, Steps
from acai_tf.options import Configured, declared
from acai_tf.tracing import as_rows, forward_products, in_batches, traced
from acai_tf.values import Classification

_MOST = 1.001  # largest absolute value of an image; the rest is rounding


def _takes_arrays(method):
    """Makes a method of tensors accept numpy arrays too, in inference mode."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        if any(isinstance(value, np.ndarray) for value in (*args, *kwargs.values())):
            _, *given = signature.bind(self, *args, **kwargs).arguments.items()
            inputs = dict(given)
            if inputs.pop('training', False):
                raise UsageError('training=True takes tensors, not arrays')
            return self._on_arrays(method, inputs)
        return method(self, *args, **kwargs)
    return call


class Pass(NamedTuple):
    """One forward pass: latents [batch, *latent_shape], which a regularizer mixes and `decode` takes; the reconstruction,
    images [batch, h, w, c]; and the loss terms, {name: scalar}."""
    latents: tf.Tensor
    reconstruction: tf.Tensor
    terms: dict


class Autoencoder(Steps, Configured, keras.Model):
    """Base class of the autoencoders.

    A subclass declares its `Option`s, the networks that each optimizer updates (`optimizer_networks`), the loss terms it
    logs (`loss_names`), the networks that only training needs (`training_only`), the networks that end in an image
    (`decoders`) and the batches it accepts (at least `smallest_batch` over all replicas, a multiple of `batch_multiple` on
    each). It defines `forward`, `objectives` and a `train_step` that reads like the paper's algorithm. A subclass that
    defines `loss_terms` instead of `forward` cannot be the base of a `regularizer.Regularizer`.

    Works with `compile()` and `fit(dataset)` on batches `(images, labels)`: images float32 [batch, h, w, c] in [-1, 1],
    labels int [batch]; without labels the classifier is not trained. `acai_tf.training` calls
    `strategy.run(model.train_step, ...)`. `train_step` calls the networks in training mode; `encode`, `decode`, `logits`,
    `call` and `evaluate` in inference mode.

    Args: see `acai_tf.models.create`.

    Attributes:
        latent_shape: (height, width, channels) of a latent.
    """

    smallest_batch = 1
    batch_multiple = 1
    quick = {}  # {option of the run: default with --preset=quick}, where it differs from that of other systems
    decoders = ('decoder',)
    stays_blank_on = ()  # data sets on which some or all trainings tried stayed blank for 48 kimg or longer
    takes_no_base = 'takes no base'  # the reason, as the end of a sentence
    loss_scale = 1.0  # ratio of the loss to a mean over pixels

    def __init__(self, image_shape, nclass, depth=64, latent=16, latent_width=4, seed=0, architecture='acai', dtype=None,
                 name=None, start='zero', average=0.0, steps=None, **options):
        super().__init__(seed=seed, name=name, dtype=dtype, steps=steps)
        object.__setattr__(self, '_compiled', {})  # not tracked by Keras
        if start not in ('zero', 'mean'):
            raise UsageError(f'start={start!r}: choose zero or mean')
        if not 0 <= average < 1:
            raise UsageError(f'average={average} must be at least 0 and below 1')
        self.start, self.average = start, average
        if len(image_shape) != 3:
            raise UsageError(f'image_shape={tuple(image_shape)}: must be (height, width, channels)')
        for label, value in (('depth', depth), ('latent', latent), ('nclass', nclass)):
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise UsageError(f'{label}={value!r} must be an integer of at least 1')
        # Keras and JSON take no NumPy integers.
        self.image_shape, self.nclass = tuple(map(int, image_shape)), int(nclass)
        self.depth, self.latent = int(depth), int(latent)
        # The architecture checks it, because it knows what fits.
        self.latent_width = int(latent_width) if isinstance(latent_width, np.integer) else latent_width
        if registry.is_reference(architecture):
            architecture = architectures.REGISTRY.get(architecture)
        self._given_architecture = architecture
        self._architecture_options = {key: options.pop(key) for key in architectures.options_of(architecture)
                                      if key in options}
        self.set_options(options, f'model {models.name_of(self)}')
        for key, option in declared(type(self)).items():
            if option.follows:
                setattr(self, key, getattr(self, key) or getattr(self, option.follows, getattr(self, key)))  # lr comes later
        self.architecture = architectures.create(architecture, self.depth, self.latent, self.latent_width, seed,
                                                 self.dtype_policy, **self._architecture_options)
        self.build_networks()
        self.built = True

    # ---- networks

    def build_networks(self):
        """Makes the networks with `add_network`; a subclass calls this and adds its own."""
        encoder, self.latent_shape = architectures.build(self.architecture, 'encoder', self.image_shape)
        decoder, _ = architectures.build(self.architecture, 'decoder', self.latent_shape, self.image_shape[-1],
                                         image_shape=self.image_shape, answer=self.image_shape)
        self.add_network('encoder', encoder)
        self.add_network('decoder', decoder)
        self.add_network('classifier', dense(self.latent_shape, self.nclass, self.seed, 'classifier'))

    # ---- use: arrays in, arrays out (compiled, in batches); tensors in, tensors out

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ('encode', 'decode'):
            if name in vars(cls):
                setattr(cls, name, _takes_arrays(vars(cls)[name]))

    def __str__(self):
        return type(self).__name__

    @_takes_arrays
    def encode(self, images, training=False):
        """Images [n, h, w, c] in [-1, 1] -> latents [n, *latent_shape]."""
        return self.encoder(images, training=training)

    @_takes_arrays
    def decode(self, latents, training=False):
        """Latents [n, *latent_shape] -> images [n, h, w, c], not clipped."""
        return self.to_images(self.decoder(latents, training=training))

    def to_images(self, values):
        """Applies the architecture's output activation: the decoder's values -> images."""
        return getattr(self.architecture, 'output', tf.identity)(values)

    def call(self, images, training=False):
        """Reconstructs images."""
        batches.check_images(images, self.image_shape, any_float=True)
        return self.decode(self.encode(images, training), training)

    @_takes_arrays
    def reconstruct(self, images):
        """Images -> images, in inference mode."""
        return self(images)

    @_takes_arrays
    def interpolate(self, images_a, images_b, alpha):
        """Decoded mixes of the latents of a (alpha 0) and b (alpha 1); alpha is a number or [n]."""
        weights = tf.reshape(tf.cast(alpha, tf.float32), [-1, 1, 1, 1])
        return self.decode(lerp(self.encode(images_a), self.encode(images_b), weights))

    @_takes_arrays
    def classify(self, images):
        """Images -> `values.Classification` by the single-layer classifier."""
        probabilities = tf.nn.softmax(self.logits(images))
        return Classification(probabilities, tf.argmax(probabilities, axis=-1))

    @_takes_arrays
    def decoder_products(self, latents, directions):
        """Products J v of the decoder's Jacobian J at the latents and directions v [n, *latent_shape]: [n, h, w, c]."""
        return forward_products(self.decode)(latents, directions)

    def _on_arrays(self, method, inputs):
        shapes = {'latents': self.latent_shape, 'directions': self.latent_shape, 'alpha': ()}
        arrays = as_rows(**{name: (value, shapes.get(name, self.image_shape)) for name, value in inputs.items()})
        if method not in self._compiled:
            self._compiled[method] = traced(functools.partial(method, self), input_signature=[
                tf.TensorSpec([None, *value.shape[1:]], tf.float32) for value in arrays.values()])
        return in_batches(self._compiled[method], *arrays.values())

    def start_from(self, dataset):
        """Sets the decoder's last bias so that its first images have the mean color of the training images, given as a
        `datasets.base.Dataset`, a tf.data.Dataset of batches, or images [n, h, w, c]. Without this a model first learns the
        background, only as fast as Adam moves a bias. UsageError if the decoder does not end in one bias per channel."""
        starts.set_mean(self, dataset)

    def fit(self, x=None, y=None, *args, **kwargs):
        batches.refuse_text(y)
        batches.refuse_endless(x, 'steps_per_epoch', kwargs.get('steps_per_epoch'))
        if self.start == 'mean' and not self.steps.numpy():
            self.start_from(x)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        batches.refuse_text(y)
        batches.refuse_endless(x, 'steps (in fit, validation_steps)', kwargs.get('steps'))
        with self.averaged():
            return super().evaluate(x, y, *args, **kwargs)

    def export(self, filepath, format='tf_saved_model', **kwargs):
        kwargs.setdefault('input_signature', [keras.InputSpec('float32', [None, *self.image_shape], name='images')])
        with self.averaged():
            return super().export(filepath, format, **kwargs)

    def save(self, filepath, *args, **kwargs):
        if os.fspath(filepath).endswith(('.h5', '.hdf5')):
            raise UsageError(f'{filepath}: HDF5 cannot store all optimizers; save as {os.path.splitext(filepath)[0]}.keras')
        return super().save(filepath, *args, **kwargs)

    def classifier_input(self, images):
        """The classifier's input [n, ...]: the latents."""
        return self.encode(images)

    def logits(self, images):
        """Logits [n, nclass] of the single-layer classifier."""
        return self.classifier(self.classifier_input(images), training=False)

    # ---- training

    def random_inputs(self, images):
        """{name: random numbers} of this step; {} for a model that draws none."""
        del images
        return {}

    def unpack(self, data):
        """Returns images and labels (or None) from the data that Keras or the training loop passes to a step: images,
        (images,), (images, labels), or (images, images), because an autoencoder's targets are its images. UsageError for
        wrong types or shapes, and for sample or class weights."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise UsageError(f'{type(self).__name__} does not support sample_weight or class_weight; leave them out')
        images, labels = (value if value is None else tf.convert_to_tensor(value) for value in (images, labels))
        batches.check_images(images, self.image_shape)
        labels = batches.class_numbers(labels)
        object.__setattr__(self, '_rows', tf.shape(images)[0])  # not tracked: it belongs to one trace, or to one step
        return self._assert_in_range(images, labels)

    def _assert_in_range(self, images, labels):
        """Returns images and labels. In `fit` and `evaluate`, raises if images leave [-1, 1] or labels leave 0..nclass-1.

        The data sets that the training loop reads make the same checks. XLA has no assertions.
        """
        if not self.in_keras or self.jit_compile:
            return images, labels
        low, high = tf.reduce_min(images), tf.reduce_max(images)
        checks = [tf.debugging.Assert((low >= -_MOST) & (high <= _MOST), [
            f'{CHECK}images must be in -1 to 1 (pixels * 2 / 255 - 1); these range from', low, 'to', high])]
        if labels is not None:
            checks.append(tf.debugging.Assert(tf.reduce_all((labels >= 0) & (labels < self.nclass)), [
                f'{CHECK}labels must be 0 to {self.nclass - 1}; these range from', tf.reduce_min(labels), 'to',
                tf.reduce_max(labels)]))
        with tf.control_dependencies(checks):
            return tf.identity(images), labels if labels is None else tf.identity(labels)

    def forward(self, images, random_inputs, labels=None, training=False):
        """Encodes and decodes images [batch, h, w, c] once, with the draws of `random_inputs`; without labels (int [batch])
        there is no `classify_latent`.

        Returns:
            A `Pass`; its terms are means over the batch, under the released log names.
        """
        raise NotImplementedError

    def loss_terms(self, images, random_inputs, labels=None, training=False):
        """{name: scalar}, all loss terms of one forward pass; arguments as for `forward`."""
        return self.forward(images, random_inputs, labels, training).terms

    def reconstruction_terms(self, tag, images, reconstruction):
        """{tag: mean squared error, 'rmse': its root on the 0..255 scale}."""
        mse = tf.reduce_mean(losses.mean_squared_error(images, reconstruction))
        return {tag: mse, 'rmse': losses.rmse(mse)}

    def rmse_term(self, images, reconstruction):
        """{'rmse': root mean squared error on the 0..255 scale}, for systems with another loss."""
        return {'rmse': self.reconstruction_terms('mse', images, reconstruction)['rmse']}

    def classifier_terms(self, features, labels, training=False):
        """{'classify_latent': cross-entropy of the classifier}; no gradient reaches the autoencoder."""
        if labels is None:
            return {}
        logits = self.classifier(tf.stop_gradient(features), training=training)
        return {'classify_latent': tf.reduce_mean(losses.cross_entropy(logits, labels))}

    def objectives(self, terms):
        """{optimizer: the scalar that it minimizes}, from the loss terms; None if it has nothing to minimize.

        If a system does not define this, the logs of `fit` and `evaluate` have no `loss`.
        """
        del terms
        return {}

    def test_step(self, data):
        """Loss terms without an update, for `evaluate` and for `fit`'s validation data."""
        images, labels = self.unpack(data)
        terms = self.loss_terms(images, self.random_inputs(images), labels)
        return self.track(terms, self.objectives(terms))

    def track(self, terms, objectives=None):
        """Adds the terms to the means that `fit` and `evaluate` show, and returns them. The objectives add the term `loss`:
        the autoencoder's objective without the classifier."""
        if objectives and 'loss' not in terms:
            loss = objectives['autoencoder'] if 'autoencoder' in objectives else (
                objectives['all'] - terms.get('classify_latent', 0.0))
            terms = {**terms, 'loss': loss}
        return super().track(terms)

    # ---- configuration

    def get_config(self):
        return {'image_shape': self.image_shape, 'nclass': self.nclass, 'depth': self.depth, 'latent': self.latent,
                'latent_width': self.latent_width, 'seed': self.seed, 'architecture': self._given_architecture,
                'dtype': self.dtype_policy.name, 'name': self.name, 'start': self.start, 'average': self.average,
                **self._architecture_options, **self.options()}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in {'architecture', 'base'} & set(config):
            if isinstance(config[name], dict):  # the user's own object, as Keras writes it
                config[name] = keras.saving.deserialize_keras_object(config[name])
            elif registry.is_reference(config[name]):
                raise UsageError(f'{name}={config[name]!r}: code in a file that a saved model names is never run')
        if isinstance(config.get('base'), Autoencoder):  # stands for its class in a regularizer's config
            config['base'] = type(config['base'])
        return cls(**config)
