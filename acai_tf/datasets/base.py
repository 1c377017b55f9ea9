"""Base classes of data sets: generated, held in memory, or wrapping a tf.data.Dataset."""

import functools
import logging

import numpy as np
import tensorflow as tf

from acai_tf import randomness, registry
from acai_tf.errors import DataError, UsageError, short_message
from acai_tf.images import resize, to_float
from acai_tf.options import Option
from acai_tf.tracing import no_autograph

# Option of data sets with images that can be resized.
RESOLUTION = Option(0, 'for coil100, pole64 and records: height and width of images; 0 keeps their size', minimum=0)

_logger = logging.getLogger(__name__)


def steps_from(start_step):
    """The steps start_step, start_step + 1, ... endlessly."""
    return tf.data.Dataset.range(start_step, tf.int64.max)


def shard_slice(batch, shard, shards):
    """The slice of a batch that belongs to one of several shards."""
    size = batch // shards
    return slice(shard * size, (shard + 1) * size)


def permuted(index, keys, size):
    """Element `index` [n] of the permutation of 0..size-1 that each key [n, 3] defines; needs no table."""
    # In TF 2.21, tf.random.experimental.index_shuffle pads a batch of seeds on the wrong axis, and its 4 rounds order 60,000
    # images almost alike in successive epochs (correlation 0.9). With 24 rounds the correlation is gone.
    last = tf.fill(tf.shape(index), tf.cast(size - 1, tf.int64))
    return tf.raw_ops.RandomIndexShuffle(index=index, seed=keys, max_index=last, rounds=24)


