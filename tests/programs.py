"""Runs the programs as a user does."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def command(program, *flags):
    return [sys.executable, str(ROOT / program), *flags]


def run(program, *flags, **kwargs):
    """(exit code, stdout, stderr) of a program."""
    done = subprocess.run(command(program, *flags), capture_output=True, text=True, timeout=300, cwd=ROOT, **kwargs)
    return done.returncode, done.stdout, done.stderr
