"""Selects the devices and machines that train together, and exchanges data between them.

With --strategy=multi_worker each machine runs the same command; the environment variable TF_CONFIG lists the workers. Only
the chief (the task `chief`, or else worker 0) writes the run directory.
"""

import contextlib
import ctypes
import json
import logging
import os
import re
import shutil
import zlib

import numpy as np
import tensorflow as tf

from acai_tf.errors import UsageError, WorkerLost, short_message
from acai_tf.tracing import no_autograph, traced
from acai_tf.training import joining, rendezvous

_logger = logging.getLogger(__name__)

_NVIDIA_DRIVER = '/proc/driver/nvidia'
# Options that may differ between workers.
_MAY_DIFFER = ('train_dir', 'data_dir', 'keep_checkpoints', 'preset')
_M_TOP_PAD = -2  # of glibc's malloc.h


def make_strategy(config):
    """Creates the tf.distribute strategy that the config asks for.

    Multiple workers must call this before TensorFlow makes its first tensor. Each waits for all others.

    Raises:
        UsageError: the batch, --jit or TF_CONFIG does not fit the strategy.
    """
    if config.strategy == 'multi_worker':
        strategy = _multi_worker_strategy()
    else:
        gpus = tf.config.list_logical_devices('GPU')
        devices = gpus or tf.config.list_logical_devices('CPU')
        if config.strategy == 'mirrored' or (config.strategy == 'auto' and len(gpus) > 1):
            strategy = tf.distribute.MirroredStrategy([d.name for d in devices])
        elif gpus:
            strategy = tf.distribute.OneDeviceStrategy(gpus[0].name)  # prefetches batches to the device, unlike the default
        else:
            strategy = tf.distribute.get_strategy()
    mention_unused_gpu()
    replicas = strategy.num_replicas_in_sync
    multiple = config.batch_multiple * replicas
    if config.batch % multiple:
        raise UsageError(f'--batch={config.batch} does not fit the {replicas} replicas; choose a multiple of {multiple}, '
                         'or --strategy=one')
    if config.jit == 'on' and replicas > 1:
        raise UsageError(f'--jit=on does not work with {replicas} replicas; use --jit=off, or --strategy=one')
    return strategy


def mention_unused_gpu():
    """If there is an NVIDIA driver but TensorFlow sees no GPU, logs how to install what TensorFlow needs."""
    has_driver = os.path.exists(_NVIDIA_DRIVER) or shutil.which('nvidia-smi')
    wants_none = os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1')
    if has_driver and not wants_none and not tf.config.list_physical_devices('GPU'):
        _logger.warning("there is an NVIDIA driver, but TensorFlow sees no GPU and computes on the CPU: pip install "
                        "'.[cuda]' installs what it needs; CUDA_VISIBLE_DEVICES= hides this warning")


def _multi_worker_strategy():
    addresses, number = rendezvous.cluster_of(os.environ.get('TF_CONFIG', ''))
    seconds = _join_seconds()
    rendezvous.meet(addresses, number)
    _keep_freed_memory()
    # TensorFlow connects to the workers directly, even if the environment sets a proxy.
    exempt = os.environ.get('no_grpc_proxy') or os.environ.get('no_proxy')
    hosts = [rendezvous.host_and_port(address)[0] for address in addresses]
    os.environ['no_grpc_proxy'] = ','.join(filter(None, (exempt, *hosts)))
    try:
        with joining.interruptible(seconds):
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.DeadlineExceededError, tf.errors.UnavailableError, tf.errors.AbortedError,
            tf.errors.CancelledError) as error:
        raise WorkerLost(f'--strategy=multi_worker: the workers {", ".join(addresses)} did not join within {seconds} '
                         f'seconds ({short_message(error)}); see their output for the reason; start all again, with a '
                         'larger ACAI_JOIN_SECONDS if they are slow') from None
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise UsageError(f'--strategy=multi_worker: the workers {", ".join(addresses)} could not be joined '
                         f'({short_message(error)}); check TF_CONFIG') from None


