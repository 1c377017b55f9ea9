"""How many dimensions of the latent are in use."""

from acai_tf import features
from acai_tf.evaluation import rank
from acai_tf.measures.base import Measure
from acai_tf.models.hyperparameter import Hyperparameter


class Rank(Measure):
    """`effective_rank`, `participation_ratio` and `dead_dimensions` of the test images' latents, as
    `evaluation.rank.evaluate` gives them; `rank_dimensions` and `rank_images` are what they are of."""

    dead = Hyperparameter(0.01, "a dimension is dead if its standard deviation is at most this share of the latents' root "
                          'mean square', minimum=0)

    def measure(self, model, dataset):
        latents, _ = features.of_dataset(model, dataset, 'test')
        return {**rank.evaluate(latents, self.dead), 'rank_dimensions': latents[0].size, 'rank_images': len(latents)}
