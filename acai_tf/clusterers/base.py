"""Base class of the clusterers."""

import numpy as np

from acai_tf import clusterers
from acai_tf.options import Configured


class Clusterer(Configured):
    """Divides a space into clusters, learned from points or restored.

    A subclass declares its options as `Option`s and defines the methods below.

    Args:
        width: dimension of the points.
        clusters: number of clusters.
        seed: int, for all random draws.
        **options: as the class declares them.

    Attributes:
        objective: the method's own final loss on the points it learned from; None before it learns.

    Raises:
        UsageError: an unknown option, or a value outside its range.
    """

    objective = None
    on_latents = {}  # other defaults of options, for the latents of an encoder

    def __init__(self, width, clusters, seed=0, **options):
        self.method = clusterers.REGISTRY.name_of(type(self))
        self.width, self.clusters, self.seed = width, clusters, seed
        self.set_options(options, f'clusterer {self.method}')

    def idle(self):
        """{option: reason why it has no effect with the other options, as the end of a sentence}."""
        return {}

    def fingerprint(self):
        """Text that identifies the partial results that this clusterer can resume from."""
        return f'{self.clusters} {self.seed} {self.method} {self.options()}'

    def learn(self, points, state_path=None):
        """Learns from points [n, d] as `clusterers.check` returns them; see `clusterers.fit`."""
        raise NotImplementedError

    def predict(self, points: np.ndarray) -> np.ndarray:
        """The cluster of each point: [n, d] -> int [n]."""
        raise NotImplementedError

    def score(self, points):
        """The method's own loss on points [n, d], float: lower is better."""
        raise NotImplementedError

    def arrays(self):
        """The learned {name: array}."""
        raise NotImplementedError

    def restore(self, arrays):
        """Restores what `arrays` returned, for the same class, width, clusters and options. Raises KeyError or ValueError
        for other arrays."""
        raise NotImplementedError
