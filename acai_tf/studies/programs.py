"""Finds and starts the programs that do a study's jobs."""

import os
import shlex
import sys

import acai_tf


def directory():
    """Returns the directory of the programs: the running program's, else Python's, else the repository's bin."""
    near = (os.path.dirname(os.path.abspath(path)) for path in (sys.argv[0], sys.executable))
    repository = os.path.dirname(os.path.dirname(os.path.abspath(acai_tf.__file__)))
    return next((path for path in near if os.path.isfile(os.path.join(path, 'acai_train'))), os.path.join(repository, 'bin'))


def started(command, programs, python=sys.executable):
    """Returns a command [program, flag, ...] with the interpreter and the program's path in `programs`."""
    return [python, os.path.join(programs, command[0]), *command[1:]]


def shell_line(job, programs, python=sys.executable):
    """Returns a shell line that does a whole job, and resumes it if it was stopped."""
    def shell(command):
        line = shlex.join(started(command, programs, python))
        output = command[-1].removeprefix('--output=')  # appears when the metric is computed
        return line if command[0] == 'acai_train' else f'{{ [ -s {shlex.quote(output)} ] || {line}; }}'
    return ' && '.join(shell(command) for _, command in job.commands())
