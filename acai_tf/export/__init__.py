"""Writes SavedModels (write.py) with model cards (card.py), and runs them on numpy arrays (load.py).

    load(path)                                         an exported model
    export_model(model, dataset, step, export_dir)     writes an export
"""

from acai_tf.export.load import LoadedModel, load
from acai_tf.export.write import export_model

__all__ = ['LoadedModel', 'export_model', 'load']
