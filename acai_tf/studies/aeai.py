"""AEAI (ICLR 2021 submission, arXiv 2008.01487): figures 2, 5 to 15. The paper prints no numbers.

Settings that the paper states are used: 16 to 128 channels, batch normalization, d_z 256, the weights, a fifth of the images
held out. The paper does not state the optimizer, the learning rate or the length of training, and an iteration takes two
images; 2,048 updates of 32 images are our choice. Its scene of a pole is not public; pole64 follows its description.
"""

from acai_tf.studies.base import Cell, Study

_OPTIONS = {'architecture': 'vgg', 'depth': 16, 'latent': 16, 'latent_width': 4, 'lr': 0.001, 'batch': 32, 'total_kimg': 64}
_NETWORKS = {'batch_norm': True}
# label -> model, its options
_PAPER = {'objective': 'paper'}
_SYSTEMS = {
    'aeai': ('aeai', _PAPER),
    'aae': ('aae', {}),
    'acai': ('acai', {}),
    'beta-vae': ('vae', {'beta': 4.0}),
    'amr': ('amr', {'update_g_every': 1}),
    'gaia': ('gaia', {}),
}
_ABLATIONS = {
    'aeai': ('aeai', _PAPER),
    'aeai without cycle': ('aeai', _PAPER | {'wgt_cycle': 0.0}),
    'aeai without discriminator': ('aeai', _PAPER | {'wgt_adv': 0.0}),
    'aeai without smoothness': ('aeai', _PAPER | {'wgt_smooth': 0.0}),
}
# label -> size of the latent
_VANILLA = {'AE, 2-D': 2, 'AE, 3-D': 3}
_POLE, *_OBJECTS = ('pole64', {}), ('coil100', {'coil_object': 1}), ('coil100', {'coil_object': 2})
_BATCH = 'A step has 32 images; in the paper it has two.'
_AMR = 'AMR\'s autoencoder is updated at every step, like the others (released code: every fifth step).'
_OBJECT = 'The paper trains a model for each object of COIL-100; here it is one object that we chose.'
_INFERRED = 'The paper does not name the data of this figure; COIL-100 is inferred.'


def _cells(data, systems, metric, *values):
    dataset, options = data
    return [Cell(model, dataset, metric, value, _OPTIONS | options, _NETWORKS | model_options, label=label)
            for value in values for label, (model, model_options) in systems.items()]


def _study(number, title, cells, *notes, **shown):
    amr = [_AMR] * any(cell.model == 'amr' for cell in cells)
    return Study(f'aeai{number}', f'AEAI, Figure {number}: {title}', cells, notes=' '.join([_BATCH, *amr, *notes]), **shown)


def _curves(number, title, data, systems, values, panels, *notes):
    return _study(number, title, _cells(data, systems, 'poses', *(f'poses.model.all.{value}' for value in values)), *notes,
                  panels=panels)


def _blocks(number, title, data, systems, *notes):
    return _study(number, f'bilinear blocks, {title}', _cells(data, systems, 'reconstruction', 'rmse'), *notes,
                  mode='bilinear', mode_options={'steps': 6})


_ERRORS = [f'mse_by_alpha.azimuth_80.{which}' for which in ('mean', 'deviation')]
_DISTANCES = [[f'parameter_distance.{interval}' for interval in row] for row in (
    ('azimuth_40', 'azimuth_60', 'azimuth_80'), ('altitude_20', 'altitude_30', 'altitude'))]

TABLES = []
FIGURES = [
    Study('aeai2', 'AEAI, Figure 2: latents of plain autoencoders by the pole\'s pose, and images on and off the manifold',
          [Cell('baseline', 'pole64', 'reconstruction', 'rmse', _OPTIONS | {'latent': size, 'latent_width': 1}, _NETWORKS,
                label=label) for label, size in _VANILLA.items()], 'map', {'dimensions': 3}),
    _study(5, 'linear interpolations of an object of COIL-100 and of the pole',
           [cell for data in (_OBJECTS[0], _POLE) for cell in _cells(data, _SYSTEMS, 'reconstruction', 'rmse')], _OBJECT,
           mode='lerp', mode_options={'rows': 1, 'steps': 10}),
    _curves(6, 'error by alpha (80 degrees), its deviation, and error by length of the interval', _OBJECTS[0], _SYSTEMS,
            ['mse.azimuth_80'], [[*_ERRORS, 'mse']], _OBJECT),
    _curves(7, 'retrieved alpha, intervals of 70 degrees', _OBJECTS[0], _SYSTEMS, ['retrieved_alpha.azimuth_70.error'],
            'retrieved_alpha.azimuth_70', _OBJECT),
    _curves(8, 'distance of parameters to source and target, along azimuth and altitude', _POLE, _SYSTEMS,
            [f'{panel}.deviation' for row in _DISTANCES for panel in row], _DISTANCES),
    *(_blocks(number, f'object {chosen[1]["coil_object"]} of COIL-100', chosen, _SYSTEMS, _OBJECT)
      for number, chosen in zip((9, 10), _OBJECTS)),
    _blocks(11, 'pole', _POLE, _SYSTEMS),
    *(_blocks(number, f'ablations, object {chosen[1]["coil_object"]} of COIL-100', chosen, _ABLATIONS, _OBJECT, _INFERRED)
      for number, chosen in zip((12, 13), _OBJECTS)),
    _curves(14, 'ablations, error by alpha (80 degrees) and by length of the interval', _OBJECTS[0],
            _ABLATIONS, ['mse.azimuth_80'], [_ERRORS, ['mse']], _OBJECT, _INFERRED),
    _curves(15, 'ablations, retrieved alpha, intervals of 70 degrees', _OBJECTS[0], _ABLATIONS,
            ['retrieved_alpha.azimuth_70.error'], 'retrieved_alpha.azimuth_70', _OBJECT, _INFERRED),
]
