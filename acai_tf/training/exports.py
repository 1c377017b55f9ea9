"""Exports of a run's checkpoints.

A run that was started with the user's own file (a system or networks) keeps a template, a SavedModel of the untrained
model, so that later exports need neither that file nor trust in what the run directory says it is.
"""

import os
import shutil

from acai_tf import export
from acai_tf.errors import StorageError, UsageError
from acai_tf.training.checkpoints import available_steps, restore_networks
from acai_tf.training.run_directory import read_config

_TEMPLATE = 'template'


def export_run(run_dir, export_dir=None, step=None):
    """Exports a checkpoint of a run directory.

    Args:
        run_dir: as returned by `train`.
        export_dir: directory of the versions; default `<run_dir>/export`.
        step: int; default the last checkpoint's.

    Returns:
        Path of the version.

    Raises:
        UsageError: no run there, no checkpoint of that step, or the version exists.
        StorageError: the checkpoint is damaged.
    """
    try:
        config = read_config(run_dir)
    except FileNotFoundError:
        raise UsageError(f'{run_dir} is not a run directory: it has no config.json') from None
    checkpoint_dir = os.path.join(run_dir, 'checkpoints')
    steps = available_steps(checkpoint_dir)
    if not steps:
        raise UsageError(f'{run_dir} has no checkpoints; run acai_train first')
    if step not in (None, *steps):
        raise UsageError(f'{run_dir} has no checkpoint of step {step}; it has {", ".join(map(str, steps))}')
    step = steps[-1] if step is None else step
    export_dir = export_dir or os.path.join(run_dir, 'export')
    if config.checksums:
        template = os.path.join(run_dir, _TEMPLATE, '0')
        if not os.path.isdir(template):
            raise StorageError(f'{template} is missing, which exports of your own system or networks need; restore it, or '
                               'start over with acai_train --overwrite')
        return export.export_copy(template, os.path.join(checkpoint_dir, f'step-{step}'), step, export_dir)
    dataset = config.validate().open_dataset()
    model = config.create_model(dataset, dtype='float32')
    restore_networks(checkpoint_dir, model, step)
    return export.export_model(model, dataset, step, export_dir)


def write_template(run_dir, model, dataset):
    """Writes what later exports of a run are made from, replacing what a killed process left."""
    directory = os.path.join(run_dir, _TEMPLATE)
    shutil.rmtree(directory, ignore_errors=True)
    export.export_model(model, dataset, 0, directory)
