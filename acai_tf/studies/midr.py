"""MIDR-AE (Qian et al., IJCAI 2019): tables 1 to 3, figures 3 to 5.

The paper copies the columns of the ACAI paper without running them again. If the paper and the released scripts give
different weights, the scripts' weights are used.
"""

from acai_tf.studies import acai
from acai_tf.studies.base import Cell, Study

_OWN = ('miae', 'lrae', 'midrae')

# data set, d_z -> accuracy in percent and its deviation, in the order of _OWN
_ACCURACY = {
    ('mnist32', 32): ((98.32, .36), (98.09, .13), (99.17, .03)),
    ('mnist32', 256): ((99.07, .10), (99.10, .02), (99.19, .04)),
    ('svhn32', 32): ((46.42, 1.61), (43.81, 1.10), (92.28, .62)),
    ('svhn32', 256): ((85.70, .39), (88.38, .14), (94.30, .18)),
    ('cifar10', 256): ((55.93, .04), (58.46, .40), (63.28, .13)),
    ('cifar10', 1024): ((67.56, .03), (66.73, .03), (68.27, .48)),
}
_CLUSTERING = {
    ('mnist32', 32): (95.66, 94.37, 96.94),
    ('mnist32', 256): (96.38, 96.70, 97.05),
    ('svhn32', 32): (36.91, 29.45, 56.64),
    ('svhn32', 256): (38.28, 34.88, 51.14),
}
# data set, d_z -> mean |correlation| of ACAI and of MI-AE
_CORRELATION = {
    ('mnist32', 32): (.24, .14), ('mnist32', 256): (.22, .12), ('svhn32', 32): (.27, .11), ('svhn32', 256): (.13, .07),
    ('cifar10', 256): (.08, .04), ('cifar10', 1024): (.06, .03), ('celeba32', 32): (.18, .04), ('celeba32', 256): (.16, .06),
}
# data set, d_z -> advnoise and advfake (omega_3, omega_4) of MIDR-AE, and a caveat
_WEIGHTS = {
    ('mnist32', 32): (.5, .1, 'weights of the paper; a path in the released code has 1.0 and 0.05'),
    ('mnist32', 256): (.5, .1, 'weights of the paper; a path in the released code has 1.0 and 0.05'),
    ('svhn32', 32): (.1, .005, 'weights of the released script; the paper has 0.5 and 0.05'),
    ('svhn32', 256): (.5, .05, ''),
    ('cifar10', 256): (.01, .01, 'weights of the paper; a path in the released code has 0.01 and 0.03'),
    ('cifar10', 1024): (.01, .01, 'weights of the paper; a path in the released code has 0.01 and 0.03'),
    ('celeba32', 32): (.1, .05, 'weights of the paper; a path in the released code has 0.1 and 0.01'),
    ('celeba32', 256): (.1, .05, 'weights of the paper; a path in the released code has 0.1 and 0.01'),
}


def _model_options(model, dataset, dz):
    if model != 'midrae':
        return acai.model_options_of(model, dataset), ''
    advnoise, advfake, caveat = _WEIGHTS[dataset, dz]
    return {'advnoise': advnoise, 'advfake': advfake}, caveat


def _cells(make, copied, own, source):
    for (dataset, dz), row in copied.items():
        for model, published in [*zip(acai.MODELS, row), *zip(_OWN, own[dataset, dz])]:
            model_options, caveat = _model_options(model, dataset, dz)
            yield make(model, dataset, dz, published, model_options, source,
                       caveat if model in _OWN else 'copied from the ACAI paper')


def _correlations():
    for (dataset, dz), row in _CORRELATION.items():
        images = '4,000 test images' if dataset == 'celeba32' else 'the training images'
        for model, published in zip(('acai', 'miae'), row):
            yield Cell(model, dataset, 'correlation', 'correlation', acai.settings(dataset, dz), published=published,
                       source='MIDR-AE, Table 1', caveat=f'published over {images}; here over the test images')


def _pictured(models, datasets, dz):
    for dataset in datasets:
        for model in models:
            model_options, caveat = _model_options(model, dataset, dz)
            yield Cell(model, dataset, 'reconstruction', 'rmse', acai.settings(dataset, dz), model_options, caveat=caveat)


_STRIPES = {'depth': 16, 'latent': 2, 'latent_width': 1}
_PHOTOS = 'mnist32', 'cifar10', 'svhn32', 'celeba32'
_SIZE = 'The paper does not state the size of the latent; 256 is our choice.'

TABLES = [
    Study('midr1', 'MIDR-AE, Table 1: mean absolute correlation of the latent dimensions', list(_correlations())),
    Study('midr2', 'MIDR-AE, Table 2: accuracy of a single-layer classifier',
          list(_cells(acai.accuracy_cell, acai.ACCURACY, _ACCURACY, 'MIDR-AE, Table 2'))),
    Study('midr3', 'MIDR-AE, Table 3: accuracy of clustering',
          [*_cells(acai.cluster_cell, acai.CLUSTERING, _CLUSTERING, 'MIDR-AE, Table 3'),
           *acai.quoted_cells(('kmeans', 'dec', 'imsat'), 'MIDR-AE, Table 3')]),
]
FIGURES = [
    Study('midr3', 'MIDR-AE, Figure 3: the two latent dimensions of stripes',
          [Cell(model, 'stripes32', 'correlation', 'correlation', _STRIPES, {'advweight': 2.0}, published=published,
                source='MIDR-AE, the experiment with sinusoids',
                caveat='advweight 2.0 as in a path of the released calculate_cor.py; the paper states 0.5')
           for model, published in (('acai', .523), ('miae', .159))], 'map'),
    Study('midr4', 'MIDR-AE, Figure 4: straight interpolations of ACAI and MI-AE',
          list(_pictured(('acai', 'miae'), _PHOTOS, 256)), 'lerp', {'rows': 4, 'steps': 11},
          notes=f'As in the paper (section 5.3), MI-AE mixes all dimensions with the same weight here. {_SIZE}'),
    Study('midr5', 'MIDR-AE, Figure 5: samples of MIDR-AE from the prior', list(_pictured(('midrae',), _PHOTOS, 256)),
          'samples', {'rows': 8, 'steps': 8},
          notes=f'We do not know which data the paper shows, so we use the data sets of Figure 4. {_SIZE}'),
]
