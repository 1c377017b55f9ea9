"""Trains an autoencoder and exports it as a SavedModel. If stopped, run the same command again to resume.

  acai_train --dataset=lines32 --depth=16 --latent_width=2 --preset=quick --total_kimg=64
"""

from acai_tf.cli import program
from acai_tf.errors import UsageError


def define_flags(flags):
    from acai_tf.cli.flags import define_training_flags
    define_training_flags(flags)
    flags.under('reporting')
    flags.boolean('overwrite', False, 'start over if the run directory already holds a run')
    flags.boolean('print_config', False, 'print the options in force as JSON and exit')


def run(flags):
    from acai_tf import training
    from acai_tf.training.config import TrainConfig
    from acai_tf.training.run_directory import summary
    given = {name: getattr(flags, name) for name in flags.names()
             if flags.given(name) and name not in ('overwrite', 'print_config')}
    try:
        config = TrainConfig(**given).resolve()
    except UsageError as error:
        option = str(error).partition('=')[0]
        raise UsageError(f'--{error}' if option in flags else str(error)) from None
    if flags.print_config:
        print(config.to_json(), end='')
        return
    path = training.train(config, flags.overwrite)
    if path:
        print(summary(training.Run(path)))


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
