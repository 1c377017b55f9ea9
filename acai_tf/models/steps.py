"""One step of a model: all gradients, then the updates of the optimizers that are due."""

import contextlib
import math
import numbers
import re

import keras
import tensorflow as tf

from acai_tf import randomness
from acai_tf.errors import NonFiniteError, UsageError
from acai_tf.models import optimizers

_DTYPES = ('float32', 'mixed_bfloat16')
_NOT_FINITE = 'loss terms that are not finite'
CHECK = 'check of data: '  # begins the message of an assertion, followed by three values


class Steps:
    """Turns objectives of a `keras.Model` into updates, in `train_step`, in `fit` and under a strategy.

    A subclass declares the networks that each optimizer updates (`optimizer_networks`), the loss terms it logs
    (`loss_names`), and the networks that only training needs (`training_only`). With `average`, the optimizers of the other
    networks keep a moving average of the weights; `average` is the decay of this average. `seed` decides every draw in
    training. `steps` is another model's counter, if that model counts the steps.

    Attributes:
        steps: int64 variable, the number of training steps done; part of the key of every draw.
        optimizers: {name: Keras optimizer}, once compiled.
        trackers: {name of a loss: the mean that `fit` shows}.
    """

    optimizer_networks = {}
    loss_names = ()
    training_only = ()
    average = 0.0

    # True while Keras calls or traces a step; the Keras function that last did so; rows of the batch in this step.
    in_keras, _function, _rows = False, None, None

    def __init__(self, seed=0, name=None, dtype=None, steps=None):
        super().__init__(name=name, dtype=dtype)
        _check_dtypes(self.dtype_policy.name)
        self.seed = seed
        self.steps = self.add_weight(
            name='steps', shape=(), dtype='int64', initializer='zeros', trainable=False,
            aggregation='only_first_replica') if steps is None else steps  # every replica counts the same
        self.optimizers = {}
        self.network_names = []
        self.trackers, self._terms_of = {}, {}

    def add_network(self, name, network):
        """Keeps `network` as the attribute `name`, under which it is checkpointed too. Its batch normalization layers become
        synchronized: they use statistics of the global batch."""
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
        setattr(self, name, network)
        self.network_names.append(name)

    @property
    def networks(self):
        """{name: network}, in order of construction."""
        return {name: getattr(self, name) for name in self.network_names}

    def compile(self, lr=1e-4, **kwargs):
        """Makes an optimizer for each entry of `optimizer_networks`.

        Args:
            lr: learning rate, a number or a Keras LearningRateSchedule.
            **kwargs: run_eagerly, steps_per_execution and jit_compile of `keras.Model.compile`.

        Raises:
            UsageError: any other argument of `keras.Model.compile`; the model sets those itself.
        """
        for name in ('optimizer', 'loss', 'loss_weights', 'metrics', 'weighted_metrics'):
            if kwargs.pop(name, None) is not None:
                raise UsageError(f'compile(): {type(self).__name__} sets {name} itself; leave it out (the learning rate is '
                                 'lr)')
        is_schedule = isinstance(lr, keras.optimizers.schedules.LearningRateSchedule)
        if not is_schedule and not (isinstance(lr, numbers.Real) and 0 <= lr < math.inf):
            raise UsageError(f'compile(lr={lr!r}): must be a number of at least 0 or a Keras LearningRateSchedule')
        lr = lr if is_schedule else float(lr)  # Keras takes no other numbers
        super().compile(optimizer=None, **kwargs)
        self.trackers = {name: (optimizers.RootMean if name == 'rmse' else keras.metrics.Mean)(name=name)
                         for name in dict.fromkeys((*self.loss_names, 'loss'))}
        self._given_lr = lr
        self.lr = optimizers.BySteps(lr, self.steps) if is_schedule else lr
        for name, networks in self.optimizer_networks.items():
            optimizer = self.create_optimizer(name)
            if self.average and set(networks) - set(self.training_only):
                optimizer.use_ema, optimizer.ema_momentum = True, self.average
            optimizer.build(self.variables_of(name))
            self.optimizers[name] = optimizer
        self.optimizer = optimizers.LearningRate(self.optimizers, lr, self.steps)

    def create_optimizer(self, name):
        """`make_optimizer`, of the part of the model that has the optimizer."""
        return self.make_optimizer(name)

    def make_optimizer(self, name):
        """Creates the optimizer of that name: Adam at `rate_of(name)`, with beta_1 0.9, beta_2 the option `<name>_beta_2` or
        0.999, and epsilon 1e-8, as in TF1."""
        return optimizers.Adam(self.rate_of(name), beta_1=0.9, beta_2=getattr(self, f'{name}_beta_2', 0.999), epsilon=1e-8,
                               name=name)

    def rate_of(self, name):
        """Initial learning rate of the optimizer of that name, a number or a Keras LearningRateSchedule: the option
        `<name>_lr`, if the system has it and it is not 0, or else `lr`."""
        own = getattr(self, f'{name}_lr', 0)
        return self.rate(own) if own else self.lr

    def rate(self, initial):
        """A rate for `rate_of`: the number `initial`, or the schedule of `compile(lr=)` for that initial rate."""
        return self.lr.beginning_at(initial) if isinstance(self.lr, optimizers.BySteps) else initial

    @contextlib.contextmanager
    def averaged(self):
        """Replaces the weights by their moving averages, if the model keeps any, until the block ends."""
        averages = [pair for name, pairs in self.averages.items() for pair in pairs
                    if self.optimizers[name].iterations.numpy()]
        weights = [variable.numpy() for variable, _ in averages]
        for variable, average in averages:
            variable.assign(average)
        try:
            yield
        finally:
            for (variable, _), value in zip(averages, weights):
                variable.assign(value)

    @property
    def averages(self):
        """{optimizer: [(variable, its moving average)]}; an average begins at the optimizer's first update."""
        return {name: list(zip(self.variables_of(name), optimizer._model_variables_moving_average))
                for name, optimizer in self.optimizers.items() if optimizer.use_ema}

    def variables_of(self, optimizer):
        """Trainable variables that the optimizer of that name updates."""
        return [v for name in self.optimizer_networks[optimizer] for v in getattr(self, name).trainable_variables]

    def uniform(self, name, shape):
        """Uniform numbers in [0, 1), keyed by seed, step, replica and `name`."""
        return randomness.uniform(shape, self._key(name))

    def normal(self, name, shape):
        """Standard normal numbers, with the same key."""
        return randomness.normal(shape, self._key(name))

    def permutation(self, name, size):
        """A random order of 0..size-1, with the same key."""
        return randomness.permutation(size, self._key(name))

    def _key(self, name):
        return randomness.key(self.seed, name, self.steps, randomness.current_replica())

    def gather(self, values):
        """[batch of this replica, ...] -> [global batch, ...]; gradients flow back to every replica's part."""
        return values if replicas() == 1 else tf.distribute.get_replica_context().all_gather(values, axis=0)

    def global_mean(self, value):
        """Averages, over replicas, a mean over each replica's part of the batch; gradients flow back to every part."""
        return all_reduce('MEAN', value)

    def track(self, terms):
        """Returns the terms. In `fit` and `evaluate`, also adds them to the means over all rows that are shown."""
        for name in terms:
            if name not in self.trackers:
                raise UsageError(f'{type(self).__name__} returns the loss term {name}; add it to its loss_names')
        if not self.in_keras:
            return terms
        self._terms_of[self._function] = list(terms)
        # Without this dependency `fit` would also count the step that finds the data set exhausted.
        with tf.control_dependencies(list(terms.values())):
            for name, value in terms.items():
                self.trackers[name].update_state(value, self._rows)
        return terms

    @property
    def metrics(self):
        # Only the trackers of this step's terms; otherwise Keras would show the last batch's values instead of means.
        return [self.trackers[name] for name in self._terms_of.get(self._function, self.loss_names)]

    def due(self, step):
        """{optimizer: True if it takes this step}; optimizers that are left out take every step. `step` is an int64 tensor,
        0 at the first step."""
        del step
        return {}

    def all_due(self, step):
        """`due`, of all parts of the model."""
        return self.due(step)

    def assert_finite(self, terms):
        """Returns `terms` unchanged. In `fit`, raises before any update if one is not finite.

        The training loop of `acai_tf.training` checks the terms itself. If a `train_step` does not call this, `update` stops
        it, but can only name the optimizer. XLA, Keras's default on a GPU, has no assertions: there the numbers that `fit`
        shows become NaN, and the callback TerminateOnNaN ends the training.
        """
        if not self.in_keras or self.jit_compile:
            return terms
        # If one replica has a bad term, none makes an update.
        bad = all_reduce('SUM', tf.cast(~tf.math.is_finite(tf.stack(list(terms.values()))), tf.float32))
        with tf.control_dependencies([tf.debugging.Assert(
                tf.reduce_all(bad == 0), [_NOT_FINITE, tf.boolean_mask(list(terms), bad > 0)], summarize=len(terms))]):
            return {name: tf.identity(value) for name, value in terms.items()}

    def update(self, tape, objectives):
        """Computes all gradients at the current parameters, makes all updates that are due, and counts the step. Takes the
        persistent tape around the forward pass, and {optimizer: scalar that it minimizes, or None to skip it}."""
        # Optimizers sum gradients over replicas, and each replica's loss is the mean over its own part of the batch, so
        # the factor 1 / replicas gives the gradient of the global mean. Nothing else scales gradients.
        scale = tf.fill([], 1.0 / replicas())
        due = self.all_due(tf.convert_to_tensor(self.steps.value))

        def gradients_of(name, **kwargs):
            return tape.gradient(objectives[name], self.variables_of(name), output_gradients=scale, **kwargs)

        def due_gradients(name):
            if replicas() > 1:
                # A gradient may need the other replicas (`gather`, batch normalization), and a tf.cond cannot wait for them.
                return [tf.where(due[name], gradient, 0) for gradient in gradients_of(name, unconnected_gradients='zero')]
            return tf.cond(due[name], lambda: gradients_of(name, unconnected_gradients='zero'),  # computed where it is used
                           lambda: [tf.zeros_like(variable) for variable in self.variables_of(name)])
        objectives = {name: objective for name, objective in objectives.items() if objective is not None}
        gradients = {name: due_gradients(name) if name in due else gradients_of(name) for name in objectives}
        # Nothing else makes the counter wait for the data: without this dependency it would also count the step that finds
        # the data set exhausted in `fit`.
        with tf.control_dependencies(list(self.assert_finite(objectives).values())):
            self.apply_gradients(gradients, due)
            self.after_update()
            self.steps.assign_add(1)

    def after_update(self):
        """Hook for a subclass to update state that no optimizer updates."""

    def apply_gradients(self, gradients, due):
        """Applies {optimizer: gradients of `variables_of(optimizer)`}; optimizers that are not `due` change nothing."""
        for name, values in gradients.items():
            optimizers.apply(self.optimizers[name], values, self.variables_of(name), due.get(name))

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = self._in_keras('train', self._by_shapes('train', super().make_train_function))

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = self._in_keras('test', self._by_shapes('test', super().make_test_function))

    def make_predict_function(self, force=False):
        if self.predict_function is None or force:
            self.predict_function = self._by_shapes('predict', super().make_predict_function)

    def _by_shapes(self, kind, make):
        """Returns a function like the one that Keras's `make` creates, but with a new one for every shape and type of a row.
        Keras traces its function with less and less specific shapes, which would hide mistakes from the step's checks."""
        functions, name = {}, f'{kind}_function'

        def call(data):
            rows = tuple((leaf.dtype, str(leaf.shape[1:])) if hasattr(leaf, 'shape') else None
                         for leaf in tf.nest.flatten(getattr(data, 'element_spec', data)))
            if rows not in functions:
                wrapped = getattr(self, name)
                make(force=True)
                functions[rows] = getattr(self, name)
                setattr(self, name, wrapped)
            return functions[rows](data)
        return call

    def _in_keras(self, kind, function):
        """Wraps Keras's function of a step: enables the step's checks and turns their failures into our errors."""
        def call(data):
            self.in_keras, self._function = True, kind
            try:
                return function(data)
            except tf.errors.InvalidArgumentError as error:
                self._raise_ours(error)
                raise
            finally:
                self.in_keras = False
        return call

    def _raise_ours(self, error):
        """Raises the error of the check that failed."""
        parts = re.findall(r'\[([^\[\]]*)\]', error.message)
        names = [name for name in (*self.loss_names, *self.optimizer_networks) if name in ' '.join(parts).split()]
        if _NOT_FINITE in parts:
            raise NonFiniteError(f'{", ".join(names)} is not finite at step {self.steps.numpy() + 1}; the weights are '
                                 'unchanged; try a smaller lr') from None
        for i, part in enumerate(parts):
            if part.startswith(CHECK):
                raise UsageError(' '.join([part.removeprefix(CHECK), *parts[i + 1:i + 4]])) from None

    def get_compile_config(self):
        return {'lr': keras.saving.serialize_keras_object(self._given_lr)} if self.optimizers else None

    def compile_from_config(self, config):
        self.compile(keras.saving.deserialize_keras_object(config['lr']))


def replicas():
    """Number of replicas that take part in a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def all_reduce(operation, values):
    """Combines tensors of all replicas by SUM or MEAN; a single replica's are returned unchanged."""
    return values if replicas() == 1 else tf.distribute.get_replica_context().all_reduce(operation, values)


def _check_dtypes(policy):
    """Raises UsageError for a dtype policy or a Keras floatx that does not work."""
    if keras.config.floatx() != 'float32':
        raise UsageError(f"Keras's floatx is {keras.config.floatx()}, but acai_tf needs float32; change it in keras.json or "
                         "with keras.config.set_floatx('float32')")
    if policy not in _DTYPES:
        raise UsageError(f'dtype={policy!r} does not work; choose {" or ".join(_DTYPES)}')
