"""Exceptions, each with an exit code for the command line."""

import os
import re
import shutil
import sys

# First lines of TensorFlow's report of an error in a compiled function.
_NO_NEWS = re.compile(r'Graph execution error:|Detected at node|<stack traces unavailable>|File "|\d+ root error')


class AcaiError(Exception):
    """Base class. The message is one line: what is wrong, and what to do."""
    exit_code = 1


class UsageError(AcaiError, ValueError):
    """Wrong usage: a flag, a name, a value, or a directory that cannot be used."""


class DataError(AcaiError, ValueError):
    """Missing or damaged data; the message names the file and the command that makes it, if there is one."""
    exit_code = 2


class NonFiniteError(AcaiError):
    """Training became NaN or infinite; the message names the step and the loss."""
    exit_code = 3


class StorageError(AcaiError):
    """Reading or writing failed: a full disk, a damaged checkpoint."""
    exit_code = 4


class WorkerLost(AcaiError):
    """Another worker died or cannot be reached: the same commands resume from the last checkpoint."""
    exit_code = 5


class Stopped(AcaiError):
    """Stopped by a signal after a checkpoint: the same command resumes from there."""
    exit_code = 42


def short_message(error):
    """Returns the message of a TensorFlow or other library exception on one line of at most 200 characters."""
    text = str(getattr(error, 'message', '') or error)
    text = re.sub(r'{{.*?}} ', '', text).split(' [Op:')[0].replace("' failed with", ':')  # TensorFlow's node and op names
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _NO_NEWS.match(line.strip())]
    return lines[0][:200] if lines else type(error).__name__


def program_name(program):
    """Returns the name by which the user calls one of our programs: with the path to bin/ if the user runs from a checkout
    whose bin/ is not on the PATH."""
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    started_in = os.path.dirname(os.path.abspath(sys.argv[0]))
    ours = os.path.join(checkout, 'bin', program)
    if started_in not in (os.path.dirname(ours), os.path.join(checkout, 'data_prep')) or shutil.which(program) == ours:
        return program
    return os.path.relpath(ours)
