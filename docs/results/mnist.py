"""All systems except flat on MNIST with --preset=quick, next to Tables 1 and 2 of MIDR-AE, which contain those of ACAI.

Accuracy of the classifier trained with the autoencoder and, for the small latent, of a logistic regression trained to the
end and of K-means from single starts, and the correlation of the dimensions. The preset's learning rate, which the first
classifier shares, is 0.001 for vae and amr, 0.0002 for the others, and constant for acai, miae, lrae and dracai.
"""

from acai_tf import studies
from acai_tf.studies import Cell, Study

SYSTEMS = ('baseline', 'dropout', 'denoising', 'vae', 'aae', 'vqvae', 'acai', 'miae', 'lrae', 'midrae', 'dracai', 'amr',
           'gaia', 'aeai')
RUN = {'depth': 16, 'latent_width': 4, 'preset': 'quick', 'total_kimg': 64, 'report_kimg': 16}
STARTS = 'docs/results/starts.py:Starts'
REPORTED = (('accuracy', 'latent_accuracy'), ('explained_variance', 'explained_variance'))
COMPUTED = (('probe', 'probe_accuracy'), (STARTS, 'accuracy_mean'), (STARTS, 'accuracy_deviation'),
            ('correlation', 'correlation'))
PUBLISHED = {(cell.model, cell.dz, cell.metric): {
    'published': cell.published, 'deviation': cell.deviation, 'source': cell.source}
    for table in ('midr1', 'midr2') for cell in studies.get('table', table).cells if cell.dataset == 'mnist32'}


def cell(model, latent, metric, value):
    """Returns the cell of a system with this number of channels of the latent."""
    precision = 'float32' if model == 'aeai' else 'mixed_bfloat16'  # aeai differentiates its networks twice
    return Cell(model, 'mnist32', metric, value, RUN | {'latent': latent, 'precision': precision},
                **PUBLISHED.get((model, latent * 16, metric), {}))


STUDY = Study('mnist', 'All systems on MNIST with --preset=quick', [
    cell(model, latent, metric, value)
    for latent, values in ((2, REPORTED + COMPUTED), (16, REPORTED)) for metric, value in values for model in SYSTEMS])
