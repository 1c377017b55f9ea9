"""The autoencoders, one file each, and their registry.

A new system is a file `<name>.py` with a subclass of `Autoencoder`, one line below, and a test.
"""

from typing import TYPE_CHECKING

from acai_tf.errors import UsageError
from acai_tf.registry import Registry

if TYPE_CHECKING:
    from acai_tf.models.base import Autoencoder

# name (also its file's) -> class; the class's name begins the run directory's.
REGISTRY = Registry('model', 'acai_tf.models', {
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
    'flat': 'FLAT',
}, base='acai_tf.models.base:Autoencoder')

names = REGISTRY.names
BASES = 'baseline, dropout, denoising, vae, aae, vqvae'
__getattr__ = REGISTRY.module


def name_of(model):
    """Name of a model: its registered name, or else the name of its class."""
    return REGISTRY.name_of(type(model))


def base_of(model):
    """Name of the base autoencoder to which a model is added; None if the model has no base."""
    return name_of(model.base) if hasattr(model, 'base') else None


def create(name: str, image_shape: tuple[int, int, int], nclass: int, depth: int = 64, latent: int = 16,
           latent_width: int = 4, seed: int = 0, dtype: str | None = None, architecture='acai', base='baseline',
           **options) -> 'Autoencoder':
    """Builds a model with freshly initialized weights.

    Args:
        name: one of `names()`, or path/to/file.py:Name for your own class.
        image_shape: (height, width, channels) of images in [-1, 1].
        nclass: number of classes for the single-layer classifier that is trained in tandem.
        depth: channels of the first convolutions, doubled at each scale.
        latent: channels of the latent.
        latent_width: width of the latent; for `acai`, width / latent_width must be a power of two, 2^scales.
        seed: int, for the initial weights and all random numbers in training.
        dtype: Keras dtype policy, such as 'mixed_bfloat16'; float32 by default.
        architecture: one of `acai_tf.architectures.names()`, path/to/file.py:Name, a class, or an object (see
            `acai_tf.architectures`).
        base: the autoencoder to which a regularizer is added (`acai`, `miae`, `lrae`, `dracai`, `midrae`, `aeai`, `amr`,
            `flat`); see `acai_tf.models.regularizer`.
        **options: options of the model, its base and the architecture (see their classes), and `start` and `average` (see
            `training.TrainConfig`).

    Returns:
        An `Autoencoder`, ready for `compile` and `fit`.

    Raises:
        UsageError (a ValueError): unknown name or option, a value outside its range, or sizes that do not fit.
    """
    cls = REGISTRY.get(name)
    return cls(
        image_shape=image_shape, nclass=nclass, depth=depth, latent=latent, latent_width=latent_width, seed=seed,
        dtype=dtype, architecture=architecture, **options_of_base(cls, base), **options)


def options_of_base(cls, base):
    """Returns {'base': its class} for a regularizer, {} for other models; UsageError if another model is given a base."""
    from acai_tf.models.regularizer import Regularizer, base_class
    if issubclass(cls, Regularizer):
        return {'base': base_class(base)}
    if base not in ('baseline', object):
        raise UsageError(f'base={base}: {REGISTRY.name_of(cls)} {cls.takes_no_base}; leave base out')
    return {}
