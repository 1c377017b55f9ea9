"""MI-AE: multidimensional interpolation (Qian et al., IJCAI 2019; released miae.py)."""

import keras
import tensorflow as tf

from acai_tf import architectures
from acai_tf.models.acai import ACAI


@keras.saving.register_keras_serializable('acai_tf')
class MIAE(ACAI):
    """ACAI with a mixing coefficient and a critic's guess for every value of the latent; losses are means over batch and
    values. In the paper the critic's second term has x itself, which is reg = 1."""

    def build_critic(self):
        return architectures.build(self.architecture, 'encoder', self.image_shape, name='critic', depth=self.advdepth,
                                   answer=self.latent_shape)[0]

    def critic_score(self, images, training=False):
        return self.critic(images, training=training)

    def alpha_shape(self, images):
        return [tf.shape(images)[0], *self.latent_shape]
