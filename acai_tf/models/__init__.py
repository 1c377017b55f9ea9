"""The autoencoders, one file each, and their registry.

A new system is a file `<name>.py` with a subclass of `Autoencoder`, one line below, and a test.
"""

import importlib

from acai_tf import user_files
from acai_tf.errors import UsageError
from acai_tf.models import hyperparameter

# name (also its file's) -> class; the class's name begins the run directory's.
_REGISTRY = {
    'baseline': 'AEBaseline',
    'dropout': 'AEDropout',
    'denoising': 'AEDenoising',
    'vae': 'VAE',
    'aae': 'AAE',
    'vqvae': 'AEVQVAE',
    'acai': 'ACAI',
    'miae': 'MIAE',
    'lrae': 'LRAE',
    'dracai': 'DRACAI',
    'midrae': 'MIDRAE',
    'aeai': 'AEAI',
    'amr': 'AMR',
    'gaia': 'GAIA',
}


def names():
    """Names of all models."""
    return list(_REGISTRY)


def model_class(name):
    """The class behind a registered name or path/to/file.py:Name; UsageError if there is none."""
    if user_files.is_reference(name):
        from acai_tf.models.base import Autoencoder
        cls = user_files.load_class(name)
        if not issubclass(cls, Autoencoder):
            raise UsageError(f'{cls.__name__} of {name} does not derive from acai_tf.models.base.Autoencoder')
        return cls
    if name not in _REGISTRY:
        raise UsageError(f'unknown model {name!r}; choose one of {", ".join(names())}, or path/to/file.py:Name for your own')
    return getattr(importlib.import_module(f'acai_tf.models.{name}'), _REGISTRY[name])


def name_of(model):
    """Name of a model: its system's registered name, or else its class's."""
    cls = type(model)
    return next((name for name in names() if model_class(name) is cls), cls.__name__)


def create(name, image_shape, nclass, depth=64, latent=16, latent_width=4, seed=0, dtype=None, architecture='acai',
           **hyperparameters):
    """Builds a model with freshly initialised weights.

    Args:
        name: one of `names()`, or path/to/file.py:Name for a class of your own.
        image_shape: (height, width, colors) of images in [-1, 1].
        nclass: number of classes for the single-layer classifier that is trained in tandem.
        depth: channels of the first convolutions, doubled at each scale.
        latent: channels of the latent.
        latent_width: width of the latent; for `acai`, width / latent_width must be a power of two, 2^scales.
        seed: int, of the initial weights and of every draw in training.
        dtype: Keras dtype policy, such as 'mixed_bfloat16'; float32 by default.
        architecture: the networks: one of `acai_tf.architectures.names()`, path/to/file.py:Name, a class, or an object
            (see `acai_tf.architectures`).
        **hyperparameters: the model's own (see its class).

    Returns:
        An `Autoencoder`, ready for `compile` and `fit`.

    Raises:
        UsageError (a ValueError): unknown name or hyperparameter, a value outside its range, sizes that do not fit.
    """
    cls = model_class(name)
    resolved = hyperparameter.resolve(f'model {name}', cls, hyperparameters, 'hyperparameter')
    return cls(image_shape=image_shape, nclass=nclass, depth=depth, latent=latent, latent_width=latent_width, seed=seed,
               dtype=dtype, architecture=architecture, **resolved)
