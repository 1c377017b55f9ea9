"""Writes latents to a file for other programs: .npz, .npy, .csv or .parquet."""

import csv
import importlib.util
import os

import numpy as np

from acai_tf import files
from acai_tf.errors import UsageError


def check_output(path):
    """Raises UsageError for an unknown suffix, or for .parquet if pyarrow is missing."""
    suffix = _suffix(path)
    if suffix not in _WRITERS:
        raise UsageError(f'--output={path}: must end in {", ".join(_WRITERS)}')
    if suffix == '.parquet' and importlib.util.find_spec('pyarrow') is None:
        raise UsageError(f'--output={path} needs pyarrow: pip install pyarrow, or end it in .npz, .npy or .csv')


def write(path, latents, labels=None, class_names=None, paths=None):
    """Writes latents and the known facts about their images, in the format that the file's suffix selects.

    .npz has the arguments as arrays; .npy has only the latents; .csv and .parquet have one row per image, with the columns
    path, label, class, latent_0, latent_1, ...

    Args:
        latents: float32 [n, ...].
        labels: int [n]; None if unknown.
        class_names: list of str, by label; None if unknown.
        paths: list of n str, if the images are files.
    """
    given = {'latents': latents, 'labels': labels, 'class_names': class_names, 'paths': paths}
    writer, mode = _WRITERS[_suffix(path)]
    with files.atomic_write(path, mode) as file:
        writer(file, **{name: np.asarray(value) for name, value in given.items() if value is not None})


def _suffix(path):
    return os.path.splitext(path)[1].lower()


def _write_csv(file, **arrays):
    columns = _columns(**arrays)
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(columns)
    writer.writerows(zip(*columns.values()))


def _write_parquet(file, **arrays):
    import pyarrow
    from pyarrow import parquet
    parquet.write_table(pyarrow.table(_columns(**arrays)), file)


_WRITERS = {'.npz': (np.savez, 'wb'), '.npy': (lambda file, latents, **_: np.save(file, latents), 'wb'),
            '.csv': (_write_csv, 'w'), '.parquet': (_write_parquet, 'wb')}


def _columns(latents, labels=None, class_names=None, paths=None):
    """{name: array [n]} of a table."""
    columns = {'path': paths, 'label': labels,
               'class': class_names[labels] if class_names is not None and labels is not None else None}
    numbers = latents.reshape(len(latents), -1).T
    return {**{name: _in_utf8(values) for name, values in columns.items() if values is not None},
            **{f'latent_{i}': numbers[i] for i in range(len(numbers))}}


def _in_utf8(values):
    """Escapes text that UTF-8 cannot encode, as in some file names; returns other arrays unchanged."""
    if values.dtype.kind != 'U':
        return values
    return np.array([text.encode(errors='backslashreplace').decode() for text in values.tolist()])
