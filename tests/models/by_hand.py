"""Networks that can be computed by hand, in place of a model's own."""


def network(function):
    """A function of one tensor as a network, the same in training and inference."""
    return lambda x, training=False: function(x)
