"""Accuracy of a single-layer classifier trained on latents, or on pixels (ACAI, section 4.1; released classify.py)."""

import numpy as np
import tqdm

from acai_tf.evaluation import classification
from acai_tf.measures.learned import LearningMeasure
from acai_tf.measures.subjects import PIXELS
from acai_tf.models.hyperparameter import Hyperparameter


class Classify(LearningMeasure):
    """`accuracy` and `train_accuracy`: percent of the test and of the training images; `accuracy_by_class`: {class: percent
    of its test images}."""

    program = 'acai_classify'
    lr = Hyperparameter(0.0001, 'initial learning rate; it falls to a tenth in each half of the run', minimum=0)
    batch = Hyperparameter(64, 'batch size', minimum=1)
    total_kimg = Hyperparameter(16384, 'length of the training, in units of 1024 images', minimum=1)
    smoothing = Hyperparameter(None, 'label smoothing (default: 0; for pixels 0.1, as released)', kind=float, minimum=0,
                               maximum=1)
    seed = Hyperparameter(0, 'seed of the initial weights and of the order of the images', minimum=0)

    def unfit(self, dataset):
        if dataset.nclass < 2 and not self._load:
            return f'needs a data set with classes, which {dataset.name} has not'

    def learn(self, model, dataset, points, labels):
        smoothing = (0.1 if model is PIXELS else 0.0) if self.smoothing is None else self.smoothing
        steps = -(-self.total_kimg * 1024 // self.batch)
        with tqdm.tqdm(total=steps, unit='step', disable=None) as bar:
            self._classify = classification.train_linear(
                points, labels, dataset.nclass, steps, self.lr, self.batch, smoothing, self.seed,
                progress=lambda done: bar.update(done - bar.n))

    def measure(self, model, dataset):
        self._name_of = dataset.class_name
        return super().measure(model, dataset)

    def restore(self, width, arrays):
        weights, bias = arrays['weights'], arrays['bias']
        self._classify = classification.LinearClassifier(weights.reshape(width, len(bias)), bias)

    def arrays(self):
        return {'weights': self._classify.weights, 'bias': self._classify.bias}

    def answers(self, points):
        return {'classes': np.argmax(self._classify(points), axis=1)}

    def figures(self, points, answers):
        del points
        accuracies = {split: 100.0 * int(np.sum(some['classes'] == some['labels'])) / len(some['labels'])
                      for split, some in answers.items()}
        by_class = classification.accuracy_by_class(answers['test']['classes'], answers['test']['labels'])
        return {'accuracy': accuracies['test'], 'train_accuracy': accuracies['train'],
                'accuracy_by_class': {self._name_of(label): percent for label, percent in by_class.items()}}

    def summary(self, figures):
        return {key: figures[key] for key in ('accuracy', 'train_accuracy')}
