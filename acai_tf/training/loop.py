"""The training loop: strategy, steps, reports, checkpoints, resume.

The loop is ours, not `fit`, because Keras 3.15 can neither resume `fit` mid-epoch nor `fit` under
MultiWorkerMirroredStrategy (keras#20585).
"""

import contextlib
import logging
import os
import signal
import sys
import time

import numpy as np
import tensorflow as tf
import tqdm
import tqdm.contrib.logging

from acai_tf import export
from acai_tf.errors import NonFiniteError, Stopped
from acai_tf.tracing import traced
from acai_tf.training import distribution, exports
from acai_tf.training.checkpoints import Checkpoints
from acai_tf.training.reports import Reporter
from acai_tf.training.run_directory import RunDirectory
from acai_tf.training.stopping import stop_signals

_logger = logging.getLogger(__name__)

_CHECKPOINT_SECONDS = 600
# One call of the compiled loop takes about this long: short enough to answer a signal, long enough to cost nothing.
_CALL_SECONDS = 1.0
_MOST_STEPS_PER_CALL = 100


def train(config, overwrite=False):
    """Trains the run that `config` describes, or resumes it, and exports the result.

    Args:
        config: TrainConfig.
        overwrite: start over if the run directory already holds a run.

    Returns:
        Path of the run directory; None on a worker that is not the chief, which writes none.

    Raises:
        UsageError: wrong options, or a run directory that cannot be used.
        DataError: data missing or damaged.
        NonFiniteError: a loss or weight became NaN or infinite; the last good checkpoint is kept.
        StorageError: checkpoints cannot be written or read.
        WorkerLost: another worker died.
        Stopped: by SIGTERM or SIGINT, after a checkpoint.
    """
    config.validate()
    strategy = distribution.make_strategy(config)
    with distribution.worker_loss_as_error(strategy), contextlib.ExitStack() as stack:
        dataset = config.open_dataset()
        dataset.check()
        config.data = dataset.identity()
        distribution.check_alike(strategy, config)
        directory, finished = None, False
        if distribution.is_chief(strategy):
            directory = stack.enter_context(contextlib.closing(RunDirectory(config, dataset.image_shape, overwrite)))
            path = os.path.join(directory.file('export'), str(total_steps(config)))
            finished = os.path.exists(path) and not overwrite
            if finished:
                export.check_whole(path)
                _logger.info('%s is already finished: %s', directory.path, path)
        if not distribution.gather(strategy, [finished])[0, 0]:
            if config.deterministic:
                tf.config.experimental.enable_op_determinism()
            trainer = Trainer(config, dataset, directory, strategy)
            if directory:
                directory.note_divergence(None)
            try:
                trainer.run()
            except NonFiniteError as error:
                if directory:
                    directory.note_divergence(str(error))
                raise
        distribution.gather(strategy, [0])  # a chief that was lost while it exported is an error
        distribution.barrier(strategy)
        return directory and directory.path


def total_steps(config):
    """Number of steps of the whole run."""
    return config.total_steps


def step_function(model, strategy, jit='auto'):
    """Compiles several training steps into one call.

    Returns:
        Function (iterator, count) -> float32 [count, replicas, len(model.tags)]: each loss term at each step.
    """
    use_xla = jit == 'on' or (jit == 'auto' and len(tf.config.list_logical_devices('GPU')) == 1
                              and strategy.num_replicas_in_sync == 1)

    @traced
    def run_steps(iterator, count):
        def step(_):
            data = next(iterator)
            rows = model.run_due(lambda: strategy.run(row, args=(data,)))
            return tf.stack(strategy.experimental_local_results(rows))
        history = tf.map_fn(step, tf.range(count), fn_output_signature=tf.TensorSpec([None, len(model.tags)], tf.float32))

        def of_this_replica():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return history[:, replica % tf.shape(history)[1], None]
        # Once per call, not per step, because workers wait for each other here.
        return strategy.gather(strategy.run(of_this_replica), axis=1)

    def row(data):
        train_step = traced(model.train_step, jit_compile=True) if use_xla else model.train_step
        terms = train_step(data)
        return tf.stack([terms[tag] for tag in model.tags])
    return run_steps


