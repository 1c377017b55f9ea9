"""Keeps results in the run directory: <run>/results/<step>/<label>.json, with the metric's label.

Results on a data set other than the run's own go to <label>.<data set>.json.
"""

import logging
import os

from acai_tf import datasets, files
from acai_tf.runs import Run
from acai_tf.values import defined
from acai_tf.versions import versions

_logger = logging.getLogger(__name__)


def keep(loaded, metric, dataset, values):
    """Writes the values {name: value} of a metric, with its options and the library versions, if the export.LoadedModel is
    in a run directory. Logs a warning if it cannot."""
    run = Run.of_export(loaded.path)
    if run is None:
        return
    own = loaded.config['dataset'], loaded.config['dataset_options']
    suffix = '' if own == (dataset.name, dataset.options) else f'.{datasets.directory_name(dataset)}'
    path = os.path.join(run.results_dir(loaded.config['step']), f'{metric.label}{suffix}.json')
    content = {'values': defined(values), 'dataset': dataset.name, 'dataset_options': dataset.options,
               'options': metric.options(), 'versions': versions()}
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_json(content, path)
    except OSError as error:
        _logger.warning('%s was not written (%s)', path, error.strerror)
