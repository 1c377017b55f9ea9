"""How long runs will take on this machine, and how much disk: from a few steps of each shape, measured."""

import dataclasses
import json
import time

import keras
import numpy as np
import tensorflow as tf

from acai_tf import randomness
from acai_tf.training.loop import step_function
from acai_tf.training.run_directory import read_metrics

_SECONDS = 1.0  # of measuring a shape, after tracing
_PICTURES_BYTES_PER_VALUE = 2  # four pictures, in images/ and in summaries/, which PNG makes a quarter of


@dataclasses.dataclass(frozen=True)
class Shape:
    """What the steps of one kind of run cost."""

    seconds_per_image: float
    bytes_to_train: int  # of all variables, the optimizers' included: those of a checkpoint
    bytes_to_export: int


def remaining_kimg(run):
    """How much of a run is still to be trained, by its last report."""
    if run.is_trained() or run.divergence():
        return 0.0
    records = read_metrics(run.path, warn=False)
    return max(0.0, run.config.total_kimg - (records[-1]['kimg'] if records else 0.0))


def estimate(runs):
    """Seconds of training still to do, and bytes of disk, of each run: ({key: seconds}, {key: bytes}).

    The measures that follow the training are not in it.
    """
    shapes, seconds, size = {}, {}, {}
    for run in runs:
        seconds[run.key], size[run.key] = 0.0, 0
        kimg = remaining_kimg(run)
        if not kimg:
            continue
        kind = _kind(run)
        if kind not in shapes:
            shapes[kind] = _measure(run)
        seconds[run.key] = kimg * 1024 * shapes[kind].seconds_per_image
        size[run.key] = _disk(run, shapes[kind])
    return seconds, size


def _kind(run):
    config = run.config
    return json.dumps([config.model, config.checksums, run.image_shape, config.depth, config.latent_width,
                       config.architecture, config.batch, config.precision, config.hyperparameters], sort_keys=True)


def _measure(run):
    model = run.config.create_model(run.config.open_dataset())
    images = randomness.uniform([run.config.batch, *run.image_shape], randomness.key(0, 'estimate')) * 2 - 1
    labels = tf.zeros([run.config.batch], tf.int64)
    batches = iter(tf.data.Dataset.from_tensors((images, labels)).repeat())
    run_steps = step_function(model, tf.distribute.get_strategy(), run.config.jit)
    run_steps(batches, tf.constant(1)).numpy()
    times, started = [], time.perf_counter()
    while not times or (time.perf_counter() - started < _SECONDS and len(times) < 20):
        before = time.perf_counter()
        run_steps(batches, tf.constant(1)).numpy()
        times.append(time.perf_counter() - before)
    networks, optimizers = (_bytes(parts.values()) for parts in (model.networks, model.optimizers))
    keras.backend.clear_session()
    return Shape(float(np.median(times)) / run.config.batch, networks + optimizers, networks)


def _bytes(parts):
    return sum(int(np.prod(variable.shape)) * 4 for part in parts for variable in part.variables)


def _disk(run, shape):
    height, width, colors = run.image_shape
    reports = -(-run.config.total_kimg // run.config.report_kimg)
    pictures = 128 * (height + 2) * (width + 2) * colors * _PICTURES_BYTES_PER_VALUE
    return run.config.keep_checkpoints * shape.bytes_to_train + shape.bytes_to_export + reports * pictures
