"""Common code of acai_classify and acai_cluster, which each compute one learned metric."""

import os

from acai_tf import files
from acai_tf.cli.program import write_results
from acai_tf.errors import UsageError


def define_flags(flags, name, what):
    """Defines the program's flags, including the options of the metric `name` and of the metric's methods. For the help,
    `what` is what it finds for each image: class or cluster."""
    from acai_tf import metrics
    from acai_tf.cli.flags import define_data_flags, define_options
    flags.under('model')
    flags.string('saved_model', None, 'the exported model', is_path=True)
    flags.enum('space', 'latents', ('latents', 'pixels'), 'learn from the latents or from the pixels')
    define_data_flags(flags)
    metric = metrics.REGISTRY.get(name)
    define_options(flags, {'training': {name: metric}})
    flags.string('load', None, 'a directory written with --save; applies its model instead of learning one', is_path=True)
    flags.under('output')
    flags.string('output', None, 'the JSON file to write', is_path=True)
    flags.string('save', None, f'new directory for the learned model and the {what} of each image', is_path=True)
    define_options(flags, {'method {}': metric.methods()})


def run(flags, name, partial=False):
    """Computes the metric `name`, prints its values and writes them. With `partial`, it keeps partial results next to its
    output. Raises UsageError if the flags contradict each other."""
    from acai_tf import export, metrics
    from acai_tf.cli.flags import given_options, open_dataset
    from acai_tf.metrics import results
    from acai_tf.values import defined
    path = flags.output()
    if flags.save:
        files.check_new_directory(flags.save)
    metric_class = metrics.REGISTRY.get(name)
    options = {option: value for cls in (metric_class, *metric_class.methods().values())
               for option, value in given_options(flags, cls).items()}
    if flags.load:
        flags.refuse('with --load, which keeps the options', *options)
        options = {'load': flags.load}
    elif partial and (flags.save or (path and not files.is_special(path))):
        options['partial'] = path if path and not files.is_special(path) else flags.save.rstrip(os.sep)
    metric = metric_class(**options)
    if flags.space == 'pixels':
        if flags.saved_model:
            raise UsageError('--saved_model and --space=pixels exclude each other; give only one')
        model, dataset = metrics.PIXELS, open_dataset(flags)
    else:
        model = export.load(flags.required('saved_model'))
        dataset = open_dataset(flags, model.config)
    values = metric(model, dataset)
    # Results of a metric learned elsewhere do not belong to this model's run.
    if not flags.load and model is not metrics.PIXELS:
        results.keep(model, metric, dataset, values)
    write_results(defined(values), path)
    if flags.save:
        metric.save(flags.save)
    metric.clean_up()
