"""MIDR-AE's experiment with stripes, with the paper's weight of the critic in place of the released code's."""

from acai_tf.studies import Cell, Study

OPTIONS = {'depth': 16, 'latent': 2, 'latent_width': 1, 'total_kimg': 128, 'precision': 'mixed_bfloat16'}

STUDY = Study('stripes', 'The two dimensions of the latent of stripes, with advweight 0.5', [
    Cell(model, 'stripes32', metric, value, OPTIONS, {'advweight': 0.5}, published=published,
         source='MIDR-AE, the experiment with sinusoids' if published else '')
    for metric, value, of_paper in (('correlation', 'correlation', (.523, .159)), ('reconstruction', 'rmse', (None, None)))
    for model, published in zip(('acai', 'miae'), of_paper)
], mode='map')
