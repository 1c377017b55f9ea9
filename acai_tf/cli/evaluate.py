"""Computes metrics of an exported model.

  acai_evaluate --saved_model=experiments/.../export --metrics=lines,correlation,reconstruction

Prints JSON and writes it to --output: `mean_distance`, `mean_smoothness` (null if undefined for all) and
`undefined_interpolations` of 256 pairs of lines; `correlation`, the mean absolute correlation between latent dimensions over
the test images; `mse` and `rmse` (on the 0..255 scale) of reconstructed test images; `latent_accuracy`, in percent, of the
classifier trained along with the model; `poses`, how well interpolations between poses of an object follow the pose. With
--metrics=poses, --output may be a PNG or PDF file for a figure.

For any data set: --metrics=path, how evenly interpolations move and how close to real images they stay; conditioning, how
evenly the decoder stretches its latent space; rank, how many latent dimensions are in use (`effective_rank`,
`participation_ratio`, `dead_dimensions`); probe, how well simple classifiers read the latents (`probe_accuracy`); samples,
how good decoded samples of the prior or of a Gaussian mixture are.
"""

from acai_tf.cli import program
from acai_tf.errors import UsageError, program_name
from acai_tf.options import declared

_PROGRAM = 'acai_evaluate'


def define_flags(flags):
    from acai_tf import metrics
    from acai_tf.cli.flags import define_data_flags, define_options, own_classes
    flags.under('model')
    flags.string('saved_model', None, 'the exported model', is_path=True)
    flags.under('metrics')
    names = metrics.names(_PROGRAM)
    flags.list('metrics', ['correlation', 'reconstruction'],
               f'what to compute: {", ".join(names)}, or path/to/file.py:Name for your own', is_path=True)
    define_data_flags(flags)
    flags.under('output')
    flags.string('output', None, 'the JSON file to write; with --metrics=poses also PNG or PDF', is_path=True)
    define_options(flags, {'metric {}': {**{name: metrics.REGISTRY.get(name) for name in names},
                                         **own_classes(flags, 'metrics')}})


def run(flags):
    from acai_tf import export, figures, metrics
    from acai_tf.cli.flags import open_dataset
    from acai_tf.metrics import results
    from acai_tf.values import combine, defined
    output = flags.output()
    as_figure = bool(output) and figures.is_figure(output)
    if as_figure and flags.metrics != ['poses']:
        raise UsageError(f'--output={output}: only --metrics=poses has a figure; name a .json file')
    if not any(flags.metrics):
        raise UsageError(f'--metrics is empty; choose from {", ".join(metrics.names(_PROGRAM))}')
    chosen = _create_metrics(flags)
    model = export.load(flags.required('saved_model'))
    dataset = open_dataset(flags, model.config)
    for metric in chosen:
        metric.check(model, dataset)
    values = {}
    try:
        for metric in chosen:
            computed = metric(model, dataset)
            results.keep(model, metric, dataset, computed)
            values[metric.name] = defined(computed)
    except BaseException:
        if values:
            program.write_results(combine(values))
        raise
    program.write_results(combine(values), None if as_figure else output)
    if as_figure:
        from acai_tf.figures import poses
        figures.save(poses.draw({name: [of_one] for name, of_one in values['poses']['poses'].items()}), output)


def _create_metrics(flags):
    """Creates the metrics that the flags name, with the given options."""
    from acai_tf import metrics
    from acai_tf.cli.flags import given_options
    classes = [metrics.REGISTRY.get(name) for name in flags.metrics]
    for name, cls in zip(flags.metrics, classes):
        if cls.program != _PROGRAM:
            raise UsageError(f'the metric {name} has its own program; use {program_name(cls.program)}')
    taken = {option for cls in classes for option in declared(cls)}
    for name in metrics.names(_PROGRAM):
        for option in set(given_options(flags, metrics.REGISTRY.get(name))) - taken:
            raise UsageError(f'--{option} is an option of the metric {name}, which --metrics does not name')
    return [cls(**given_options(flags, cls)) for cls in classes]


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