def _join_seconds():
    """Time limit for TensorFlow to join the workers once they have met, from $ACAI_JOIN_SECONDS."""
    seconds = os.environ.get('ACAI_JOIN_SECONDS', '60')
    if not seconds.isdecimal() or not 0 < int(seconds) <= 3600:
        raise UsageError(f'ACAI_JOIN_SECONDS={seconds!r}: must be a whole number of seconds from 1 to 3600')
    return int(seconds)


def _keep_freed_memory():
    """Lets each arena of the allocator keep 64 MiB instead of returning all freed memory to the system.

    A worker's TensorFlow server computes in threads with their own arenas. They returned the same pages and faulted them in
    again at every step, which took an eighth of the time.
    """
    with contextlib.suppress(AttributeError, OSError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_TOP_PAD, 64 << 20)


def _alone(strategy):
    return not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def gather(strategy, values):
    """Gathers a row of numbers from each worker: [n] -> float64 [replicas, n], the same on all workers."""
    values = np.asarray(values, np.float64)
    if _alone(strategy):
        return values[None]
    return _gather(strategy, tf.constant(values)).numpy()


@traced
def _gather(strategy, values):
    return strategy.gather(strategy.run(lambda: values[None]), axis=0)


def copy_from_chief(strategy, variables):
    """Copies the chief's values to every worker's variables, because only the chief reads checkpoints."""
    if _alone(strategy):
        return
    values = [tf.constant(variable.numpy()) for variable in variables]

    @traced
    def send():
        def sum_with_nothing():
            context = tf.distribute.get_replica_context()
            first = tf.equal(context.replica_id_in_sync_group, 0)
            return [context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, value, tf.zeros_like(value)))
                    for value in values]
        return [strategy.experimental_local_results(value)[0] for value in strategy.run(sum_with_nothing)]
    with strategy.scope():
        for variable, value in zip(variables, send()):
            variable.assign(value)


def check_alike(strategy, config):
    """Raises UsageError on every worker if one has different options, library versions or data."""
    options = {key: value for key, value in json.loads(config.to_json()).items() if key not in _MAY_DIFFER}
    parts = [options.pop('fingerprint'), options]
    sums = gather(strategy, [zlib.crc32(json.dumps(part, sort_keys=True).encode()) for part in parts])
    different = np.argwhere((sums != sums[0]).T)
    if len(different):
        barrier(strategy)
        part, replica = different[np.argmax(different[:, 0])]  # options come first if both differ
        raise UsageError(f'the worker of replica {replica} ' + (
            'has other options or library versions than the chief; compare the output of --print_config on both'
            if part else 'has other data than the chief; compare the files of the data set'))


def barrier(strategy):
    """Waits for all workers at an exit that all reach, so that none leaves while another needs it."""
    with contextlib.suppress(tf.errors.OpError):
        gather(strategy, [0])


def batches(strategy, dataset, batch, seed, start_step):
    """The training batches of a data set, for `strategy.run`; of n replicas, replica r gets the r-th part of each batch."""
    def read(context):
        workers = context.num_input_pipelines
        mine = dataset.train(batch, seed, start_step, shard=context.input_pipeline_id, shards=workers)
        replicas = context.num_replicas_in_sync // workers
        if replicas == 1:
            return mine

        def divided(*parts):
            return tuple(tf.reshape(part, [replicas, -1, *part.shape[1:]]) for part in parts)
        return mine.map(no_autograph(divided)).unbatch()
    return strategy.distribute_datasets_from_function(read)


@contextlib.contextmanager
def worker_loss_as_error(strategy):
    """Raises WorkerLost if TensorFlow reports that a worker no longer responds."""
    try:
        yield
    except tf.errors.OpError as error:
        # Workers forward the messages they receive, so with three the words may be repeated.
        lost = re.search('(?:Collective ops is aborted by: )+(.*)', error.message)
        if _alone(strategy) or not lost:
            raise
        raise WorkerLost(f'a worker was lost ({lost.group(1)[:200]}); see its output for the reason; the same commands on '
                         'all workers resume from the last checkpoint') from None
