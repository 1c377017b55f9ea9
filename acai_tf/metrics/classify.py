"""Accuracy of a single-layer classifier trained on latents, or on pixels (ACAI, section 4.1; released classify.py)."""

import keras
import numpy as np
import tensorflow as tf

from acai_tf.architectures.dense import dense
from acai_tf.losses import cross_entropy
from acai_tf.metrics.learned import LearningMetric
from acai_tf.metrics.subjects import PIXELS
from acai_tf.models.fitting import Fitting, OneLoss
from acai_tf.options import Option

_PIXEL_SMOOTHING = 0.1  # as released


class LinearClassifier(OneLoss):
    """A linear layer and a softmax, trained by Adam on the cross-entropy.

    The learning rate falls exponentially, to a tenth after half of the `steps` and to a hundredth at the end, as released.
    Weights start Glorot uniform. The seed decides them and the order of the points. `width` is the dimension of the points,
    `smoothing` the share of a label that is spread evenly over all classes.
    """

    optimizer_networks = {'classifier': ('classifier',)}

    def __init__(self, width, nclass, steps=1, smoothing=0.0, seed=0):
        super().__init__(seed)
        self._half, self._smoothing = steps / 2, smoothing
        self.add_network('classifier', dense([width], nclass, seed, 'classifier'))
        self.built = True

    def rate_of(self, name):
        return keras.optimizers.schedules.ExponentialDecay(self.lr, self._half, 0.1)

    def call(self, points, training=False):
        """Logits [n, nclass] of points [n, width]."""
        return self.classifier(points, training=training)

    def loss_terms(self, points, labels, training=False):
        """{'loss': cross-entropy of points [batch, width] and their labels}."""
        return {'loss': tf.reduce_mean(cross_entropy(self(points, training=training), labels, self._smoothing))}


class Classify(LearningMetric):
    """`accuracy` and `train_accuracy`: percent of the test and training images; `accuracy_by_class`: {class: percent of its
    test images}."""

    program = 'acai_classify'
    lr = Option(0.0001, 'initial learning rate; it falls to a tenth in each half of the run', minimum=0)
    batch = Option(64, 'batch size', minimum=1)
    total_kimg = Option(16384, 'length of the training, in units of 1024 images', minimum=1)
    smoothing = Option(None, f'label smoothing (default: 0; for pixels {_PIXEL_SMOOTHING}, as released)', kind=float,
                       minimum=0, maximum=1)
    seed = Option(0, 'seed of the initial weights and the order of the images', minimum=0)

    def learn(self, model, dataset, points, labels):
        default = _PIXEL_SMOOTHING if model is PIXELS else 0.0
        steps = -(-self.total_kimg * 1024 // self.batch)
        self._classifier = LinearClassifier(points.shape[1], dataset.nclass, steps,
                                            default if self.smoothing is None else self.smoothing, self.seed)
        self._classifier.compile(self.lr)
        with Fitting({'classifier': self._classifier}, None, steps) as fitting:
            fitting.train('classifier', [np.asarray(points, np.float32), labels], steps, self.batch)

    def restore(self, width, arrays):
        weights, bias = arrays['weights'], arrays['bias']
        self._classifier = LinearClassifier(width, len(bias))
        self._classifier.classifier.set_weights([weights.reshape(width, len(bias)), bias])

    def arrays(self):
        return dict(zip(('weights', 'bias'), self._classifier.classifier.get_weights()))

    def answers(self, points):
        weights, bias = self._classifier.classifier.get_weights()
        return {'classes': np.argmax(np.asarray(points, np.float32) @ weights + bias, axis=1)}

    def values(self, dataset, points, answers):
        del points
        correct = {split: of_split['classes'] == of_split['labels'] for split, of_split in answers.items()}
        accuracies = {split: 100.0 * int(np.sum(of_split)) / len(of_split) for split, of_split in correct.items()}
        labels = answers['test']['labels']
        return {'accuracy': accuracies['test'], 'train_accuracy': accuracies['train'],
                'accuracy_by_class': {dataset.class_name(int(label)): 100.0 * float(correct['test'][labels == label].mean())
                                      for label in np.unique(labels)}}
