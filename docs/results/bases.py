"""A first look at regularizers on other base autoencoders: lines32, the published size, 64 kimg with --preset=quick. SAMPLES
has random draws and the decoder's conditioning, from the same runs.

flat differentiates its decoder and takes float32; the others are in bfloat16. The preset trains vae alone at a rate of
0.001, and all else at 0.0002. vae alone and with acai are shown at both, at 0.001 with the falling rates of vae.
"""

from acai_tf.studies import Cell, Study

OPTIONS = {'depth': 16, 'latent': 16, 'latent_width': 2, 'preset': 'quick', 'total_kimg': 64, 'report_kimg': 16}
VALUES = [('lines', 'mean_distance'), ('lines', 'mean_smoothness'), ('explained_variance', 'explained_variance')]
DRAWS = [('samples', f'samples_{source}_{value}') for source in ('prior', 'mixture')
         for value in ('nearest_train', 'precision', 'recall')] + [('conditioning', 'log_condition_number')]
BASES = ('baseline', 'denoising', 'vae')
ALONE, ACAI = {'': (None, {})}, {' + acai': ('acai', {})}


def cells(values, regularizers, bases=BASES, total_kimg=64):
    """Cells of {label: (model or None for the base alone, its options)}."""
    return [Cell(model or base, 'lines32', metric, value,
                 OPTIONS | {'total_kimg': total_kimg} | ({} if model == 'flat' else {'precision': 'mixed_bfloat16'}),
                 options, base=base if model else 'baseline', label=f'{base}{label}')
            for metric, value in values for base in bases for label, (model, options) in regularizers.items()]


def first_look(values):
    """Cells of the bases, alone and with two regularizers, and of vae and acai on vae at each other's rate."""
    return cells(values, ALONE | ACAI | {' + flat': ('flat', {})}) + [
        Cell(model, 'lines32', metric, value, OPTIONS | {'precision': 'mixed_bfloat16'} | rate, base=base, label=label)
        for metric, value in values
        for model, base, label, rate in (('vae', 'baseline', 'vae at 0.0002', {'lr': 0.0002}),
                                         ('acai', 'vae', 'vae + acai at 0.001', {'lr': 0.001, 'lr_schedule': 'cosine'}))]


STUDY = Study('bases', 'ACAI and FLAT on three base autoencoders, lines32', first_look(VALUES), first_seed=2)
SAMPLES = Study('bases-draws', 'Random draws from ACAI and FLAT on three base autoencoders, lines32', first_look(DRAWS),
                first_seed=2)
MORE = Study('bases-more', 'MI-AE and LR-AE on three base autoencoders, and ACAI on VQ-VAE, lines32', cells(
    VALUES, {' + miae': ('miae', {}), ' + lrae': ('lrae', {})}) + cells(VALUES, ALONE | ACAI, ('vqvae',)),
    first_seed=2)
WEIGHTS = Study('flat', 'Weights of FLAT, lines32', cells(
    VALUES, {f' + flat, {weight}': ('flat', {'wgt_flat': weight}) for weight in (0.01, 0.1, 1.0)}, ('baseline',), 32))
