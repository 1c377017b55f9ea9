"""Measures how fast this machine does the package's work, compared with matrix multiplications in the same run.

Every number is a median of 5. Measurements to be compared take turns, because a machine's speed drifts.
"""

import math
import tempfile
import time
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from acai_tf import datasets, export, images, metrics, models, training
from acai_tf.clusterers.kmeans import kmeans
from acai_tf.errors import UsageError
from acai_tf.tracing import traced
from acai_tf.training import distribution

POLICIES = {'float32': 'float32', 'bfloat16': 'mixed_bfloat16'}  # Keras dtype policies, by the dtype of the products
_REPEATS = 5
_RESTARTS = 32  # of K-means
_INPUT_SECONDS = 0.5  # for each measurement of a data set
_BATCH = 64
_PUBLISHED = {'depth': 16, 'latent': 16, 'latent_width': 2}  # ACAI on lines32
_PUBLISHED_COLOR = {'depth': 64, 'latent': 16, 'latent_width': 4}  # on svhn32 and other color data sets


def run(what):
    """Measures the parts named in `what`: any of `train`, `input` (which also measures `train`, for comparison),
    `line_eval`, `encode`, `kmeans`. UsageError for another name.

    Returns:
        Nested dict of numbers: `train.float32.img_per_s` is result['train']['float32']['img_per_s'].
    """
    for name in what:
        if name not in _PARTS:
            raise UsageError(f'cannot measure {name!r}; choose from {", ".join(_PARTS)}')
    distribution.mention_unused_gpu()
    results = {'matmul_gflops': {dtype: median(matmul_gflops(dtype) for _ in range(_REPEATS))
                                 for dtype in ('float32', 'bfloat16')}}
    wanted = {*what, *(['train'] if 'input' in what else [])}
    for name in [name for name in _PARTS if name in wanted]:
        _PARTS[name](results)
    return results


def matmul_gflops(dtype):
    """Rate of multiplying square matrices, in GFLOP/s."""
    size, count = 2048, 6
    matrix = tf.cast(tf.random.stateless_normal([size, size], [0, 0]), dtype)
    multiply = traced(lambda x: tf.matmul(x, x))
    multiply(matrix).numpy()
    started = time.perf_counter()
    for _ in range(count):
        product = multiply(matrix)
    product.numpy()
    return 2 * size**3 * count / (time.perf_counter() - started) / 1e9


def convolution_flops(network):
    """Floating point operations of a network's convolutions for one image, forward."""
    return sum(2 * math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:3])
               for layer in network.layers if isinstance(layer, keras.layers.Conv2D))


def acai_step_flops(model):
    """Floating point operations of one ACAI training step for one image.

    The forward pass, the weights' gradient and the input's gradient cost the same. Encoder: all 3 once. Decoder: all 3
    for the reconstruction and all 3 for the mix. Critic: all 3 for the real mix; for the decoded mix all 3, and the input's
    gradient once more, for the autoencoder's loss. This is the straightforward count; the actual step skips that last one.
    """
    encoder, decoder, critic = (convolution_flops(n) for n in (model.encoder, model.decoder, model.critic))
    return 3 * encoder + 6 * decoder + 7 * critic


def _acai(dtype, sizes=_PUBLISHED, channels=1):
    model = models.create('acai', (32, 32, channels), 10, **sizes, dtype=dtype)
    model.compile()
    return model


def _measure_train(results):
    noise = tf.random.stateless_uniform([_BATCH, 32, 32, 3], [0, 0], -1, 1), tf.zeros([_BATCH], tf.int64)
    results['train'] = _train_rates(_PUBLISHED, datasets.get('lines32').train(_BATCH), steps=20)
    results['train_depth64'] = _train_rates(_PUBLISHED_COLOR, tf.data.Dataset.from_tensors(noise).repeat(), steps=4)


def _train_rates(sizes, batches, steps):
    """{dtype: rates} of ACAI's step, with `steps` steps per call."""
    channels = batches.element_spec[0].shape[-1]
    calls = {}
    for name, policy in POLICIES.items():
        model = _acai(policy, sizes, channels)
        flops = acai_step_flops(model)
        run_steps, iterator = training.step_function(model, tf.distribute.get_strategy()), iter(batches)
        for count in (1, 2):
            run_steps(tf.constant(count), iterator).numpy()
        calls[name] = lambda run_steps=run_steps, iterator=iterator: run_steps(tf.constant(steps), iterator).numpy()
    seconds, rates = {name: [] for name in calls}, {name: [] for name in calls}
    for _ in range(_REPEATS):
        for name, call in calls.items():
            rates[name].append(matmul_gflops(name))
            seconds[name].append(_seconds(call) / steps)
    return {name: {
        'img_per_s': _BATCH / median(seconds[name]),
        'fraction': median(_BATCH * flops / s / 1e9 / rate for s, rate in zip(seconds[name], rates[name]))}
        for name in calls}


