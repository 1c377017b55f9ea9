"""The networks of the released code (lib/layers.py): convolutional encoder, decoder and critic.

Images and latents are NHWC. Convolutions have stride 1, zero padding and a bias that starts at 0. Leaky ReLU has slope
0.2. There are no normalization layers. Each network ends in float32 for any compute dtype, so losses are always float32.
"""

import functools

from keras import layers

from acai_tf.architectures.fast_layers import LeakyReLU, UpSampling2D
from acai_tf.architectures.stack import Stack
from acai_tf.errors import UsageError

_SLOPE = 0.2  # of the leaky ReLU


def scales_of(image_shape, latent_width):
    """Number of halvings between the image and the latent: log2(width / latent_width), at least 1.

    Raises:
        UsageError: width / latent_width is not a power of two, or a side is not divisible by 2^scales.
    """
    height, width, _ = image_shape
    ratio, rest = divmod(width, latent_width) if latent_width > 0 else (0, 1)
    if rest or ratio < 2 or ratio & (ratio - 1):
        fitting = [width >> s for s in range(1, width.bit_length()) if width % (1 << s) == height % (1 << s) == 0]
        advice = (f'choose one of {", ".join(map(str, fitting))}' if fitting else
                  'this size cannot be halved; resize the images, for example with --resolution=32')
        raise UsageError(f'latent_width={latent_width} does not fit images {width} wide: width / latent_width must be '
                         f'a power of two; {advice}')
    if height % ratio:
        raise UsageError(f'latent_width={latent_width} does not fit images {height} high: the height must be '
                         f'divisible by {ratio}')
    return ratio.bit_length() - 1


class ACAINetworks:
    """The architecture `acai`. It takes the arguments of `acai_tf.models.create`; a method's `depth` replaces its own."""

    def __init__(self, depth=64, latent=16, latent_width=4, seed=0, dtype=None):
        self.depth, self.latent, self.latent_width, self.seed, self.dtype = depth, latent, latent_width, seed, dtype

    def encoder(self, image_shape, name='encoder', depth=None, **_):
        """keras.Sequential, [n, h, w, c] -> [n, h / 2^scales, w / 2^scales, latent] float32.

        A linear 1x1 convolution to `depth`; at each scale s, two 3x3 convolutions to depth * 2^s and 2x2 average pooling;
        a 3x3 convolution to depth * 2^scales; a linear 3x3 convolution to `latent`. As in the released code, there is a 1x1
        convolution, and channels double after each pooling, not before; the paper's text differs.
        """
        depth, scales = depth or self.depth, scales_of(image_shape, self.latent_width)
        stack = self._stack(name, image_shape)
        stack.conv(depth, size=1)
        for scale in range(scales):
            stack.conv_relu(depth << scale)
            stack.conv_relu(depth << scale)
            stack.add(layers.AveragePooling2D, pool_size=2, data_format='channels_last')
        stack.conv_relu(depth << scales)
        stack.conv(self.latent)
        return stack.network()

    def decoder(self, latent_shape, channels, image_shape, name='decoder', depth=None, **_):
        """keras.Sequential, [n, *latent_shape] -> [n, h * 2^scales, w * 2^scales, channels] float32. The images' shape
        determines the number of scales.

        At each scale s, from the last to 0, two 3x3 convolutions to depth * 2^s and nearest-neighbor upsampling; a 3x3
        convolution to `depth`; a linear 3x3 convolution to `channels`, without squashing or clipping.
        """
        depth = depth or self.depth
        stack = self._stack(name, latent_shape)
        for scale in reversed(range(scales_of(image_shape, self.latent_width))):
            stack.conv_relu(depth << scale)
            stack.conv_relu(depth << scale)
            stack.add(UpSampling2D, size=2, data_format='channels_last')
        stack.conv_relu(depth)
        stack.conv(channels)
        return stack.network()

    def critic(self, image_shape, name='critic', depth=None, **_):
        """A second encoder; its answer is the mean over its outputs, or all of them."""
        return self.encoder(image_shape, name, depth)

    def _stack(self, name, input_shape):
        # Kernels N(0, 1 / ((1 + 0.2^2) * fan_in)), as released.
        return Stack(name, input_shape, self.seed, self.dtype, gain=1 / (1 + _SLOPE**2),
                     activation=functools.partial(LeakyReLU, negative_slope=_SLOPE))
