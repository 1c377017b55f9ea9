"""How faithfully interpolations between poses of an object follow the pose (AEAI, section 4.2 and appendix C)."""

import numpy as np

from acai_tf.datasets import pole
from acai_tf.evaluation import poses
from acai_tf.measures.base import Measure


class Poses(Measure):
    """`poses`: {who: figures} as `evaluation.poses.evaluate` gives them, for data sets that know their poses (`posed()`).

    Of the `model`; of the `pixel_dissolve`, which interpolates the images themselves; and, where the images are those of
    pole64, of the `straight_tip`, which moves the tip of the shadow along a straight line. There is realism for these alone.
    """

    of_pixels = False

    def __init__(self, **options):
        super().__init__(**options)
        self._references = None, {}

    def check(self, model, dataset):
        super().check(model, dataset)
        poses.intervals(dataset.posed()[1])

    def measure(self, model, dataset):
        if self._references[0] is not dataset:  # they are the same at every report
            self._references = dataset, references(dataset)
        return {'poses': {'model': _evaluate(model.encode, model.decode, dataset), **self._references[1]}}

    def summary(self, figures):
        of_model = figures['poses']['model']['all']
        return {f'poses_{figure}_{interval}': value['error'] if figure == 'retrieved_alpha' else value
                for figure in ('mse', 'retrieved_alpha', 'realism') for interval, value in of_model.get(figure, {}).items()
                if interval in ('azimuth_70', 'azimuth_80', 'altitude')}


def references(dataset):
    """{who: figures} of what needs no model."""
    def same(values):
        return values
    found = {'pixel_dissolve': _evaluate(same, same, dataset)}
    if dataset.generator == 'pole64':
        size, tips = dataset.image_shape[0], pole.tip_of(dataset.posed()[1])
        found['straight_tip'] = _evaluate(lambda images: tips, lambda tips: pole.draw_shadow(tips, size), dataset)
    return found


def _evaluate(encode, decode, dataset):
    images, angles, is_test = dataset.posed()
    realistic = pole.realistic(dataset.image_shape[0]) if dataset.generator == 'pole64' else None
    return poses.evaluate(encode, decode, np.asarray(images), angles, is_test, realistic)