# Prepared data sets to make up: name they are prepared under, files, images per file.
_PREPARED = {'mnist32': ('mnist', ('train', 'test'), 8192), 'svhn32': ('svhn', ('train', 'extra', 'test'), 4096),
             'celeba32': ('celeba', ('train', 'validation', 'test'), 1024), 'coil100': ('coil100', ('all',), 1024)}


def _measure_input(results):
    rates = {name: _input_rate(datasets.get(name)) for name in ('lines32', 'stripes32', 'stripes32-code', 'digits32')}
    for name, (prepared, splits, count) in _PREPARED.items():
        with tempfile.TemporaryDirectory() as directory:
            _write_blurs(directory, prepared, splits, datasets.get(name).raw_shape, count)
            rates[name] = _input_rate(datasets.get(name, directory))
            rates[f'{name}-streamed'] = _input_rate(datasets.get(name, directory, cache_gib=0))
    results['input'] = {name: {'img_per_s': rate} for name, rate in rates.items()}


def _input_rate(dataset):
    batches = iter(dataset.train(_BATCH))
    next(batches)
    rates = []
    for _ in range(_REPEATS):
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < _INPUT_SECONDS:
            next(batches)
            count += _BATCH
        rates.append(count / (time.perf_counter() - started))
    return median(rates)


def _write_blurs(directory, prepared, splits, shape, count):
    """Writes files of images that compress about as well as photographs; CelebA's are JPEG, as published."""
    from data_prep import tfrecord
    from data_prep.splits import Split
    coarse = tf.random.stateless_uniform([64, 8, 8, shape[-1]], [0, 0], maxval=256)
    blurs = np.tile(images.round_to_uint8(images.resize(coarse, shape[:2])), [count // 64, 1, 1, 1])
    split = Split.from_arrays(blurs, np.zeros(count, int))
    if prepared == 'celeba':
        jpeg = [tf.io.encode_jpeg(image).numpy() for image in blurs[:64]]
        split = Split(count, shape, lambda: ((content, 0) for content in jpeg * (count // 64)))
    tfrecord.write_dataset(directory, prepared, {name: split for name in splits}, 'a benchmark')


def _measure_line_eval(results):
    model, dataset, lines = _acai('float32'), datasets.get('lines32'), metrics.create('lines')
    lines(model, dataset)
    results['line_eval'] = {'seconds': median(_seconds(lambda: lines(model, dataset)) for _ in range(_REPEATS))}


def _measure_encode(results):
    with tempfile.TemporaryDirectory() as directory:
        model = _acai('float32')
        encode = export.load(export.export_model(model, datasets.get('lines32'), 1, directory)).encode
    flops = convolution_flops(model.encoder)
    one, many = (tf.random.stateless_normal([size, 32, 32, 1], [0, 0]).numpy() for size in (1, 512))
    encode(one), encode(many)
    latencies = [_seconds(lambda: encode(one)) for _ in range(500)]
    seconds, rates = [], []
    for _ in range(_REPEATS):
        rates.append(matmul_gflops('float32'))
        seconds.append(median(_seconds(lambda: encode(many)) for _ in range(10)))
    results['encode'] = {
        'batch1_median_ms': 1000 * median(latencies), 'batch1_p99_ms': 1000 * float(np.percentile(latencies, 99)),
        'batch512_img_per_s': 512 / median(seconds),
        'fraction': median(512 * flops / s / 1e9 / rate for s, rate in zip(seconds, rates))}


def _seconds(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _measure_kmeans(results):
    from sklearn import cluster
    # The published sizes: 60,000 latents with 32 dimensions, 10 clusters.
    centers = tf.random.stateless_normal([10, 32], [0, 0]).numpy()
    labels = np.arange(60000) % 10
    points = centers[labels] + tf.random.stateless_normal([60000, 32], [0, 1]).numpy().astype(np.float64)
    programs = (
        lambda seed: kmeans(points, 10, _RESTARTS, seed),
        lambda seed: cluster.KMeans(10, init='random', n_init=_RESTARTS, max_iter=1000, random_state=seed).fit(points))
    seconds = [[_seconds(lambda: program(seed)) for program in programs] for seed in range(_REPEATS)]
    ours, theirs = (_RESTARTS / median(column) for column in zip(*seconds))
    results['kmeans'] = {'restarts_per_s': ours, 'scikit_learn_restarts_per_s': theirs}


_PARTS = {'train': _measure_train, 'input': _measure_input, 'line_eval': _measure_line_eval, 'encode': _measure_encode,
             'kmeans': _measure_kmeans}


def table(results):
    """Formats the results as lines of text, such as `train.float32.img_per_s` and its value."""
    def rows(prefix, values):
        for key, value in values.items():
            if isinstance(value, dict):
                yield from rows(f'{prefix}{key}.', value)
            else:
                yield f'{prefix + key:<40}{value:>14.4g}' if value < 1000 else f'{prefix + key:<40}{value:>14,.0f}'
    return '\n'.join(rows('', results))
