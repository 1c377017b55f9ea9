"""How evenly the decoder stretches the latent space, in all directions and everywhere."""

import numpy as np

from acai_tf import features
from acai_tf.evaluation import conditioning
from acai_tf.measures.base import Measure
from acai_tf.models.hyperparameter import Hyperparameter


class Conditioning(Measure):
    """`log_condition_number`, `stretching` and `stretching_spread` of the decoder at the latents of test images, as
    `evaluation.conditioning.evaluate` gives them; `conditioning_latents` and `conditioning_directions` count both."""

    of_pixels = False
    latents = Hyperparameter(128, 'test latents at which the decoder is differentiated; fewer where there are fewer',
                             minimum=1)
    directions = Hyperparameter(64, 'random directions at each; as many as the latent has dimensions give the exact '
                                'condition number, fewer a lower bound', minimum=2)
    seed = Hyperparameter(0, 'seed of what a measure draws', minimum=0)

    def measure(self, model, dataset):
        latents, _ = features.of_dataset(model, dataset, 'test')
        latents = latents[np.random.default_rng(self.seed).permutation(len(latents))[:self.latents]]
        directions = conditioning.random_directions(latents[0].size, self.directions, self.seed)
        return {**conditioning.evaluate(model.decoder_products, latents, directions),
                'conditioning_latents': len(latents), 'conditioning_directions': len(directions)}
