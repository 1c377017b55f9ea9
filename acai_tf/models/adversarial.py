"""Base class of the systems with a critic of images."""

import tensorflow as tf
from keras import layers

from acai_tf import architectures
from acai_tf.models.regularizer import Regularizer

# Layers that treat each image independently.
_BY_IMAGE = (layers.InputLayer, layers.Identity, layers.Conv2D, layers.Dense, layers.Flatten, layers.Reshape,
             layers.LeakyReLU, layers.ReLU, layers.AveragePooling2D, layers.MaxPooling2D)
# Replaces a seed of the backward pass that is nearer to 0, so that another seed can be divided by it.
_SMALLEST_SEED = 1e-12


class Adversarial(Regularizer):
    """Base class of the regularizers with a critic of images. Only training needs the critic.

    A subclass declares the option `advdepth`, the channels of the critic's first convolutions, which follows depth.
    """

    optimizer_networks = {'autoencoder': ('encoder', 'decoder'), 'critic': ('critic',), 'classifier': ('classifier',)}
    training_only = ('critic',)

    def build_networks(self):
        super().build_networks()
        self.add_network('critic', self.build_critic())

    def build_critic(self):
        """The architecture's critic: images -> [n, h, w, c]."""
        return architectures.build(self.architecture, 'critic', self.image_shape, depth=self.advdepth)[0]

    def critic_score(self, images, training=False):
        """The critic's answer for each image, [batch]: the mean over all its outputs."""
        if training and all(isinstance(layer, _BY_IMAGE) for layer in self.critic._flatten_layers(include_self=False)):
            return _one_pass(self.critic, images)
        return _answer(self.critic(images, training=training))

    def update(self, tape, objectives):
        """Like `Steps.update`, but computes the critic's gradients first, so that `critic_score` needs one backward pass."""
        super().update(tape, {name: objectives[name] for name in sorted(objectives, key=lambda name: name != 'critic')})


def _answer(outputs):
    return tf.reduce_mean(outputs, axis=[1, 2, 3])


def _one_pass(critic, images):
    """A critic's answers, with one backward pass for the losses of both players.

    The answer for an image is one number, so the gradients of any two losses at that image differ only by a factor. The loss
    that is differentiated second reuses the gradients of the first, rescaled; a compiled step skips the rest of its pass.
    The critic's loss must come first: otherwise its weights need a second pass.
    """
    first = []

    @tf.custom_gradient
    def answers(images, *weights):
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch([images, *weights])
            answer = _answer(critic.stateless_call(weights, [], images, training=True)[0])

        def backward(seed):
            seed = tf.where(tf.abs(seed) < _SMALLEST_SEED, _SMALLEST_SEED, seed)
            of_images, *of_weights = tape.gradient(answer, [images, *weights], output_gradients=seed)
            if first and _is_within_reach(first[0]):
                first_seed, of_images = first
                of_images *= tf.reshape(seed / first_seed, [-1, *[1] * (images.shape.rank - 1)])
            else:
                first[:] = [seed, of_images]
            return of_images, *of_weights
        return answer, backward
    return answers(images, *map(tf.convert_to_tensor, critic.trainable_variables))


def _is_within_reach(tensor):
    """Returns False for a tensor of a graph that does not enclose the current one, such as another branch of a tf.cond."""
    graph = tf.compat.v1.get_default_graph()
    while tf.is_symbolic_tensor(tensor) and graph is not None and graph is not tensor.graph:
        graph = getattr(graph, 'outer_graph', None)
    return graph is not None
