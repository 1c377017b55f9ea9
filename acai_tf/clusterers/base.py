"""What all clusterers share."""

import numpy as np

from acai_tf import clusterers
from acai_tf.options import Configured


class Clusterer(Configured):
    """A division of a space into clusters, learned from points or restored.

    A subclass declares its options as `Option`s and defines the methods below.

    Args:
        width: dimension of the points.
        clusters: how many.
        seed: int, of all that is random.
        **options: as the class declares them.

    Attributes:
        objective: the method's own final loss on the points it learned from; None before.

    Raises:
        UsageError: an unknown option, or a value outside its range.
    """

    objective = None
    on_latents = {}  # options whose default is another one for the latents of an encoder

    def __init__(self, width, clusters, seed=0, **options):
        self.method = clusterers.REGISTRY.name_of(type(self))
        self.width, self.clusters, self.seed = width, clusters, seed
        self.set_options(options, f'clusterer {self.method}')

    def idle(self):
        """{option: why it has no effect beside the others, as the end of a sentence}."""
        return {}

    def fingerprint(self):
        """Text that differs where the results kept for resuming are of no use to each other."""
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
        """{name: array} of what was learned."""
        raise NotImplementedError

    def restore(self, arrays):
        """Takes over the arrays of another one of the same class, width, clusters and options; KeyError or ValueError if
        they are not such."""
        raise NotImplementedError
