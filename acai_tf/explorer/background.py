"""Slow computations in a separate process, which starts by importing this module, so it imports little."""

import os

from acai_tf.errors import AcaiError
from acai_tf.quiet import without_import_noise


def compute(sender, latents, training_latents, with_tsne):
    """Sends pairs of a name and its value, or the AcaiError that it raised: 'mixture', of the training latents, and, if
    wanted, 'tsne', the map of the latents."""
    os.nice(10)
    with without_import_noise():
        import threadpoolctl

        from acai_tf.latents import mixture, projection
    for name, function in (('mixture', lambda: mixture.Mixture(training_latents)),
                           ('tsne', lambda: projection.project(latents, 'tsne'))):
        if name == 'mixture' or with_tsne:
            try:
                with threadpoolctl.threadpool_limits(1):  # the other cores are for requests
                    sender.send((name, function()))
            except AcaiError as error:
                sender.send((name, error))
