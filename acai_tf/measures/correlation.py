"""How much the dimensions of the latent depend on each other (MIDR-AE, table 1)."""

from acai_tf import features
from acai_tf.evaluation import correlation
from acai_tf.measures.base import Measure


class Correlation(Measure):
    """`correlation`: mean |correlation| of pairs of dimensions over the test images."""

    def measure(self, model, dataset):
        latents, _ = features.of_dataset(model, dataset, 'test')
        return {'correlation': correlation.mean_absolute_correlation(latents)}
