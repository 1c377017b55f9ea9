"""The choice of networks: one file per architecture, and their registry.

An architecture is an object with

    encoder(image_shape, **_)           -> Keras model: images [n, *image_shape] to latents [n, h, w, c]
    decoder(latent_shape, channels, **_)  -> Keras model: latents to values [n, *image_shape], before the output activation
    critic(image_shape, **_)            -> Keras model: images to [n, h, w, c], averaged if a system wants one number
    output(values)                      -> images in [-1, 1]; optional, by default the identity

The arguments shown are given by position, `name=` and others by keyword. A new architecture is a file with a class, one
line below, and a test.
"""

import inspect

import keras

from acai_tf import registry
from acai_tf.errors import UsageError
from acai_tf.options import declared, resolve
from acai_tf.registry import Registry

# name (also its file's) -> class
REGISTRY = Registry('architecture', 'acai_tf.architectures', {
    'acai': 'ACAINetworks',
    'vgg': 'VGGNetworks',
})

names = REGISTRY.names


def create(architecture, depth, latent, latent_width, seed, dtype, **options):
    """The architecture of a model.

    Args:
        architecture: a name, a class, which is constructed with the other arguments, or an object.
        **options: those that the class declares; the others get their defaults.

    Raises:
        UsageError: an unknown name, or not an architecture.
    """
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
    """{name: Option} that an architecture (as for `create`) declares; an object has its own values already."""
    if isinstance(architecture, str):
        architecture = REGISTRY.get(architecture)
    return declared(architecture) if inspect.isclass(architecture) else {}


def name_of(architecture):
    """Name of an architecture (as for `create`): its registered name, or else its class's."""
    if isinstance(architecture, str):
        return architecture.rpartition(':')[2]
    return REGISTRY.name_of(architecture if inspect.isclass(architecture) else type(architecture))


def build(architecture, method, input_shape, *args, answer=None, **kwargs):
    """A network of an architecture, checked.

    Args:
        architecture: as `create` gives it.
        method: name of its method that is called with the other arguments.
        input_shape: of the network's input, without the batch.
        answer: shape that its output must have; None: any [h, w, c].

    Returns:
        (Keras model, shape of its output without the batch).

    Raises:
        UsageError: it does not fit.
    """
    what = f'{method} of the architecture {name_of(architecture)}'
    with registry.errors_in_one_line(f'the {what}'):
        network = getattr(architecture, method)(*args, **kwargs)
        if not isinstance(network, keras.Model):
            raise UsageError(f'the {what} gives a {type(network).__name__}, not a Keras model')
        shape = tuple(network(keras.Input(input_shape)).shape[1:])
    if len(shape) != 3 or None in shape or answer not in (None, shape):
        wanted = f'{list(answer)}' if answer else '[height, width, channels]'
        raise UsageError(f'the {what} maps {list(input_shape)} to {list(shape)}, not {wanted}')
    return network, shape
