"""Published data sets that data_prep prepares as TFRecord files."""

import tensorflow as tf

from acai_tf import images as images_lib
from acai_tf.datasets.digits import NAMES
from acai_tf.datasets.records import Records, command_of


class Prepared(Records):
    """A data set in files `<prepared_name>-<part>.tfrecord`, which a subclass describes.

    Attributes:
        prepared_name: name in `acai_create_datasets --datasets`.
        stored_shape: (height, width, channels) of a stored image.
        train_parts: last parts of the names of the training files.
    """

    train_parts = ('train',)

    def __init__(self, name, data_dir, cache_gib=4.0):
        super().__init__(data_dir, self.stored_shape, len(self.class_names), name=name,
                         train=[f'{self.prepared_name}-{part}' for part in self.train_parts],
                         test=[f'{self.prepared_name}-test'], cache_gib=cache_gib,
                         command=command_of(self.prepared_name, data_dir))


class MNIST(Prepared):
    """MNIST, padded from 28x28 to 32x32 with background, as in the released code."""

    prepared_name, stored_shape, class_names = 'mnist', (28, 28, 1), NAMES

    def preprocess(self, images):
        return tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]])


class FashionMNIST(MNIST):
    """Fashion-MNIST, padded like MNIST."""

    prepared_name = 'fashion'
    class_names = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot']


class SVHN(Prepared):
    """SVHN, cropped digits: trains on train and extra; `train_once` reads only train."""

    prepared_name, stored_shape, class_names = 'svhn', (32, 32, 3), NAMES
    train_parts = ('train', 'extra')

    def train_once(self, batch):
        self.check()
        return self._in_order('train', batch, self._size('train', self._files_of['train'][0]))


class CIFAR10(Prepared):
    """CIFAR-10."""

    prepared_name, stored_shape = 'cifar10', (32, 32, 3)
    class_names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']


class CelebA(Prepared):
    """CelebA: rows 36..182 and columns 16..162 of 218x178, resized to 32x32, bicubic without antialiasing on TF1's pixel
    grid (released lib/data.py)."""

    prepared_name, stored_shape, class_names = 'celeba', (218, 178, 3), ['face']

    def preprocess(self, images):
        cropped = tf.cast(images[:, 36:-36, 16:-16], tf.float32)
        resized = tf.raw_ops.ResizeBicubic(images=cropped, size=[32, 32], align_corners=False, half_pixel_centers=False)
        return images_lib.round_to_uint8(resized)
