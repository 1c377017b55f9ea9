"""coil100: photographs of 100 objects from 72 angles (COIL-100)."""

import numpy as np

from acai_tf.datasets.base import RESOLUTION
from acai_tf.datasets.records import Records, command_of
from acai_tf.errors import DataError, UsageError
from acai_tf.options import Option


class Coil100(Records):
    """All objects, or one. A fixed random fifth of each object's images is the test set (AEAI, section 4.1: 14 of 72)."""

    coil_object = Option(0, 'for coil100: the only object, 1 to 100; 0 is all', minimum=0, maximum=100)
    resolution = RESOLUTION

    class_names = [f'obj{number}' for number in range(1, 101)]

    def __init__(self, name, data_dir, cache_gib=4.0, coil_object=0, resolution=0):
        super().__init__(data_dir, (128, 128, 3), 100, name=name, train=['coil100-all'], test=['coil100-all'],
                         command=command_of('coil100', data_dir), cache_gib=cache_gib, resolution=resolution)
        self._object = coil_object

    def load_poses(self):
        if not self._object:
            raise UsageError(f'{self.name}: poses are for a single object; choose one with --coil_object')
        return super().load_poses()

    def empty(self, file):
        numbers = [str(label + 1) for label in np.unique(file.labels)]
        if not numbers or not self._object:
            return super().empty(file)
        return DataError(f'{file.path} holds no images of --coil_object={self._object}; choose one of {", ".join(numbers)}')

    def without_poses(self, path):
        return DataError(f'{path} was made without the angles; delete it and make it again with: {self._command}')

    def select(self, split, labels):
        is_test = np.zeros(len(labels), bool)
        for label in np.unique(labels):
            members = np.random.default_rng(label).permutation(np.flatnonzero(labels == label))
            is_test[members[:len(members) // 5]] = True
        chosen = is_test if split == 'test' else ~is_test
        return chosen & (labels == self._object - 1) if self._object else chosen
