"""The model card of an export: a README.md with the YAML head of Hugging Face's format, made offline of what is known."""

import inspect
import json
import math
import os
from typing import NamedTuple

import tensorflow as tf

import acai_tf
from acai_tf import datasets, images, models
from acai_tf.datasets.about import about
from acai_tf.errors import DataError
from acai_tf.export.load import system_of
from acai_tf.values import combine

NAME = 'README.md'
_PICTURE, _WIDEST = 'interpolation.png', 1024
_MOST_NAMES = 20  # of classes, in a sentence


class Training(NamedTuple):
    """The facts that a card shows of a model's training.

    Attributes:
        options: {option: value} of the training.
        losses: {name: number}, means since the report before.
        reported: {name: value} of the metrics of the last report, on test images.
        results: {metric: content of its file in results/<step>/}.
        picture: path of a picture of interpolations; None if there is none.
    """
    options: dict
    losses: dict
    reported: dict
    results: dict
    picture: str | None


def write(directory, config, run=None):
    """Writes README.md, and the picture that it shows, into an export.

    Args:
        directory: where the export is being made.
        config: dict, the content of its acai_config.json.
        run: the `Training` of the run it comes from; None: the card leaves out what only a run knows.
    """
    picture = run and run.picture and _copy_picture(run.picture, os.path.join(directory, _PICTURE))
    text = _head(config, run) + _body(config, run, picture)
    with open(os.path.join(directory, NAME), 'w', encoding='utf-8', errors='replace') as file:
        file.write(text)


