"""How faithfully interpolations between poses of an object follow the pose (AEAI, section 4.2 and appendix C)."""

import functools

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
        self._setting = None

    def check(self, model, dataset):
        super().check(model, dataset)
        poses.intervals(dataset.posed()[1])

    def measure(self, model, dataset):
        if self._setting is None or self._setting.dataset is not dataset:  # it is the same at every report
            self._setting = _Setting(dataset)
        return {'poses': {'model': self._setting.evaluate(model.encode, model.decode), **self._setting.references}}

    def summary(self, figures):
        of_model = figures['poses']['model']['all']
        return {f'poses_{figure}_{interval}': value['error'] if figure == 'retrieved_alpha' else value
                for figure in ('mse', 'retrieved_alpha', 'realism') for interval, value in of_model.get(figure, {}).items()
                if interval in ('azimuth_70', 'azimuth_80', 'altitude')}


class _Setting:
    """What models are evaluated on."""

    def __init__(self, dataset):
        self.dataset, (images, self._poses, self._is_test) = dataset, dataset.posed()
        self._images, self._size = np.asarray(images), dataset.image_shape[0]
        self._is_pole = dataset.generator == 'pole64'
        self._realistic = pole.realistic(self._size) if self._is_pole else None

    def evaluate(self, encode, decode):
        return poses.evaluate(encode, decode, self._images, self._poses, self._is_test, self._realistic)

    @functools.cached_property
    def references(self):
        """{who: figures} of what needs no model."""
        def same(values):
            return values
        found = {'pixel_dissolve': self.evaluate(same, same)}
        if self._is_pole:
            found['straight_tip'] = self.evaluate(lambda images: pole.tip_of(self._poses),
                                                  lambda tips: pole.draw_shadow(tips, self._size))
        return found
