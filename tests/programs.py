"""Runs the programs as a user does."""

import glob
import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
import time

import tensorflow as tf

from acai_tf.training.run_directory import available_steps

ROOT = pathlib.Path(__file__).parents[1]

# Every program is a process of its own, but most are forked from one that has imported TensorFlow already.
_FORKS = multiprocessing.get_context('forkserver')
_FORKS.set_forkserver_preload(['tensorflow', 'keras', 'acai_tf.flags', 'acai_tf.training', 'sklearn.cluster',
                               'matplotlib.figure'])
_SECONDS = 300


def command(program, *flags):
    return [sys.executable, str(ROOT / program), *flags]


class Started:
    """A program that runs; `pid` is its process's."""

    def __init__(self, program, *flags, env=None):
        self._directory, self._what = tempfile.TemporaryDirectory(), f'{program} {flags}'
        self._paths = [os.path.join(self._directory.name, name) for name in ('stdout', 'stderr')]
        self._process = _FORKS.Process(target=_run_here, args=(str(ROOT / program), flags, dict(env or os.environ),
                                                               self._paths))
        self._process.start()
        self.pid = self._process.pid

    def is_running(self):
        return self._process.is_alive()

    def signal(self, kind):
        os.kill(self.pid, kind)

    def kill(self):
        self._process.kill()

    def wait_for_error(self, message):
        """Waits until it says that on stderr."""
        deadline = time.monotonic() + _SECONDS
        # The process makes the file when it begins.
        while not os.path.exists(self._paths[1]) or message not in pathlib.Path(self._paths[1]).read_text():
            if not self.is_running() or time.monotonic() > deadline:
                raise TimeoutError(f'{self._what} did not say {message}')
            time.sleep(0.02)

    def wait(self, seconds=_SECONDS):
        """(exit code, stdout, stderr) once it has ended."""
        with self._directory:
            self._process.join(seconds)
            if self._process.exitcode is None:
                self._process.kill()
                raise TimeoutError(f'{self._what} ran for {seconds} seconds')
            return (self._process.exitcode, *(pathlib.Path(path).read_text() for path in self._paths))


def run(program, *flags, env=None):
    """(exit code, stdout, stderr) of a program."""
    return Started(program, *flags, env=env).wait()


def run_from_the_start(program, *flags, **kwargs):
    """The same, in a process that imports TensorFlow itself."""
    done = subprocess.run(command(program, *flags), capture_output=True, text=True, timeout=_SECONDS, cwd=ROOT, **kwargs)
    return done.returncode, done.stdout, done.stderr


def _run_here(path, flags, environment, outputs):
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for number, output in enumerate(outputs, 1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = [path, *flags]
    runpy.run_path(path, run_name='__main__')


def last_checkpoint(train_dir):
    """Step of the last checkpoint of the one run in `train_dir`; 0 where there is none yet."""
    runs = glob.glob(os.path.join(train_dir, '*', '*', 'checkpoints'))
    return max((step for run in runs for step in available_steps(run)), default=0)


class ProgramTestCase(tf.test.TestCase):
    """Runs programs that must end well, and has a directory for what they write."""

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_well(self, program, *flags):
        code, out, err = run(f'bin/{program}', *flags)
        self.assertEqual(code, 0, err)
        return out