def shuffled(position, size, key):
    """Elements [n] at the places `position` [n] of an endless pass over 0..size-1 that reshuffles at every epoch. The key
    (see `randomness.key`) is the same for all epochs."""
    keys = tf.concat([tf.tile(key[None], [tf.size(position), 1]), (position // size)[:, None]], axis=1)
    return permuted(position % size, keys, size)


def _scaled(images, stretch, what):
    """Converts floats within [-1, 1], or [0, 1] if they are to be stretched, to float32 in [-1, 1]; DataError for others."""
    rule = 'give uint8 0 to 255, or floats within [-1, 1] or [0, 1]'
    if images.dtype.kind != 'f':
        raise DataError(f'{what} are {images.dtype}; {rule}')
    low, high = (float(bound(images)) for bound in (np.min, np.max)) if images.size else (0.0, 0.0)
    if not (0.0 if stretch else -1.0) <= low <= high <= 1.0:
        raise DataError(f'{what} range from {low:.6g} to {high:.6g}' + (
            ', but the training images are within [0, 1]' if stretch and low >= -1 and high <= 1 else '') + f'; {rule}')
    return (2 * images - 1 if stretch else images).astype(np.float32)


class Dataset:
    """A data set.

    Attributes:
        name: str, as in the registry.
        image_shape: (height, width, channels) as the model sees it.
        raw_shape: (height, width, channels) of a stored image. Images of this shape go through `preprocess`; others are
            resized.
        nclass: int.
        class_names: list of str, one for each class; None if the classes have only numbers.
        evaluation_pairs: for measuring interpolation between lines, two arrays of images [n, h, w, 1], the starts and
            the ends; else None.
        generator: name of the generated data set that made these images, even if they are in files; else None.
    """

    class_names = evaluation_pairs = generator = None
    options = {}  # only those not at their default; set by `datasets.get`
    reads_files = False  # True if the constructor takes `cache_gib`
    aspect = 'stretch'  # how images of another aspect ratio are resized: one of images.FITS

    def __init__(self, name, image_shape, nclass, raw_shape=None):
        self.name, self.image_shape, self.nclass = name, tuple(image_shape), int(nclass)
        self.raw_shape = tuple(raw_shape or image_shape)

    def class_name(self, label):
        """Returns the name of a class, or its number if classes have no names. Bytes that are not UTF-8, as in folder names,
        become backslash escapes."""
        names = self.class_names or []
        return names[label].encode(errors='backslashreplace').decode() if label < len(names) else str(label)

    def preprocess(self, images):
        """Stored images uint8 [n, *raw_shape] -> uint8 [n, *image_shape]."""
        return images

    def fit(self, image):
        """Converts an image of any size, uint8 [h, w, channels], to a model's input: float32 [*image_shape] in [-1, 1].

        An image of the raw size goes through `preprocess`; others are resized (bilinear, antialiased) according to `aspect`.
        """
        is_raw = tf.reduce_all(tf.shape(image)[:2] == self.raw_shape[:2])
        fitted = tf.cond(is_raw, lambda: to_float(self.preprocess(tf.reshape(image, [1, *self.raw_shape]))[0]),
                         lambda: to_float(resize(image, self.image_shape[:2], self.aspect)))
        return tf.ensure_shape(fitted, self.image_shape)

    def check(self):
        """Raises DataError if a file is missing or its size is wrong; cheap."""

    def preload(self):
        """Reads what is kept in memory, so that its errors come now. Raises DataError if a file is damaged."""

    def fingerprint(self):
        """Returns JSON values that must be the same when a run is resumed. Raises DataError if a file is missing."""
        return {'image_shape': list(self.image_shape), 'nclass': self.nclass}

    def load_poses(self):
        """Returns all images of one object with their poses.

        Returns:
            (images float32 [n, h, w, c] in [-1, 1]; poses float64 [n, 2], azimuth and altitude in degrees; is_test bool [n],
            True for images of the test set).

        Raises:
            UsageError: the data set has no poses, or more than one object.
            DataError: the files do not hold poses.
        """
        raise UsageError(f'{self.name} has no poses of its images; use pole64, coil100 with --coil_object, or '
                         'your own images with a file poses.csv')

    def unreadable(self, error):
        """Returns the DataError to raise when reading failed with a TensorFlow error."""
        return DataError(f'{self.name} cannot be read ({short_message(error)})')

    def train(self, batch, seed=0, start_step=0, shard=0, shards=1):
        """Endless shuffled batches. Batch t depends only on (seed, t), so a resumed run sees the same batches.

        With several shards, each gets an equal part of every batch of `batch` images.
        """
        raise NotImplementedError

    def train_once(self, batch):
        """The training images once, in order; the last batch may be smaller."""
        raise NotImplementedError

    def test(self, batch):
        """The test images once, in order; the last batch may be smaller."""
        raise NotImplementedError


class Generated(Dataset):
    """Images made on demand: an endless stream for training, 5,000 fixed ones for testing, 10,000 for `train_once`.

    A subclass defines `parameters(count, draw_key)`, random numbers [count, ...] that describe images, and
    `render(parameters)`, the images and labels they describe.
    """

    test_size, once_size = 5000, 10000

    def parameters(self, count, draw_key):
        """Returns random descriptions of `count` images."""
        raise NotImplementedError

    def render(self, parameters):
        """Descriptions [n, ...] -> (images float32 [n, *image_shape], labels int64 [n])."""
        raise NotImplementedError

    def train(self, batch, seed=0, start_step=0, shard=0, shards=1):
        mine = shard_slice(batch, shard, shards)

        def draw(step):
            return self.render(self.parameters(batch, randomness.key(seed, f'{self.name}/train', step))[mine])
        return steps_from(start_step).map(no_autograph(draw), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def train_once(self, batch):
        return self._fixed('once', self.once_size, batch)

    def test(self, batch):
        return self._fixed('test', self.test_size, batch)

    def fixed_parameters(self, split, count):
        """Returns the descriptions of a split that is always the same."""
        return self.parameters(count, randomness.key(0, f'{self.name}/{split}'))

    def _fixed(self, split, count, batch):
        parameters = self.fixed_parameters(split, count)
        return tf.data.Dataset.from_tensor_slices(parameters).batch(batch).map(no_autograph(self.render), 2).prefetch(2)


class InMemory(Dataset):
    """A data set kept in memory, as uint8 if `load` returns uint8, and shuffled over the whole set.

    A subclass defines `load(split)` for the splits 'train' and 'test'.
    """

    _stretch = None  # True if floats are stretched from [0, 1]; the first that are loaded decide

    def load(self, split):
        """Returns (images [n, *image_shape], integer labels [n]) of a split.

        In uint8 images, pixels are 0 to 255. Floats within [-1, 1] that go below 0 are taken unchanged; floats
        within [0, 1] are stretched to [-1, 1]. The training images decide for both splits, unless they are uint8. Anything
        else raises DataError.
        """
        raise NotImplementedError

    def preload(self):
        for split in ('train', 'test'):
            self._arrays(split)

    @functools.cached_property
    def _loaded(self):
        return {}

    def _arrays(self, split):
        if split not in self._loaded:
            with registry.errors_in_one_line(f'the data set {self.name}', type(self)):
                images, labels = map(np.asarray, self.load(split))
            if images.shape[1:] != self.image_shape or labels.shape != images.shape[:1]:
                raise DataError(f'{self.name}: the {split} images have shape {list(images.shape)} and the labels '
                                f'{list(labels.shape)}; they must be [n, {", ".join(map(str, self.image_shape))}] and [n]')
            if not len(images):
                raise DataError(f'{self.name}: there are no {split} images')
            self._check_labels(split, labels)
            if images.dtype != np.uint8:
                if split == 'test':
                    self._arrays('train')  # decides whether to stretch
                if self._stretch is None:
                    self._stretch = bool(images.dtype.kind == 'f' and images.min() >= 0)
                    if self._stretch:
                        _logger.info('%s: the images are within [0, 1]: stretched to [-1, 1]', self.name)
                images = _scaled(images, self._stretch, f'{self.name}: the {split} images')
            self._loaded[split] = images, labels.astype(np.int64)
        return self._loaded[split]

    def _check_labels(self, split, labels):
        if labels.dtype.kind not in 'iu':
            raise DataError(f'{self.name}: the {split} labels are {labels.dtype}; they must be integers')
        if labels.min() < 0 or labels.max() >= self.nclass:
            raise DataError(f'{self.name}: the {split} labels range from {labels.min()} to {labels.max()}; with '
                            f'{self.nclass} classes they must be 0 to {self.nclass - 1}')

    def _take(self, split, index):
        """Images and labels at `index`, for use inside tf.data."""
        arrays = self._arrays(split)
        # NumPy arrays, because tf.data copies every tensor that its functions refer to.
        images, labels = tf.numpy_function(lambda i: tuple(array[i] for array in arrays), [index],
                                           [array.dtype for array in arrays], stateful=False)
        images.set_shape([index.shape[0], *self.image_shape])
        labels.set_shape([index.shape[0]])
        return images if images.dtype == tf.float32 else to_float(images), labels

    def shuffle_key(self, seed):
        """The key of the order of the training images; without a path, because the data may have been moved."""
        return randomness.key(seed, f'shuffle/{self.name.partition(":")[0]}')

    def train(self, batch, seed=0, start_step=0, shard=0, shards=1):
        mine = shard_slice(batch, shard, shards)
        size = len(self._arrays('train')[1])
        base_key = self.shuffle_key(seed)  # any step can be the first

        def read(step):
            position = step * batch + tf.range(mine.start, mine.stop, dtype=tf.int64)
            return self._take('train', shuffled(position, size, base_key))
        return steps_from(start_step).map(no_autograph(read), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def train_once(self, batch):
        return self._in_order('train', batch)

    def test(self, batch):
        return self._in_order('test', batch)

    def _in_order(self, split, batch, limit=None):
        size = len(self._arrays(split)[1][:limit])

        def read(start):
            return self._take(split, tf.range(start, tf.minimum(start + batch, size)))
        return tf.data.Dataset.range(0, size, batch).map(no_autograph(read), num_parallel_calls=2).prefetch(2)


class Batches(Dataset):
    """The (images, labels) of a tf.data.Dataset as test images, without training images.

    Args:
        data: finite tf.data.Dataset of batches, or of single examples: images float32 [n, h, w, c] in [-1, 1], labels
            int [n].

    Raises:
        UsageError: wrong elements, or an endless data set.
    """

    def __init__(self, data, nclass):
        spec = data.element_spec
        if not isinstance(spec, tuple) or len(spec) != 2 or spec[0].shape.rank not in (3, 4) or not spec[1].dtype.is_integer:
            raise UsageError(f'a tf.data.Dataset must give (images, labels); this one gives {spec}')
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise UsageError('this tf.data.Dataset is endless; give one that ends, without repeat()')
        if spec[0].dtype != tf.float32:
            raise UsageError(f'images are {spec[0].dtype.name}; give float32 in [-1, 1]: pixels * (2 / 255) - 1')
        super().__init__('tf.data', spec[0].shape[-3:], nclass)
        self._examples = data.unbatch() if spec[0].shape.rank == 4 else data

    def test(self, batch):
        return self._examples.map(no_autograph(lambda images, labels: (images, tf.cast(labels, tf.int64)))).batch(batch)

    def train_once(self, batch):
        raise UsageError('training images are missing; give a data set, such as '
                         'acai_tf.datasets.from_arrays(x, labels, x_test, labels_test)')


def as_dataset(data, nclass):
    """Returns a data set unchanged, and a tf.data.Dataset as `Batches`."""
    return Batches(data, nclass) if isinstance(data, tf.data.Dataset) else data
