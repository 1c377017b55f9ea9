"""MIDR-AE: multidimensional interpolation and dual regularizations (Qian et al., IJCAI 2019; released midrae.py)."""

import keras

from acai_tf.models.dracai import DRACAI
from acai_tf.models.miae import MIAE
from acai_tf.options import Option

# midrae.py logs two of ACAI's terms under other names.
_RELEASED_NAMES = {'loss_disc': 'loss_disc_mix', 'loss_ae_disc': 'loss_ae_disc_mix'}


@keras.saving.register_keras_serializable('acai_tf')
class MIDRAE(MIAE, DRACAI):
    """DR-ACAI with MI-AE's coefficients and guesses for every value of the latent (eq. 10; omega_2 is advweight).

    alpha_noise is uniform in [0, 1], as in midrae.py. The paper has [0, 0.5], which is alpha_noise_max = 0.5.
    """

    alpha_noise_max = Option(1.0, 'largest share of the latent in its mix with the prior; 0.5 in the paper',
                             minimum=0, maximum=1, released=False)
    quick = {}  # not ACAI's constant rates: with them, one run of five stayed blank
    broadcast_noise_target = False  # each guess has its own target, of the same shape

    loss_names = tuple(_RELEASED_NAMES.get(tag, tag) for tag in DRACAI.loss_names)

    def alpha_noise(self, shape):
        return self.alpha_noise_max * self.uniform('alpha_noise', shape)

    def regularizer_terms(self, images, latents, reconstruction, random_inputs, training):
        terms = super().regularizer_terms(images, latents, reconstruction, random_inputs, training)
        return {_RELEASED_NAMES.get(tag, tag): value for tag, value in terms.items()}

    def objectives(self, terms):
        return super().objectives({**terms, **{tag: terms[released] for tag, released in _RELEASED_NAMES.items()}})
