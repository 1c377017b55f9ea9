"""Serves a local web page for exploring latent spaces: walks between images, grids, directions, maps, samples.

  acai_explore --demo --open
  acai_explore --saved_model=experiments/.../export
  acai_explore --saved_model=ACAI.../export --saved_model=VAE.../export --dataset=fashion32 --open

Prints the address of the page; Ctrl-C ends it. Without --host, it answers only this machine; from another machine, forward
the port (ssh -L 6007:localhost:6007 HOST). You can explore a model without its data set: drop images on the page.
"""

import os
import sys

from acai_tf.cli import program


def define_flags(flags):
    from acai_tf.cli.flags import define_data_flags
    flags.under('model')
    flags.multi_string('saved_model', None, 'an exported model; repeat the flag to choose between several, or use --demo',
                       is_path=True)
    flags.boolean('demo', False, 'explore models that ship with acai_tf, trained on --dataset=lines32 (default) or digits32')
    define_data_flags(flags)
    flags.under('server')
    flags.string('host', '127.0.0.1', 'address to listen on; 0.0.0.0 is every address of this machine')
    flags.multi_string('allowed_host', [], 'a host name, in addition to localhost, that requests may use; can be repeated')
    flags.integer('port', 6007, 'port to listen on; without this flag, the first free port from 6007 on', lower_bound=0,
                  upper_bound=65535)
    flags.boolean('open', False, 'open the page in a browser')


def run(flags):
    from acai_tf import export, pretrained
    from acai_tf.cli.flags import given_data_flags, open_dataset
    from acai_tf.datasets.described import Described
    from acai_tf.explorer import server
    from acai_tf.metrics.base import check_fits
    if flags.demo:
        flags.refuse('with --demo', 'saved_model')
        load, names = pretrained.load, pretrained.trained_on(flags.dataset or 'lines32')
    else:
        load, names = export.load, flags.required('saved_model')
    with server.bind(flags.host, flags.port if flags.given('port') else None) as listener:
        models = [load(name) for name in names]
        dataset = open_dataset(flags, models[0].config)
        for model in models:
            check_fits(model, dataset, reads_images=not isinstance(dataset, Described))
        server.serve(models, dataset, listener, flags.allowed_host, given_data_flags(flags), flags.open)
    sys.stdout.flush()
    os._exit(0)  # TensorFlow's cleanup would take seconds, while threads may still compute


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
