"""Maps of a latent space in two or three dimensions, and the files of TensorBoard's projector."""

import os

import matplotlib
import numpy as np
import tensorflow as tf
from scipy import spatial

from acai_tf import files
from acai_tf import images as images_lib
from acai_tf.errors import DataError, UsageError
from acai_tf.figures import text
from acai_tf.figures.pictures import DPI, mpl_figure
from acai_tf.latents import reading
from acai_tf.latents.projection import project
from acai_tf.metrics import PIXELS
from acai_tf.metrics.poses import grouped

_MOST_POINTS = 3000
_MOST_IN_LEGEND = 20
_LEGEND_POINTS = 7
_MOST_SPRITE_PIXELS = 8192  # largest side of the sheet of thumbnails: browsers refuse larger ones


def draw_map(models, model_names, dataset, projection, seed, projector_dir='', dimensions=2):
    """Draws the `latent_map` of loaded models on a data set's test images, or, if it has poses, the `manifold` of all its
    images. Writes the first model's projector files to `projector_dir`."""
    try:
        images, poses, is_test = dataset.load_poses()
        labels, name = poses[:, 0], '{:g}'.format
    except (UsageError, DataError):
        images, labels = reading.of_dataset(PIXELS, dataset, 'test', _MOST_POINTS)
        poses, name = None, dataset.class_name
    latents = [model.encode(images) for model in models]
    named = list(zip(model_names, latents))
    if poses is None:
        figure = latent_map(named, labels, projection, seed, dimensions, name)
    else:
        figure = manifold(named, poses, projection, seed, dimensions, [model.decode for model in models], ~is_test)
    if projector_dir:
        write_projector(projector_dir, latents[0], labels, images, name)
    return figure


def latent_map(named_latents, labels, projection='pca', seed=0, dimensions=2, class_name=str):
    """Draws latents in two or three dimensions, one point per image, colored by its label (int [n]); one panel per model.

    Args:
        named_latents: list of (name, latents [n, ...]); the first 3,000 are drawn.
        projection: 'pca' or 'tsne'.
        class_name: function, label -> its name in the legend.
    """
    labels = np.asarray(labels)[:_MOST_POINTS]
    classes = np.unique(labels)
    names = [text.shorten(class_name(int(label))) for label in classes]
    legend = max([0.6, *(0.4 + text.inches(name, _LEGEND_POINTS) for name in names)])
    figure = mpl_figure.Figure(figsize=(4.6 * len(named_latents) + legend, 4.4), dpi=DPI, layout='constrained')
    for axes, latents, drawn in _panels(figure, named_latents, dimensions):
        points = project(latents[:_MOST_POINTS], projection, seed, drawn)
        colors = matplotlib.colormaps['tab10' if labels.max() < 10 else 'turbo']
        dots = [axes.scatter(*points[labels == label].T, s=5, label=name, linewidths=0,
                             color=colors(int(label)) if labels.max() < 10 else colors(label / labels.max()))
                for label, name in zip(classes, names)]
    if len(classes) <= _MOST_IN_LEGEND:
        axes.set_anchor('E')  # a 3-D map is narrower than its axes: move it to the legend
        text.add_legend(axes, dots, title='class', markerscale=3, fontsize=_LEGEND_POINTS, title_fontsize=8,
                        loc='center left', bbox_to_anchor=(1, 0.5))
    return figure


def manifold(named_latents, poses, projection='pca', seed=0, dimensions=3, decoders=(), is_train=None):
    """Draws the latents of an object by its pose (AEAI, figure 2): lines of constant altitude, colored by altitude, and of
    constant azimuth, colored by azimuth; one panel per model. Below are images decoded from a point on the manifold (circle)
    and a point off it (cross), see `on_and_off`.

    Args:
        named_latents: list of (name, latents [n, ...]).
        poses: [n, 2], azimuth and altitude in degrees.
        dimensions: 2 or 3; latents with fewer dimensions are drawn in their own.
        decoders: functions, latents -> images, one for each model; empty: no images.
        is_train: bool [n], True for training images.
    """
    wide, tall = 4.6 * len(named_latents) + 1.4, 6.2 if decoders else 4.4
    figure = mpl_figure.Figure(figsize=(wide, tall), dpi=DPI, layout='constrained')
    cells = figure.add_gridspec(2, 2 * len(named_latents), height_ratios=[3, 1]) if decoders else None
    azimuths, altitudes = _scale(0, 360, 'twilight'), _scale(poses[:, 1].min(), max(poses[:, 1].max(), 1), 'viridis')
    maps = []
    for number, (axes, latents, drawn) in enumerate(_panels(figure, named_latents, dimensions, cells)):
        points = project(latents, projection, seed, drawn)
        _draw_grid(axes, points, poses, azimuths, altitudes)
        maps.append(axes)
        found = on_and_off(latents, poses, is_train) if decoders else None
        if found:
            on, ends = found
            if projection == 'pca':  # PCA is linear, so the midpoint stays the midpoint
                axes.plot(*points[[on]].T, 'o', color='red', fillstyle='none')
                axes.plot(*points[ends].mean(axis=0)[:, None], 'x', color='red')
            decoded = decoders[number](np.stack([latents[on], latents[ends].mean(axis=0)]))
            for column, (name, image) in enumerate(zip(('on the manifold', 'off it'), decoded)):
                below = figure.add_subplot(cells[1, 2 * number + column])
                below.imshow(images_lib.to_uint8(image), cmap='gray', vmin=0, vmax=255)
                below.set_title(name, fontsize=8)
                below.set_axis_off()
    for scale, label, ticks in ((azimuths, 'azimuth', [0, 90, 180, 270, 360]), (altitudes, 'altitude', None)):
        figure.colorbar(scale, ax=maps, label=label, shrink=0.6, ticks=ticks)
    return figure


