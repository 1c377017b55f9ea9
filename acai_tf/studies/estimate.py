"""Estimates the time and disk space that jobs need on this machine, from a few measured steps of each kind."""

import json
import time

import keras
import numpy as np
import tensorflow as tf

from acai_tf import randomness
from acai_tf.training.loop import step_function

_SECONDS = 1.0  # to measure a kind of training, after tracing
_PICTURES_BYTES_PER_VALUE = 2  # four pictures in images/ and in summaries/, as PNG a quarter of their size


def remaining_kimg(job):
    """Returns how much of a job's training is left, by its last report."""
    if job.is_trained() or job.divergence():
        return 0.0
    reports = job.run.reports(warn=False)
    return max(0.0, job.config.total_kimg - (reports[-1]['kimg'] if reports else 0.0))


def estimate(jobs):
    """Returns the remaining training time and the disk space of each job: ({key: seconds}, {key: bytes}). Does not include
    the metrics that are computed after training."""
    measured, seconds, size = {}, {}, {}
    for job in jobs:
        seconds[job.key], size[job.key] = 0.0, 0
        kimg = remaining_kimg(job)
        if kimg:
            kind = _kind(job.config)
            if kind not in measured:
                measured[kind] = _measure(job.config)
            seconds_per_image, checkpoint, export = measured[kind]
            seconds[job.key] = kimg * 1024 * seconds_per_image
            size[job.key] = job.config.keep_checkpoints * checkpoint + export + _pictures(job.config)
    return seconds, size


def _kind(config):
    return json.dumps([config.model, config.checksums, config.data.image_shape, config.depth, config.latent_width,
                       config.architecture, config.batch, config.precision, config.base, config.model_options,
                       config.base_options, config.architecture_options], sort_keys=True)


def _measure(config):
    """Returns (seconds per image, bytes of a checkpoint, bytes of an export). A checkpoint has the optimizers' variables."""
    model = config.create_model()
    images = randomness.uniform([config.batch, *config.data.image_shape], randomness.key(0, 'estimate')) * 2 - 1
    labels = tf.zeros([config.batch], tf.int64)
    batches = iter(tf.data.Dataset.from_tensors((images, labels)).repeat())
    run_steps = step_function(model, tf.distribute.get_strategy(), config.jit)
    run_steps(tf.constant(1), batches).numpy()
    times, started = [], time.perf_counter()
    while not times or (time.perf_counter() - started < _SECONDS and len(times) < 20):
        before = time.perf_counter()
        run_steps(tf.constant(1), batches).numpy()
        times.append(time.perf_counter() - before)
    networks, optimizers = (_bytes(parts.values()) for parts in (model.networks, model.optimizers))
    keras.backend.clear_session()
    return float(np.median(times)) / config.batch, networks + optimizers, networks


def _bytes(parts):
    return sum(int(np.prod(variable.shape)) * 4 for part in parts for variable in part.variables)


def _pictures(config):
    """Returns the bytes of the pictures of all reports."""
    height, width, channels = config.data.image_shape
    reports = -(-config.total_kimg // config.report_kimg)
    return reports * 128 * (height + 2) * (width + 2) * channels * _PICTURES_BYTES_PER_VALUE
