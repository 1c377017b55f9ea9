"""LR-AE: ACAI with a regularized latent (Qian et al., IJCAI 2019, section 4.2; released lrae.py)."""

import keras
import tensorflow as tf

from acai_tf.losses import mmd
from acai_tf.models.acai import ACAI
from acai_tf.options import Option


@keras.saving.register_keras_serializable('acai_tf')
class LRAE(ACAI):
    """ACAI that also pulls latents toward N(0, I): autoencoder + wgt_mmd * relu(MMD(z, prior)) (eq. 5).

    The MMD is over the global batch. Where its unbiased estimate is negative, relu leaves no gradient, as released.
    """

    wgt_mmd = Option(1.0, 'omega_1: weight of the MMD between latents and prior', minimum=0, quick=0.01)

    loss_names = (*ACAI.loss_names, 'loss_mmd')
    smallest_batch = 2

    def random_inputs(self, images):
        return {**super().random_inputs(images), 'prior': self.normal('prior', [tf.shape(images)[0], *self.latent_shape])}

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        both = [tf.reshape(self.gather(x), [-1, latents.shape[1] * latents.shape[2] * latents.shape[3]])
                for x in (latents, random_inputs['prior'])]
        # The last batch of an epoch may be a single example: it has no pairs, and relu makes the term 0.
        return {**super().regularizer_terms(images, latents, reconstruction, random_inputs, training),
                'loss_mmd': tf.nn.relu(mmd(*both))}

    def objectives(self, terms):
        objectives = super().objectives(terms)
        objectives['autoencoder'] += self.loss_scale * self.wgt_mmd * terms['loss_mmd']
        return objectives
