"""RIM: regularized information maximization (Gomes, Krause, Perona, NeurIPS 2010)."""

import tensorflow as tf

from acai_tf.clusterers.discriminative import Discriminative
from acai_tf.options import Option


class RIM(Discriminative):
    """A classifier that is informative about the points and has small weights (eq. 5).

        minimize  H(y|x) - H(y) + lambda ||W||^2

    The paper's logit is linear, `rim='linear'`. ACAI's table quotes the deep form of Hu et al. (2017), where W are the
    kernels of IMSAT's network; its code is not public. Here RIM has IMSAT's Adam, batch and epochs, so that the two differ
    only in their penalty; lambda ||W||^2 has the gradient of the decay of 0.005 in a public reproduction
    (github.com/MOhammedJAbi/Imsat, Deep_RIM.py).
    """

    rim = Option('deep', 'the logit: deep or linear', choices=('deep', 'linear'))
    weight_decay = Option(0.0025, 'lambda: weight of the squared norm of the kernels', minimum=0)

    idle = {('rim', 'linear'): ('layer_sizes',)}
    loss_names = ('loss', 'marginal_entropy', 'conditional_entropy')

    def hidden_sizes(self):
        return super().hidden_sizes() if self.rim == 'deep' else ()

    def loss_terms(self, points, training=False):
        """{tag: term} for normalized points [batch, width]."""
        return self._terms(self(points, training=training))

    def loss_on(self, points):
        return self._terms(self.answers(points))['loss']

    def _terms(self, logits):
        marginal, conditional = self.entropies(tf.nn.softmax(logits))
        squared_norm = 2 * tf.add_n([tf.nn.l2_loss(variable) for variable in self.classifier.trainable_variables
                                     if variable.name == 'kernel'])
        return {'loss': conditional - marginal + self.weight_decay * squared_norm, 'marginal_entropy': marginal,
                'conditional_entropy': conditional}
