"""Figures for papers: interpolations, grids, samples, reconstructions and maps of the latent space, as PNG or PDF."""

import io
import os

import matplotlib
import numpy as np
import tensorflow as tf

from acai_tf import export, features, files, interpolation, randomness
from acai_tf.errors import DataError, UsageError, reason

matplotlib.use('Agg')
from matplotlib import figure as mpl_figure  # noqa: E402  (after the backend is chosen)

_ENDINGS = ('.png', '.pdf')
_DPI = 200
_INCH_PER_PIXEL = 1 / 60
_GAP, _WIDE_GAP = 2, 8
_MOST_POINTS = 3000


def check_output(path):
    """Raises UsageError for a file name that is neither PNG nor PDF."""
    if not path.lower().endswith(_ENDINGS):
        raise UsageError(f'--output={path}: must end in {" or ".join(_ENDINGS)}')


def pick_images(dataset, count, seed):
    """`count` different test images [count, h, w, c], chosen by the seed. Raises DataError where there are fewer."""
    images = np.concatenate([images for images, _ in dataset.test(500)])
    if len(images) < count:
        raise DataError(f'{dataset.name} has {len(images)} test images; {count} are needed: choose fewer --rows')
    return images[np.random.default_rng(seed).permutation(len(images))[:count]]


def interpolations(loaded, images, steps, curve=interpolation.lerp):
    """Rows of decoded paths between images [2 * rows, ...], the k-th to the k-th of the second half; outermost on each
    side, set apart, the images themselves. uint8 picture [h, w, c]."""
    starts, ends = np.split(np.asarray(images), 2)
    latents = interpolation.path(*(tf.constant(loaded.encode(part)) for part in (starts, ends)), steps, curve).numpy()
    frames = loaded.decode(latents.reshape(-1, *latents.shape[2:])).reshape(len(starts), steps, *images.shape[1:])
    parts = [_grid(part) for part in (starts[:, None], frames, ends[:, None])]
    space = np.full([len(parts[0]), _WIDE_GAP, parts[0].shape[2]], 255, np.uint8)
    return np.concatenate([parts[0], space, parts[1], space, parts[2]], axis=1)


def bilinear(loaded, images, steps):
    """A grid of steps x steps between four images [4, ...], whose reconstructions are its corners."""
    latents = interpolation.bilinear(tf.constant(loaded.encode(images)), steps, steps).numpy()
    frames = loaded.decode(latents.reshape(-1, *latents.shape[2:]))
    return _grid(frames.reshape(steps, steps, *frames.shape[1:]))


def samples(loaded, rows, columns, seed):
    """Decoded latents from the prior N(0, I)."""
    shape = [rows * columns, *loaded.config['latent_shape']]
    frames = loaded.decode(randomness.normal(shape, randomness.key(seed, 'samples')).numpy())
    return _grid(frames.reshape(rows, columns, *frames.shape[1:]))


def reconstructions(loaded, images, columns):
    """Rows of images [n, ...], and under each row its reconstructions."""
    pairs = np.stack([images, loaded.reconstruct(images)]).reshape(2, -1, columns, *images.shape[1:])
    rows = [_grid(row[None]) for pair in zip(*pairs) for row in pair]
    space = np.full([_WIDE_GAP, *rows[0].shape[1:]], 255, np.uint8)
    stacked = [part for i, row in enumerate(rows) for part in ([space] * (i > 0 and i % 2 == 0) + [row])]
    return np.concatenate(stacked)


def _grid(images):
    """Images [rows, columns, h, w, c] in [-1, 1] as a picture with white gaps between them."""
    rows, columns, height, width, colors = images.shape
    values = np.rint(127.5 * (np.clip(images, -1, 1) + 1)).astype(np.uint8)
    padded = np.pad(values, [(0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)], constant_values=255)
    picture = padded.transpose(0, 2, 1, 3, 4).reshape(rows * (height + _GAP), columns * (width + _GAP), colors)
    return picture[:-_GAP, :-_GAP]


def names(models):
    """A name for each loaded model: that of its system, with its step where several are alike; none for a single one."""
    if len(models) == 1:
        return ['']
    plain = [model.config['model'] for model in models]
    return [f'{name} {model.config["step"]}' if plain.count(name) > 1 else name for name, model in zip(plain, models)]


def drawing(mode, dataset, image_files, rows, steps, seed):
    """The function, LoadedModel -> picture, that draws what bin/acai_interpolate calls `mode`; every model gets the same
    images.

    Args:
        image_files: paths of images; empty: test images of the data set, chosen by the seed.
    """
    if mode == 'samples':
        if image_files:
            raise UsageError('--mode=samples takes no --images')
        return lambda loaded: samples(loaded, rows, steps, seed)
    needed = {'lerp': 2 * rows, 'slerp': 2 * rows, 'bilinear': 4, 'reconstruction': rows * steps}[mode]
    if image_files:
        count = len(image_files)
        if mode in ('lerp', 'slerp') and count % 2 or mode == 'bilinear' and count != 4:
            raise UsageError(f'--mode={mode} takes {"4" if mode == "bilinear" else "pairs of"} --images, not {count}')
        images = read_images(image_files, dataset)
        if mode in ('lerp', 'slerp'):  # a,b,c,d: from a to b and from c to d
            images = np.concatenate([images[0::2], images[1::2]])
        steps = count if mode == 'reconstruction' else steps
    else:
        images = pick_images(dataset, needed, seed)
    if mode == 'reconstruction':
        return lambda loaded: reconstructions(loaded, images, steps)
    if mode == 'bilinear':
        return lambda loaded: bilinear(loaded, images, steps)
    return lambda loaded: interpolations(loaded, images, steps, getattr(interpolation, mode))


