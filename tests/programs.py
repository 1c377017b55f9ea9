"""Runs the programs as a user does."""

import glob
import os
import pathlib
import subprocess
import sys

from acai_tf.training.checkpoints import available_steps

ROOT = pathlib.Path(__file__).parents[1]


def command(program, *flags):
    return [sys.executable, str(ROOT / program), *flags]


def run(program, *flags, **kwargs):
    """(exit code, stdout, stderr) of a program."""
    done = subprocess.run(command(program, *flags), capture_output=True, text=True, timeout=300, cwd=ROOT, **kwargs)
    return done.returncode, done.stdout, done.stderr


def last_checkpoint(train_dir):
    """Step of the last checkpoint of the one run in `train_dir`; 0 where there is none yet."""
    runs = glob.glob(os.path.join(train_dir, '*', '*', 'checkpoints'))
    return max((step for run in runs for step in available_steps(run)), default=0)
