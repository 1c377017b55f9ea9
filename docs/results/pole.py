"""AEAI's comparison on the shadow of a pole: with the paper's objective in small, and at the paper's settings."""

from acai_tf.studies import Cell, Study

SMALL = {'resolution': 32, 'architecture': 'vgg', 'depth': 8, 'lr': 0.002, 'batch': 32, 'total_kimg': 63}
PAPER = {'resolution': 32, 'architecture': 'vgg', 'depth': 16, 'lr': 0.001, 'batch': 32, 'total_kimg': 32}
SYSTEMS = {
    'AE': ('baseline', {}),
    'aeai': ('aeai', {'objective': 'paper'}),
    'aae': ('aae', {}),
    'acai': ('acai', {}),
    'beta-vae': ('vae', {'beta': 4.0}),
    'amr': ('amr', {'update_g_every': 1}),
    'gaia': ('gaia', {}),
}
ABLATIONS = {
    'aeai without cycle': ('aeai', {'objective': 'paper', 'wgt_cycle': 0.0}),
    'aeai without discriminator': ('aeai', {'objective': 'paper', 'wgt_adv': 0.0}),
    'aeai without smoothness': ('aeai', {'objective': 'paper', 'wgt_smooth': 0.0}),
}
# Settings of ours, with which systems train that do not otherwise.
OURS = {
    'aeai, rescaled': ('aeai', {}),
    'aae, slow critic': ('aae', {'adversary_lr': 0.00001}),
    'vae, beta 0.1': ('vae', {'beta': 0.1}),
}
VALUES = ('all.mse.azimuth_40', 'all.mse.azimuth_80', 'held_out.mse.azimuth_80', 'all.mse.altitude',
          'all.retrieved_alpha.azimuth_70.error', 'all.parameter_distance.azimuth_80.deviation',
          'all.parameter_distance.altitude.deviation')
PANELS = [['mse_by_alpha.azimuth_80.mean', 'mse', 'retrieved_alpha.azimuth_70'],
          ['parameter_distance.azimuth_80', 'parameter_distance.altitude']]
AMR = 'AMR\'s autoencoder is updated at every step, like the others\' (released: at every fifth).'


def cells(systems, options, networks):
    return [Cell(model, 'pole64', metric, value, options, networks | model_options, label=label)
            for metric, value in (('reconstruction', 'rmse'), *(('poses', f'poses.model.{value}') for value in VALUES))
            for label, (model, model_options) in systems.items()]


def references(options, networks):
    """Interpolations that need no model; the run that they are computed with does not matter."""
    return [Cell('baseline', 'pole64', 'poses', f'poses.{subject}.{value}', options, networks,
                 label=subject.replace('_', ' '))
            for subject in ('pixel_dissolve', 'straight_tip') for value in VALUES]


OBJECTIVE = Study('pole', 'AEAI\'s comparison on pole64 at 32x32, with the paper\'s objective',
                  cells(SYSTEMS | ABLATIONS | OURS, SMALL, {}) + references(SMALL, {}), panels=PANELS, notes=AMR)
SETTINGS = Study('pole', 'AEAI\'s comparison on pole64 at the settings that the paper states',
                 cells(SYSTEMS, PAPER, {'batch_norm': True}) + references(PAPER, {'batch_norm': True}), panels=PANELS,
                 notes=f'{AMR} A step has 32 images, where the paper takes two.')
