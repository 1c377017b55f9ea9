"""Measures that learn from the training images something that can be kept, and applied to other images."""

import json
import logging
import os
import zipfile

import numpy as np

from acai_tf import features, files
from acai_tf.errors import DataError, UsageError, short_message
from acai_tf.measures.base import Measure
from acai_tf.measures.subjects import PIXELS

_logger = logging.getLogger(__name__)

_DESCRIPTION, _ARRAYS = 'learned.json', 'learned.npz'
# What reading other content raises.
_NOT_SUCH = (AttributeError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile)


class LearningMeasure(Measure):
    """Base class: `learn`, or what a directory holds, is applied to the images of both splits.

    A directory holds learned.json (the measure, its options, what it learned from, versions), learned.npz (what was
    learned), and for each split `<split>.npz` with an answer for each image, in file order, and the `labels`.

    A subclass defines `learn`, `restore`, `answers`, `figures` and `arrays`.

    Args:
        load: directory that another one was saved in, with whose options this one is made; None: it learns.

    Raises:
        DataError: the directory does not hold that.
    """

    most_training_images = None  # of which it learns, from the first on; None: of all

    def __init__(self, load=None, **options):
        self._load, self._arrays, self._learned_from = load, None, None
        if load:
            if options:
                raise UsageError(f'{next(iter(options))} has no effect with load, which keeps the options; leave it out')
            options, self._arrays = self._read(load)
        super().__init__(**options)

    def measure(self, model, dataset):
        data = {split: features.of_dataset(model, dataset, split) for split in features.SPLITS}
        points = {split: some.reshape(len(some), -1) for split, (some, _) in data.items()}
        self._width = points['train'].shape[1]
        if self._load:
            self._restore_for(model)
        else:
            self._learned_from = _identity(model)
            most = slice(self.most_training_images)
            self.learn(model, dataset, points['train'][most], data['train'][1][most])
        self._answers = {split: {**self.answers(points[split]), 'labels': labels} for split, (_, labels) in data.items()}
        return self.figures(points, self._answers)

    def _restore_for(self, model):
        there, here = self._learned_from, _identity(model)
        if there and there['space'] != here['space']:
            raise DataError(f'{self._load} was learned from {there["space"]}, not from {here["space"]}')
        if there and there != here:
            _logger.warning('%s was learned from the latents of another export than this: %s, step %s', self._load,
                            there.get('model'), there.get('step'))
        try:
            width = int(self._arrays['width'])
            if width != self._width:
                raise DataError(f'{self._load} was learned from {width} numbers an image, but {model} gives {self._width}')
            self.restore(width, self._arrays)
        except _NOT_SUCH as error:
            raise self._damaged(error) from None

    def learn(self, model, dataset, points, labels):
        """Learns from the training set's points [n, d] and their labels [n]."""
        raise NotImplementedError

    def restore(self, width, arrays):
        """Takes over what another one's `arrays` returned, for points of that width; KeyError, TypeError or ValueError if it
        is not such."""
        raise NotImplementedError

    def arrays(self):
        """{name: array} of what was learned."""
        raise NotImplementedError

    def answers(self, points):
        """{name: array [n]} of what was learned about points [n, d]."""
        raise NotImplementedError

    def figures(self, points, answers):
        """The numbers, of {split: points [n, d]} and {split: answers and labels}, to which it may add."""
        raise NotImplementedError

    def save(self, directory):
        """Writes what the last measurement learned, and its answers, to a directory, which appears whole.

        Raises:
            UsageError: it exists.
        """
        from acai_tf import config  # which itself needs all measures' names
        try:
            with files.atomic_directory(directory) as beside:
                description = {'measure': self.name, 'options': self.options(), 'learned_from': self._learned_from,
                               'versions': config.versions()}
                with open(os.path.join(beside, _DESCRIPTION), 'w', encoding='utf-8') as file:
                    json.dump(description, file, indent=2)
                np.savez(os.path.join(beside, _ARRAYS), width=self._width, **self.arrays())
                for split, answers in self._answers.items():
                    np.savez(os.path.join(beside, f'{split}.npz'), **answers)
        except FileExistsError:
            raise UsageError(files.EXISTS.format(directory)) from None

    def _read(self, directory):
        name = type(self).__module__.rpartition('.')[2]
        try:
            with open(os.path.join(directory, _DESCRIPTION), encoding='utf-8') as file:
                description = json.load(file)
            if description['measure'] == name:
                self._learned_from = description.get('learned_from')  # earlier versions did not keep it
                if self._learned_from is not None and self._learned_from['space'] not in ('pixels', 'latents'):
                    raise ValueError('neither of pixels nor of latents')
                with np.load(os.path.join(directory, _ARRAYS), allow_pickle=False) as arrays:
                    return dict(description['options']), {key: arrays[key] for key in arrays.files}
        except (OSError, *_NOT_SUCH) as error:
            raise self._damaged(error) from None
        raise UsageError(f'{directory} was saved by the measure {description["measure"]}, not by {name}')

    def _damaged(self, error):
        return DataError(f'{self._load} does not hold what --save writes ({type(error).__name__}: {short_message(error)}); '
                         'save it again')


def _identity(model):
    """What latents are of, as JSON values: the space and, of an export, its system, step and weights."""
    if model is PIXELS:
        return {'space': 'pixels'}
    config = getattr(model, 'config', {})
    weights = {name: checksum for name, checksum in (config.get('sha256') or {}).items() if name.startswith('variables/')}
    return {'space': 'latents', 'model': config.get('model'), 'step': config.get('step'), 'weights': weights}
