"""Maps of a latent space in two dimensions, and the files of TensorBoard's projector."""

import os

import matplotlib
import numpy as np
import tensorflow as tf

from acai_tf import features, files
from acai_tf import images as images_lib
from acai_tf.errors import DataError, UsageError
from acai_tf.figures.pictures import DPI, mpl_figure
from acai_tf.measures import PIXELS

_MOST_POINTS = 3000
_MOST_SPRITE_PIXELS = 8192  # a side, of the sheet of thumbnails: browsers refuse larger ones


def draw_map(models, model_names, dataset, projection, seed, projector_dir=''):
    """`latent_map` of loaded models on a data set's test images; `projector_dir` gets the first one's projector files."""
    images, labels = features.of_dataset(PIXELS, dataset, 'test', _MOST_POINTS)
    latents = [model.encode(images) for model in models]
    figure = latent_map(list(zip(model_names, latents)), labels, projection, seed)
    if projector_dir:
        write_projector(projector_dir, latents[0], labels, images)
    return figure


def latent_map(named_latents, labels, projection='pca', seed=0):
    """Latents in two dimensions, one point per image, coloured by class; one panel per model.

    Args:
        named_latents: list of (name, latents [n, ...]); the first 3,000 are drawn.
        labels: int [n].
        projection: 'pca' or 'tsne'.
    """
    labels = np.asarray(labels)[:_MOST_POINTS]
    figure = mpl_figure.Figure(figsize=(4.6 * len(named_latents) + 0.6, 4.4), dpi=DPI, layout='constrained')
    for column, (name, latents) in enumerate(named_latents, 1):
        points = project(latents[:_MOST_POINTS], projection, seed)
        axes = figure.add_subplot(1, len(named_latents), column)
        colors = matplotlib.colormaps['tab10' if labels.max() < 10 else 'turbo']
        for label in np.unique(labels):
            color = colors(int(label)) if labels.max() < 10 else colors(label / labels.max())
            axes.scatter(*points[labels == label].T, s=5, color=color, label=str(label), linewidths=0)
        axes.set_title(name, fontsize=9)
        axes.set_xticks([]), axes.set_yticks([])
    if len(np.unique(labels)) <= 20:
        axes.legend(title='class', markerscale=3, fontsize=7, title_fontsize=8, loc='center left', bbox_to_anchor=(1, 0.5))
    return figure


def project(latents, projection, seed=0):
    """Latents [n, ...] -> [n, 2] by principal components or t-SNE, both scikit-learn's.

    Raises:
        UsageError: latents of one dimension.
        DataError: values that are not finite, or fewer than three different latents: scikit-learn's t-SNE ends the process
            on those.
    """
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if flat.shape[1] < 2:
        raise UsageError('a latent of one dimension cannot be mapped in two')
    if not np.isfinite(flat).all():
        raise DataError('a map needs finite latents; these hold NaN or infinity: train the model again')
    different = len(np.unique(flat, axis=0))
    if different < 3:
        raise DataError(f'a map needs at least 3 images with different latents, not {different}')
    if projection == 'tsne':
        from sklearn.manifold import TSNE
        return TSNE(init='pca', random_state=seed, perplexity=min(30, (len(flat) - 1) / 3)).fit_transform(flat)
    from sklearn.decomposition import PCA
    return PCA(2, random_state=seed).fit_transform(flat)


def write_projector(directory, latents, labels, images):
    """Files of TensorBoard's projector: `tensorboard --logdir=<directory>` shows the latents with their images.

    Args:
        latents: [n, ...]. labels: int [n]. images: [n, h, w, c] in [-1, 1].
    """
    os.makedirs(directory, exist_ok=True)
    latents, labels, images = latents[:_MOST_POINTS], labels[:_MOST_POINTS], images[:_MOST_POINTS]
    side = int(np.ceil(np.sqrt(len(images))))
    largest = _MOST_SPRITE_PIXELS // side
    if max(images.shape[1:3]) > largest:
        scale = largest / max(images.shape[1:3])
        size = [max(1, int(length * scale)) for length in images.shape[1:3]]
        images = images_lib.resize(images, size).numpy()
    height, width, _ = images.shape[1:]
    sheet = np.full([side * side, *images.shape[1:]], -1.0)
    sheet[:len(images)] = images
    sprite = images_lib.grid(sheet.reshape(side, side, *images.shape[1:]), gap=0)
    rows = '\n'.join('\t'.join(f'{value:.6g}' for value in row) for row in latents.reshape(len(latents), -1))
    config = ('embeddings {\n  tensor_name: "latents"\n  tensor_path: "tensors.tsv"\n  metadata_path: "metadata.tsv"\n'
              f'  sprite {{\n    image_path: "sprite.png"\n    single_image_dim: {width}\n    single_image_dim: {height}\n'
              '  }\n}\n')
    for name, content in (('tensors.tsv', rows + '\n'), ('metadata.tsv', '\n'.join(map(str, labels)) + '\n'),
                          ('projector_config.pbtxt', config)):
        with files.atomic_write(os.path.join(directory, name)) as file:
            file.write(content)
    with files.atomic_write(os.path.join(directory, 'sprite.png'), 'wb') as file:
        file.write(tf.io.encode_png(sprite).numpy())
