"""Versions of the libraries that results depend on, and the format number of config.json and exports."""

import platform

import acai_tf
from acai_tf.errors import UsageError

FORMAT = 1  # of config.json and acai_config.json; readers refuse other numbers


def versions():
    """Returns {library: version} of the libraries that a run depends on."""
    import keras
    import numpy
    import tensorflow
    return {'acai_tf': acai_tf.__version__, 'python': platform.python_version(), 'tensorflow': tensorflow.__version__,
            'keras': keras.__version__, 'numpy': numpy.__version__}


def check_format(content, path):
    """Raises UsageError if the content of a JSON file does not have the format number of this version."""
    if content.get('format') != FORMAT:
        by = content.get('versions')
        made_by = by.get('acai_tf') if isinstance(by, dict) else None
        raise UsageError(f'{path} was written by {f"acai_tf {made_by}" if made_by else "a version before 1.0.0"} in another '
                         f'format; use that version, or make it again with acai_tf {acai_tf.__version__}')
