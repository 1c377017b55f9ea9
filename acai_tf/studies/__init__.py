"""The papers' tables and figures as data, one file a paper; what runs them, and what prints published beside measured.

A new paper is a file with `TABLES` and `FIGURES`, lists of `Study`, and one line below. A user's own study is a Python file
with a `Study`.
"""

import importlib

from acai_tf import user_files
from acai_tf.errors import UsageError
from acai_tf.studies.base import Cell, Study

__all__ = ['Cell', 'Study', 'figures', 'from_file', 'get', 'listing', 'tables']

_PAPERS = ('acai', 'midr', 'aeai')


def tables():
    """{name: Study} of all tables."""
    return _all('TABLES')


def figures():
    """{name: Study} of all figures."""
    return _all('FIGURES')


def _all(kind):
    papers = (importlib.import_module(f'acai_tf.studies.{paper}') for paper in _PAPERS)
    return {study.name: study for paper in papers for study in getattr(paper, kind)}


def get(kind, name):
    """The table or figure of that name; UsageError if there is none."""
    known = {'table': tables, 'figure': figures}[kind]()
    if name not in known:
        raise UsageError(f'--{kind}={name}: choose one of {", ".join(known)}')
    return known[name]


def listing():
    """All tables and figures, with what their cells need, as lines of text."""
    lines = []
    for flag, known in (('table', tables()), ('figure', figures())):
        for name, study in known.items():
            data = dict.fromkeys(cell.dataset for cell in study.cells)
            systems = dict.fromkeys(cell.label for cell in study.cells)
            lines += [f'--{flag}={name}', f'    {study.title}', f'    data: {", ".join(data)}',
                      f'    systems: {", ".join(systems)}']
    return '\n'.join(lines)


def from_file(path):
    """The user's own Study: `STUDY` of path/to/file.py, or another name as path/to/file.py:NAME.

    Raises:
        UsageError: no such file or name, it fails, or what it names is not a Study with cells.
    """
    reference = path if user_files.is_reference(path) else f'{path}:STUDY'
    if not user_files.is_reference(reference):
        raise UsageError(f'--study={path}: must be a Python file, path/to/file.py')
    study = user_files.load(reference)
    if not isinstance(study, Study):
        raise UsageError(f'{reference.rpartition(":")[2]} of {path} is not an acai_tf.studies.Study')
    if not study.cells or not all(isinstance(cell, Cell) for cell in study.cells):
        raise UsageError(f'the study of {path} must have cells, a list of acai_tf.studies.Cell')
    return study
