"""The model card of an export: a README.md with YAML metadata in Hugging Face's format, written offline."""

import inspect
import json
import math
import os
from typing import NamedTuple

import tensorflow as tf

import acai_tf
from acai_tf import datasets, images, models
from acai_tf.datasets.about import ABOUT
from acai_tf.errors import DataError
from acai_tf.export.load import system_of
from acai_tf.values import combine

NAME = 'README.md'
_PICTURE, _WIDEST = 'interpolation.png', 1024
_MOST_NAMES = 20  # class names in a sentence


class Training(NamedTuple):
    """Facts about a model's training, for its card."""
    options: dict  # {option: value} of the training
    losses: dict  # {name: number}, means since the previous report
    reported: dict  # {name: value}, metrics of the last report, on test images
    results: dict  # {metric: content of its file in results/<step>/}
    picture: str | None  # path of a picture of interpolations


def write(directory, config, run=None):
    """Writes README.md and its picture into the directory of an unfinished export.

    Args:
        config: dict, the content of its acai_config.json.
        run: `Training` of the run that made the export; None: the card has no facts about training.
    """
    picture = run and run.picture and _copy_picture(run.picture, os.path.join(directory, _PICTURE))
    results = _index(config['dataset'], run) if run else {}
    with open(os.path.join(directory, NAME), 'w', encoding='utf-8', errors='replace') as file:
        file.write(_head(config, results) + _body(config, run, results, picture))


def _index(trained_on, run):
    """Returns {data set: {name: value}} of the metrics that are finite numbers. Values of a metric's own file replace the
    last report's."""
    by_dataset = {trained_on: {}}
    for name, content in run.results.items():
        metric, _, elsewhere = name.partition('.')  # as `metrics.results` names the files
        by_dataset.setdefault(elsewhere or trained_on, {})[metric] = content['values']
    measured = {name for values in by_dataset[trained_on].values() for name in values}
    reported = {name: value for name, value in run.reported.items() if name not in measured}
    by_dataset[trained_on] = {'report': reported, **by_dataset[trained_on]}
    numbers = {dataset: {name: value for name, value in combine(results).items()
                         if type(value) in (int, float) and math.isfinite(value)} for dataset, results in by_dataset.items()}
    return {dataset: values for dataset, values in numbers.items() if values}


def _copy_picture(source, target):
    """Copies a PNG file, shrunk if it is wide. Returns False if it cannot be read."""
    try:
        pixels = images.read(source)
    except DataError:
        return False
    height, width = pixels.shape[:2]
    if width > _WIDEST:
        pixels = images.round_to_uint8(images.resize(pixels, [max(1, height * _WIDEST // width), _WIDEST]))
    with open(target, 'wb') as file:
        file.write(tf.io.encode_png(pixels).numpy())
    return True


# ---- the head

def _head(config, results):
    name = datasets.short_name(config['dataset'])
    lines = ['---', 'library_name: tensorflow', 'pipeline_tag: image-feature-extraction',
             'license: unknown  # choose a license for these weights that the terms of the data allow',
             f'tags: {_yaml(["autoencoder", "interpolation", "saved-model", "acai_tf", config["model"]])}',
             f'datasets: {_yaml([_hub(config["dataset"])])}']
    if results:
        lines += ['model-index:', f'- name: {_yaml(config["model"] + " on " + name)}', '  results:']
    for dataset, values in results.items():
        lines += ['  - task: {type: image-feature-extraction}',
                  f'    dataset: {{name: {_yaml(datasets.short_name(dataset))}, type: {_yaml(_hub(dataset))}}}',
                  '    metrics:']
        lines += [f'    - {{type: {_yaml(key)}, value: {_yaml(value)}}}' for key, value in values.items()]
    return '\n'.join([*lines, '---', '', ''])


def _hub(dataset):
    known = ABOUT.get(dataset)
    return known and known.hub or datasets.short_name(dataset)


def _yaml(value):
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML too


# ---- the body

def _body(config, run, results, picture):
    name, size = datasets.short_name(config['dataset']), images.by(config['image_shape'])
    latent = images.by(config['latent_shape'])
    sections = [
        f'# {system_of(config)}, trained on {name}',
        f'An autoencoder for interpolation. It encodes images of {size} to latents of {latent} and decodes them. '
        f'{_paper(config["model"])}Exported at step {config["step"]:,} by acai_tf {acai_tf.__version__} and TensorFlow '
        f'{tf.__version__}.',
        f'![Rows of decoded interpolations between two test images]({_PICTURE})' if picture else None,
        '## How to load it', _LOAD.format(shape=', '.join(map(str, config['image_shape']))),
        '## Signatures', _signatures(config),
        '## Data', _data(config),
        '## What it must not be used for', _not_for(config),
        '## Training', _table('option', {**_architecture(config), **(run.options if run else {})})]
    if run and run.losses:
        sections += ['Losses, averaged over the training images since the previous report:', _table('loss', run.losses)]
    for dataset, values in results.items():
        sections += [f'## Measured on {datasets.short_name(dataset)}',
                     'Measured on test images, unless the name says otherwise; accuracies in percent.',
                     _table('metric', values)]
    return '\n\n'.join(filter(None, sections)) + '\n'


_LOAD = '''With TensorFlow alone, from the folder of this file:

```python
import tensorflow as tf
model = tf.saved_model.load('path/to/this/folder')
latents = model.signatures['encode'](images=tf.zeros([1, {shape}]))['latents']
images = model.signatures['decode'](latents=latents)['images']
```

With acai_tf, on numpy arrays:

```python
import acai_tf, numpy
model = acai_tf.export.load('path/to/this/folder')
latents = model.encode(numpy.zeros([1, *model.image_shape], numpy.float32))
halfway = model.decode((latents + latents) / 2)
```

Load only SavedModels that you trust: they can run any TensorFlow operation.'''


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
    """Returns the first line of the docstring of a registered system's module."""
    doc = inspect.getmodule(models.REGISTRY.get(model)).__doc__ if model in models.names() else None
    return f'{doc.splitlines()[0]} ' if doc else ''


def _data(config):
    known = ABOUT.get(config['dataset'])
    options = ''.join(f' Option: {key} {value}.' for key, value in config['dataset_options'].items())
    text = known.text if known else ('The images of the person who trained the model, called '
                                     f'{datasets.short_name(config["dataset"])}; describe them here.')
    names = [' '.join(name.split()) for name in config['class_names'] or []]
    listed = f': {", ".join(names)}' if 1 < len(names) <= _MOST_NAMES else ''
    count = config['nclass']
    return f'{text}{options} {images.by(config["image_shape"])}, {count} class{"es" * (count > 1)}{listed}.'


def _not_for(config):
    known = ABOUT.get(config['dataset'])
    points = ['Not for images unlike the training images: it accepts any image, but latents and reconstructions of other '
              'images mean little. Try it on your images first.',
              'Not as evidence: decoded images, above all interpolations, are invented. Not where a wrong or invented '
              'image or class does harm, as in medicine, law or safety.',
              'Not as a serious classifier: `classify` is a single layer, trained to judge the latents.']
    return '\n'.join(f'- {point}' for point in [*points, *([known.not_for] if known and known.not_for else [])])


def _architecture(config):
    return {**{name: config[name] for name in ('model', 'base', 'architecture', 'depth', 'latent_width')},
            'latent': config['latent_shape'][-1], **config['model_options']}


def _table(what, values):
    rows = [f'| {key} | {value:.6g} |' if isinstance(value, float) else f'| {key} | {value} |'
            for key, value in values.items() if value is not None]
    return '\n'.join([f'| {what} | value |', '|---|---|', *rows])
