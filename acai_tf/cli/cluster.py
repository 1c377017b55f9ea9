"""Clusters the latents of an exported model, or raw pixels, and compares the clusters with the classes.

  acai_cluster --saved_model=experiments/.../export --dataset=fashion32 --output=clusters.json
  acai_cluster --space=pixels --dataset=digits32 --method=imsat

Prints {"accuracy", "train_accuracy": percent under the best matching of clusters and classes, "objective", "test_objective":
the objective of the method, for K-means the sum of squared distances to the centers}, and writes it to --output. If stopped,
it resumes from <output>.<key>.partial.
"""

from acai_tf.cli import learned, program


def main(argv=None):
    return program.main(__doc__, lambda flags: learned.define_flags(flags, 'cluster', 'cluster'),
                        lambda flags: learned.run(flags, 'cluster', partial=True), argv)
