"""Whether a system can be sampled from: draws from the prior, and from a mixture fitted to its latents."""

import numpy as np

from acai_tf import features
from acai_tf.evaluation import manifolds, mixture, neighbours
from acai_tf.measures.base import Measure
from acai_tf.models.hyperparameter import Hyperparameter


class Samples(Measure):
    """Of draws from N(0, I) (`samples_prior_...`) and from a Gaussian mixture fitted to the training latents
    (`samples_mixture_...`): `nearest_train`, mean cosine distance of the decoded draws to the nearest training image;
    `precision` and `recall` (`evaluation.manifolds`) of the decoded draws against as many training images, and
    `latent_precision`, `latent_recall` of the draws against their latents.

    `samples_test_...` are the same of test images, which stand for perfect draws, except for recall, which they are too few
    to give. `samples_draws` is the number of draws.
    """

    of_pixels = False
    draws = Hyperparameter(2048, 'latents drawn, and training images they are compared with; fewer where there are fewer',
                           minimum=2)
    components = Hyperparameter(10, 'Gaussians of the mixture', minimum=1)
    neighbours = Hyperparameter(3, 'k: an image covers what is nearer to it than its k-th nearest', minimum=1)
    seed = Hyperparameter(0, 'seed of what a measure draws', minimum=0)

    def measure(self, model, dataset):
        train, _ = features.of_dataset(model, dataset, 'train')
        random, count = np.random.default_rng(self.seed), min(self.draws, len(train))
        chosen = np.isin(np.arange(len(train)), random.permutation(len(train))[:count])
        test = features.rows(dataset, 'test', random.permutation(features.size(dataset, 'test'))[:count])
        latents = {'prior': features.drawn('prior', model, dataset, count, self.seed),
                   'mixture': mixture.Mixture(train, self.components, self.seed).sample(count, self.seed),
                   'test': model.encode(test)}
        images = {'prior': model.decode(latents['prior']), 'mixture': model.decode(latents['mixture']), 'test': test}
        real = []
        nearest = neighbours.nearest_distance(np.concatenate(list(images.values())),
                                              _keeping(features.batches(dataset, 'train'), chosen, real))
        nearest = np.split(nearest, [count, 2 * count])
        spaces = {'': (images, np.concatenate(real)), 'latent_': (latents, train[chosen])}
        found = {'samples_draws': count}
        for source, distances in zip(images, nearest):
            found[f'samples_{source}_nearest_train'] = float(distances.mean())
            for space, (drawn, of_training) in spaces.items():
                pair = of_training, drawn[source]
                found[f'samples_{source}_{space}precision'] = manifolds.precision(*pair, self.neighbours)
                if source != 'test':
                    found[f'samples_{source}_{space}recall'] = manifolds.precision(*pair[::-1], self.neighbours)
        return found


def _keeping(batches, chosen, kept):
    """The batches, of which those that the mask chooses are appended to `kept`."""
    start = 0
    for batch in batches:
        kept.append(batch[chosen[start:start + len(batch)]])
        start += len(batch)
        yield batch
