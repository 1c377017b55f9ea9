"""Base class of the clusterers."""

import numpy as np

from acai_tf import clusterers
from acai_tf.options import Configured


class Clusterer(Configured):
    """Divides a space into clusters, learned from points or restored.

    A subclass declares its options as `Option`s, and defines `predict` and these methods, for points [n, d]:

        learn(points, state_path=None)  learns from finite points, at least as many as clusters; see `clusterers.fit`
        score(points)                   the method's own loss, float: lower is better
        arrays()                        the learned {name: array}
        restore(arrays)                 restores them, for the same class, width, clusters and options; KeyError or
                                        ValueError for other arrays

    Takes the arguments and raises the errors of `clusterers.create`.

    Attributes:
        objective: the method's own final loss on the points it learned from; None before it learns.
    """

    objective = None
    on_latents = {}  # other defaults of options, for the latents of an encoder
    idle = {}  # {(option, its value): options that then have no effect}

    def __init__(self, width, clusters, seed=0, **options):
        self.method = clusterers.REGISTRY.name_of(type(self))
        self.width, self.clusters, self.seed = width, clusters, seed
        self.set_options(options, f'clusterer {self.method}')

    def fingerprint(self):
        """Text that identifies the partial results that this clusterer can resume from."""
        return f'{self.clusters} {self.seed} {self.method} {self.options()}'

    def predict(self, points: np.ndarray) -> np.ndarray:
        """The cluster of each point: [n, d] -> int [n]."""
        raise NotImplementedError
