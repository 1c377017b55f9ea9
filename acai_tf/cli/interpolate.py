"""Draws a figure with exported models: interpolations, a bilinear grid, samples, reconstructions, or a map of the latents.

  acai_interpolate --saved_model=ACAI.../export --saved_model=VAE.../export --output=rows.pdf
  acai_interpolate --saved_model=.../export --images=a.png,b.png --mode=slerp --output=between.png
  acai_interpolate --saved_model=.../export --images=test:17,test:203 --output=walk.gif
  acai_interpolate --saved_model=.../export --mode=map --output=map.png --projector_dir=projector

All models get the same test images of the data set, chosen by --seed. To choose images, use --images: pairs for lerp and
slerp, four for bilinear, any number for reconstruction. A GIF plays the rows of lerp and slerp one after another, forward
and back. If the poses are known, as in pole64, a map has lines of constant azimuth and altitude.
"""

import os

from acai_tf import files
from acai_tf.cli import program


def define_flags(flags):
    from acai_tf.cli.flags import define_data_flags
    from acai_tf.figures import MODES
    from acai_tf.latents.reading import SOURCES
    flags.under('model')
    flags.multi_string('saved_model', None, 'an exported model; repeat the flag to stack several', is_path=True)
    define_data_flags(flags)
    flags.list('images', [], 'image files, or test:17 for test image 17, instead of images chosen by --seed', is_path=True)
    flags.under('figure')
    flags.enum('mode', 'lerp', list(MODES), 'what to draw')
    flags.integer('rows', 6, 'rows of interpolations, samples or reconstructions', lower_bound=1)
    flags.integer('steps', 16, 'images in a row; for bilinear, each way', lower_bound=2)
    flags.enum('from', 'prior', SOURCES, 'with --mode=samples: draw from N(0, I), or from a Gaussian mixture '
               'fitted to the latents of the training images')
    flags.enum('projection', 'pca', ('pca', 'tsne'), 'with --mode=map: the projection of the latents')
    flags.integer('dimensions', 2, 'with --mode=map: 2 or 3', lower_bound=2, upper_bound=3)
    flags.integer('seed', 0, 'seed for the choice of images and samples', lower_bound=0)
    flags.under('output')
    flags.string('output', None, 'the file to write: PNG or PDF, or GIF with --mode=lerp or slerp', is_path=True)
    flags.string('projector_dir', '', "with --mode=map: also write TensorBoard's projector files here", is_path=True)


def run(flags):
    from acai_tf import export, figures
    from acai_tf.cli.flags import open_dataset
    from acai_tf.metrics.base import check_fits
    paths, output, mode, source = flags.required('saved_model'), flags.required('output'), flags.mode, getattr(flags, 'from')
    figures.check_output(output, mode)
    flags.output()
    idle = [name for name in figures.OPTIONS if name not in figures.MODES[mode]]
    flags.refuse(f'with --mode={mode}', *(name for name in idle if name not in ('rows', 'steps')))
    flags.note(f'with --mode={mode}', *(name for name in idle if name in ('rows', 'steps')))
    if flags.projector_dir:
        files.check_destination(os.path.join(flags.projector_dir, 'metadata.tsv'))
    if flags.images:
        flags.note('with --images', 'rows', 'seed', *(['steps'] if mode == 'reconstruction' else []))
    models = [export.load(path) for path in paths]
    dataset = open_dataset(flags, models[0].config)
    for model in models:
        check_fits(model, dataset, figures.reads_images(mode, flags.images, source))
    if figures.is_animation(output):
        figure = figures.animate(mode, models, dataset, flags.images, flags.rows, flags.steps, flags.seed)
    else:
        figure = figures.draw(mode, models, dataset, flags.images, flags.rows, flags.steps, flags.projection, flags.seed,
                              flags.projector_dir, flags.dimensions, source)
    figures.save(figure, output)
    print(output)


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
