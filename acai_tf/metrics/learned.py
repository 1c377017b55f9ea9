"""Base class of metrics that learn from the training images. What they learn can be saved and applied to other images."""

import json
import logging
import os
import zipfile

import numpy as np

from acai_tf import files
from acai_tf.errors import DataError, UsageError, short_message
from acai_tf.latents import reading
from acai_tf.metrics.base import Metric
from acai_tf.metrics.subjects import PIXELS
from acai_tf.versions import versions

_logger = logging.getLogger(__name__)

_DESCRIPTION, _ARRAYS = 'learned.json', 'learned.npz'
# Raised when a directory has other content.
_WRONG_CONTENT = (AttributeError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile)


class LearningMetric(Metric):
    """Learns from the training set, or loads what was learned, and applies it to the images of both splits.

    `save` writes a directory with learned.json (the metric, its options, the latents it learned from, versions), learned.npz
    (the learned arrays), and `<split>.npz` with the answers and `labels` for each image of a split, in file order.

    A subclass defines these methods, where points [n, d] are images or their latents:

        learn(model, dataset, points, labels)  learns from the training points and their labels [n]
        arrays()                               the learned {name: array}
        restore(width, arrays)                 restores them, for points of that width; KeyError, TypeError or ValueError for
                                               other arrays
        answers(points)                        {name: array [n]}
        values(dataset, points, answers)       {name: value} from {split: points} and {split: answers and labels}; may add to
                                               the answers

    Args:
        load: directory written by `save`, which also gives the options. None: learn.
        **options: as the class declares them; not allowed with `load`.

    Raises:
        UsageError: there are options as well as `load`, or another metric wrote the directory.
        DataError: the directory is damaged.
    """

    most_training_images = None  # learns from the first ones, at most this many; None: from all

    def __init__(self, load=None, **options):
        self._load, self._arrays, self._learned_from = load, None, None
        self.needs_classes = not load
        if load:
            if options:
                raise UsageError(f'{next(iter(options))} has no effect with load, which keeps the options; leave it out')
            options, self._arrays = self._read(load)
        super().__init__(**options)

    def compute(self, model, dataset):
        data = {split: reading.of_dataset(model, dataset, split) for split in reading.SPLITS}
        points = {split: features.reshape(len(features), -1) for split, (features, _) in data.items()}
        self._width = points['train'].shape[1]
        if self._load:
            self._restore_for(model)
        else:
            self._learned_from = _fingerprint(model)
            first = slice(self.most_training_images)
            self.learn(model, dataset, points['train'][first], data['train'][1][first])
        self._answers = {split: {**self.answers(points[split]), 'labels': labels} for split, (_, labels) in data.items()}
        return self.values(dataset, points, self._answers)

    def _restore_for(self, model):
        saved, given = self._learned_from, _fingerprint(model)
        if saved['space'] != given['space']:
            raise DataError(f'{self._load} was learned from {saved["space"]}, not from {given["space"]}')
        if saved != given:
            _logger.warning('%s was learned from the latents of a different export: %s, step %s', self._load,
                            saved.get('model'), saved.get('step'))
        try:
            width = int(self._arrays['width'])
            if width == self._width:
                self.restore(width, self._arrays)
        except _WRONG_CONTENT as error:
            raise self._damaged(error) from None
        if width != self._width:
            raise DataError(f'{self._load} was learned from {width} numbers per image, but {model} has {self._width}')

    def summary(self, values):
        # Prefixed, because several metrics have an accuracy.
        return {f'{self.name}_{name}': value for name, value in super().summary(values).items()}

    def save(self, directory):
        """Writes the learned arrays and the answers of the last computation to a new directory, atomically; UsageError if it
        exists."""
        with files.atomic_directory(directory) as temporary:
            files.write_json({'metric': self.name, 'options': self.options(), 'learned_from': self._learned_from,
                              'versions': versions()}, os.path.join(temporary, _DESCRIPTION))
            np.savez(os.path.join(temporary, _ARRAYS), width=self._width, **self.arrays())
            for split, answers in self._answers.items():
                np.savez(os.path.join(temporary, f'{split}.npz'), **answers)

    def _read(self, directory):
        try:
            with open(os.path.join(directory, _DESCRIPTION), encoding='utf-8') as file:
                description = json.load(file)
            if description['metric'] == self.name:
                self._learned_from = description['learned_from']
                if self._learned_from['space'] not in ('pixels', 'latents'):
                    raise ValueError('the space must be pixels or latents')
                # Opened here, because np.load leaves a damaged file open.
                with (open(os.path.join(directory, _ARRAYS), 'rb') as file,
                      np.load(file, allow_pickle=False) as arrays):
                    return dict(description['options']), {key: arrays[key] for key in arrays.files}
        except FileNotFoundError as error:
            raise DataError(f'{error.filename} does not exist; name a directory written with --save') from None
        except (OSError, *_WRONG_CONTENT) as error:
            raise self._damaged(error) from None
        raise UsageError(f'{directory} was saved by the metric {description["metric"]}, not by {self.name}')

    def _damaged(self, error):
        return DataError(f'{self._load} is damaged or was not written by --save ({type(error).__name__}: '
                         f'{short_message(error)}); save it again')


def _fingerprint(model):
    """Identifies the latents, as JSON values: the space and, for an export, its system, step and weights."""
    if model is PIXELS:
        return {'space': 'pixels'}
    config = getattr(model, 'config', {})
    weights = {name: checksum for name, checksum in (config.get('sha256') or {}).items() if name.startswith('variables/')}
    return {'space': 'latents', 'model': config.get('model'), 'step': config.get('step'), 'weights': weights}
