"""Base class of the systems that are added to a base autoencoder."""

import inspect

from acai_tf import models
from acai_tf.errors import UsageError
from acai_tf.models.base import Autoencoder
from acai_tf.models.baseline import AEBaseline
from acai_tf.options import declared

_SHARED_NETWORKS = ('encoder', 'decoder', 'classifier')
_SHARED_LOSSES = ('rmse', 'classify_latent')


def _of_base(name):
    return property(lambda self: getattr(self.base, name), lambda self, network: setattr(self.base, name, network))


def _base_name(name, shared=()):
    """Name in the system of a network, optimizer, loss or random input of the base."""
    return name if name in shared else f'base_{name}'


def _network_name(name):
    return _base_name(name, _SHARED_NETWORKS)


def base_class(base):
    """The class of a base autoencoder, from its name or class; UsageError if it cannot be a base."""
    cls = models.REGISTRY.get(base) if isinstance(base, str) else base
    if (not inspect.isclass(cls) or not issubclass(cls, Autoencoder) or issubclass(cls, Regularizer)
            or cls.forward is Autoencoder.forward):
        raise UsageError(f'base={base} cannot be a base; choose {models.BASES}, or your own subclass of Autoencoder that '
                         'defines `forward`')
    return cls


class Regularizer(Autoencoder):
    """Base class of the systems that add networks, loss terms and optimizers to a base autoencoder, the attribute `base`.
    They use its encoder, decoder and classifier.

    A subclass defines `regularizer_terms` and adds them to `objectives`, with each weight multiplied by `loss_scale`. On the
    baseline, all loss names are the released ones. On another base, the base's loss names, random inputs, optimizers and
    networks (except encoder, decoder and classifier) get the prefix `base_`.

    Args:
        base: the base autoencoder: a registered name, path/to/file.py:Name, or a subclass of `Autoencoder` that defines
            `forward`.
        **options: options of the system and of the base; see `Autoencoder` for the other arguments.

    Raises:
        UsageError: the base is a regularizer itself, has no `forward`, has an option of the regularizer, or updates encoder
            and decoder by different optimizers.
    """

    reconstruction_loss = 'loss_ae'  # name of the reconstruction term on the baseline
    encoder, decoder, classifier = map(_of_base, _SHARED_NETWORKS)

    def __init__(self, *args, base='baseline', **options):
        cls = base_class(base)
        for name in {*declared(cls)} & {*declared(type(self))}:
            raise UsageError(f'both {cls.__name__} and {type(self).__name__} have an option {name}; rename one')
        base_options = {name: options.pop(name) for name in declared(cls) if name in options}
        object.__setattr__(self, '_given_base', (cls, base_options))  # before Keras's own __init__
        super().__init__(*args, **options)

    # ---- networks and names

    def build_networks(self):
        cls, options = self._given_base
        self.base = cls(
            self.image_shape, self.nclass, self.depth, self.latent, self.latent_width, self.seed, self._given_architecture,
            self.dtype_policy, steps=self.steps, **options, **self._architecture_options)
        self.latent_shape, self.loss_scale = self.base.latent_shape, self.base.loss_scale
        self.on_baseline = cls is AEBaseline
        for name, network in self.base.networks.items():
            self.add_network(_network_name(name), network)
        own, trained = type(self), dict(self.base.optimizer_networks)
        main = [_network_name(name) for name in trained.pop(self._main, ()) if name != 'classifier']
        if not {'encoder', 'decoder'} <= {*main}:
            raise UsageError(f'base={cls.__name__}: one optimizer, `all` or `autoencoder`, must update both encoder and '
                             'decoder')
        self.optimizer_networks = {
            **own.optimizer_networks,
            'autoencoder': tuple(dict.fromkeys([*main, *own.optimizer_networks.get('autoencoder', ())])),
            **{_base_name(name): tuple(map(_network_name, networks))
               for name, networks in trained.items() if name != 'classifier'},
            'classifier': ('classifier',)}
        self.training_only = (*own.training_only, *(_base_name(name) for name in self.base.training_only))
        if not self.on_baseline:
            self.loss_names = tuple(dict.fromkeys([
                *map(self._loss_name, self.base.loss_names),
                *(name for name in own.loss_names if name not in (self.reconstruction_loss, *_SHARED_LOSSES))]))

    @property
    def _main(self):
        """Name of the base's optimizer for encoder and decoder."""
        return 'all' if 'all' in self.base.optimizer_networks else 'autoencoder'

    def _loss_name(self, name):
        """Name in this model of a loss of the base."""
        if self.on_baseline:
            return self.reconstruction_loss if name == 'loss' else name
        return _base_name(name, _SHARED_LOSSES)

    def options(self):
        return {**self.base.options(), **super().options()}

    def get_config(self):
        name = models.base_of(self)
        return {**super().get_config(), 'base': name if name in models.names() else self.base}

    # ---- use

    def encode(self, images, training=False):
        return self.base.encode(images, training)

    def to_images(self, values):
        return self.base.to_images(values)

    def decode(self, latents, training=False):
        return self.base.decode(latents, training)

    def classifier_input(self, images):
        return self.base.classifier_input(images)

    def start_from(self, dataset):
        self.base.start_from(dataset)

    # ---- training

    def create_optimizer(self, name):
        self.base.lr = self.lr
        if name.startswith('base_'):
            return self.base.make_optimizer(name.removeprefix('base_'))
        return super().create_optimizer(name)

    def all_due(self, step):
        names = {self._main: 'autoencoder', 'classifier': 'classifier'}
        of_base = {names.get(name) or _base_name(name): due for name, due in self.base.due(step).items()}
        return {**of_base, **super().all_due(step)}

    def random_inputs(self, images):
        return {_base_name(name): value for name, value in self.base.random_inputs(images).items()}

    def loss_terms(self, images, random_inputs, labels=None, training=False):
        of_base = {name.removeprefix('base_'): value for name, value in random_inputs.items() if name.startswith('base_')}
        latents, reconstruction, terms = self.base.forward(images, of_base, labels, training)
        terms = {self._loss_name(name): value for name, value in terms.items()}
        return {**terms, **self.regularizer_terms(images, latents, reconstruction, random_inputs, training)}

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        """{name: scalar}, the terms that the system adds to the base's, or computes in its own way on the baseline;
        arguments as for `forward`, with latents and reconstruction of the base's `Pass`."""
        raise NotImplementedError

    def objectives(self, terms):
        """The base's objectives: {'autoencoder': its loss, ...}, and the classifier's; a subclass adds its own."""
        of_base = self.base.objectives({name: terms[self._loss_name(name)] for name in self.base.loss_names
                                        if name != 'classify_latent'})
        return {'autoencoder': of_base.pop(self._main), 'classifier': terms.get('classify_latent'),
                **{_base_name(name): value for name, value in of_base.items() if name != 'classifier'}}

    def after_update(self):
        self.base.after_update()
