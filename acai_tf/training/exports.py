"""Exports of a run's checkpoints.

A run that was started with the user's own file (a system or networks) keeps a template, a SavedModel of the untrained
model, so that later exports need neither that file nor trust in what the run directory says it is.
"""

import os
import shutil

from acai_tf import export
from acai_tf.errors import StorageError, UsageError
from acai_tf.measures import results
from acai_tf.model_card import Run
from acai_tf.training.checkpoints import restore_networks
from acai_tf.training.run_directory import available_steps, read_config, read_metrics

_TEMPLATE = 'template'
# Options that a model card shows, besides those of the model.
_OF_TRAINING = ('lr', 'batch', 'seed', 'precision')


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
        return export.export_copy(template, os.path.join(checkpoint_dir, f'step-{step}'), step, export_dir,
                                  describe(run_dir, config, step))
    dataset = config.validate().open_dataset()
    model = config.create_model(dataset, dtype='float32')
    restore_networks(checkpoint_dir, model, step)
    return export.export_model(model, dataset, step, export_dir, describe(run_dir, config, step))


def describe(run_dir, config, step):
    """What a run, whose TrainConfig is `config`, tells of its model at a step: a `model_card.Run`."""
    report = next((record for record in read_metrics(run_dir) if record['step'] == step), {})
    names = [name for name in report if name not in ('kimg', 'step', 'img_per_s')]
    first = names.index('latent_accuracy') if 'latent_accuracy' in names else len(names)  # what reports measure first
    picture = os.path.join(run_dir, 'images', f'interpolation-{step:08d}.png')
    options = {'kimg': step * config.batch / 1024, **{name: getattr(config, name) for name in _OF_TRAINING}}
    return Run(options, {name: report[name] for name in names[:first]}, {name: report[name] for name in names[first:]},
               _results(os.path.join(run_dir, 'results', str(step))), picture if os.path.isfile(picture) else None)


def _results(directory):
    """{measure: what it found}; a file that is not such is left out."""
    return {name: {'dataset': str(content['dataset']), 'figures': content['figures']}
            for name, content in results.read_all(directory).items()
            if 'dataset' in content and isinstance(content.get('figures'), dict)}


def write_template(run_dir, model, dataset):
    """Writes what later exports of a run are made from, replacing what a killed process left."""
    directory = os.path.join(run_dir, _TEMPLATE)
    shutil.rmtree(directory, ignore_errors=True)
    export.export_model(model, dataset, 0, directory)
