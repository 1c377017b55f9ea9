"""Exports a run's checkpoints.

A run that was started with the user's own file (a system, networks or a data set) keeps a template, a SavedModel of the
untrained model. Later exports then do not need that file, and do not have to trust file names in the run directory.
"""

import os
import shutil

from acai_tf import registry
from acai_tf.errors import StorageError, UsageError, program_name
from acai_tf.export import card, write
from acai_tf.runs import Run
from acai_tf.training.checkpoints import restore_model
from acai_tf.training.config import OWN_FILES, TrainConfig

# Options that a model card shows in addition to the model's.
_OF_TRAINING = ('start', 'lr', 'lr_schedule', 'schedule_kimg', 'warmup_kimg', 'average', 'batch', 'seed', 'precision')


def export_run(run_dir: str | os.PathLike, export_dir: str | os.PathLike | None = None, step: int | None = None,
               dataset: str | None = None) -> str:
    """Exports a checkpoint of a run directory.

    Args:
        export_dir: directory of the versions; default `<run_dir>/export`.
        step: int; by default the last checkpoint's.
        dataset: where the run's data is now, such as 'records:NEW', if it was moved.

    Returns:
        Path of the exported version.

    Raises:
        UsageError: no run there, no checkpoint of that step, or the version exists.
        StorageError: the checkpoint is damaged.
    """
    run = Run(run_dir)
    try:
        content = run.config
    except FileNotFoundError:
        raise UsageError(f'{run_dir} is not a run directory: it has no config.json') from None
    steps = run.checkpoint_steps()
    if not steps:
        raise UsageError(f'{run_dir} has no checkpoints; run {program_name("acai_train")} first')
    if step not in (None, *steps):
        raise UsageError(f'{run_dir} has no checkpoint of step {step}; it has {", ".join(map(str, steps))}')
    step = steps[-1] if step is None else step
    export_dir, described = export_dir or run.export_dir, describe(run, step)
    if any(registry.is_reference(content.get(name)) for name in OWN_FILES):
        if dataset:
            raise UsageError('--dataset has no effect on exports of your own system, networks or data set; leave it out')
        template = os.path.join(run.template_dir, '0')
        if not os.path.isdir(template):
            raise StorageError(f'{template} is missing, but exports of your own system, networks or data set need it; '
                               f'restore it, or start over with {program_name("acai_train")} --overwrite')
        return write.export_copy(template, run.checkpoint(step), step, export_dir, described)
    config = TrainConfig.from_dict({**content, 'report_metrics': '', **({'dataset': dataset} if dataset else {})}).resolve()
    if dataset and config.data.fingerprint() != config.fingerprint:
        raise UsageError(f'{dataset} is not the data that {run_dir} was trained on; give the new location of that data')
    model = config.create_model(dtype='float32')
    restore_model(run, model, step)
    return write.export_model(model, config.data, step, export_dir, described)


def describe(run, step):
    """Returns the facts about a run at a step that a model card shows, as a `card.Training`."""
    content = run.config
    report = next((record for record in run.reports() if record['step'] == step), {})
    names = [name for name in report if name not in ('kimg', 'step', 'img_per_s', 'learning_rate')]
    first = names.index('explained_variance') if 'explained_variance' in names else len(names)  # the first metric
    picture = run.picture('interpolation', step)
    options = {'kimg': step * content['batch'] / 1024, **{name: content[name] for name in _OF_TRAINING}}
    return card.Training(options, {name: report[name] for name in names[:first]},
                         {name: report[name] for name in names[first:]}, run.results(step),
                         picture if os.path.isfile(picture) else None)


def write_template(run, model, dataset):
    """Writes the template for later exports of a run, replacing what a killed process left."""
    shutil.rmtree(run.template_dir, ignore_errors=True)
    write.export_model(model, dataset, 0, run.template_dir)
