"""Trains models on arrays in memory, with many steps per call, a progress bar and partial results."""

import contextlib
import logging
import os
import time
import zipfile

import keras
import numpy as np
import tensorflow as tf
import tqdm

from acai_tf import files, randomness
from acai_tf.datasets.base import shuffled
from acai_tf.errors import NonFiniteError, short_message
from acai_tf.models.calls import Calls, compile_steps, losses_of
from acai_tf.models.steps import Steps

_logger = logging.getLogger(__name__)

_SAVING = 0.05  # largest share of the time that is spent on saving


class OneLoss(Steps, keras.Model):
    """A model with one optimizer, which minimizes the term `loss`.

    A subclass defines `loss_terms(*data, training)`: a batch of rows of each column -> {name: scalar}.
    """

    loss_names = ('loss',)

    def train_step(self, data):
        """One update, from one batch; returns the loss terms."""
        with tf.GradientTape(persistent=True) as tape:
            terms = self.assert_finite(self.loss_terms(*data, training=True))
        optimizer, = self.optimizer_networks
        self.update(tape, {optimizer: terms['loss']})
        return self.track(terms)


class Fitting(contextlib.AbstractContextManager):
    """Trains several models on arrays, one after the other. It can be stopped at any time and resumed.

    A step depends only on the variables of the models and their optimizers and on `extras`; batches and random numbers are
    keyed by seed and step. So a resumed fit equals an uninterrupted one, bit for bit on a CPU.

    Args:
        models: {name: compiled model}, `Steps`.
        state_path: file of the partial results; None: nothing is kept.
        total: total number of steps.

    Attributes:
        extras: {name: array}, saved with the models' variables.
    """

    def __init__(self, models, state_path, total):
        self._models, self._state_path, self._calls, self.extras = models, state_path, {}, {}
        self._saved, self._saving = time.monotonic(), 0.0
        self._restore()
        self.bar = tqdm.tqdm(total=total, unit='step', disable=None, smoothing=0.1,
                             initial=sum(int(model.steps.numpy()) for model in models.values()))

    def __exit__(self, *_):
        self.bar.close()

    def train(self, name, columns, last, batch, save=True):
        """Trains a model until it has made `last` steps.

        Each epoch is shuffled. A batch may hold the last rows of one epoch and the first rows of the next.

        Args:
            name: name of the model.
            columns: arrays [n, ...]; the model's `train_step` gets a tuple with `batch` rows of each.
            save: whether to save partial results along the way; if not, the caller calls `save_if_due`.

        Raises:
            NonFiniteError: a loss is NaN or infinite.
        """
        model = self._models[name]
        step = int(model.steps.numpy())
        if step >= last:
            return
        columns = [tf.convert_to_tensor(column) for column in columns]
        if name not in self._calls:
            run = _several_steps(model, f'{name}/order', min(batch, len(columns[0])))
            self._calls[name] = Calls(run, model.loss_names)
        self.bar.set_description(name)
        while step < last:
            try:
                count = len(self._calls[name].make(step, last, columns))
            except NonFiniteError as error:
                raise NonFiniteError(f'{name}: {error}; try a smaller learning rate') from None
            step += count
            self.bar.update(count)
            if save:
                self.save_if_due()

    def save_if_due(self):
        """Saves the partial results, unless saving would take too large a share of the time."""
        started = time.monotonic()
        if not self._state_path or self._saving > _SAVING * (started - self._saved):
            return
        with files.atomic_write(self._state_path, 'wb') as file:
            np.savez(file, **{f'extra {name}': value for name, value in self.extras.items()},
                     **{name: variable.numpy() for name, variable in self._variables()})
        self._saved = time.monotonic()
        self._saving = self._saved - started

    def _variables(self):
        """Yields (name, variable), each variable once; models may share variables."""
        seen = set()
        for name, model in self._models.items():
            parts = [*model.networks.values(), *model.optimizers.values()]
            for i, variable in enumerate([model.steps, *(v for part in parts for v in part.variables)]):
                if id(variable) not in seen:
                    seen.add(id(variable))
                    yield f'{name} {i}', variable

    def _restore(self):
        if not self._state_path or not os.path.exists(self._state_path):
            return
        try:
            with open(self._state_path, 'rb') as file, np.load(file, allow_pickle=False) as state:
                arrays = {name: state[name] for name in state.files}
            values = [(variable, arrays.pop(name).reshape(variable.shape)) for name, variable in self._variables()]
            self.extras = {name.removeprefix('extra '): value for name, value in arrays.items()}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _logger.warning('%s is damaged (%s): redoing all steps', self._state_path, short_message(error))
            return
        for variable, value in values:
            variable.assign(value)


def _several_steps(model, order, batch):
    """Returns the function (count, columns) of `compile_steps`, on shuffled rows."""
    key = randomness.key(model.seed, order)

    def step(columns):
        position = model.steps.value * batch + tf.range(batch, dtype=tf.int64)
        chosen = shuffled(position, tf.shape(columns[0], tf.int64)[0], key)
        return losses_of(model, model.train_step(tuple(tf.gather(column, chosen) for column in columns)))[None]
    return compile_steps(model, step)
