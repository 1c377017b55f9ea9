"""How fast this machine is at the package's work, each figure beside the matrix multiplications of the same run.

Every figure is a median of 5; what is compared is measured in turn, because machines drift.
"""

import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from acai_tf import datasets, models, reports, training
from acai_tf.errors import DataError, UsageError

_REPEATS = 5
_BATCH = 64
_PUBLISHED = {'depth': 16, 'latent': 16, 'latent_width': 2}  # ACAI on lines32


def run(what):
    """Measures.

    Args:
        what: names out of `train`, `input`, `line_eval`.

    Returns:
        Nested dict of figures: `train.float32.img_per_s` is result['train']['float32']['img_per_s'].

    Raises:
        UsageError: an unknown name.
    """
    for name in what:
        if name not in _MEASURES:
            raise UsageError(f'cannot measure {name!r}; there are {", ".join(_MEASURES)}')
    results = {'matmul_gflops': {dtype: median(matmul_gflops(dtype) for _ in range(_REPEATS))
                                 for dtype in ('float32', 'bfloat16')}}
    for name in what:
        _MEASURES[name](results)
    return results


def median(values):
    return float(np.median(list(values)))


def matmul_gflops(dtype, size=2048, count=6):
    """Rate of multiplying square matrices, in GFLOP/s."""
    matrix = tf.cast(tf.random.stateless_normal([size, size], [0, 0]), dtype)
    multiply = tf.function(lambda x: tf.matmul(x, x))
    multiply(matrix).numpy()
    started = time.perf_counter()
    for _ in range(count):
        product = multiply(matrix)
    product.numpy()
    return 2 * size**3 * count / (time.perf_counter() - started) / 1e9


def convolution_flops(network):
    """Floating point operations of a network's convolutions for one image, forward."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, channels = layer.output.shape
            total += 2 * height * width * channels * int(np.prod(layer.kernel.shape[:3]))
    return total


def acai_step_flops(model):
    """Floating point operations of one ACAI training step for one image.

    A pass costs as much forward, for the weights' gradient and for the input's gradient. Encoder: all 3 once. Decoder:
    all 3 for the reconstruction and for the mix. Critic: all 3 for the real mix; on the decoded mix all 3, and once
    more the input's gradient, for the autoencoder's loss.
    """
    encoder, decoder, critic = (convolution_flops(n) for n in (model.encoder, model.decoder, model.critic))
    return 3 * encoder + 6 * decoder + 7 * critic


def _acai(dtype):
    model = models.create('acai', (32, 32, 1), 10, **_PUBLISHED, dtype=dtype)
    model.compile()
    return model


def _measure_train(results):
    dtypes = {'float32': 'float32', 'bfloat16': 'mixed_bfloat16'}
    calls, flops = {}, 0
    for name, policy in dtypes.items():
        model = _acai(policy)
        flops = acai_step_flops(model)
        batches = iter(datasets.get('lines32').train(_BATCH))
        run_steps = training.step_function(model, tf.distribute.get_strategy())
        for count in (1, 2):
            run_steps(batches, tf.constant(count)).numpy()
        calls[name] = run_steps, batches
    seconds, rates, steps = {name: [] for name in dtypes}, {name: [] for name in dtypes}, 20
    for _ in range(_REPEATS):
        for name, (run_steps, batches) in calls.items():
            rates[name].append(matmul_gflops(name))
            started = time.perf_counter()
            run_steps(batches, tf.constant(steps)).numpy()
            seconds[name].append((time.perf_counter() - started) / steps)
    results['train'] = {name: {
        'img_per_s': _BATCH / median(seconds[name]),
        'fraction': median(_BATCH * flops / s / 1e9 / rate for s, rate in zip(seconds[name], rates[name]))}
        for name in dtypes}


def _measure_input(results):
    results['input'] = {}
    for name in datasets.names():
        dataset = datasets.get(name)
        with tempfile.TemporaryDirectory() as directory:
            try:
                dataset.check()
            except DataError:
                if name != 'mnist32':
                    continue
                _write_noise(directory)  # so that TFRecord input is measured on every machine
                dataset = datasets.get(name, directory)
            batches = iter(dataset.train(_BATCH))
            next(batches)
            rates = []
            for _ in range(_REPEATS):
                started, count = time.perf_counter(), 0
                while time.perf_counter() - started < 0.5:
                    next(batches)
                    count += _BATCH
                rates.append(count / (time.perf_counter() - started))
        results['input'][name] = {'img_per_s': median(rates)}


def _write_noise(directory):
    from data_prep import tfrecord
    random = np.random.default_rng(0)
    images = random.integers(0, 256, [8192, 28, 28, 1], np.uint8)
    labels = random.integers(0, 10, len(images))
    splits = {'train': tfrecord.Split.from_arrays(images, labels),
              'test': tfrecord.Split.from_arrays(images[:64], labels[:64])}
    tfrecord.write_dataset(directory, 'mnist', splits, 'noise')


def _measure_line_eval(results):
    model, dataset = _acai('float32'), datasets.get('lines32')
    encode = tf.function(model.encode, reduce_retracing=True)
    decode = tf.function(model.decode, reduce_retracing=True)
    reports.evaluate_lines(encode, decode, dataset)
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        reports.evaluate_lines(encode, decode, dataset)
        seconds.append(time.perf_counter() - started)
    results['line_eval'] = {'seconds': median(seconds)}


_MEASURES = {'train': _measure_train, 'input': _measure_input, 'line_eval': _measure_line_eval}


def table(results):
    """The figures as lines of text, `train.float32.img_per_s` and its value."""
    def rows(prefix, values):
        for key, value in values.items():
            if isinstance(value, dict):
                yield from rows(f'{prefix}{key}.', value)
            else:
                yield f'{prefix + key:<40}{value:>14.4g}' if value < 1000 else f'{prefix + key:<40}{value:>14,.0f}'
    return '\n'.join(rows('', results))
