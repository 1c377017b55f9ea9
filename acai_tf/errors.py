"""What can go wrong, and the command line's exit code for each."""

import os
import re
import sys

# Where TensorFlow begins what a compiled function met.
_NO_NEWS = re.compile(r'Graph execution error:|Detected at node|<stack traces unavailable>|File "|\d+ root error')


class AcaiError(Exception):
    """Base class: the message is one line that says what is wrong and what to do."""
    exit_code = 1


class UsageError(AcaiError, ValueError):
    """Wrong usage: a flag, a name, a value, or a directory that cannot be used."""
    exit_code = 1


class DataError(AcaiError, ValueError):
    """Data that is missing or damaged; the message names the file and, where there is one, the command that makes it."""
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
    """What an exception of TensorFlow or another library says, as part of one of our lines: at most 200 characters."""
    text = str(getattr(error, 'message', '') or error)
    text = re.sub(r'{{.*?}} ', '', text).split(' [Op:')[0]  # TensorFlow's names of nodes and ops
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _NO_NEWS.match(line.strip())]
    return lines[0][:200] if lines else type(error).__name__


def program_name(program):
    """Name of one of our programs as its user calls it: with bin/ if the running one was started from a checkout."""
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    started_in = os.path.dirname(os.path.abspath(sys.argv[0]))
    return f'bin/{program}' if started_in in (os.path.join(checkout, folder) for folder in ('bin', 'data_prep')) else program
