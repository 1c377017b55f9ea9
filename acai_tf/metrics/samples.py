"""Quality of decoded random latents, drawn from the prior or from a mixture fitted to the training latents."""

import numpy as np

from acai_tf.latents import manifolds, mixture, neighbours, reading
from acai_tf.metrics.base import Metric
from acai_tf.options import Option


class Samples(Metric):
    """Values for draws from N(0, I) (`samples_prior_...`) and from a Gaussian mixture fitted to the training latents
    (`samples_mixture_...`). `nearest_train` is the mean cosine distance of the decoded draws to the nearest training image.
    `precision` and `recall` (see `latents.manifolds`) compare the decoded draws with as many training images;
    `latent_precision` and `latent_recall` compare the draws with the latents of those images.

    `samples_test_...` are the values for test images, an example of perfect draws; there are too few of them for recall.
    `samples_draws` is the number of draws.
    """

    supports_pixels = False
    draws = Option(2048, 'latents drawn and training images to compare them with; at most the training set', minimum=2)
    components = Option(10, 'Gaussians of the mixture', minimum=1)
    neighbours = Option(3, 'k: an image covers all points closer than its k-th nearest neighbor', minimum=1)
    seed = Option(0, 'seed of the random numbers', minimum=0)

    def compute(self, model, dataset):
        train, _ = reading.of_dataset(model, dataset, 'train')
        random, count = np.random.default_rng(self.seed), min(self.draws, len(train))
        chosen = np.isin(np.arange(len(train)), random.permutation(len(train))[:count])
        test = reading.rows(dataset, 'test', random.permutation(reading.size(dataset, 'test'))[:count])
        latents = {'prior': reading.drawn('prior', model, dataset, count, self.seed),
                   'mixture': mixture.Mixture(train, self.components, self.seed).sample(count, self.seed),
                   'test': model.encode(test)}
        images = {'prior': model.decode(latents['prior']), 'mixture': model.decode(latents['mixture']), 'test': test}
        train_images = []
        batches = _keeping(reading.batches(dataset, 'train'), chosen, train_images)
        nearest = neighbours.mean_nearest_distances(images, batches)
        spaces = {'': (images, np.concatenate(train_images)), 'latent_': (latents, train[chosen])}
        values = {'samples_draws': count}
        for source, distance in nearest.items():
            values[f'samples_{source}_nearest_train'] = distance
            for space, (draws, real) in spaces.items():
                name = f'samples_{source}_{space}'
                values[f'{name}precision'] = manifolds.precision(real, draws[source], self.neighbours)
                if source != 'test':
                    values[f'{name}recall'] = manifolds.precision(draws[source], real, self.neighbours)
        return values


def _keeping(batches, mask, kept):
    """Yields the batches unchanged, and appends the images that the mask [n] selects to `kept`."""
    start = 0
    for batch in batches:
        kept.append(batch[mask[start:start + len(batch)]])
        start += len(batch)
        yield batch
