"""IMSAT: information maximizing self-augmented training (Hu et al., ICML 2017; released imsat_cluster.py)."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from acai_tf import randomness
from acai_tf.clusterers.discriminative import Discriminative
from acai_tf.clusterers.network import POINTS_AT_A_TIME
from acai_tf.losses import kl_divergence
from acai_tf.options import Option
from acai_tf.tracing import traced

_NEIGHBOR = 10


class IMSAT(Discriminative):
    """A classifier that is informative about the points, and changes little if a point moves a little (eq. 9 to 13).

        minimize  KL(p(y|x) || p(y|x + r)) + lambda (H(y|x) - mu H(y))

    r points in the worst direction (virtual adversarial training, one power iteration). Its length is a share of the
    distance to the point's 10th nearest neighbor. Gradients do not flow through p(y|x) in the first term, and the perturbed
    passes do not update the statistics of batch normalization.
    """

    lam = Option(0.1, 'lambda: weight of the mutual information', minimum=0)
    mu = Option(4.0, 'mu: weight of H(y) in it', minimum=0)
    radius = Option(0.25, 'length of a perturbation, relative to the distance to the 10th nearest neighbor', minimum=0)
    xi = Option(10.0, 'length of the step that finds the direction', minimum=0)

    idle = {('lam', 0): ('mu',), ('radius', 0): ('xi',)}
    loss_names = ('loss', 'vat', 'marginal_entropy', 'conditional_entropy')

    def columns(self, points):
        """(normalized points [n, width], lengths of their perturbations [n])."""
        from sklearn.neighbors import NearestNeighbors
        points = self.normalized(points)
        # The nearest neighbor of a point is the point itself.
        nearest = NearestNeighbors(n_neighbors=min(_NEIGHBOR + 1, len(points)), algorithm='brute').fit(points)
        return points, np.float32(self.radius) * nearest.kneighbors(points)[0][:, -1].astype(np.float32)

    def loss_terms(self, points, lengths, directions, training=False):
        """{tag: term} for normalized points [batch, width], the lengths [batch] of their perturbations, and the directions
        [batch, width] in which the power iteration starts."""
        probabilities = tf.nn.softmax(self(points, training=training))
        marginal, conditional = self.entropies(probabilities)
        with frozen_statistics(self.classifier):
            vat = tf.reduce_mean(virtual_adversarial_loss(
                lambda x: tf.nn.softmax(self(x, training=training)), points, probabilities, lengths, directions, self.xi))
        return {'loss': vat + self.lam * (conditional - self.mu * marginal), 'vat': vat, 'marginal_entropy': marginal,
                'conditional_entropy': conditional}

    def train_step(self, data):
        """One update; the power iteration starts in random directions."""
        return super().train_step((*data, self.normal('direction', tf.shape(data[0]))))

    def loss_on(self, points, lengths):
        marginal, conditional = self.entropies(tf.nn.softmax(self.answers(points)))
        vat = traced(lambda *rows: self.loss_terms(*rows)['vat'])
        total = 0.0
        for start in range(0, len(points), POINTS_AT_A_TIME):
            rows = points[start:start + POINTS_AT_A_TIME]
            directions = randomness.normal(rows.shape, randomness.key(self.seed, 'score', start))
            total += len(rows) * float(vat(rows, lengths[start:start + POINTS_AT_A_TIME], directions))
        return total / len(points) + self.lam * (conditional - self.mu * marginal)


def virtual_adversarial_loss(predict, points, probabilities, lengths, directions, xi):
    """Change of predictions in the worst direction, KL(p(x) || p(x + r)) (Miyato et al.; IMSAT eq. 12): [n].

    Args:
        predict: function, points [n, d] -> probabilities [n, k].
        probabilities: predict(points); gradients do not flow through them.
        lengths: [n], lengths of r.
        directions: [n, d], where the power iteration starts.
        xi: distance from the points at which the gradient is taken.
    """
    probabilities = tf.stop_gradient(probabilities)
    worst = adversarial_direction(lambda x: kl_divergence(probabilities, predict(x)), points, directions, xi)
    return kl_divergence(probabilities, predict(points + lengths[:, None] * worst))


def adversarial_direction(divergence, points, directions, xi):
    """Unit direction in which the divergence, a function points [n, d] -> [n] that is 0 at the points, grows fastest, by one
    power iteration: points and directions [n, d] -> [n, d]. No gradient flows through it."""
    step = xi * tf.math.l2_normalize(directions, axis=1, epsilon=0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(step)
        changes = divergence(points + step)
    gradient = tape.gradient(changes, step)
    # Where nothing changes, the direction is 0.
    return tf.stop_gradient(tf.math.divide_no_nan(gradient, tf.norm(gradient, axis=1, keepdims=True)))


@contextlib.contextmanager
def frozen_statistics(network):
    """Within the block, batch normalization uses the batch's statistics but does not update its moving averages."""
    momenta = {layer: layer.momentum for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)}
    try:
        for layer in momenta:
            layer.momentum = 1.0
        yield
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
