"""Runs jobs as processes: several at a time, on several machines; can be stopped and resumed at any time.

The run directories are the only record of finished work. A process that works on a job holds a lock in
`<train_dir>/.study/`, next to the output of its programs. The programs inherit the lock, so if the runner is killed, the job
stays claimed until its program ends.
"""

import dataclasses
import fcntl
import logging
import os
import signal
import subprocess
import time

import tqdm
import tqdm.contrib.logging

from acai_tf import files
from acai_tf.errors import Stopped, StorageError, UsageError, WorkerLost
from acai_tf.stopping import stop_signals
from acai_tf.studies import programs
from acai_tf.studies.estimate import remaining_kimg
from acai_tf.training.run_directory import IN_USE
from acai_tf.values import counted

_logger = logging.getLogger(__name__)

_AGAIN = (StorageError.exit_code, WorkerLost.exit_code, Stopped.exit_code)
_MOST_TRIES = 3  # in a row, without progress
_POLL_SECONDS, _PROGRESS_SECONDS = 0.1, 2.0


@dataclasses.dataclass
class Failure:
    """The reason why a command of a job cannot be finished."""

    command: list
    exit_code: int
    message: str


@dataclasses.dataclass
class _Work:
    job: object
    not_before: float = 0.0
    tries: int = 0
    left: float = 0.0  # kimg, when the command was started
    command: list | None = None
    process: subprocess.Popen | None = None
    lock: object = None
    started: float = 0.0


