"""The learning rate of --preset=quick for baseline and vae, lines32, on the two seeds that acai's rates were chosen with.

What was tried for acai and others is in preset-trials.json.
"""

from acai_tf.studies import Cell, Study

OPTIONS = {'depth': 16, 'latent': 16, 'latent_width': 2, 'preset': 'quick', 'total_kimg': 64, 'report_kimg': 16,
           'precision': 'mixed_bfloat16'}
STUDY = Study('tuning', 'Learning rates of baseline and vae with --preset=quick, lines32', [
    Cell(model, 'lines32', metric, value, OPTIONS | {'lr': lr}, label=f'{model} at {lr:g}')
    for metric, value in (('lines', 'mean_distance'), ('lines', 'mean_smoothness'),
                          ('explained_variance', 'explained_variance'))
    for model in ('baseline', 'vae') for lr in (2e-4, 5e-4, 1e-3)])
