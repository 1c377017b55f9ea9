"""What simple classifiers read from the latents, or from pixels: converged ones, without a budget of training."""

from acai_tf import features
from acai_tf.evaluation import probe
from acai_tf.measures.base import Measure
from acai_tf.models.hyperparameter import Hyperparameter

NEIGHBOURS = (1, 10, 200)


class Probe(Measure):
    """`probe_accuracy` of a logistic regression, with `probe_c`, its inverse strength of regularisation; `knn1_accuracy`,
    `knn10_accuracy` and `knn200_accuracy` of nearest neighbours. Percent of the test images; with `_low` and `_high`, their
    95% bootstrap interval. `probe_train_images` and `probe_test_images` count them.
    """

    seed = Hyperparameter(0, 'seed of what a measure draws', minimum=0)

    def unfit(self, dataset):
        return None if dataset.nclass > 1 else f'needs classes, and {dataset.name} has one'

    def measure(self, model, dataset):
        (train, train_labels), (test, labels) = (features.of_dataset(model, dataset, split) for split in features.SPLITS)
        train, test = (points.reshape(len(points), -1) for points in (train, test))
        regression, strength = probe.logistic_regression(train, train_labels, test, self.seed)
        of_neighbours = probe.nearest_neighbours(train, train_labels, test, NEIGHBOURS)
        found = {'probe_c': strength, 'probe_train_images': len(train), 'probe_test_images': len(test)}
        for name, classes in {'probe': regression, **{f'knn{k}': chosen for k, chosen in of_neighbours.items()}}.items():
            figures = [float('nan')] * 3 if classes is None else probe.accuracy(classes, labels)
            found.update({f'{name}_accuracy{end}': value for end, value in zip(('', '_low', '_high'), figures)})
        return found
