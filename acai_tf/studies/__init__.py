"""The papers' tables and figures as data, one file per paper, and the code that reproduces them.

A new paper is a file with `TABLES` and `FIGURES`, lists of `Study`, and one line below. Your own study is a Python file with
a `Study`.
"""

from acai_tf import registry
from acai_tf.errors import UsageError
from acai_tf.figures import MODES
from acai_tf.studies import acai, aeai, midr
from acai_tf.studies.base import Cell, Study

__all__ = ['STUDIES', 'Cell', 'Study', 'from_file', 'get', 'listing']

_PAPERS = (acai, midr, aeai)
# kind -> name -> Study
STUDIES = {'table': {study.name: study for paper in _PAPERS for study in paper.TABLES},
           'figure': {study.name: study for paper in _PAPERS for study in paper.FIGURES}}


def get(kind: str, name: str) -> Study:
    """Returns the study of a kind, 'table' or 'figure', by name; UsageError if it does not exist."""
    if name not in STUDIES[kind]:
        raise UsageError(f'--{kind}={name}: choose one of {", ".join(STUDIES[kind])}')
    return STUDIES[kind][name]


def listing():
    """Lists all tables and figures with their data and systems, as lines of text."""
    lines = []
    for kind, known in STUDIES.items():
        for name, study in known.items():
            data = dict.fromkeys(cell.dataset for cell in study.cells)
            systems = dict.fromkeys(cell.label for cell in study.cells)
            lines += [f'--{kind}={name}', f'    {study.title}', f'    data: {", ".join(data)}',
                      f'    systems: {", ".join(systems)}']
    return '\n'.join(lines)


def from_file(path):
    """Returns a user's own Study: `STUDY` in path/to/file.py, or another name as path/to/file.py:NAME. Raises UsageError if
    there is no such file or name, the file fails, or the name is not a Study with cells."""
    reference = path if registry.is_reference(path) else f'{path}:STUDY'
    if not registry.is_reference(reference):
        raise UsageError(f'--study={path}: must be a Python file, path/to/file.py')
    study = registry.load(reference)
    if not isinstance(study, Study):
        raise UsageError(f'{reference.rpartition(":")[2]} of {path} is not an acai_tf.studies.Study')
    if not study.cells or not all(isinstance(cell, Cell) for cell in study.cells):
        raise UsageError(f'the study of {path} must have cells, a list of acai_tf.studies.Cell')
    if study.mode is not None:
        if study.mode not in MODES:
            raise UsageError(f'the study of {path} has the mode {study.mode!r}; choose one of {", ".join(MODES)}')
        has = [name for name in MODES[study.mode] if name not in ('images', 'projector_dir')]
        if unknown := set(study.mode_options) - set(has):
            raise UsageError(f'the study of {path} has the mode_options {min(unknown)}; {study.mode} takes {", ".join(has)}')
    return study