def _copy_picture(source, target):
    """Copies a PNG, shrunk if it is wide; whether it could be read."""
    try:
        pixels = images.read(source, 1 if images.peek(source)[2] else 3)
    except DataError:
        return False
    height, width = pixels.shape[:2]
    if width > _WIDEST:
        pixels = images.round_to_uint8(images.resize(pixels, [max(1, height * _WIDEST // width), _WIDEST]))
    with open(target, 'wb') as file:
        file.write(tf.io.encode_png(pixels).numpy())
    return True


# ---- the head

def _head(config, run):
    name = datasets.short_name(config['dataset'])
    lines = ['---', 'library_name: tensorflow', 'pipeline_tag: image-feature-extraction',
             'license: unknown  # of these weights: for whoever trained them to choose, within the terms of the data',
             f'tags: {_yaml(["autoencoder", "interpolation", "saved-model", "acai_tf", config["model"]])}',
             f'datasets: {_yaml([_hub(config["dataset"])])}']
    results = _index(config, run) if run else []
    if results:
        lines += ['model-index:', f'- name: {_yaml(config["model"] + " on " + name)}', '  results:']
    for dataset, values in results:
        lines += ['  - task: {type: image-feature-extraction}',
                  f'    dataset: {{name: {_yaml(datasets.short_name(dataset))}, type: {_yaml(_hub(dataset))}}}',
                  '    metrics:']
        lines += [f'    - {{type: {_yaml(key)}, value: {_yaml(value)}}}' for key, value in values.items()]
    return '\n'.join([*lines, '---', '', ''])


def _index(config, run):
    """[(data set, {name: value})] of all metrics."""
    by_dataset = {config['dataset']: {'report': run.reported}}
    for name, content in run.results.items():
        by_dataset.setdefault(content['dataset'], {})[name.partition('.')[0]] = content['values']
    combined = {dataset: dict(_numbers(combine(_without_repeated(results)))) for dataset, results in by_dataset.items()}
    return [(dataset, values) for dataset, values in combined.items() if values]


def _without_repeated(results):
    """{metric: values}, where values that the last report has too are those of the metric's own file."""
    later = {name for metric, values in results.items() if metric != 'report' for name in values}
    return {metric: {name: value for name, value in values.items() if metric != 'report' or name not in later}
            for metric, values in results.items()}


def _numbers(values):
    """The (name, number) of those that are defined and not nested."""
    return [(key, value) for key, value in values.items()
            if type(value) in (int, float) and math.isfinite(value)]


def _hub(dataset):
    known = about(dataset)
    return known and known.hub or datasets.short_name(dataset)


def _yaml(value):
    return json.dumps(value, ensure_ascii=False)  # which is YAML too


# ---- the body

def _body(config, run, picture):
    name, size = datasets.short_name(config['dataset']), images.by(config['image_shape'])
    latent = 'x'.join(map(str, config['latent_shape']))
    sections = [
        f'# {system_of(config)}, trained on {name}',
        f'An autoencoder, made to be interpolated with: images of {size} in, latents of {latent} out, and back. '
        f'{_paper(config["model"])}Exported at step {config["step"]:,} by acai_tf {acai_tf.__version__} and TensorFlow '
        f'{tf.__version__}.',
        f'![Rows of decoded interpolations between two test images]({_PICTURE})' if picture else None,
        '## How to load it', _LOAD.format(shape=', '.join(map(str, config['image_shape']))), _LOAD_BY_ACAI_TF,
        '## Signatures', _signatures(config),
        '## Data', _data(config),
        '## What it must not be used for', _not_for(config),
        '## Training', _table('option', {**_architecture(config), **(run.options if run else {})})]
    if run and run.losses:
        sections += ['Losses, means over the training images since the report before the last:', _table('loss', run.losses)]
    if run:
        for dataset, values in _index(config, run):
            sections += [f'## Measured on {datasets.short_name(dataset)}',
                         'On its test images, where the name does not say otherwise; accuracies in percent.',
                         _table('metric', values)]
    return '\n\n'.join(filter(None, sections)) + '\n'


_LOAD = '''With TensorFlow alone, from the folder of this file:

```python
import tensorflow as tf
model = tf.saved_model.load('path/to/this/folder')
latents = model.signatures['encode'](images=tf.zeros([1, {shape}]))['latents']
images = model.signatures['decode'](latents=latents)['images']
```'''
_LOAD_BY_ACAI_TF = '''With acai_tf, on numpy arrays:

```python
import acai_tf, numpy
model = acai_tf.export.load('path/to/this/folder')
latents = model.encode(numpy.zeros([1, *model.image_shape], numpy.float32))
halfway = model.decode((latents + latents) / 2)
```

Load only SavedModels that you trust: one can run any TensorFlow operation.'''


def _signatures(config):
    image, latent = (f'float32 [n, {", ".join(map(str, config[f"{what}_shape"]))}]' for what in ('image', 'latent'))
    return f'''| signature | takes | gives |
|---|---|---|
| `encode`, `serving_default` | `images` {image} in [-1, 1] | `latents` {latent} |
| `encode_bytes` | `image_bytes` string [n], PNG or JPEG | `latents` |
| `decode` | `latents` | `images`, not clipped |
| `reconstruct` | `images` | `images` |
| `interpolate` | `images_a`, `images_b`, `alpha` float32 [n]: 0 gives a, 1 gives b | `images` |
| `classify` | `images` | `probabilities` [n, {config["nclass"]}], `classes` int64 [n] |

`encode_bytes`: {config["encode_bytes"]}.'''


def _paper(model):
    """The first line of a registered system's file."""
    if model not in models.names():
        return ''
    lines = (inspect.getmodule(models.REGISTRY.get(model)).__doc__ or '').splitlines()
    return f'{lines[0]} ' if lines else ''


def _data(config):
    known = about(config['dataset'])
    options = ''.join(f' Option: {key} {value}.' for key, value in (config['dataset_options']).items())
    text = known.text if known else ('Images of whoever trained the model, known to the model as '
                                     f'{datasets.short_name(config["dataset"])}; describe them here.')
    names = [' '.join(name.split()) for name in config['class_names'] or []]
    listed = f': {", ".join(names)}' if 1 < len(names) <= _MOST_NAMES else ''
    count = config['nclass']
    return f'{text}{options} {images.by(config["image_shape"])}, {count} class{"es" * (count > 1)}{listed}.'


def _not_for(config):
    known = about(config['dataset'])
    points = ['Not for images unlike those it was trained on: it answers for any, but its latents and reconstructions of '
              'others mean little. Try it on yours first.',
              'Not as evidence: what it decodes, interpolations above all, is invented. Not where a wrong or invented image '
              'or class does harm, as in medicine, law or safety.',
              'Not as a classifier of any standing: `classify` is a single layer, trained to judge the latents.']
    return '\n'.join(f'- {point}' for point in [*points, *([known.not_for] if known and known.not_for else [])])


def _architecture(config):
    names = ('architecture', 'depth', 'latent_width')
    return {'model': config['model'], 'base': config['base'], **{name: config[name] for name in names if name in config},
            'latent': config['latent_shape'][-1], **config['model_options']}


def _table(what, values):
    rows = [f'| {key} | {value:.6g} |' if isinstance(value, float) else f'| {key} | {value} |'
            for key, value in values.items() if value is not None]
    return '\n'.join([f'| {what} | value |', '|---|---|', *rows])
