"""digits32: scikit-learn's 1,797 real handwritten digits, which come with the package."""

import numpy as np

from acai_tf.datasets.base import InMemory
from acai_tf.images import resize, round_to_uint8

NAMES = [str(digit) for digit in range(10)]


class Digits(InMemory):
    """8x8 digits enlarged (bilinear) to 32x32x1, with a fixed stratified split, 80% for training."""

    class_names = NAMES

    def __init__(self, name='digits32', data_dir=None):
        super().__init__(name, (32, 32, 1), 10, raw_shape=(8, 8, 1))

    def preprocess(self, images):
        return round_to_uint8(resize(images, self.image_shape[:2]))

    def load(self, split):
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
        train, test = train_test_split(np.arange(len(images)), test_size=0.2, stratify=digits.target, random_state=0)
        chosen = test if split == 'test' else train
        return self.preprocess(images[chosen]), digits.target[chosen]
