"""The methods of acai_cluster on the pixels of digits32."""

from acai_tf.studies import Cell, Study

METHODS = {
    'kmeans': {'n_init': 50},
    'dec': {'method': 'dec', 'pretrain_steps': 500, 'pretrain_lr': 1.0, 'finetune_steps': 1600},
    'rim': {'method': 'rim'},
    'rim, linear': {'method': 'rim', 'rim': 'linear'},
    'imsat': {'method': 'imsat'},
}

STUDY = Study('clusterers', 'Clusters of the pixels of digits32, against the classes', [
    Cell('pixels', 'digits32', 'cluster', value, metric_options=options, label=label)
    for value in ('accuracy', 'objective') for label, options in METHODS.items()])
