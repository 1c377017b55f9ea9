"""The metrics of an encoder that is trained for minutes on digits32."""

from acai_tf.studies import Cell, Study

OPTIONS = {'depth': 16, 'latent': 16, 'latent_width': 4, 'preset': 'quick', 'total_kimg': 64}
METRICS = [('classify', 'accuracy', {'lr': 0.01, 'total_kimg': 256}), ('cluster', 'accuracy', {'n_init': 1000}),
           ('correlation', 'correlation', {}), ('reconstruction', 'rmse', {})]

STUDY = Study('encoder', 'The latents of ACAI and of a plain autoencoder on digits32', [
    Cell(model, 'digits32', metric, value, OPTIONS, metric_options=metric_options)
    for metric, value, metric_options in METRICS for model in ('baseline', 'acai')])
