"""Exports a run's model as a SavedModel in <export_dir>/<step>/.

  acai_export --run_dir=experiments/lines32/AEBaseline_depth16_latent16_scales4 --step=2048
  acai_export --run_dir=experiments/lines32/AEBaseline_depth16_latent16_scales4 --export_dir=publish
"""

from acai_tf.cli import program


def define_flags(flags):
    flags.under('run')
    flags.string('run_dir', None, 'the run directory that acai_train wrote', is_path=True)
    flags.integer('step', None, 'step of the checkpoint to export (default: the last one)')
    flags.under('data')
    flags.string('dataset', None, "the new place of the run's data if they were moved, such as records:NEW", is_path=True)
    flags.under('output')
    flags.string('export_dir', None, 'the directory that holds the versions (default: <run_dir>/export)', is_path=True)


def run(flags):
    from acai_tf import training
    print(training.export_run(flags.required('run_dir'), flags.export_dir, flags.step, flags.dataset))


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