class Trainer:
    """One run, from its last checkpoint to its end.

    Args:
        config: TrainConfig.
        dataset: datasets.base.Dataset.
        directory: RunDirectory; None on a worker that is not the chief.
        strategy: tf.distribute.Strategy.
    """

    def __init__(self, config, dataset, directory, strategy):
        self.config, self.dataset, self.directory, self.strategy = config, dataset, directory, strategy
        with strategy.scope():
            self.model = config.create_model(dataset)
        self.reporter = directory and Reporter(directory, self.model, dataset, config.measures_to_report())
        if directory:
            directory.begin()  # nothing is changed before all that can be wrong with the options has been looked at
            self.reporter.begin()
        # Since the last report: the sum of each loss term, and the number of steps.
        self._counters = {'step': tf.Variable(0, dtype=tf.int64),
                          'term_sums': tf.Variable(np.zeros(len(self.model.tags))),
                          'term_count': tf.Variable(0, dtype=tf.int64)}
        self.checkpoints = Checkpoints(directory and directory.file('checkpoints'), self.model, self._counters,
                                       config.keep_checkpoints, for_template=bool(config.checksums))
        self._seconds_per_step = None

    def run(self):
        """Trains to the end and exports; see `train` for what it raises."""
        with stop_signals('finishing the step and saving a checkpoint, or the export') as stop:
            self._run(stop)

    def _run(self, stop):
        last = total_steps(self.config)
        resumed = self.checkpoints.restore_latest()
        distribution.copy_from_chief(self.strategy, self.checkpoints.variables)
        step = int(self._counters['step'].numpy())
        self.model.steps.assign(step)
        if self.directory:
            self.directory.cut_metrics(step)
            if resumed:
                _logger.info('resuming from step %d in %s', step, self.directory.path)
            else:
                if self.config.checksums:
                    exports.write_template(self.directory.path, self.model, self.dataset)
                self.reporter.write_config(self.config)
                _logger.info('training in %s', self.directory.path)
        with (self._progress(step, last) as progress,
              tqdm.contrib.logging.logging_redirect_tqdm([logging.getLogger('acai_tf')])):
            self._loop(step, last, stop, progress)
        if self.directory:
            self.reporter.finish()
            path = export.export_model(self.model, self.dataset, last, self.directory.file('export'),
                                       exports.describe(self.directory.path, self.config, last))
            _logger.info('exported %s', path)

    def _loop(self, step, last, stop, progress):
        iterator = iter(distribution.batches(self.strategy, self.dataset, self.config.batch, self.config.seed, step))
        run_steps = step_function(self.model, self.strategy, self.config.jit)
        sums, count = self._counters['term_sums'].numpy(), int(self._counters['term_count'].numpy())
        saved_at, report_seconds, report_steps = time.monotonic(), 0.0, 0
        calls = 0
        while step < last:
            due = self._next_stop(step, last)
            steps = min(due - step, self._steps_per_call())
            started = time.monotonic()
            with self._damaged_data():
                history = run_steps(iterator, tf.constant(steps)).numpy()
            seconds = time.monotonic() - started
            self._check_finite(history, step)
            step, count, calls = step + steps, count + steps, calls + 1
            for values in history.astype(np.float64).mean(axis=1):
                sums = sums + values  # one by one, so that the sum does not depend on how calls group steps
            if calls > 1:  # the first call traces and compiles
                report_seconds, report_steps = report_seconds + seconds, report_steps + steps
            # What must be the same everywhere is decided together: any worker's signal, the chief's clock.
            on_time = not self.config.checkpoint_steps and time.monotonic() - saved_at > _CHECKPOINT_SECONDS
            opinions = distribution.gather(self.strategy, [stop.signal, on_time, seconds / steps])
            stopped_by, on_time = opinions[:, 0].max(), opinions[0, 1]
            self._seconds_per_step = opinions[0, 2] if calls > 1 else None
            if calls == 5 and self.directory:
                self._announce(last - step)
            progress.update(steps * self.config.batch / 1024)
            is_report = step in (last, self._next_report(step - 1, last))
            if is_report:
                if self.directory:
                    terms = dict(zip(self.model.tags, (sums / count).tolist()))
                    img_per_s = report_steps * self.config.batch / report_seconds if report_steps else 0.0
                    self.checkpoints.check_finite(step)
                    with self._damaged_data():
                        self._report(step, img_per_s, terms)
                sums, count, report_seconds, report_steps = np.zeros_like(sums), 0, 0.0, 0
            at_checkpoint = self.config.checkpoint_steps and step % self.config.checkpoint_steps == 0
            if is_report or at_checkpoint or on_time or stopped_by:
                # After the report, so that a run killed in between makes the report again.
                self._save(step, sums, count)
                saved_at = time.monotonic()
            if stopped_by and step < last:
                distribution.barrier(self.strategy)
                raise Stopped(f'stopped by {signal.Signals(int(stopped_by)).name} after step {step}; the same command '
                              'resumes from there')

    @contextlib.contextmanager
    def _damaged_data(self):
        try:
            yield
        except (tf.errors.DataLossError, tf.errors.FailedPreconditionError, tf.errors.InvalidArgumentError,
                tf.errors.NotFoundError) as error:
            if 'IteratorGetNext' not in str(error):
                raise
            raise self.dataset.unreadable(error) from None

    def _save(self, step, sums, count):
        for name, value in (('step', step), ('term_sums', sums), ('term_count', count)):
            self._counters[name].assign(value)
        self.checkpoints.save(step)

    def _report(self, step, img_per_s, terms):
        record = self.reporter.report(step, step * self.config.batch / 1024, img_per_s, terms)
        shown = ', '.join(f'{key} {value:.4g}' for key, value in record.items() if key not in ('kimg', 'step'))
        _logger.info('%g of %d kimg: %s', record['kimg'], self.config.total_kimg, shown)

    def _next_report(self, step, last):
        """The first step after `step` at which a report is due: the one that completes report_kimg more."""
        images = self.config.report_kimg * 1024
        reports = step * self.config.batch // images + 1
        return min(-(-reports * images // self.config.batch), last)

    def _next_stop(self, step, last):
        stop = self._next_report(step, last)
        every = self.config.checkpoint_steps
        return min(stop, (step // every + 1) * every) if every else stop

    def _steps_per_call(self):
        if self._seconds_per_step is None:
            return 1
        return int(np.clip(_CALL_SECONDS / self._seconds_per_step, 1, _MOST_STEPS_PER_CALL))

    def _check_finite(self, history, step):
        by_loss = history.swapaxes(1, 2)  # a term of the global batch is bad on all replicas: look at the others first
        bad = np.argwhere(~np.isfinite(by_loss))
        if len(bad):
            row, column, replica = bad[0]
            where = f' on replica {replica}' if history.shape[1] > 1 else ''
            distribution.barrier(self.strategy)
            raise NonFiniteError(f'{self.model.tags[column]} is {by_loss[tuple(bad[0])]} at step {step + row + 1}{where}; '
                                 'the last good checkpoint is kept; try a smaller --lr')

    def _announce(self, steps):
        seconds = steps * self._seconds_per_step
        _logger.info('%.0f images/s: about %s to go', self.config.batch / self._seconds_per_step,
                     f'{seconds / 3600:.1f} hours' if seconds > 5400 else f'{seconds / 60:.1f} minutes')

    def _progress(self, step, last):
        kimg = self.config.batch / 1024
        return tqdm.tqdm(initial=round(step * kimg, 3), total=round(last * kimg, 3), unit='kimg', dynamic_ncols=True,
                         disable=not (self.directory and sys.stderr.isatty()), smoothing=0.1,
                         bar_format='{l_bar}{bar}| {n:.1f}/{total:.0f} kimg [{elapsed}<{remaining}]')
