"""One learning rate in front of several optimizers, where Keras's callbacks look for it."""


class LearningRate:
    """What `model.optimizer` is: an object whose `learning_rate` can be read and set, for LearningRateScheduler,
    ReduceLROnPlateau and their like.

    Setting it keeps the ratio that the optimizers' rates had to `lr` when the model was compiled.

    Args:
        optimizers: {name: Keras optimizer}.
        lr: the rate that the model was compiled with.
        steps: the variable that counts the steps.
    """

    built = True

    def __init__(self, optimizers, lr, steps):
        self._optimizers, self._rate, self.iterations = optimizers, lr, steps
        self._ratios = {name: float(o.learning_rate.numpy()) / lr if lr else 1.0 for name, o in optimizers.items()}

    @property
    def learning_rate(self):
        """The rate of those optimizers that have no other."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate):
        self._rate = float(rate)
        for name, optimizer in self._optimizers.items():
            optimizer.learning_rate = self._rate * self._ratios[name]

    @property
    def variables(self):
        """Those of all optimizers."""
        return [variable for optimizer in self._optimizers.values() for variable in optimizer.variables]
