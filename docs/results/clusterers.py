"""The methods of acai_cluster on the pixels of MNIST, next to the numbers that ACAI quotes from other papers: K-means with
fewer starts and DEC with a shorter pretraining than there.
"""

from acai_tf.studies import Cell, Study
from acai_tf.studies.acai import QUOTED

METHODS = {
    'kmeans': {'n_init': 50},
    'dec': {'method': 'dec', 'pretrain_steps': 2000, 'pretrain_lr': 1.0},
    'rim': {'method': 'rim'},
    'imsat': {'method': 'imsat'},
}


def _cell(label, options, value):
    published, source = QUOTED[label]['mnist32']
    return Cell('pixels', 'mnist32', 'cluster', value, metric_options=options, label=label, source=source,
                published=published if value == 'train_accuracy' else None)


# The published accuracies are on all images, so they stand next to those on the 60,000 training images.
STUDY = Study('clusterers', 'Clusters of the pixels of MNIST, against the classes', [
    _cell(label, options, value) for value in ('train_accuracy', 'accuracy') for label, options in METHODS.items()])
