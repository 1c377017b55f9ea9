"""What all autoencoders share: networks, classifier trained in tandem, order of one step's updates, configuration."""

import keras
import tensorflow as tf

from acai_tf import architectures, losses, models, registry
from acai_tf.architectures.dense import dense
from acai_tf.errors import UsageError
from acai_tf.models.steps import Steps
from acai_tf.options import Configured, declared


class Autoencoder(Steps, Configured, keras.Model):
    """Base class of the autoencoders.

    A subclass declares its `Option`s and says which optimizer updates which networks (`optimizer_networks`), which loss
    terms it logs (`loss_names`), which networks only training needs (`training_only`) and which batches fit
    (`smallest_batch` on all replicas together, a multiple of `batch_multiple` on each). It defines `loss_terms` and a
    `train_step` that reads like the paper's algorithm. Works with `compile()` and `fit(dataset)` on batches
    `(images, labels)`: images float32 [batch, h, w, c] in [-1, 1], labels int [batch]; and with
    `strategy.run(model.train_step, ...)`, which is how `acai_tf.training` runs it.

    `train_step` calls the networks in training mode; `encode`, `decode`, `logits`, `call` and `evaluate` in inference
    mode.

    Args: see `acai_tf.models.create`.

    Attributes:
        latent_shape: (height, width, channels) of a latent.
    """

    training_only = ()
    smallest_batch = 1
    batch_multiple = 1

    def __init__(self, image_shape, nclass, depth=64, latent=16, latent_width=4, seed=0, architecture='acai', dtype=None,
                 name=None, **options):
        super().__init__(seed=seed, name=name, dtype=dtype)
        for label, value in (('depth', depth), ('latent', latent), ('nclass', nclass)):
            if value < 1:
                raise UsageError(f'{label}={value} must be at least 1')
        self.image_shape = tuple(image_shape)
        self.nclass, self.depth, self.latent, self.latent_width = nclass, depth, latent, latent_width
        if isinstance(architecture, str) and registry.is_reference(architecture):
            architecture = architectures.REGISTRY.get(architecture)
        self._given_architecture = architecture
        self._architecture_options = {key: options.pop(key) for key in architectures.options_of(architecture)
                                      if key in options}
        self.set_options(options, f'model {models.name_of(self)}')
        for key, option in declared(type(self)).items():
            if option.follows:
                setattr(self, key, getattr(self, key) or getattr(self, option.follows, getattr(self, key)))  # lr comes later
        self.architecture = architectures.create(architecture, depth, latent, latent_width, seed, self.dtype_policy,
                                                 **self._architecture_options)
        self.build_networks()
        self.built = True

    # ---- networks

    def build_networks(self):
        """Makes the networks with `add_network`; a subclass calls this and adds its own."""
        encoder, self.latent_shape = architectures.build(self.architecture, 'encoder', self.image_shape, self.image_shape)
        decoder, _ = architectures.build(self.architecture, 'decoder', self.latent_shape, self.latent_shape,
                                         self.image_shape[-1], image_shape=self.image_shape, answer=self.image_shape)
        self.add_network('encoder', encoder)
        self.add_network('decoder', decoder)
        self.add_network('classifier', dense(self.latent_shape, self.nclass, self.seed, 'classifier'))

    # ---- use

    def encode(self, images, training=False):
        """Images [n, h, w, c] in [-1, 1] -> latents [n, *latent_shape]."""
        return self.encoder(images, training=training)

    def decode(self, latents, training=False):
        """Latents [n, *latent_shape] -> images [n, h, w, c], not clipped."""
        return self.to_images(self.decoder(latents, training=training))

    def to_images(self, values):
        """The decoder's values -> images: the architecture's output activation."""
        return getattr(self.architecture, 'output', tf.identity)(values)

    def call(self, images, training=False):
        """Reconstructs images."""
        return self.decode(self.encode(images, training), training)

    def classifier_input(self, images):
        """What the classifier reads, [n, ...]: the latents."""
        return self.encode(images)

    def logits(self, images):
        """Logits [n, nclass] of the single-layer classifier."""
        return self.classifier(self.classifier_input(images), training=False)

    # ---- training

    def random_inputs(self, images):
        """The random numbers of this step, by name; {} for a model without any."""
        del images
        return {}

    def loss_terms(self, images, random_inputs, labels=None, training=False):
        """All loss terms of one forward pass.

        Args:
            images: [batch, h, w, c].
            random_inputs: as returned by `random_inputs`.
            labels: int [batch]; without them there is no `classify_latent`.
            training: whether the networks are called in training mode.

        Returns:
            {name: scalar}, means over the batch, under the released log names.
        """
        raise NotImplementedError

    def reconstruction_terms(self, tag, images, reconstruction):
        """{tag: mean squared error, 'rmse': the same on the 0..255 scale}."""
        mse = tf.reduce_mean(losses.mean_squared_error(images, reconstruction))
        return {tag: mse, 'rmse': losses.rmse(mse)}

    def rmse_term(self, images, reconstruction):
        """{'rmse': root mean squared error on the 0..255 scale}, for systems whose loss is another."""
        return {'rmse': self.reconstruction_terms('mse', images, reconstruction)['rmse']}

    def classifier_terms(self, features, labels, training=False):
        """{'classify_latent': cross-entropy of the classifier}; the autoencoder gets no gradient from it."""
        if labels is None:
            return {}
        logits = self.classifier(tf.stop_gradient(features), training=training)
        return {'classify_latent': tf.reduce_mean(losses.cross_entropy(logits, labels))}

    def test_step(self, data):
        """Loss terms without an update, for `evaluate` and for `fit`'s validation data."""
        images, labels = data
        return self.track(self.loss_terms(images, self.random_inputs(images), labels))

    # ---- configuration

    def get_config(self):
        return {'image_shape': self.image_shape, 'nclass': self.nclass, 'depth': self.depth, 'latent': self.latent,
                'latent_width': self.latent_width, 'seed': self.seed, 'architecture': self._given_architecture,
                'dtype': self.dtype_policy.name, 'name': self.name, **self._architecture_options, **self.options()}

    @classmethod
    def from_config(cls, config):
        architecture = config.get('architecture', 'acai')
        if isinstance(architecture, dict):  # the user's own object, as Keras writes it
            architecture = keras.saving.deserialize_keras_object(architecture)
        elif isinstance(architecture, str) and registry.is_reference(architecture):
            raise UsageError(f'architecture={architecture!r}: a file that a saved model names is not run')
        return cls(**{**config, 'architecture': architecture})
