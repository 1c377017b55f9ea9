"""Results kept with the run whose export was measured: <run>/results/<step>/<label of the measure>.json; on another data set
than the run's own, <label>.<data set>.json."""

import json
import logging
import os

from acai_tf import datasets, files
from acai_tf.config import versions
from acai_tf.measures import defined

_logger = logging.getLogger(__name__)


def run_of(version_dir):
    """The run directory that an exported version is in; None if it is elsewhere."""
    exports, _ = os.path.split(os.path.abspath(version_dir))
    run_dir, name = os.path.split(exports)
    return run_dir if name == 'export' and os.path.isfile(os.path.join(run_dir, 'config.json')) else None


def keep(loaded, measure, dataset, figures):
    """Writes what a measure found, with the options and versions that made it; logs a warning if it cannot.

    Args:
        loaded: the export.LoadedModel; if it is not in a run directory, nothing is written.
        measure: the measures.base.Measure.
        dataset: datasets.base.Dataset.
        figures: {figure: number}.
    """
    run_dir = run_of(loaded.path)
    if run_dir is None:
        return
    own = loaded.config['dataset'], loaded.config.get('dataset_options') or {}
    others = '' if own == (dataset.name, dataset.options) else '.' + '-'.join(
        [datasets.short_name(dataset.name), *(f'{key}{value}' for key, value in sorted(dataset.options.items()))])
    path = os.path.join(run_dir, 'results', str(loaded.config['step']), f'{measure.label}{others}.json')
    content = {'figures': defined(figures), 'dataset': dataset.name, 'dataset_options': dataset.options,
               'options': measure.options(), 'versions': versions()}
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with files.atomic_write(path) as file:
            json.dump(content, file, indent=2)
            file.write('\n')
    except OSError as error:
        _logger.warning('%s was not written (%s)', path, error.strerror)


def read(path):
    """What a measure's program wrote to a file; None if there is no such file, or it is damaged."""
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_all(directory):
    """{name without .json: content} of the JSON files of a directory, in order; what `read` cannot read is left out."""
    names = [name for name in sorted(os.listdir(directory)) if name.endswith('.json')] if os.path.isdir(directory) else []
    found = {name.removesuffix('.json'): read(os.path.join(directory, name)) for name in names}
    return {name: content for name, content in found.items() if content is not None}
