"""How a model makes one step: all gradients, then the updates of those optimizers that are due."""

import contextlib
import re

import keras
import tensorflow as tf

from acai_tf import randomness
from acai_tf.errors import NonFiniteError, UsageError
from acai_tf.models.adam import Adam
from acai_tf.models.rate import LearningRate

_NOT_FINITE = 'loss terms that are not finite: '


class Stepping:
    """What a `keras.Model` needs to turn objectives into updates, in `train_step`, in `fit` and under a strategy.

    A subclass says which optimizer updates which networks (`optimizes`) and which loss terms it logs (`tags`).

    Args:
        seed: int, of every draw in training.
        name, dtype: of `keras.Model`.

    Attributes:
        steps: int64 variable, the number of training steps done; every draw is keyed by it.
        optimizers: {name: Keras optimizer}, once compiled.
        trackers: {tag: mean that `fit` shows}.
    """

    optimizes = {}
    tags = ()

    # The optimizers that are stepped in the function being traced, None: as `due` says; and whether `fit` traces it.
    _stepped, _in_fit = None, False

    def __init__(self, seed=0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.seed = seed
        self.steps = self.add_weight(name='steps', shape=(), dtype='int64', initializer='zeros', trainable=False,
                                     aggregation='only_first_replica')  # every replica counts the same
        self.optimizers = {}
        self.network_names = []
        self.trackers = {tag: keras.metrics.Mean(name=tag) for tag in self.tags}

    def add_network(self, name, network):
        """Keeps `network` as the attribute `name`, under which it is checkpointed too.

        Its batch normalisation layers are synchronised: their statistics are those of the global batch.
        """
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
        """Makes an optimizer for each entry of `optimizes`.

        Args:
            lr: learning rate, constant.
            **kwargs: of `keras.Model.compile`, except optimizer and loss.
        """
        super().compile(optimizer=None, **kwargs)
        self.lr = lr
        for name in self.optimizes:
            optimizer = self.make_optimizer(name)
            optimizer.build(self.variables_of(name))
            self.optimizers[name] = optimizer
        self.optimizer = LearningRate(self.optimizers, lr, self.steps)

    def make_optimizer(self, name):
        """The Keras optimizer of that name: Adam at `lr`, with beta 0.9 and 0.999, epsilon 1e-8, as in TF1."""
        return Adam(self.lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8, name=name)

    def variables_of(self, optimizer):
        """Trainable variables that the optimizer of that name updates."""
        return [v for name in self.optimizes[optimizer] for v in getattr(self, name).trainable_variables]

    def uniform(self, name, shape):
        """Uniform numbers in [0, 1), keyed by seed, step, replica and `name`."""
        return randomness.uniform(shape, self._key(name))

    def normal(self, name, shape):
        """Standard normal numbers, keyed likewise."""
        return randomness.normal(shape, self._key(name))

    def permutation(self, name, size):
        """A random order of 0..size-1, keyed likewise."""
        return randomness.permutation(size, self._key(name))

    def _key(self, name):
        return randomness.key(self.seed, name, self.steps, randomness.current_replica())

    def gather(self, values):
        """[batch of this replica, ...] -> [global batch, ...]; gradients flow back to every replica's part."""
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return values
        return tf.distribute.get_replica_context().all_gather(values, axis=0)

    def global_mean(self, value):
        """The mean over the replicas of a mean over a replica's part of the batch; gradients flow back to every part."""
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return value
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)

    def track(self, terms):
        """Adds the terms to the means that `fit` shows; returns the terms themselves, for the training loop."""
        # Without the dependency `fit` would count the step at which it finds its data set exhausted.
        with tf.control_dependencies(list(terms.values())):
            for tag, value in terms.items():
                self.trackers[tag].update_state(value)
        return terms

    @property
    def metrics(self):
        # Only ours: Keras would add a tracker of the loss that it did not compute.
        return list(self.trackers.values())

    def due(self, step):
        """Which optimizers are stepped: {name: whether}; those left out are stepped at every step.

        Args:
            step: int64 tensor, 0 at the first step.
        """
        del step
        return {}

    def checked(self, terms):
        """The terms as they are; in `fit`, an error before any update if one of them is not finite.

        (The training loop of `acai_tf.training` looks at them itself. A `train_step` that does not call this is stopped by
        `update`, which can name the optimizer alone. XLA, Keras's default on a GPU, has no assertions: there the numbers
        that `fit` shows tell, or the callback TerminateOnNaN.)
        """
        if not self._in_fit or self.jit_compile:
            return terms
        bad = tf.cast(~tf.math.is_finite(tf.stack(list(terms.values()))), tf.float32)
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:  # no replica makes an update if one has a bad term
            bad = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, bad)
        with tf.control_dependencies([tf.debugging.Assert(
                tf.reduce_all(bad == 0), [_NOT_FINITE, tf.boolean_mask(list(terms), bad > 0)], summarize=len(terms))]):
            return {tag: tf.identity(value) for tag, value in terms.items()}

    def update(self, tape, objectives):
        """Takes all gradients at the current parameters, makes all updates that are due, and counts the step.

        Args:
            tape: the persistent tape around the forward pass.
            objectives: {optimizer: scalar that it minimises}.
        """
        # Optimizers sum gradients over replicas, and each replica's loss is the mean over its own part of the batch:
        # 1 / replicas makes the sum the gradient of the global mean. This is the only place that scales.
        scale = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync
        due = self._due_now()
        gradients = {name: tape.gradient(objective, self.variables_of(name), output_gradients=tf.fill([], scale))
                     for name, objective in objectives.items() if due[name] is not False}
        # Without the dependency the step at which `fit` finds its data set exhausted would count too: nothing else makes
        # the counter wait for the data.
        with tf.control_dependencies(list(self.checked(objectives).values())):
            self.apply_gradients({name: values for name, values in gradients.items() if due[name] is True})
            for name, values in gradients.items():
                if due[name] is not True:
                    tf.cond(due[name], lambda name=name, values=values: self._apply_one(name, values), tf.no_op)
            self.steps.assign_add(1)

    def apply_gradients(self, gradients):
        """Applies {optimizer: gradients of `variables_of(optimizer)`}."""
        for name, values in gradients.items():
            self.optimizers[name].apply(values, self.variables_of(name))

    def _apply_one(self, name, values):
        self.apply_gradients({name: values})
        return tf.no_op()

    def _due_now(self):
        """{optimizer: True, False, or a bool tensor if it is not known yet} for this step."""
        if self._stepped is not None:
            return {name: name in self._stepped for name in self.optimizes}
        due = dict.fromkeys(self.optimizes, True)
        for name, value in self.due(tf.convert_to_tensor(self.steps.value)).items():
            known = tf.get_static_value(value)
            due[name] = value if known is None else bool(known)
        return due

    def run_due(self, run):
        """`run()`, stepping the optimizers that are due at this step.

        `run` calls `train_step`, under `strategy.run` or not. It is traced once for each set of optimizers that may be
        due together: under MirroredStrategy a `tf.cond` works around `strategy.run`, not around `apply` inside.
        """
        due = self._due_now()

        def choose(stepped, undecided):
            if not undecided:
                with self._stepping(stepped):
                    return run()
            name, *rest = undecided
            return tf.cond(due[name], lambda: choose([*stepped, name], rest), lambda: choose(stepped, rest))
        return choose([name for name in due if due[name] is True],
                      [name for name in due if not isinstance(due[name], bool)])

    @contextlib.contextmanager
    def _stepping(self, names, in_fit=False):
        before = self._stepped, self._in_fit
        self._stepped, self._in_fit = frozenset(names), in_fit
        try:
            yield
        finally:
            self._stepped, self._in_fit = before

    def make_train_function(self, force=False):
        """Keras's function of one step of `fit`, one for each set of optimizers that are due together."""
        if self.train_function is not None and not force:
            return
        functions = {}

        def train(iterator):
            stepped = frozenset(name for name, due in self._due_now().items() if due)
            if stepped not in functions:
                super(Stepping, self).make_train_function(force=True)
                functions[stepped], self.train_function = self.train_function, train
            try:
                with self._stepping(stepped, in_fit=True):
                    return functions[stepped](iterator)
            except tf.errors.InvalidArgumentError as error:
                bad = re.search(f'{_NOT_FINITE}(.*)', error.message)
                if not bad:
                    raise
                names = ', '.join(name for name in (*self.tags, *self.optimizes) if re.search(rf'\b{name}\b', bad[1]))
                raise NonFiniteError(f'{names} is not finite at step {self.steps.numpy() + 1}; the weights are those from '
                                     'before it; try a smaller lr') from None
        if self.steps_per_execution > 1 and self.due(tf.constant(0, tf.int64)):
            raise UsageError(f'steps_per_execution={self.steps_per_execution}: {type(self).__name__} does not step all of '
                             'its optimizers at every step, so fit must make one step at a time')
        self.train_function = train

    def get_compile_config(self):
        return {'lr': self.lr}

    def compile_from_config(self, config):
        self.compile(**config)
