"""Figures for papers, as PNG or PDF: pictures made of images (pictures.py), maps of the latent space (maps.py), curves of
interpolations between poses (poses.py), animations of walks (animation.py), and labels of any length (text.py)."""

import io
import logging
import os
import re
import statistics
import threading
import warnings

import numpy as np

from acai_tf import files
from acai_tf.errors import UsageError
from acai_tf.export.load import system_of

# Figures that can be drawn, and their options.
OPTIONS = ('images', 'rows', 'steps', 'from', 'projection', 'projector_dir', 'dimensions')
MODES = {'lerp': ('images', 'rows', 'steps'), 'slerp': ('images', 'rows', 'steps'), 'bilinear': ('images', 'steps'),
         'samples': ('rows', 'steps', 'from'), 'reconstruction': ('images', 'rows', 'steps'),
         'map': ('projection', 'dimensions', 'projector_dir')}
ANIMATED = ('lerp', 'slerp')
_ENDINGS = ('.png', '.pdf')
_NO_GLYPH = re.compile(r'Glyph (\d+) .* missing from font')
_one_at_a_time = threading.Lock()  # neither matplotlib nor catch_warnings is thread-safe
_logger = logging.getLogger(__name__)


def is_figure(path):
    """Returns True for a file name with the ending of a figure."""
    return path.lower().endswith(_ENDINGS)


def is_animation(path):
    """Returns True for a file name with the ending of an animation."""
    return path.lower().endswith('.gif')


def check_output(path, mode):
    """Raises UsageError for a file name without the ending of a figure or, if the mode has one, of an animation."""
    if is_animation(path) and mode not in ANIMATED:
        raise UsageError(f'--output={path}: only --mode={" or ".join(ANIMATED)} makes animations; choose a name ending in '
                         f'{" or ".join(_ENDINGS)}')
    if not is_figure(path) and not is_animation(path):
        raise UsageError(f'--output={path}: must end in {" or ".join(_ENDINGS)}, or in .gif for an animation')


def reads_images(mode, image_files, source):
    """Returns True if a figure (see `draw`) needs the data set's images, not just their shape."""
    from acai_tf.figures import pictures
    if mode == 'samples':
        return source == 'mixture'
    return not image_files or any(map(pictures.is_test_image, image_files))


def draw(mode, models, dataset, image_files=(), rows=6, steps=16, projection='pca', seed=0, projector_dir='',
         dimensions=2, source='prior', titles=None):
    """Draws a matplotlib figure of a model or a list of models, one below the other; maps and bilinear blocks are side by
    side.

    Args:
        mode: one of `MODES`.
        models: export.LoadedModels or live models.
        dataset: datasets.base.Dataset; its test images are drawn.
        image_files: paths of images to draw instead, or 'test:17' for test image 17.
        rows, steps: number of rows, and of images in each.
        projection, dimensions: 'pca' or 'tsne', and 2 or 3, for a map.
        seed: seed for the choice of images and samples.
        projector_dir: where a map also writes TensorBoard's projector files.
        source: 'prior' or 'mixture', for samples.
        titles: names of the models; default: `names`. Needed for several live models.

    Raises:
        UsageError: an unknown mode, images for a map, or no titles for several live models.
    """
    from acai_tf.figures import maps, pictures
    if mode not in MODES:
        raise UsageError(f'unknown mode {mode!r}; choose one of {", ".join(MODES)}')
    models = models if isinstance(models, (list, tuple)) else [models]
    if not titles and len(models) > 1 and not all(hasattr(model, 'config') for model in models):
        raise UsageError('several live models need titles, one for each')
    titles = titles or names(models)
    if mode == 'map':
        if image_files:
            raise UsageError('--mode=map takes no --images')
        return maps.draw_map(models, titles, dataset, projection, seed, projector_dir, dimensions)
    picture = pictures.drawing(mode, dataset, image_files, rows, steps, seed, source)
    return pictures.one_each(titles, [picture(model) for model in models], in_a_row=mode == 'bilinear')


def compare(mode, columns, rows=6, steps=16, source='prior'):
    """Draws models on several data sets: a row for each model and a column for each data set. For bilinear blocks, each data
    set has a row. Takes all modes of `draw` except maps. `columns` is {name of the data set: (datasets.base.Dataset, {title:
    export.LoadedModel})}; each column chooses its images with another seed."""
    from acai_tf.figures import pictures
    titles, drawn = list(dict.fromkeys(title for _, models in columns.values() for title in models)), []
    for seed, (dataset, models) in enumerate(columns.values()):
        picture = pictures.drawing(mode, dataset, (), rows, steps, seed, source)
        drawn.append([picture(models[title]) if title in models else None for title in titles])
    if mode == 'bilinear':
        return pictures.arrange(drawn, left=columns, above=titles)
    return pictures.arrange(list(zip(*drawn)), left=titles, above=columns)


def animate(mode, models, dataset, image_files=(), rows=6, steps=16, seed=0):
    """Returns an animated GIF (see animation.gif) that plays the rows of `draw` one after another, with models below each
    other."""
    from acai_tf.figures import animation, pictures
    from acai_tf.latents import reading
    images = pictures.choose_images(mode, dataset, image_files, rows, steps, seed)
    return animation.gif([reading.walks(model, model.encode(images), steps, pictures.CURVES[mode]) for model in models])


def mean_curve(axes, x, values, color, alpha=0.12, **style):
    """Draws the mean of values [seeds, points] and, for several seeds, a band of one sample deviation around it. Returns the
    line."""
    values = np.array(values, float)
    mean = values.mean(axis=0)
    line, = axes.plot(x, mean, color=color, linewidth=1.2, **style)
    if len(values) > 1:
        deviation = values.std(axis=0, ddof=1)
        axes.fill_between(x, mean - deviation, mean + deviation, color=color, alpha=alpha, linewidth=0)
    return line


def want_logarithm(values):
    """Returns True if a logarithmic axis is needed: the largest number would hide the others on a linear one."""
    return min(values) > 0 and max(values) > 10 * statistics.median(values)


def names(models):
    """Returns a name for each loaded model: its system, with the step if several models share it, and a number if they share
    that too; '' for a single model."""
    if len(models) == 1:
        return ['']
    plain = [system_of(model.config) for model in models]
    titles = [f'{name} {model.config["step"]}' if plain.count(name) > 1 else name for name, model in zip(plain, models)]
    return [f'{title} ({titles[:i + 1].count(title)})' if titles.count(title) > 1 else title
            for i, title in enumerate(titles)]


def save(figure, path):
    """Writes a figure, or its bytes, atomically."""
    files.write(figure if isinstance(figure, bytes) else encode(figure, os.path.splitext(path)[1][1:].lower()), path)


def encode(figure, ending='png'):
    """Encodes a figure as 'png' or 'pdf' bytes."""
    content = io.BytesIO()
    with _one_at_a_time, warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings('always', _NO_GLYPH.pattern)
        figure.savefig(content, format=ending, facecolor='white')
    _say(caught)
    return content.getvalue()


def _say(caught):
    """Warns once of all characters that the font lacks, and passes on other warnings."""
    missing = {chr(int(match[1])) for warning in caught if (match := _NO_GLYPH.match(str(warning.message)))}
    if missing:
        _logger.warning('the fonts of the figure lack %s and show boxes instead; set font.family in a matplotlibrc to '
                        'a font that has them', ' '.join(sorted(missing)[:20]))
    for warning in caught:
        if not _NO_GLYPH.match(str(warning.message)):
            warnings.warn(warning.message, stacklevel=3)
