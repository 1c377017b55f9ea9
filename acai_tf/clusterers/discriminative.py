"""Clusterers that are classifiers, trained to be informative about the points (RIM, IMSAT)."""

import keras
import tensorflow as tf
from keras import layers

from acai_tf.clusterers.network import Network, linear
from acai_tf.losses import entropy
from acai_tf.models.fitting import Fitting
from acai_tf.options import Option, sizes_of


class Discriminative(Network):
    """A classifier p(y|x) that maximizes the mutual information of point and cluster, H(y) - H(y|x), with a penalty.

    The network is IMSAT's: d-1200-1200-clusters, with batch normalization and ReLU after each hidden layer. Adam. Kernels
    start as released, in Chainer 1.21, whose `wscale` scales their variance, not their deviation. After batch normalization
    the size of a kernel only decides how far one step of Adam turns it.
    """

    layer_sizes = Option('1200,1200', 'sizes of the hidden layers, separated by commas')
    epochs = Option(50, 'number of passes over the points', minimum=1)
    batch = Option(250, 'batch size', minimum=2)
    lr = Option(0.002, 'learning rate', minimum=0)

    optimizer_networks = {'classifier': ('classifier',)}

    def build_networks(self):
        stack = [keras.Input((self.width,))]
        for i, units in enumerate(self.hidden_sizes()):
            # Batch normalization would remove a bias; its gradient would be rounding noise, which Adam would follow.
            stack += [linear(units, 0.1, self.seed, f'hidden_{i}', self.dtype_policy, use_bias=False),
                      layers.BatchNormalization(momentum=0.9, epsilon=2e-5, dtype=self.dtype_policy),
                      layers.Activation('relu', dtype=self.dtype_policy)]
        stack.append(linear(self.clusters, 1e-4, self.seed, 'logits', 'float32'))
        self.add_network('classifier', keras.Sequential(stack, name='classifier'))

    def hidden_sizes(self):
        """Sizes of the hidden layers; UsageError if they are not positive numbers."""
        return sizes_of('layer_sizes', self.layer_sizes)

    def call(self, points, training=False):
        """Logits."""
        return self.classifier(points, training=training)

    def entropies(self, probabilities):
        """(H(y), H(y|x)) of p(y|x) [batch, clusters]; H(y) is over the global batch."""
        marginal = self.global_mean(tf.reduce_mean(probabilities, axis=0))
        return entropy(marginal), tf.reduce_mean(entropy(probabilities))

    def learn(self, points, state_path=None):
        self.normalize(points)
        columns = self.columns(points)
        batch = min(self.batch, len(points))
        steps = -(-self.epochs * len(points) // batch)
        self.compile()
        with Fitting({self.method: self}, state_path, steps) as fitting:
            fitting.train(self.method, columns, steps, batch)
        self.objective = float(self.loss_on(*columns))