def on_and_off(latents, poses, is_train):
    """Chooses a point on a manifold of latents [n, ...] and a point off it, by their poses [n, 2].

    Among pairs of training latents (`is_train`, bool [n]) with azimuths 90 degrees apart, takes the pair with the largest
    distance. Its midpoint is off the manifold; its first latent is on it.

    Returns:
        (number of the latent on the manifold, numbers of the pair); None if no azimuths differ by 90 degrees.
    """
    chosen = np.flatnonzero(is_train)
    flat, azimuths = latents[chosen].reshape(len(chosen), -1), poses[chosen, 0]
    turns = (azimuths[:, None] - azimuths) % 360
    distances = np.where(np.isclose(turns, 90), spatial.distance.cdist(flat, flat), -1)
    ends = chosen[list(np.unravel_index(np.argmax(distances), distances.shape))]
    return (ends[0], ends) if distances.max() >= 0 else None


def _scale(low, high, name):
    return matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(low, high), name)


def _draw_grid(axes, points, poses, azimuths, altitudes):
    """Draws the lines of constant azimuth and altitude through points [n, dimensions], colored by two scales."""
    for column in grouped(poses, 0):
        axes.plot(*points[column].T, color=azimuths.to_rgba(poses[column[0], 0]), linewidth=0.7)
    for ring in grouped(poses, 1):
        altitude = poses[ring[0], 1]
        gaps = np.diff(poses[ring, 0], append=poses[ring[0], 0] + 360)
        if gaps[-1] <= 1.5 * gaps[:-1].max(initial=0):  # all the way round
            ring = [*ring, ring[0]]
        axes.plot(*points[ring].T, color=altitudes.to_rgba(altitude), linewidth=1.1)


def _panels(figure, named_latents, dimensions, cells=None):
    """Yields (axes, latents, dimensions) for each model; `cells` is a grid with two columns for each model."""
    for column, (name, latents) in enumerate(named_latents):
        drawn = min(dimensions, max(2, latents[0].size))  # one dimension is refused later
        place = [cells[0, 2 * column:2 * column + 2]] if cells else [1, len(named_latents), column + 1]
        axes = figure.add_subplot(*place, projection='3d' if drawn == 3 else None)
        axes.set_title(text.shorten(name, 50), fontsize=9, parse_math=False)
        yield axes, latents, drawn
        axes.set(xticks=[], yticks=[], **({'zticks': []} if drawn == 3 else {}))


def write_projector(directory, latents, labels, images, class_name=str):
    """Writes files for TensorBoard's projector: `tensorboard --logdir=<directory>` shows the latents with their images.

    Args:
        latents: [n, ...]. labels: int [n]. images: [n, h, w, c] in [-1, 1]. class_name: function, label -> its name.
    """
    os.makedirs(directory, exist_ok=True)
    latents, labels, images = latents[:_MOST_POINTS], labels[:_MOST_POINTS], images[:_MOST_POINTS]
    side = int(np.ceil(np.sqrt(len(images))))
    scale = _MOST_SPRITE_PIXELS // side / max(images.shape[1:3])
    if scale < 1:
        images = images_lib.resize(images, [max(1, int(length * scale)) for length in images.shape[1:3]]).numpy()
    height, width, _ = images.shape[1:]
    sprite = images_lib.sheet(images, side)
    names = '\n'.join(' '.join(class_name(label).split()) for label in labels)
    rows = '\n'.join('\t'.join(f'{value:.6g}' for value in row) for row in latents.reshape(len(latents), -1))
    config = ('embeddings {\n  tensor_name: "latents"\n  tensor_path: "tensors.tsv"\n  metadata_path: "metadata.tsv"\n'
              f'  sprite {{\n    image_path: "sprite.png"\n    single_image_dim: {width}\n    single_image_dim: {height}\n'
              '  }\n}\n')
    for name, content in (('tensors.tsv', rows + '\n'), ('metadata.tsv', names + '\n'), ('projector_config.pbtxt', config),
                          ('sprite.png', tf.io.encode_png(sprite).numpy())):
        files.write(content, os.path.join(directory, name))
