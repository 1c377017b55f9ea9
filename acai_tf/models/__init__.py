"""The autoencoders, one file each, and their registry.

A new system is a file `<name>.py` with a subclass of `Autoencoder`, one line below, and a test.
"""

import importlib

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
}


def names():
    """Names of all models."""
    return list(_REGISTRY)


def model_class(name):
    """The class behind a model's name; UsageError for an unknown one."""
    if name not in _REGISTRY:
        raise UsageError(f'unknown model {name!r}; there are {", ".join(names())}')
    return getattr(importlib.import_module(f'acai_tf.models.{name}'), _REGISTRY[name])


def create(name, image_shape, nclass, depth=64, latent=16, latent_width=4, seed=0, dtype=None, **hyperparameters):
    """Builds a model with freshly initialised weights.

    Args:
        name: one of `names()`.
        image_shape: (height, width, colors) of images in [-1, 1].
        nclass: number of classes for the single-layer classifier that is trained in tandem.
        depth: channels of the first convolutions, doubled at each scale.
        latent: channels of the latent.
        latent_width: width of the latent; width / latent_width must be a power of two, 2^scales.
        seed: int, of the initial weights and of every draw in training.
        dtype: Keras dtype policy, such as 'mixed_bfloat16'; float32 by default.
        **hyperparameters: the model's own (see its class).

    Returns:
        An `Autoencoder`, ready for `compile` and `fit`.

    Raises:
        UsageError (a ValueError): unknown name or hyperparameter, a value outside its range, sizes that do not fit.
    """
    cls = model_class(name)
    return cls(image_shape=image_shape, nclass=nclass, depth=depth, latent=latent, latent_width=latent_width, seed=seed,
               dtype=dtype, **hyperparameter.resolve(name, cls, hyperparameters))