class Runner:
    """Runs plan.Jobs.

    Args:
        directory: directory of the programs.
        train_dir: locks and output of the programs go to `.study/` in it.
        at_once: number of jobs at the same time.
        seconds: {job's key: estimated duration}, for the progress bar.
        pause: seconds to wait before looking again at a job of another process, and before another try.
    """

    def __init__(self, jobs, directory, train_dir, at_once=1, seconds=None, pause=5.0):
        self._jobs, self._programs, self._at_once, self._pause = jobs, directory, at_once, pause
        self._directory = os.path.join(train_dir, '.study')
        self._weights = {job.key: (seconds or {}).get(job.key, 0.0) + 1.0 for job in jobs}
        self.failures = {}

    def carry_out(self):
        """Does all remaining jobs, and waits for jobs of other processes. Returns {job's key: [Failure]} of jobs that cannot
        be finished. Raises Stopped after a signal, once the programs have saved their work."""
        waiting, active, told = [_Work(job) for job in self._jobs if not self._is_over(job)], [], False
        with (stop_signals('waiting for the programs to save their work') as stop, self._progress() as bar,
              tqdm.contrib.logging.logging_redirect_tqdm([logging.getLogger('acai_tf')])):
            shown = self._show(bar, 0.0)
            while waiting or active:
                if stop.signal:
                    self._end(active)
                    raise Stopped(f'stopped by {signal.Signals(stop.signal).name}; the same command resumes from there')
                for work in [work for work in active if work.process.poll() is not None]:
                    if not self._go_on(work):
                        active.remove(work)
                        if not self._is_over(work.job):
                            waiting.append(work)
                elsewhere = []
                for work in list(waiting):
                    if len(active) < self._at_once and work.not_before <= time.monotonic():
                        if not self._claim(work):
                            elsewhere.append(work)
                            continue
                        waiting.remove(work)
                        active += [work] if self._start(work) else []
                if elsewhere and not active and not told:
                    told = True
                    _logger.info('waiting for %s of other processes, such as %s', counted(len(waiting), 'run'),
                                 elsewhere[0].job.run)
                shown = self._show(bar, shown)
                time.sleep(_POLL_SECONDS)
            self._show(bar, 0.0)
        return self.failures

    def _is_over(self, job):
        return self._next_command(job) is None

    def _next_command(self, job):
        return job.next_command([failure.command for failure in self.failures.get(job.key, ())])

    def _start(self, work):
        """Starts the next command of a claimed job. If there is none, releases the job and returns False."""
        command = self._next_command(work.job)
        if command is None:
            work.lock.close()
            return False
        work.command, work.left, work.started = command, remaining_kimg(work.job), time.monotonic()
        with open(self._beside(work.job, 'log'), 'ab') as log:
            # A new session, so that Ctrl-C reaches the programs only once, through this process.
            work.process = subprocess.Popen(programs.started(command, self._programs), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=[work.lock.fileno()])
        return True

    def _go_on(self, work):
        """Handles the end of a command. Returns True if the job's next command is started."""
        code, job = work.process.returncode, work.job
        minutes = (time.monotonic() - work.started) / 60
        message = '' if code == 0 else self._last_line(job)
        if code == 0 and self._next_command(job) == work.command:
            self._fail(work, StorageError.exit_code, f'{work.command[0]} succeeded but left no result')
        elif code == 0:
            work.tries = 0
            what = [work.command[0], *(flag for flag in work.command if flag.startswith('--metrics='))]
            _logger.info('%s of %s: %.1f minutes', ' '.join(what), job.name, minutes)
            if self._start(work):
                return True
        elif code == UsageError.exit_code and IN_USE in message:
            work.not_before = time.monotonic() + self._pause
        elif code in _AGAIN or code < 0 or code >= 128:
            work.tries = 1 if remaining_kimg(job) < work.left else work.tries + 1
            work.not_before = time.monotonic() + self._pause
            how = f'was ended by signal {-code}' if code < 0 else f'ended with exit code {code}'
            if work.tries > _MOST_TRIES:
                self._fail(work, code if code > 0 else 128 - code, message if message and code > 0 else
                           f'{work.command[0]} {how}; its output is in {self._beside(job, "log")}')
            else:
                _logger.info('%s of %s %s; trying again', work.command[0], job.name, how)
        else:
            self._fail(work, code, message)
        work.lock.close()
        return False

    def _fail(self, work, code, message):
        self.failures.setdefault(work.job.key, []).append(Failure(work.command, code, message))
        _logger.warning('%s: %s', work.job.name, message)

    def _end(self, active):
        for work in active:
            work.process.terminate()
        for work in active:
            work.process.wait()
            work.lock.close()

    # ---- files

    def _beside(self, job, ending):
        return os.path.join(self._directory, f'{job.name}.{ending}')

    def _claim(self, work):
        """Locks a job. Returns False if another process works on it."""
        path = self._beside(work.job, 'lock')
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            work.lock = open(path, 'w')
        except OSError as error:
            raise UsageError(f'{path} cannot be written ({error.strerror}); choose another --train_dir') from None
        try:
            files.lock(work.lock, self._directory, 'train_dir', fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = not work.job.run.in_use  # by an acai_train outside any study
        except BlockingIOError:
            is_free = False
        if not is_free:
            work.lock.close()
            work.not_before = time.monotonic() + self._pause
        return is_free

    def _last_line(self, job):
        """Returns the last line that a program printed, without the program's name."""
        with open(self._beside(job, 'log'), encoding='utf-8', errors='replace') as log:
            last = ([line.strip() for line in log if line.strip()] or [''])[-1]
        program, colon, message = last.partition(': ')
        return message if colon and program.startswith('acai_') else last

    # ---- progress

    def _progress(self):
        # Earlier work does not count for the remaining time.
        return tqdm.tqdm(total=sum(self._weights.values()), initial=self._done(), disable=None, dynamic_ncols=True,
                         bar_format='{percentage:3.0f}%|{bar}| {postfix}[{elapsed}<{remaining}]')

    def _show(self, bar, shown):
        """Updates the progress bar, but not too often. Returns the time of the last update."""
        if bar.disable or time.monotonic() - shown < _PROGRESS_SECONDS:
            return shown
        over = sum(self._is_over(job) for job in self._jobs)
        bar.set_postfix_str(f'{over} of {len(self._jobs)} runs ', refresh=False)
        bar.update(max(0.0, self._done() - bar.n))
        return time.monotonic()

    def _done(self):
        return sum(self._weights[job.key] * (1.0 if self._is_over(job) else 1 - remaining_kimg(job) / job.config.total_kimg)
                   for job in self._jobs if self._is_over(job) or not job.is_pixels)
