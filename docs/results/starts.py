"""K-means from single random starts: how much its accuracy depends on the start."""

import numpy as np

from acai_tf.clusterers.kmeans import Lloyd, nearest, restart_seeds
from acai_tf.latents import reading
from acai_tf.metrics.base import Metric
from acai_tf.metrics.cluster import Cluster, clustering_accuracy, whitening
from acai_tf.options import Option


class Starts(Metric):
    """`accuracy_mean` and `accuracy_deviation`: mean and sample deviation, over random starts, of the accuracy in percent of
    clusters of the test images' latents. `accuracy_best`: of the start with the lowest objective, as `cluster` reports it
    with as many starts (which refines it once more, in float64)."""

    needs_classes = True
    starts = Option(20, 'number of random starts', minimum=2)

    def compute(self, model, dataset):
        (train, _), (test, labels) = (reading.of_dataset(model, dataset, split) for split in reading.SPLITS)
        train = train[:Cluster.most_training_images].reshape([-1, train[0].size])
        whiten = whitening(train)
        lloyd, seeds = Lloyd(whiten(train), dataset.nclass), restart_seeds(0, self.starts)
        found = [result for few in np.array_split(seeds, -(-self.starts // 10)) for result in lloyd.run(few)]
        test = whiten(test.reshape([len(test), -1]))
        accuracies = [clustering_accuracy(labels, nearest(test, centers)[0]) for _, centers in found]
        best = np.argmin([objective for objective, _ in found])
        return {'accuracy_mean': np.mean(accuracies), 'accuracy_deviation': np.std(accuracies, ddof=1),
                'accuracy_best': accuracies[best]}
