"""Carries runs out as processes: several at once, on several machines, stopped and started again as often as one likes.

What is done stands in the run directories alone. A process that works on a run holds a lock beside them, in
`<train_dir>/.study/`, where what its programs print is kept too; the programs inherit the lock, so that a run whose runner
was killed stays claimed until its program ends.
"""

import dataclasses
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time

import tqdm
import tqdm.contrib.logging

from acai_tf.errors import NonFiniteError, Stopped, StorageError, UsageError, WorkerLost
from acai_tf.studies.base import counted
from acai_tf.studies.estimate import remaining_kimg
from acai_tf.studies.plan import program_command
from acai_tf.training.run_directory import IN_USE, in_use
from acai_tf.training.stopping import stop_signals

_logger = logging.getLogger(__name__)

_AGAIN = (StorageError.exit_code, WorkerLost.exit_code, Stopped.exit_code)
_MOST_TRIES = 3  # in a row, without progress
_POLL_SECONDS, _PROGRESS_SECONDS = 0.1, 2.0


@dataclasses.dataclass
class Failure:
    """Why a command of a run cannot be finished."""

    command: list
    exit_code: int
    message: str


@dataclasses.dataclass
class _Work:
    run: object
    not_before: float = 0.0
    tries: int = 0
    left: float = 0.0  # kimg, when the command was started
    command: list | None = None
    process: subprocess.Popen | None = None
    lock: object = None
    started: float = 0.0


