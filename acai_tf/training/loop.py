"""The training loop: strategy, steps, reports, checkpoints, resume.

It replaces `fit`, because Keras 3.15 cannot resume `fit` mid-epoch or run it under MultiWorkerMirroredStrategy
(keras#20585).
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

from acai_tf.errors import NonFiniteError, Stopped
from acai_tf.export import write
from acai_tf.export.load import check_whole
from acai_tf.models import start
from acai_tf.models.calls import Calls, compile_steps, losses_of
from acai_tf.stopping import stop_signals
from acai_tf.tracing import traced
from acai_tf.training import distribution, exports
from acai_tf.training.checkpoints import Checkpoints
from acai_tf.training.config import TrainConfig
from acai_tf.training.reports import Reporter
from acai_tf.training.run_directory import RunDirectory
from acai_tf.values import duration, is_blank

_logger = logging.getLogger(__name__)

_CHECKPOINT_SECONDS = 600
_BLANK_KIMG = 32  # before this, any model may be blank
_MOST_STEPS_PER_CALL = 100


def train(config: TrainConfig, overwrite: bool = False) -> str | None:
    """Trains the run that `config` describes, or resumes it, and exports the result.

    Args:
        overwrite: start over if the run directory already holds a run.

    Returns:
        Path of the run directory; None on a worker that is not the chief, because it writes nothing.

    Raises:
        UsageError: wrong options, or a run directory that cannot be used.
        DataError: data missing or damaged.
        NonFiniteError: a loss or weight became NaN or infinite; the last good checkpoint is kept.
        StorageError: checkpoints cannot be written or read.
        WorkerLost: another worker died.
        Stopped: stopped by a signal, after a checkpoint.
    """
    config.resolve()
    strategy = distribution.make_strategy(config)
    with distribution.worker_loss_as_error(strategy), contextlib.ExitStack() as stack:
        config.data.check()
        config.fingerprint = config.data.fingerprint()
        distribution.check_alike(strategy, config)
        directory, finished = None, False
        if strategy.extended.should_checkpoint:  # on the chief
            directory = stack.enter_context(contextlib.closing(RunDirectory(config, overwrite)))
            config.keep_schedule(directory.earlier_config())
            path = directory.export(config.total_steps)
            finished = os.path.exists(path) and not overwrite
            if finished:
                check_whole(path)
                _logger.info('%s is already finished: %s', directory.path, path)
        finished, schedule_kimg = distribution.gather(strategy, [finished, config.schedule_kimg])[0]
        if not finished:
            config.schedule_kimg = int(schedule_kimg)
            _train(config, directory, strategy)
        distribution.gather(strategy, [0])  # raises if the chief was lost while exporting
        distribution.barrier(strategy)
        return directory and directory.path


def _train(config, directory, strategy):
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    trainer = Trainer(config, directory, strategy)
    if directory:
        directory.keep_divergence(None)
    try:
        with stop_signals('finishing the step and saving a checkpoint, or the export') as stop:
            trainer.run(stop)
    except NonFiniteError as error:
        if directory:
            directory.keep_divergence(str(error))
        raise


def step_function(model, strategy, jit='auto'):
    """Compiles several training steps into one call: a function (count, iterator) -> float32 [count, replicas,
    len(model.loss_names)], the loss terms of each step."""
    use_xla = jit == 'on' or (jit == 'auto' and len(tf.config.list_logical_devices('GPU')) == 1
                              and strategy.num_replicas_in_sync == 1)

    def losses_of_batch(data):
        train_step = traced(model.train_step, jit_compile=True) if use_xla else model.train_step
        return losses_of(model, train_step(data))

    def step(iterator):
        return tf.stack(strategy.experimental_local_results(strategy.run(losses_of_batch, args=(next(iterator),))))

    def of_all_replicas(losses):
        def of_this_replica():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return losses[:, replica % tf.shape(losses)[1], None]
        # Once per call, not once per step, because workers wait for each other here.
        return strategy.gather(strategy.run(of_this_replica), axis=1)
    return compile_steps(model, step, of_all_replicas)


class Trainer:
    """Trains a run, with a resolved config, from its last checkpoint to its end. `directory` is the RunDirectory; None on a
    worker that is not the chief."""

    def __init__(self, config, directory, strategy):
        self.config, self.directory, self.strategy = config, directory, strategy
        with strategy.scope():
            self.model = config.create_model()
        if config.start == 'mean':
            start.last_biases(self.model)  # refuses a decoder without one before anything changes
        self.reporter = directory and Reporter(directory, self.model, config.data, config.metrics_to_report())
        if directory:
            config.data.preload()
            directory.begin()  # only now, after all checks of options and data, does anything in it change
            self.reporter.begin()
        # Since the last report: the sum of each loss term, and the number of steps.
        self._counters = {'step': tf.Variable(0, dtype=tf.int64),
                          'term_sums': tf.Variable(np.zeros(len(self.model.loss_names))),
                          'term_count': tf.Variable(0, dtype=tf.int64)}
        self.checkpoints = Checkpoints(directory, self.model, self._counters, config.keep_checkpoints,
                                       for_template=bool(config.checksums))

    def run(self, stop):
        """Trains to the end and exports, unless `stop` (see `stopping.stop_signals`) has a signal; raises like `train`."""
        last = self.config.total_steps
        resumed = self.checkpoints.restore_latest()
        if not resumed and self.config.start == 'mean':
            with self._damaged_data():
                self.model.start_from(self.config.data)
        distribution.copy_from_chief(self.strategy, self.checkpoints.variables)
        step = int(self._counters['step'].numpy())
        self.model.steps.assign(step)
        if self.directory:
            self.directory.cut_reports(step)
            if resumed:
                _logger.info('resuming from step %d in %s', step, self.directory.path)
            else:
                if self.config.checksums:
                    exports.write_template(self.directory, self.model, self.config.data)
                self.reporter.write_config(self.config)
                _logger.info('training in %s', self.directory.path)
                if self.config.data.name in self.model.stays_blank_on:
                    _logger.warning('%s on %s: in some or all trainings tried, with --preset=quick too, all images decoded '
                                    'to nearly the same picture for 48 kimg or longer', self.config.model,
                                    self.config.data.name)
        with (self._progress(step, last) as progress,
              tqdm.contrib.logging.logging_redirect_tqdm([logging.getLogger('acai_tf')])):
            self._loop(step, last, stop, progress)
        if self.directory:
            self.reporter.finish()
            path = write.export_model(self.model, self.config.data, last, self.directory.export_dir,
                                      exports.describe(self.directory, last))
            _logger.info('exported %s', path)

    def _loop(self, step, last, stop, progress):
        iterator = iter(distribution.batches(self.strategy, self.config.data, self.config.batch, self.config.seed, step))
        calls = Calls(step_function(self.model, self.strategy, self.config.jit), self.model.loss_names, _MOST_STEPS_PER_CALL)
        sums, count = self._counters['term_sums'].numpy(), int(self._counters['term_count'].numpy())
        saved_at, report_seconds, report_steps, calls_made = time.monotonic(), 0.0, 0, 0
        while step < last:
            losses = self._make_steps(calls, step, self._next_stop(step, last), iterator)
            step, count, calls_made = step + len(losses), count + len(losses), calls_made + 1
            for values in losses.astype(np.float64).mean(axis=1):
                sums = sums + values  # one by one, so that the sum does not depend on the grouping of steps into calls
            # All workers must make the same decision: any worker's signal counts, and the chief's clock.
            on_time = not self.config.checkpoint_steps and time.monotonic() - saved_at > _CHECKPOINT_SECONDS
            opinions = distribution.gather(self.strategy, [stop.signal, on_time, calls.seconds_per_step or 0.0])
            stopped_by, on_time = opinions[:, 0].max(), opinions[0, 1]
            calls.seconds_per_step = opinions[0, 2] or None
            if calls.seconds_per_step:  # the first call traces and compiles
                report_steps += len(losses)
                report_seconds += calls.seconds_per_step * len(losses)
            if calls_made == 5 and self.directory:
                self._announce((last - step) * calls.seconds_per_step, calls.seconds_per_step)
            progress.update(len(losses) * self.config.batch / 1024)
            is_report = step == self._next_report(step - 1, last)
            if is_report:
                if self.directory:
                    img_per_s = report_steps * self.config.batch / report_seconds if report_steps else 0.0
                    self.checkpoints.check_finite(step)
                    with self._damaged_data(), self.model.averaged():
                        self._report(step, img_per_s, dict(zip(self.model.loss_names, (sums / count).tolist())))
                sums, count, report_seconds, report_steps = np.zeros_like(sums), 0, 0.0, 0
            at_checkpoint = self.config.checkpoint_steps and step % self.config.checkpoint_steps == 0
            if is_report or at_checkpoint or on_time or stopped_by:
                # After the report, so that a run killed in between repeats the report.
                self._save(step, sums, count)
                saved_at = time.monotonic()
            if stopped_by and step < last:
                distribution.barrier(self.strategy)
                raise Stopped(f'stopped by {signal.Signals(int(stopped_by)).name} after step {step}; the same command '
                              'resumes from there')

    def _make_steps(self, calls, step, last, iterator):
        try:
            with self._damaged_data():
                return calls.make(step, last, iterator)
        except NonFiniteError as error:
            distribution.barrier(self.strategy)
            raise NonFiniteError(f'{error}; the last good checkpoint is kept; try a smaller --lr') from None

    @contextlib.contextmanager
    def _damaged_data(self):
        try:
            yield
        except (tf.errors.DataLossError, tf.errors.FailedPreconditionError, tf.errors.InvalidArgumentError,
                tf.errors.NotFoundError) as error:
            if 'IteratorGetNext' not in str(error):
                raise
            raise self.config.data.unreadable(error) from None

    def _save(self, step, sums, count):
        for name, value in (('step', step), ('term_sums', sums), ('term_count', count)):
            self._counters[name].assign(value)
        self.checkpoints.save(step)

    def _report(self, step, img_per_s, terms):
        record = self.reporter.report(step, step * self.config.batch / 1024, img_per_s, terms)
        shown = ', '.join(f'{key} {value:.4g}' for key, value in record.items() if key not in ('kimg', 'step'))
        _logger.info('%g of %d kimg: %s', record['kimg'], self.config.total_kimg, shown)
        if is_blank(record):
            self._warn_of_blank(record['kimg'], step == self.config.total_steps)

    def _warn_of_blank(self, kimg, is_last):
        """Warns that all images decode to nearly the same picture, unless the run has just begun."""
        learned = [report['kimg'] for report in self.directory.reports() if not is_blank(report)]
        if learned:
            rate = next((name for name in self.model.options() if name.endswith('_lr')), 'lr')
            _logger.warning('blank again: all images decode to nearly the same picture, but did not at %g kimg; training '
                            'has become unstable, start over with --overwrite and a smaller --%s', learned[-1], rate)
        elif kimg >= _BLANK_KIMG or is_last:
            advice = '--preset=quick leaves this state sooner'
            if self.config.data.name in self.model.stays_blank_on:
                advice = f'{self.config.model} rarely or never leaves this state on {self.config.data.name}'
            elif self.config.preset == 'quick':
                advice = 'train for longer, with a larger --total_kimg'
                if self.config.lr_schedule != 'constant':  # a falling schedule ends at the run's first total_kimg
                    advice += ' and --overwrite'
            _logger.warning('still blank: all images decode to nearly the same picture; %s', advice)

    def _next_report(self, step, last):
        """The first step after `step` with a report: the step that completes the next multiple of report_kimg."""
        images = self.config.report_kimg * 1024
        reports = step * self.config.batch // images + 1
        return min(-(-reports * images // self.config.batch), last)

    def _next_stop(self, step, last):
        stop, every = self._next_report(step, last), self.config.checkpoint_steps
        return min(stop, (step // every + 1) * every) if every else stop

    def _announce(self, seconds, seconds_per_step):
        hint = '; --preset=quick --depth=16 --total_kimg=64 takes minutes'
        _logger.info('%.0f images/s: about %s to go%s', self.config.batch / seconds_per_step, duration(seconds),
                     hint if seconds > 5400 and self.config.preset != 'quick' else '')

    def _progress(self, step, last):
        kimg = self.config.batch / 1024
        return tqdm.tqdm(initial=round(step * kimg, 3), total=round(last * kimg, 3), unit='kimg', dynamic_ncols=True,
                         disable=not (self.directory and sys.stderr.isatty()), smoothing=0.1,
                         bar_format='{l_bar}{bar}| {n:.1f}/{total:.0f} kimg [{elapsed}<{remaining}]')
