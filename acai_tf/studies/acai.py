"""ACAI (Berthelot, Raffel, Roy, Goodfellow, ICLR 2019): tables 1 to 3, figures 3, 5 and 6 to 11. Figure 4 explains the
benchmark.

Settings come from the released scripts. The digits of table 1 are recalled, not checked against the paper.
"""

import itertools

from acai_tf.studies.base import PIXELS, Cell, Study

LINES = {'depth': 16, 'latent': 16, 'latent_width': 2}
MODELS = ('baseline', 'dropout', 'denoising', 'vae', 'aae', 'vqvae', 'acai')
_IN_FIGURES = tuple(model for model in MODELS if model != 'dropout')


def settings(dataset, dz):
    """Returns the network options for a data set and a latent size (released runs/*.sh)."""
    return {'depth': 16 if dataset == 'mnist32' else 64, 'latent': dz // 16, 'latent_width': 4}


def model_options_of(model, dataset):
    """Returns the model options that differ from their defaults."""
    return {'dropout': 0.75} if (model, dataset) == ('dropout', 'cifar10') else {}


_TABLE1 = {  # Mean Distance and Smoothness, each with its deviation
    'baseline': ((6.88e-3, 0.21e-3), (0.44, 0.04)),
    'dropout': ((2.85e-3, 0.54e-3), (0.74, 0.02)),
    'denoising': ((4.21e-3, 0.32e-3), (0.66, 0.02)),
    'vae': ((1.21e-3, 0.17e-3), (0.49, 0.13)),
    'aae': ((3.26e-3, 0.19e-3), (0.14, 0.02)),
    'vqvae': ((5.41e-3, 0.49e-3), (0.77, 0.02)),
    'acai': ((0.24e-3, 0.01e-3), (0.10, 0.01)),
}
_TABLE1_CAVEATS = {'vqvae': 'recalled digits are for latent_width 4 (d_z 256), as released; here 2 (d_z 64), like others'}

# data set, d_z -> accuracy in percent and its deviation, in the order of MODELS
ACCURACY = {
    ('mnist32', 32): ((94.90, .14), (96.45, .42), (96.00, .27), (96.56, .31), (70.74, 3.27), (97.50, .18), (98.25, .11)),
    ('mnist32', 256): ((93.94, .13), (94.50, .29), (98.51, .04), (98.74, .14), (90.03, .54), (97.25, 1.42), (99.00, .08)),
    ('svhn32', 32): ((26.21, .42), (26.09, 1.48), (25.15, .78), (29.58, 3.22), (23.43, .79), (24.53, 1.33), (34.47, 1.14)),
    ('svhn32', 256): ((22.74, .05), (25.12, 1.05), (77.89, .35), (66.30, 1.06), (22.81, .24), (44.94, 20.42), (85.14, .20)),
    ('cifar10', 256): ((47.92, .20), (40.99, .41), (53.78, .36), (47.49, .22), (40.65, 1.45), (42.80, .44), (52.77, .45)),
    ('cifar10', 1024): ((51.62, .25), (49.38, .77), (60.65, .14), (51.39, .46), (42.86, .88), (16.22, 12.44), (63.99, .47)),
}
_PIXEL_ACCURACY = {'mnist32': 92.31, 'svhn32': 23.48, 'cifar10': 39.70}

# data set, d_z -> K-means accuracy in percent, in the order of MODELS
CLUSTERING = {
    ('mnist32', 32): (77.56, 82.67, 82.59, 75.74, 79.19, 82.39, 94.38),
    ('mnist32', 256): (53.70, 61.35, 70.89, 83.44, 81.00, 96.80, 96.17),
    ('svhn32', 32): (19.38, 21.42, 17.91, 16.83, 17.35, 15.19, 20.86),
    ('svhn32', 256): (15.62, 15.19, 31.49, 11.36, 13.59, 18.84, 24.98),
}
# method -> data set -> accuracy, and the paper that ACAI quotes
QUOTED = {
    'kmeans': {'mnist32': (53.2, 'Hu et al. 2017'), 'svhn32': (17.9, 'Hu et al. 2017')},
    'dec': {'mnist32': (84.3, 'Xie et al. 2016'), 'svhn32': (11.9, 'Hu et al. 2017')},
    'rim': {'mnist32': (58.5, 'Hu et al. 2017'), 'svhn32': (26.8, 'Hu et al. 2017')},
    'imsat': {'mnist32': (98.4, 'Hu et al. 2017'), 'svhn32': (57.3, 'Hu et al. 2017')},
}
_QUOTED_CAVEAT = 'quoted, different protocol: accuracy on all images; on svhn32 (recalled) from GIST features, not pixels'
CLUSTER_OPTIONS = {'n_init': 1000}


def accuracy_cell(model, dataset, dz, published, model_options, source, caveat=''):
    """Makes a cell of a single-layer classifier."""
    mean, deviation = published
    return Cell(model, dataset, 'accuracy', 'latent_accuracy', settings(dataset, dz), model_options,
                published=mean, deviation=deviation, source=source, caveat=caveat)


def cluster_cell(model, dataset, dz, published, model_options, source, caveat=''):
    """Makes a cell of a clustering."""
    if model == 'vae':
        caveat = '; '.join(filter(None, [caveat, 'published for sampled latents; here for their means']))
    return Cell(model, dataset, 'cluster', 'accuracy', settings(dataset, dz), model_options, CLUSTER_OPTIONS,
                published=published, source=source, caveat=caveat)


def quoted_cells(methods, source):
    """Yields the cells of methods that cluster pixels."""
    for method in methods:
        options = CLUSTER_OPTIONS if method == 'kmeans' else {'method': method}
        for dataset, (published, quoted) in QUOTED[method].items():
            yield Cell(PIXELS, dataset, 'cluster', 'accuracy', metric_options=options, published=published,
                       source=f'{quoted}, quoted in {source}', caveat=_QUOTED_CAVEAT, label=f'{method} on pixels')


def _lines():
    for model, row in _TABLE1.items():
        for value, (published, deviation) in zip(('mean_distance', 'mean_smoothness'), row):
            yield Cell(model, 'lines32', 'lines', value, LINES, published=published, deviation=deviation,
                       source='ACAI, Table 1', recalled=True, caveat=_TABLE1_CAVEATS.get(model, ''))


def _cells(make, numbers, table):
    for (dataset, dz), row in numbers.items():
        for model, published in zip(MODELS, row):
            paper = 'ACAI, arXiv version 2, and MIDR-AE' if model == 'dropout' else 'ACAI'
            yield make(model, dataset, dz, published, model_options_of(model, dataset), f'{paper}, Table {table}')


TABLES = [
    Study('acai1', 'ACAI, Table 1: Mean Distance and Smoothness of interpolations between lines', list(_lines()),
          notes='The digits of this table are recalled, not checked against the paper: use them for orientation.'),
    Study('acai2', 'ACAI, Table 2: accuracy of a single-layer classifier',
          [*_cells(accuracy_cell, ACCURACY, 2),
           *(Cell(PIXELS, dataset, 'classify', 'accuracy', published=published, source='ACAI, section 4.1')
             for dataset, published in _PIXEL_ACCURACY.items())]),
    Study('acai3', 'ACAI, Table 3: accuracy of clustering',
          [*_cells(cluster_cell, CLUSTERING, 3), *quoted_cells(QUOTED, 'ACAI, Table 3')]),
]
FIGURES = [
    Study('acai3', 'ACAI, Figure 3: interpolations between lines',
          [Cell(model, 'lines32', 'lines', value, LINES)
           for value in ('mean_distance', 'mean_smoothness') for model in _IN_FIGURES], 'lerp', {'rows': 2, 'steps': 16}),
    Study('acai5', 'ACAI, Figure 5: samples of a VAE trained on lines',
          [Cell('vae', 'lines32', 'reconstruction', 'rmse', LINES)], 'samples', {'rows': 4, 'steps': 16}),
    *(Study(f'acai{number}', f'ACAI, Figure {number}: interpolations on {dataset}, d_z {dz}',
            [Cell(model, dataset, 'reconstruction', 'rmse', settings(dataset, dz)) for model in _IN_FIGURES],
            'lerp', {'rows': 4, 'steps': 16})
      for number, (dataset, dz) in enumerate(itertools.product(('mnist32', 'svhn32', 'celeba32'), (32, 256)), 6)),
]