class Runner:
    """Does runs.

    Args:
        runs: list of plan.Run.
        programs: directory of the programs.
        train_dir: where locks and what the programs print are kept, in `.study/`.
        jobs: how many at once.
        seconds: {run's key: about how long it takes}, for the progress bar.
        pause: seconds before a run that another process works on is looked at again, and before another try.
    """

    def __init__(self, runs, programs, train_dir, jobs=1, seconds=None, pause=5.0):
        self._runs, self._programs, self._jobs, self._pause = runs, programs, jobs, pause
        self._directory = os.path.join(train_dir, '.study')
        self._weights = {run.key: (seconds or {}).get(run.key, 0.0) + 1.0 for run in runs}
        self.failures = {}

    def carry_out(self):
        """Does all runs that are not done; waits for those that other processes do.

        Returns:
            {run's key: [Failure]} of what cannot be finished.

        Raises:
            Stopped: by SIGTERM or SIGINT, after the programs have saved what they had.
        """
        waiting, active, told = [_Work(run) for run in self._runs if not self._is_over(run)], [], False
        with (stop_signals('waiting for the programs to save what they have') as stop, self._progress() as bar,
              tqdm.contrib.logging.logging_redirect_tqdm([logging.getLogger('acai_tf')])):
            shown = self._show(bar, 0.0)
            while waiting or active:
                if stop.signal:
                    self._end(active)
                    raise Stopped(f'stopped by {signal.Signals(stop.signal).name}; the same command goes on from there')
                for work in [work for work in active if work.process.poll() is not None]:
                    if not self._go_on(work):
                        active.remove(work)
                        if not self._is_over(work.run):
                            waiting.append(work)
                elsewhere = []
                for work in list(waiting):
                    if len(active) < self._jobs and work.not_before <= time.monotonic():
                        started = self._start(work)
                        if started is None:
                            elsewhere.append(work)
                            continue
                        waiting.remove(work)
                        active += [work] if started else []
                if elsewhere and not active and not told:
                    told = True
                    _logger.info('waiting for %s that other processes are doing, such as %s', counted(len(waiting), 'run'),
                                 elsewhere[0].run.path)
                shown = self._show(bar, shown)
                time.sleep(_POLL_SECONDS)
            self._show(bar, 0.0)
        return self.failures

    def _is_over(self, run):
        return self._next_command(run) is None

    def _next_command(self, run):
        return run.next_command([failure.command for failure in self.failures.get(run.key, ())])

    def _start(self, work):
        """Claims a run and starts its next command: whether there was one; None if another process works on it."""
        if work.lock is None:
            work.lock = self._claim(work.run)
            if work.lock and in_use(work.run.path):  # by acai_train alone
                self._release(work)
        if work.lock is None:
            work.not_before = time.monotonic() + self._pause
            return None
        command = self._next_command(work.run)
        if command is None:
            self._release(work)
            return False
        work.command, work.left, work.started = command, remaining_kimg(work.run), time.monotonic()
        with open(self._beside(work.run, 'log'), 'ab') as log:
            # A session of its own: a terminal's Ctrl-C reaches the programs once, through this process.
            work.process = subprocess.Popen(program_command(command, self._programs, sys.executable), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=[work.lock.fileno()])
        return True

    def _go_on(self, work):
        """After a command has ended: whether the run's next one is started."""
        code, run = work.process.returncode, work.run
        minutes = (time.monotonic() - work.started) / 60
        message = '' if code == 0 else self._last_line(run)
        if code == 0 and run.next_command() == work.command:
            self._fail(work, StorageError.exit_code, f'{work.command[0]} ended well but left no result')
        elif code == 0:
            work.tries = 0
            _logger.info('%s of %s: %.1f minutes', work.command[0], run.name, minutes)
            if self._start(work):
                return True
        elif code == NonFiniteError.exit_code:
            self._fail(work, code, message)
        elif code == UsageError.exit_code and IN_USE in message:
            work.not_before = time.monotonic() + self._pause
        elif code in _AGAIN or code < 0 or code >= 128:
            work.tries = 1 if remaining_kimg(run) < work.left else work.tries + 1
            work.not_before = time.monotonic() + self._pause
            how = f'was ended by signal {-code}' if code < 0 else f'ended with exit code {code}'
            if work.tries > _MOST_TRIES:
                self._fail(work, code if code > 0 else 128 - code, message if message and code > 0 else
                           f'{work.command[0]} {how}; {self._beside(run, "log")} has what it printed')
            else:
                _logger.info('%s of %s %s: the same command again', work.command[0], run.name, how)
        else:
            self._fail(work, code, message)
        self._release(work)
        return False

    def _fail(self, work, code, message):
        self.failures.setdefault(work.run.key, []).append(Failure(work.command, code, message))
        _logger.warning('%s: %s', work.run.name, message)

    def _end(self, active):
        for work in active:
            if work.process.poll() is None:
                work.process.send_signal(signal.SIGTERM)
        for work in active:
            work.process.wait()
            self._release(work)

    # ---- files

    def _beside(self, run, ending):
        return os.path.join(self._directory, f'{run.name}.{ending}')

    def _claim(self, run):
        path = self._beside(run, 'lock')
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            lock = open(path, 'w')
        except OSError as error:
            raise UsageError(f'{path} cannot be written ({error.strerror}); choose another --train_dir') from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return lock

    def _release(self, work):
        if work.lock is not None:
            work.lock.close()
            work.lock = None

    def _last_line(self, run):
        """What a program said last, without its name."""
        with open(self._beside(run, 'log'), 'rb') as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 4096))
            lines = log.read().decode(errors='replace').split('\n')
        last = next((line.strip() for line in reversed(lines) if line.strip()), '')
        program, colon, message = last.partition(': ')
        return message if colon and program.startswith('acai_') else last

    # ---- progress

    def _progress(self):
        # What was done before says nothing about how long the rest will take.
        return tqdm.tqdm(total=sum(self._weights.values()), initial=self._done(), disable=None, dynamic_ncols=True,
                         bar_format='{percentage:3.0f}%|{bar}| {postfix}[{elapsed}<{remaining}]')

    def _show(self, bar, shown):
        """Shows how much is done, not too often: when it was shown last."""
        if bar.disable or time.monotonic() - shown < _PROGRESS_SECONDS:
            return shown
        over = sum(self._is_over(run) for run in self._runs)
        bar.set_postfix_str(f'{over} of {len(self._runs)} runs ', refresh=False)
        bar.update(max(0.0, self._done() - bar.n))
        return time.monotonic()

    def _done(self):
        return sum(self._weights[run.key] * (1.0 if self._is_over(run) else 1 - remaining_kimg(run) / run.config.total_kimg)
                   for run in self._runs if self._is_over(run) or not run.is_pixels)
