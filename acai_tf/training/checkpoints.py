"""Saves and restores checkpoints: everything that the next step of a run depends on."""

import glob
import logging
import os
import shutil

import numpy as np
import tensorflow as tf

from acai_tf.errors import NonFiniteError, StorageError, short_message
from acai_tf.export.write import UNREADABLE, exported_variables

_logger = logging.getLogger(__name__)


class Checkpoints:
    """Saves and restores a compiled model, its optimizers and the training loop's counters, {name: tf.Variable}.

    Args:
        run: runs.Run that holds the checkpoints; None if another process saves and restores.
        keep: number of checkpoints to keep.
        for_template: also saves what `export.export_copy` restores.
    """

    def __init__(self, run, model, counters, keep, for_template=False):
        self._networks = model.networks
        self.variables = [*(variable for part in (*model.networks.values(), *model.optimizers.values())
                            for variable in part.variables), *counters.values()]
        self._checkpoint = tf.train.Checkpoint(
            **_parts(model), **counters,
            **({'exported': exported_variables(model, averaged=True)} if for_template else {}))
        if run:
            _tidy(run)
        self._manager = run and tf.train.CheckpointManager(
            self._checkpoint, run.checkpoints_dir, max_to_keep=keep, checkpoint_name='step')

    def save(self, step):
        """Writes a checkpoint, unless the weights are not finite.

        Raises:
            NonFiniteError: a weight is NaN or infinite.
            StorageError: the checkpoint could not be written; earlier checkpoints are intact.
        """
        self.check_finite(step)
        if not self._manager:
            return
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            raise StorageError(f'the checkpoint of step {step} could not be written ({type(error).__name__}: '
                               f'{short_message(error)}); is the disk full? Earlier ones are intact') from None

    def check_finite(self, step):
        """Raises NonFiniteError if a weight is NaN or infinite."""
        for name, network in self._networks.items():
            for variable in network.variables:
                if not np.all(np.isfinite(variable.numpy())):
                    raise NonFiniteError(f'a weight of the {name} is not finite after step {step}; the last good '
                                         'checkpoint is kept; try a smaller --lr')

    def restore_latest(self):
        """Restores the newest undamaged checkpoint. False if there is no checkpoint; StorageError if all are damaged."""
        paths = list(reversed(self._manager.checkpoints)) if self._manager else []
        for path in paths:
            try:
                self._checkpoint.restore(path).assert_consumed()
                return True
            except UNREADABLE as error:
                _logger.warning('%s is damaged (%s); trying the previous one', path, short_message(error))
        if paths:
            raise StorageError(f'no checkpoint in {self._manager.directory} can be read; --overwrite starts over')
        return False


def _parts(model):
    return {**model.networks, **{f'{name}_optimizer': optimizer for name, optimizer in model.optimizers.items()}}


def _tidy(run):
    """Removes files left by a process that died while saving, and repairs a damaged list of checkpoints."""
    directory = run.checkpoints_dir
    for path in glob.glob(os.path.join(glob.escape(directory), 'step-*_temp')):
        shutil.rmtree(path, ignore_errors=True)
    steps = run.checkpoint_steps()
    try:
        state = tf.train.get_checkpoint_state(directory)
    except ValueError:  # an empty file, as after a power failure
        state = None
        os.remove(os.path.join(directory, 'checkpoint'))
    if steps and not state:
        _logger.warning('%s/checkpoint is damaged: rebuilding it', directory)
        paths = [f'step-{step}' for step in steps]
        tf.compat.v1.train.update_checkpoint_state(directory, paths[-1], paths)


def restore_model(run, model, step):
    """Restores networks and optimizers of a compiled model from the checkpoint of `step`; StorageError if it cannot."""
    path = run.checkpoint(step)
    try:
        tf.train.Checkpoint(**_parts(model)).restore(path).assert_existing_objects_matched().expect_partial()
        model.steps.assign(step)
    except UNREADABLE as error:
        raise StorageError(f'{path} cannot be read ({short_message(error)}); choose another --step') from None
