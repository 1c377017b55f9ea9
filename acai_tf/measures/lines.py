"""How well interpolations between lines look like lines (ACAI, section 3.1)."""

from acai_tf import features
from acai_tf.evaluation import lines
from acai_tf.measures.base import Measure
from acai_tf.models.hyperparameter import Hyperparameter

STEPS = 16


class Lines(Measure):
    """`mean_distance`, `mean_smoothness` and `undefined_interpolations` of 16 frames between each of 256 fixed pairs."""

    of_pixels = False
    nan_policy = Hyperparameter('zero', 'undefined Smoothness: count as zero, as released, or ignore',
                                choices=('zero', 'ignore'))

    def unfit(self, dataset):
        return None if dataset.evaluation_pairs else f'is for lines32, not {dataset.name}'

    def measure(self, model, dataset):
        return lines.evaluate(features.between(model, *dataset.evaluation_pairs, STEPS), self.nan_policy)
