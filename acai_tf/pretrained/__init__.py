"""Exported models that ship with the package.

Each is a folder next to this file, named by data set and system, with its model card. docs/models.md has the commands that
trained them.
"""

import os

from acai_tf.errors import UsageError
from acai_tf.export.load import LoadedModel
from acai_tf.runs import version_names

_FOLDER = os.path.dirname(__file__)


def names() -> list[str]:
    """Names of the models, such as 'lines32-acai'."""
    return sorted(name for name in os.listdir(_FOLDER) if version_names(os.path.join(_FOLDER, name)))


def trained_on(dataset: str) -> list[str]:
    """Names of the models of a data set, which is given by name. UsageError if it has no models here."""
    by_dataset = {}
    for name in names():
        by_dataset.setdefault(name.rpartition('-')[0], []).append(name)
    if dataset not in by_dataset:
        raise UsageError(f'no model for {dataset} ships with acai_tf; there are some for {", ".join(by_dataset)}')
    return by_dataset[dataset]


def load(name: str) -> LoadedModel:
    """Loads a model as `acai_tf.export.load` does. UsageError for an unknown name."""
    if name not in names():
        raise UsageError(f'unknown pretrained model {name!r}; choose one of {", ".join(names())}')
    return LoadedModel(os.path.join(_FOLDER, name))
