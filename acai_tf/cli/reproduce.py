"""Runs all or part of a table or figure of a paper, and prints published and measured values side by side. If stopped, it
resumes. If started on several machines with the same --train_dir, it divides the work.

  acai_reproduce --table=acai2 --datasets=mnist32 --dz=32 --models=baseline,acai --output=acai2.md
  acai_reproduce --table=acai1 --total_kimg=256 --only_print | xargs -d '\\n' -n 1 -P 2 sh -c
  acai_reproduce --report=experiments --output=report.md

Prints Markdown. With --output, also writes it to a file, with JSON, CSV and figures next to it.
"""

import dataclasses
import os
import shlex
import sys

from acai_tf.cli import program
from acai_tf.errors import UsageError


def define_flags(flags):
    flags.under('study')
    flags.boolean('list', False, 'print the tables and figures and exit')
    flags.string('table', None, 'the table, such as acai2; --list shows all')
    flags.string('figure', None, 'the figure, such as acai3')
    flags.string('study', None, 'your own study, path/to/file.py', is_path=True)
    flags.string('report', None, 'make one page of everything in this directory (or of one JSON file of this program)',
                 is_path=True)
    flags.under('part of the study')
    flags.list('models', [], 'only these systems; others are allowed, but have no published values', is_path=True)
    flags.list('datasets', [], 'only these data sets, under the names that the study uses')
    flags.list('dz', [], 'only these sizes of the latent')
    flags.integer('seeds', 3, 'number of seeds', lower_bound=1)
    flags.under('data')
    flags.list('dataset_for', [], 'PUBLISHED:OTHER: use another data set instead of one, such as mnist32:fashion32')
    flags.string('data_dir', '', 'where prepared data sets are (default: $AE_DATA, else ./data)', is_path=True)
    flags.under('training')
    flags.integer('total_kimg', None, 'length of each training, in units of 1024 images (default: as published)',
                  lower_bound=1)
    flags.integer('depth', None, 'channels of the first convolutions (default: as published)', lower_bound=1)
    flags.float('lr', None, 'learning rate (default: as published)', lower_bound=0.0)
    flags.string('preset', None, 'defaults of the trainings: released or quick')
    flags.integer('n_init', None, 'restarts of K-means (default: as published)', lower_bound=1)
    flags.under('devices')
    flags.integer('jobs', 1, 'number of runs at a time', lower_bound=1)
    flags.string('precision', None, 'compute dtype of the trainings: float32 or mixed_bfloat16')
    flags.under('reporting')
    flags.boolean('only_print', False, 'print one shell command for each run, and run nothing')
    flags.integer('report_kimg', None, 'images between two reports, in units of 1024', lower_bound=1)
    flags.string('train_dir', './experiments', 'where run directories are made', is_path=True)
    flags.string('output', None, 'the Markdown file to write; .json, .csv and .png are written next to it', is_path=True)


def run(flags):
    # On a GPU, this process and its child processes share the memory.
    os.environ.setdefault('TF_FORCE_GPU_ALLOW_GROWTH', 'true')
    from acai_tf import studies
    from acai_tf.studies import directory, output, reproduce
    from acai_tf.studies.select import Choice
    chosen = [name for name in ('table', 'figure', 'study', 'report') if getattr(flags, name)]
    chosen += ['list'] * flags.given('list')
    if len(chosen) != 1:
        raise UsageError('choose one of --table, --figure, --study, --report and --list')
    kind, = chosen
    if kind == 'list':
        print(studies.listing())
        return
    if flags.only_print:
        flags.note('with --only_print', 'output', 'jobs')
    path = flags.output()
    if path:
        reproduce.check_outputs(path)
    if kind == 'report':
        flags.refuse('with --report', *(field.name for field in dataclasses.fields(Choice)), 'jobs', 'only_print')
        print(directory.report(flags.report, path), end='')
        return
    study = studies.from_file(flags.study) if kind == 'study' else studies.get(kind, getattr(flags, kind))
    work = reproduce.Reproduction(study, _choice(flags))
    if flags.only_print:
        if work.scaled():
            print(work.scaled(), file=sys.stderr)
        print('\n'.join(work.lines()))
        return
    failures = work.run(flags.jobs)
    result = work.result(failures, shlex.join(['acai_reproduce', *flags.command_line]))
    if path:
        work.write(result, path)
    print(output.markdown(result), end='')
    reproduce.check_finished(failures)


def _choice(flags):
    from acai_tf.studies.select import Choice
    pairs = [text.partition(':')[::2] for text in flags.dataset_for]
    if not all(published and other for published, other in pairs):
        raise UsageError(f'--dataset_for={",".join(flags.dataset_for)}: must be PUBLISHED:OTHER, such as mnist32:fashion32')
    if not all(text.isdecimal() for text in flags.dz):
        raise UsageError(f'--dz={",".join(flags.dz)}: must be numbers, such as 32,256')
    given = {field.name: getattr(flags, field.name) for field in dataclasses.fields(Choice)}
    return Choice(**given | {'dz': [int(text) for text in flags.dz], 'dataset_for': dict(pairs)})


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
