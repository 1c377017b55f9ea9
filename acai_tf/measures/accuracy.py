"""Accuracy of the single-layer classifier that was trained in tandem (ACAI, section 4.1; the released latent_accuracy)."""

from acai_tf.evaluation import classification
from acai_tf.measures.base import Measure


class Accuracy(Measure):
    """`latent_accuracy`: percent of the test images."""

    of_pixels = False

    def measure(self, model, dataset):
        return {'latent_accuracy': classification.accuracy(lambda images: model.classify(images).probabilities,
                                                           dataset.test(500))}
