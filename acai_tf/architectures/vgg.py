"""The networks of AEAI (ICLR 2021 submission, section 2.3): after VGG, with fully connected layers around the latent."""

import tensorflow as tf
from keras import layers

from acai_tf.architectures.fast_layers import UpSampling2D
from acai_tf.architectures.stack import Stack
from acai_tf.errors import UsageError
from acai_tf.options import Configured, Option, sizes_of

_WIDTHS = (1, 2, 4, 8)  # channels of the four blocks, times depth
_HALVED = 2**len(_WIDTHS)


class VGGNetworks(Configured):
    """The architecture `vgg`.

    The paper leaves several choices open: convolutions per block (here one, 3x3), the number of fully connected
    layers (here one, unless `dense_layer_sizes` adds more), the discriminator (here the encoder's layers with one output)
    and the output activation (here a sigmoid, scaled to [-1, 1]). A latent has d_z = latent * latent_width^2 values, as in
    `acai`, in the shape [1, 1, d_z]. The paper's 16 to 128 channels are depth 16.

    It takes the arguments of `acai_tf.models.create`; a method's `depth` replaces its own. `gain` is 2 in He et al. and 1/3
    by default in PyTorch. The paper has `batch_norm`.

    Raises:
        UsageError: (in the methods) the sides of the images are not multiples of 16.
    """

    gain = Option(1 / 3, 'for vgg: variance of the initial kernels times the number of inputs per output', minimum=0)
    batch_norm = Option(False, 'for vgg: batch normalization before each ReLU of encoder and decoder')
    dense_layer_sizes = Option('', 'for vgg: units of fully connected layers between the convolutions and the latent, such '
                               'as 1024,512, each with ReLU')

    def __init__(self, depth=64, latent=16, latent_width=4, seed=0, dtype=None, **options):
        if latent_width < 1:
            raise UsageError(f'latent_width={latent_width} must be at least 1')
        self.depth, self.latent_size, self.seed, self.dtype = depth, latent * latent_width**2, seed, dtype
        self.set_options(options, 'architecture vgg')
        self._units = sizes_of('dense_layer_sizes', self.dense_layer_sizes) if self.dense_layer_sizes else []

    def encoder(self, image_shape, name='encoder', depth=None, **_):
        """keras.Sequential, [n, h, w, c] -> [n, 1, 1, d_z] float32.

        Four blocks (3x3 convolution, ReLU, 2x2 max pooling) with depth * (1, 2, 4, 8) channels; the fully connected layers,
        each with ReLU; a linear layer.
        """
        return self._trunk(self._stack(name, image_shape, self.batch_norm), image_shape, depth, self.latent_size)

    def decoder(self, latent_shape, channels, image_shape, name='decoder', depth=None, **_):
        """keras.Sequential, [n, *latent_shape] -> [n, *image_shape] float32, before `output`.

        The encoder's mirror image: the fully connected layers and one more, each with ReLU; four times nearest-neighbor
        upsampling and a 3x3 convolution, to depth * (4, 2, 1) channels, each with ReLU, and finally to `channels`.
        """
        depth = depth or self.depth
        height, width = _sides(image_shape)
        stack = self._stack(name, latent_shape, self.batch_norm)
        stack.dense_relu(reversed(self._units))
        stack.dense(height * width * depth * _WIDTHS[-1])
        stack.add(layers.Reshape, target_shape=(height, width, depth * _WIDTHS[-1]))
        stack.relu()
        for factor in _WIDTHS[-2::-1]:
            stack.add(UpSampling2D, size=2, data_format='channels_last')
            stack.conv_relu(depth * factor)
        stack.add(UpSampling2D, size=2, data_format='channels_last')
        stack.conv(channels)
        return stack.network()

    def critic(self, image_shape, name='critic', depth=None, **_):
        """The discriminator: an encoder without normalization, with one output, [n, 1, 1, 1]."""
        return self._trunk(self._stack(name, image_shape, False), image_shape, depth, 1)

    def output(self, values):
        """The decoder's values -> images in [-1, 1]."""
        return 2 * tf.sigmoid(values) - 1

    def _trunk(self, stack, image_shape, depth, units):
        _sides(image_shape)
        for factor in _WIDTHS:
            stack.conv_relu((depth or self.depth) * factor)
            stack.add(layers.MaxPooling2D, pool_size=2, data_format='channels_last')
        stack.dense_relu(self._units)
        stack.dense(units)
        stack.add(layers.Reshape, target_shape=(1, 1, units))
        return stack.network()

    def _stack(self, name, input_shape, batch_norm):
        return Stack(name, input_shape, self.seed, self.dtype, gain=self.gain, activation=layers.ReLU,
                     normalization=layers.BatchNormalization if batch_norm else None)


def _sides(image_shape):
    """Height and width after the four poolings."""
    height, width, _ = image_shape
    if height % _HALVED or width % _HALVED:
        raise UsageError(f'the architecture vgg halves images {len(_WIDTHS)} times: {height}x{width} is not a multiple of '
                         f'{_HALVED} on both sides; resize the images, for example with --resolution=32')
    return height // _HALVED, width // _HALVED
