"""AEAI (ICLR 2021 submission, arXiv 2008.01487): figures 2, 5 and 6 to 15. The paper prints no numbers.

It gives neither optimizer, learning rate, batch nor length of the training: they are ours, 2,000 updates of 32 images. Its
scene of a pole was not released; pole64 is drawn after its description.
"""

from acai_tf.studies.base import Cell, Study

_OPTIONS = {'architecture': 'vgg', 'depth': 16, 'latent': 16, 'latent_width': 4, 'lr': 0.001, 'batch': 32, 'total_kimg': 64}
# label -> model, its options
_SYSTEMS = {
    'aeai': ('aeai', {}),
    'baseline': ('baseline', {}),
    'acai': ('acai', {}),
    'aae': ('aae', {}),
    'beta-vae': ('vae', {'beta': 4.0}),
    'amr': ('amr', {}),
    'gaia': ('gaia', {}),
}
_ABLATIONS = {
    'aeai without discriminator': ('aeai', {'wgt_adv': 0.0}),
    'aeai without cycle': ('aeai', {'wgt_cycle': 0.0}),
    'aeai without smoothness': ('aeai', {'wgt_smooth': 0.0}),
}
_POLE, _COIL = ('pole64', {}), ('coil100', {'coil_object': 1})
_OBJECT = 'The paper has a model for each object of COIL-100; here it is object 1.'


def _cells(data, metric, value, systems=_SYSTEMS):
    dataset, options = data
    return [Cell(model, dataset, metric, value, _OPTIONS | options, model_options, label=label)
            for label, (model, model_options) in systems.items()]


def _poses(number, title, data, value, notes=''):
    return Study(f'aeai{number}', f'AEAI, Figure {number}: {title}',
                 _cells(data, 'poses', f'poses.model.all.{value}', _SYSTEMS | _ABLATIONS), notes=notes)


TABLES = []
FIGURES = [
    Study('aeai2', 'AEAI, Figure 2: the latents of a pole\'s shadow', _cells(_POLE, 'reconstruction', 'rmse'), 'map',
          {'dimensions': 2}),
    Study('aeai5', 'AEAI, Figure 5: interpolations between shadows of a pole', _cells(_POLE, 'reconstruction', 'rmse'),
          'lerp', {'rows': 2, 'steps': 16}),
    _poses(6, 'error by alpha, interval of 80 degrees', _COIL, 'mse.azimuth_80', _OBJECT),
    _poses(7, 'error by the length of the interval', _COIL, 'mse.azimuth_40', _OBJECT),
    _poses(8, 'retrieved alpha, interval of 70 degrees', _COIL, 'retrieved_alpha.azimuth_70.error', _OBJECT),
    *(Study(f'aeai{number}', f'AEAI, Figure {number}: bilinear interpolation, object {number - 8} of COIL-100',
            _cells(('coil100', {'coil_object': number - 8}), 'reconstruction', 'rmse'), 'bilinear', {'steps': 8},
            'Which object the figure has is not known here: the choice is ours.') for number in range(9, 14)),
    _poses(14, 'distance of parameters to source and target, along the azimuth', _POLE,
           'parameter_distance.azimuth_80.deviation'),
    _poses(15, 'distance of parameters to source and target, along the altitude', _POLE,
           'parameter_distance.altitude.deviation'),
]
