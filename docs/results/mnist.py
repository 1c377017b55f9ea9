"""Classification of MNIST's latents with --preset=quick: by the classifier trained with the autoencoder, as in the papers,
and by a logistic regression trained to the end. The preset's learning rate, which the classifier shares, is 0.001 for vae
and amr, 0.0002 for the others, and constant for acai, miae, lrae and dracai. ALL has all systems except flat, at d_z 32.
"""

from acai_tf.studies import Cell, Study

SYSTEMS = ('baseline', 'vae', 'acai')
OTHERS = ('denoising', 'dropout', 'aae', 'vqvae', 'lrae', 'miae', 'dracai', 'midrae', 'amr', 'gaia', 'aeai')
VALUES = (('probe', 'probe_accuracy'), ('accuracy', 'latent_accuracy'), ('explained_variance', 'explained_variance'))
RUN = {'depth': 16, 'latent_width': 4, 'preset': 'quick', 'total_kimg': 64, 'report_kimg': 16, 'precision': 'mixed_bfloat16'}


def cells(systems, latents):
    """Returns cells of the systems, with these numbers of channels of the latent."""
    return [Cell(name, 'mnist32', metric, value, RUN | {'latent': latent} | _precision(name))
            for metric, value in VALUES for latent in latents for name in systems]


def _precision(name):  # aeai differentiates its networks twice
    return {'precision': 'float32'} if name == 'aeai' else {}


STUDY = Study('mnist', 'MNIST with --preset=quick', cells(SYSTEMS, (2, 16)))
ALL = Study('mnist-all', 'All systems on MNIST with --preset=quick', cells(SYSTEMS + OTHERS, (2, 16)))
