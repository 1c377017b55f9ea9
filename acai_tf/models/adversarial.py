"""What the systems with a critic of images share."""

import tensorflow as tf

from acai_tf import architectures
from acai_tf.models.base import Autoencoder


class Adversarial(Autoencoder):
    """Base class of the autoencoders that are trained against a critic of images, which training alone needs.

    A subclass declares the hyperparameter `advdepth`, channels of the critic's first convolutions, which follows depth.
    """

    optimizes = {'autoencoder': ('encoder', 'decoder'), 'critic': ('critic',), 'classifier': ('classifier',)}
    training_only = ('critic',)

    def build_networks(self):
        super().build_networks()
        self.add_network('critic', self.build_critic())

    def build_critic(self):
        """The architecture's critic: images -> [n, h, w, c]."""
        return architectures.build(self.architecture.critic, self.image_shape, self.image_shape, depth=self.advdepth)[0]

    def criticise(self, images, training=False):
        """The critic's answer for each image, [batch]: the mean over all its outputs."""
        return tf.reduce_mean(self.critic(images, training=training), axis=[1, 2, 3])
