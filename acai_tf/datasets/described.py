"""Stand-in for an exported model's data set that is not available."""

from acai_tf import datasets
from acai_tf.datasets.base import Dataset
from acai_tf.errors import UsageError


class Described(Dataset):
    """A data set without images, from an `export.LoadedModel.config`. `check` raises, because images are missing."""

    def __init__(self, config):
        super().__init__(config['dataset'], config['image_shape'], config['nclass'])
        self.class_names, self.options = config['class_names'], config['dataset_options']
        self.aspect = config.get('fit', self.aspect)  # exports of 1.0.0 do not have it

    def check(self):
        if datasets.is_path(self.name):
            datasets.get(self.name)  # raises an error that names what is missing
        raise UsageError(f'the model was trained on {self.name}, your own data; name it with '
                         '--dataset=path/to/file.py:Class, or --dataset=arrays:FILE for arrays in a file')