def read_images(paths, dataset):
    """Image files as the model takes them, [n, h, w, c] in [-1, 1], by the rule of `encode_bytes`.

    Raises:
        DataError: a file cannot be read or does not decode; names it.
    """
    read, images = export.bytes_reader(dataset), []
    for path in paths:
        try:
            with open(path, 'rb') as file:
                images.append(read(tf.constant([file.read()])).numpy()[0])
        except (OSError, tf.errors.OpError) as error:
            raise DataError(f'{path} cannot be read as an image ({reason(error)})') from None
    return np.stack(images)


def draw_map(models, model_names, dataset, projection, seed, projector_dir=''):
    """The figure of `latent_map` of loaded models on a data set's test images; also the projector's files of the first."""
    images, labels = features.of_dataset(dataset, 'test', limit=_MOST_POINTS)
    latents = [model.encode(images) for model in models]
    if projector_dir:
        write_projector(projector_dir, latents[0], labels, images)
    return latent_map(list(zip(model_names, latents)), labels, projection, seed)


def stack(pictures):
    """One figure of pictures under each other.

    Args:
        pictures: list of (name, uint8 picture [h, w, 1 or 3]); the name stands to the left.
    """
    pictures = [(name, picture.repeat(3, axis=2) if picture.shape[2] == 1 else picture)
                for name, picture in pictures]
    scale = _INCH_PER_PIXEL
    margin = 0.25 if any(name for name, _ in pictures) else 0.0
    width = margin + max(picture.shape[1] for _, picture in pictures) * scale
    space = 0.08
    height = sum(picture.shape[0] * scale for _, picture in pictures) + space * (len(pictures) - 1)
    figure = mpl_figure.Figure(figsize=(width, height), dpi=_DPI)
    top = height
    for name, picture in pictures:
        tall, wide = picture.shape[0] * scale, picture.shape[1] * scale
        axes = figure.add_axes((margin / width, (top - tall) / height, wide / width, tall / height))
        axes.imshow(picture, interpolation='nearest', aspect='auto')
        axes.set_axis_off()
        figure.text(0.5 * margin / width, (top - tall / 2) / height, name, rotation=90, ha='center', va='center', fontsize=9)
        top -= tall + space
    return figure


def latent_map(named_latents, labels, projection='pca', seed=0):
    """Latents in two dimensions, a point an image, coloured by class; a panel for each model.

    Args:
        named_latents: list of (name, latents [n, ...]); of the first 3,000.
        labels: int [n].
        projection: 'pca' or 'tsne'.
    """
    labels = np.asarray(labels)[:_MOST_POINTS]
    figure = mpl_figure.Figure(figsize=(4.6 * len(named_latents) + 0.6, 4.4), dpi=_DPI, layout='constrained')
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
    """Latents [n, ...] -> [n, 2] by principal components or t-SNE, both scikit-learn's."""
    flat = np.asarray(latents, np.float64).reshape(len(latents), -1)
    if flat.shape[1] < 2:
        raise UsageError('a latent of one dimension has no map in two')
    if projection == 'tsne':
        from sklearn.manifold import TSNE
        return TSNE(init='pca', random_state=seed, perplexity=min(30, (len(flat) - 1) / 3)).fit_transform(flat)
    from sklearn.decomposition import PCA
    return PCA(2, random_state=seed).fit_transform(flat)


def save(figure, path):
    """Writes a figure; the file appears whole."""
    content = io.BytesIO()
    figure.savefig(content, format=os.path.splitext(path)[1][1:].lower(), facecolor='white')
    with files.replaced(path, 'wb') as file:
        file.write(content.getvalue())


def write_projector(directory, latents, labels, images):
    """Files of TensorBoard's projector: `tensorboard --logdir=<directory>` shows the latents with their images.

    Args:
        latents: [n, ...]. labels: int [n]. images: [n, h, w, c] in [-1, 1].
    """
    os.makedirs(directory, exist_ok=True)
    latents, labels, images = latents[:_MOST_POINTS], labels[:_MOST_POINTS], images[:_MOST_POINTS]
    side = int(np.ceil(np.sqrt(len(images))))
    height, width, colors = images.shape[1:]
    sheet = np.full([side * side, height, width, colors], -1.0)
    sheet[:len(images)] = images
    sprite = np.rint(127.5 * (np.clip(sheet, -1, 1) + 1)).astype(np.uint8).reshape(side, side, height, width, colors)
    sprite = sprite.transpose(0, 2, 1, 3, 4).reshape(side * height, side * width, colors)
    rows = '\n'.join('\t'.join(f'{value:.6g}' for value in row) for row in latents.reshape(len(latents), -1))
    config = ('embeddings {\n  tensor_name: "latents"\n  tensor_path: "tensors.tsv"\n  metadata_path: "metadata.tsv"\n'
              f'  sprite {{\n    image_path: "sprite.png"\n    single_image_dim: {width}\n    single_image_dim: {height}\n'
              '  }\n}\n')
    for name, content in (('tensors.tsv', rows + '\n'), ('metadata.tsv', '\n'.join(map(str, labels)) + '\n'),
                          ('projector_config.pbtxt', config)):
        with files.replaced(os.path.join(directory, name)) as file:
            file.write(content)
    with files.replaced(os.path.join(directory, 'sprite.png'), 'wb') as file:
        file.write(tf.io.encode_png(sprite).numpy())
