"""Measures all systems except flat with --preset=quick at 64 kimg; acai, baseline and vae with the released settings; those
that the preset trains at constant rates, at falling ones; acai and baseline at 512 and 2,048 kimg.

docs/training.md says how the preset was chosen. aeai differentiates its networks twice and takes float32.
"""

from acai_tf.studies import Cell, Study

SYSTEMS = ('baseline', 'acai', 'vae', 'denoising', 'dropout', 'aae', 'vqvae', 'aeai', 'amr', 'gaia', 'miae', 'lrae',
           'dracai', 'midrae')
AT_CONSTANT_RATES = ('acai', 'miae', 'lrae', 'dracai')  # with the preset
RELEASED = ('acai', 'baseline', 'vae')
LINES = {'depth': 16, 'latent': 16, 'latent_width': 2}
DIGITS = LINES | {'latent_width': 4}
LINES_VALUES = (('explained_variance', 'explained_variance'), ('lines', 'mean_distance'), ('lines', 'mean_smoothness'))
DIGITS_VALUES = (('explained_variance', 'explained_variance'), ('accuracy', 'latent_accuracy'))


def cells(dataset, size, values, systems=SYSTEMS, released=RELEASED, total_kimg=64, **changes):
    """Returns cells of the systems with the preset and the options in `changes`, and of some with the released settings."""
    runs = [(name, name, {'preset': 'quick', **changes}) for name in systems]
    runs += [(name, f'{name} (released)', {}) for name in released]
    length = {'total_kimg': total_kimg, 'report_kimg': max(16, total_kimg // 16)}
    return [Cell(name, dataset, metric, value, size | preset | length | _precision(name), label=label)
            for metric, value in values for name, label, preset in runs]


def _precision(name):
    return {} if name == 'aeai' else {'precision': 'mixed_bfloat16'}


LINES32 = Study('quick-lines', 'All systems with --preset=quick, lines32',
                cells('lines32', LINES, LINES_VALUES, released=()), first_seed=2)
LINES32_RELEASED = Study('quick-lines-released', 'The released settings at 64 kimg, lines32',
                         cells('lines32', LINES, LINES_VALUES, ()), first_seed=2)
DIGITS32 = Study('quick-digits', 'All systems with --preset=quick, digits32',
                 cells('digits32', DIGITS, DIGITS_VALUES), first_seed=2)
LINES32_COSINE = Study('quick-lines-cosine', 'Falling rates instead of constant ones, --preset=quick, lines32',
                       cells('lines32', LINES, LINES_VALUES, AT_CONSTANT_RATES, (), lr_schedule='cosine'), first_seed=2)
LONG = Study('quick-long', '512 kimg with --preset=quick, lines32',
             cells('lines32', LINES, LINES_VALUES, ('acai', 'baseline'), (), 512), first_seed=2)
LONG_COSINE = Study('quick-long-cosine', '512 kimg with --preset=quick --lr_schedule=cosine, lines32', cells(
    'lines32', LINES, LINES_VALUES, ('acai',), (), 512, lr_schedule='cosine'), first_seed=2)
LONGEST = Study('quick-longest', '2,048 kimg with --preset=quick, lines32',
                cells('lines32', LINES, LINES_VALUES, ('acai', 'baseline'), (), 2048), first_seed=2)
