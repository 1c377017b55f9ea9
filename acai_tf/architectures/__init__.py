"""Architectures (encoder, decoder and critic networks), one file each, and their registry.

An architecture is an object with

    encoder(image_shape, **_)           -> Keras model: images [n, *image_shape] to latents [n, h, w, c]
    decoder(latent_shape, channels, **_)  -> Keras model: latents to values [n, *image_shape], before the output activation
    critic(image_shape, **_)            -> Keras model: images to [n, h, w, c], averaged if a system wants one number
    output(values)                      -> images in [-1, 1]; optional, by default the identity

The arguments shown are passed by position, `name=` and others by keyword. A new architecture is a file with a class, one
line below, and a test.
"""

import inspect

import keras

from acai_tf import registry
from acai_tf.errors import UsageError
from acai_tf.options import declared, resolve
from acai_tf.registry import Registry

# name of the architecture and of its file -> class
REGISTRY = Registry('architecture', 'acai_tf.architectures', {
    'acai': 'ACAINetworks',
    'vgg': 'VGGNetworks',
})

names = REGISTRY.names


def create(architecture, depth, latent, latent_width, seed, dtype, **options):
    """Returns an architecture object for a name, a class, which is constructed with the other arguments, or an object.
    UsageError for an unknown name or option, or something that is not an architecture."""
    if isinstance(architecture, str):
        architecture = REGISTRY.get(architecture)
    for method in ('encoder', 'decoder', 'critic'):
        if not callable(getattr(architecture, method, None)):
            raise UsageError(f'{name_of(architecture)} is not an architecture: it has no method {method}')
    if not inspect.isclass(architecture):
        return architecture
    with registry.errors_in_one_line(f'the architecture {architecture.__name__}'):
        return architecture(depth=depth, latent=latent, latent_width=latent_width, seed=seed, dtype=dtype,
                            **resolve(f'architecture {name_of(architecture)}', architecture, options))


def options_of(architecture):
    """Returns the {name: Option} that an architecture (as for `create`) declares; {} for an object, which has its values."""
    if isinstance(architecture, str):
        architecture = REGISTRY.get(architecture)
    return declared(architecture) if inspect.isclass(architecture) else {}


def name_of(architecture):
    """Name of an architecture (as for `create`): its registered name, or else the name of its class."""
    if isinstance(architecture, str):
        return architecture.rpartition(':')[2]
    return REGISTRY.name_of(architecture if inspect.isclass(architecture) else type(architecture))


def build(architecture, method, input_shape, *args, answer=None, **kwargs):
    """Builds and checks one network of an architecture.

    Args:
        architecture: as returned by `create`.
        method: name of the method to call with the input's shape and the other arguments.
        input_shape, answer: shapes of input and output, without the batch; an `answer` of None allows any [h, w, c].

    Returns:
        (Keras model, shape of its output without the batch).

    Raises:
        UsageError: the network does not fit.
    """
    what = f'{method} of the architecture {name_of(architecture)}'
    with registry.errors_in_one_line(f'the {what}'):
        network = getattr(architecture, method)(input_shape, *args, **kwargs)
        if not isinstance(network, keras.Model):
            raise UsageError(f'the {what} returns a {type(network).__name__}, not a Keras model')
        shape = tuple(network(keras.Input(input_shape)).shape[1:])
    if len(shape) != 3 or None in shape or answer not in (None, shape):
        wanted = f'{list(answer)}' if answer else '[height, width, channels]'
        raise UsageError(f'the {what} maps {list(input_shape)} to {list(shape)}, not {wanted}')
    return network, shape
