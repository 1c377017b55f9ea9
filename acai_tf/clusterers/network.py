"""Clusterers that are neural networks."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from acai_tf.clusterers.base import Clusterer
from acai_tf.errors import DataError
from acai_tf.models.fitting import OneLoss
from acai_tf.randomness import layer_seed
from acai_tf.tracing import in_batches, traced

POINTS_AT_A_TIME = 4096


class Network(Clusterer, OneLoss):
    """Base class of the clusterers that are Keras models.

    Works with `compile()` and `fit(dataset)` on batches of rows of `columns(points)`, also under a distribution strategy;
    `learn` does the same on one device, and can be resumed.

    A subclass declares the networks that its optimizer updates (`optimizer_networks`) and the loss terms it logs
    (`loss_names`), and defines `learn` and these methods:

        build_networks()                 makes the networks with `add_network`
        call(points, training=False)     normalized points [n, width] -> scores [n, clusters]; the largest is the cluster
        loss_terms(*data, training)      {name: scalar} of one batch of what a step gets
        loss_on(*columns)                the loss on all rows, in inference mode

    The points are centered and scaled to a mean square of 1, averaged over dimensions, so that nothing depends on their unit
    (DEC, section 4.1, which does not center).

    Args: see `Clusterer`; name, dtype: of `keras.Model`, such as 'mixed_bfloat16'.
    """

    def __init__(self, width, clusters, seed=0, name=None, dtype=None, **options):
        OneLoss.__init__(self, seed, name, dtype)
        Clusterer.__init__(self, width, clusters, seed, **options)
        self._center, self._scale = np.zeros(width, np.float32), np.float32(1)
        self._answer = traced(self.call, input_signature=[tf.TensorSpec([None, width], tf.float32)])
        self.build_networks()
        self.built = True

    def compile(self, lr=None, **kwargs):
        """Like `Steps.compile`; without `lr`, the learning rate is the option `lr`."""
        super().compile(self.lr if lr is None else lr, **kwargs)

    def columns(self, points):
        """Returns the arrays [n, ...] from which steps take their batches, for points [n, width]; the normalized points come
        first."""
        return self.normalized(points),

    def normalized(self, points):
        """Centers and scales points [n, width]."""
        return (np.asarray(points, np.float32) - self._center) * self._scale

    def normalize(self, points):
        """Sets the centering and scaling of `normalized` from these points; DataError if all are the same."""
        points = np.asarray(points, np.float64)
        center = points.mean(axis=0)
        mean_square = np.mean(np.square(points - center))
        if not mean_square > np.square(np.finfo(np.float32).eps * np.abs(points).max()):
            raise DataError('all points are the same, so they form no clusters')
        self._center, self._scale = center.astype(np.float32), np.float32(1 / np.sqrt(mean_square))

    def answers(self, points):
        """`call` on normalized points, in batches: float32 [n, clusters]."""
        return in_batches(self._answer, points, batch=POINTS_AT_A_TIME)

    def predict(self, points):
        return self.answers(self.normalized(points)).argmax(axis=1)

    def score(self, points):
        return float(self.loss_on(*self.columns(points)))

    def arrays(self):
        return {'center': self._center, 'scale': self._scale,
                **{f'{name} {i}': value for name, network in self.networks.items()
                   for i, value in enumerate(network.get_weights())}}

    def restore(self, arrays):
        for name, network in self.networks.items():
            network.set_weights([arrays[f'{name} {i}'] for i in range(len(network.weights))])
        self._center = np.reshape(arrays['center'], [self.width]).astype(np.float32)
        self._scale = np.float32(arrays['scale'].item())


def linear(units, scale, seed, name, dtype=None, use_bias=True):
    """A dense layer without activation, with a kernel from N(0, scale / inputs)."""
    initializer = keras.initializers.VarianceScaling(scale, 'fan_in', 'untruncated_normal', seed=layer_seed(seed, name))
    return layers.Dense(units, use_bias=use_bias, kernel_initializer=initializer, name=name, dtype=dtype)
