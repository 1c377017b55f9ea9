"""Accuracy of a single-layer classifier trained on latents, or on pixels (ACAI, section 4.1; released classify.py)."""

import tqdm

from acai_tf import features
from acai_tf.evaluation import classification
from acai_tf.measures.base import Measure
from acai_tf.measures.subjects import PIXELS
from acai_tf.models.hyperparameter import Hyperparameter


class Classify(Measure):
    """`accuracy` and `train_accuracy`: percent of the test and of the training images; `accuracy_by_class`: {class: percent
    of its test images}."""

    program = 'acai_classify'
    lr = Hyperparameter(0.0001, 'initial learning rate; it falls to a tenth in each half of the run', minimum=0)
    batch = Hyperparameter(64, 'batch size', minimum=1)
    total_kimg = Hyperparameter(16384, 'length of the training, in units of 1024 images', minimum=1)
    smoothing = Hyperparameter(None, 'label smoothing (default: 0; for pixels 0.1, as released)', kind=float, minimum=0,
                               maximum=1)
    seed = Hyperparameter(0, 'seed of the initial weights and of the order of the images', minimum=0)

    def measure(self, model, dataset):
        smoothing = (0.1 if model is PIXELS else 0.0) if self.smoothing is None else self.smoothing
        train, test = (features.of_dataset(model, dataset, split) for split in features.SPLITS)
        steps = -(-self.total_kimg * 1024 // self.batch)
        with tqdm.tqdm(total=steps, unit='step', disable=None) as bar:
            classify = classification.train_linear(
                *train, dataset.nclass, steps, self.lr, self.batch, smoothing, self.seed,
                progress=lambda done: bar.update(done - bar.n))
        return {'accuracy': classification.accuracy(classify, [test]),
                'train_accuracy': classification.accuracy(classify, [train]),
                'accuracy_by_class': {dataset.class_name(label): percent for label, percent in
                                      classification.accuracy_by_class(classify, *test).items()}}

    def summary(self, figures):
        return {key: figures[key] for key in ('accuracy', 'train_accuracy')}
