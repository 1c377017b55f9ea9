"""Runs the programs as a user does: in this process, in a forked process, or in a new one."""

import contextlib
import glob
import importlib
import io
import multiprocessing
import os
import pathlib
import re
import runpy
import subprocess
import sys
import tempfile
import time
from unittest import mock

import tensorflow as tf

from acai_tf.runs import Run

ROOT = pathlib.Path(__file__).parents[1]

# Processes are forked from a server that has imported TensorFlow.
_FORKS = multiprocessing.get_context('forkserver')
_FORKS.set_forkserver_preload(['tensorflow', 'keras', 'acai_tf.cli.flags', 'acai_tf.training', 'sklearn.cluster',
                               'matplotlib.figure'])
_SECONDS = 300


def code_blocks(page):
    """Returns [(language, text)] of the code blocks of a page in docs."""
    return re.findall(r'^```(\w+)\n(.*?)^```$', (ROOT / 'docs' / page).read_text(), re.M | re.S)


def last_of_each(*flags):
    """Keeps the last flag of each name, because programs refuse a flag that is given twice."""
    return list({flag.partition('=')[0]: flag for flag in flags}.values())


def command(program, *flags):
    return [sys.executable, str(ROOT / program), *flags]


class Started:
    """A running program; `pid` is the id of its process."""

    def __init__(self, program, *flags, env=None):
        self._directory, self._what = tempfile.TemporaryDirectory(), f'{program} {flags}'
        self._paths = [os.path.join(self._directory.name, name) for name in ('stdout', 'stderr')]
        self._process = process(_run_here, program, flags, dict(env or os.environ), self._paths)
        self._process.start()
        self.pid = self._process.pid

    def is_running(self):
        return self._process.is_alive()

    def signal(self, kind):
        os.kill(self.pid, kind)

    def kill(self):
        self._process.kill()

    def wait_for_error(self, message):
        """Waits for a message on stderr."""
        deadline = time.monotonic() + _SECONDS
        # The process creates the file when it starts.
        while not os.path.exists(self._paths[1]) or message not in pathlib.Path(self._paths[1]).read_text():
            if not self.is_running() or time.monotonic() > deadline:
                raise TimeoutError(f'{self._what} did not say {message}')
            time.sleep(0.02)

    def wait(self, seconds=_SECONDS):
        """Returns (exit code, stdout, stderr) once the program has ended."""
        with self._directory:
            self._process.join(seconds)
            if self._process.exitcode is None:
                self._process.kill()
                raise TimeoutError(f'{self._what} ran for {seconds} seconds')
            return (self._process.exitcode, *(pathlib.Path(path).read_text() for path in self._paths))


def process(function, *args):
    """Returns a forked process, not started yet, that calls a function."""
    return _FORKS.Process(target=function, args=args)


def run(program, *flags, env=None, cwd=ROOT):
    """Returns (exit code, stdout, stderr) of a program called in this process."""
    assert '--deterministic' not in flags, 'which changes TensorFlow for good: use run_in_a_process'
    module = importlib.import_module(f'acai_tf.cli.{pathlib.Path(program).stem.removeprefix("acai_")}')
    with (mock.patch.dict(os.environ, os.environ if env is None else env, clear=True), contextlib.chdir(cwd),
          mock.patch.object(sys, 'argv', command(program, *flags)[1:]),
          contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err):
        code = module.main()
    return code, out.getvalue(), err.getvalue()


def run_anew(program, *flags):
    """The same as `run`, but runs users' files again that earlier programs have run here."""
    for name in [name for name in sys.modules if name.startswith('acai_tf_user.')]:
        del sys.modules[name]
    return run(program, *flags)


def run_in_a_process(program, *flags, env=None):
    """The same as `run`, in a separate process."""
    return Started(program, *flags, env=env).wait()


def run_from_the_start(program, *flags, **kwargs):
    """The same as `run`, in a new process that imports TensorFlow itself."""
    done = subprocess.run(command(program, *flags), capture_output=True, text=True, timeout=_SECONDS, cwd=ROOT, **kwargs)
    return done.returncode, done.stdout, done.stderr


def _run_here(program, flags, environment, outputs):
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for number, output in enumerate(outputs, 1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = command(program, *flags)[1:]
    runpy.run_path(sys.argv[0], run_name='__main__')


def last_checkpoint(train_dir):
    """Returns the step of the last checkpoint of the only run in `train_dir`; 0 without checkpoints."""
    return max((step for path in glob.glob(os.path.join(train_dir, '*', '*')) for step in Run(path).checkpoint_steps()),
               default=0)


class ProgramTestCase(tf.test.TestCase):
    """Runs programs that must succeed, and has a directory for their output."""

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_well(self, program, *flags):
        code, out, err = run(f'bin/{program}', *flags)
        self.assertEqual(code, 0, err)
        return out
