"""Classification of MNIST's latents with --preset=quick: by the classifier trained with the autoencoder, as in the papers,
and by a logistic regression trained to the end. The preset's learning rate, which the classifier shares, is 0.001 for vae,
0.0002 for the others.
"""

from acai_tf.studies import Cell, Study

SYSTEMS = ('baseline', 'vae', 'acai')
VALUES = (('probe', 'probe_accuracy'), ('accuracy', 'latent_accuracy'), ('explained_variance', 'explained_variance'))
RUN = {'depth': 16, 'latent_width': 4, 'preset': 'quick', 'total_kimg': 64, 'report_kimg': 16, 'precision': 'mixed_bfloat16'}

STUDY = Study('mnist', 'MNIST with --preset=quick', [
    Cell(name, 'mnist32', metric, value, RUN | {'latent': latent})
    for metric, value in VALUES for latent in (2, 16) for name in SYSTEMS])
