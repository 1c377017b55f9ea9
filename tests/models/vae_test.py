import tensorflow as tf

import parity


class Parity(parity.ParityTestCase):
    model_name = 'vae'
    hyperparameters = {'sample_latent': True}

    def setUp(self):
        super().setUp()
        self.model.noise = lambda shape: self.reference['draw/eps']


if __name__ == '__main__':
    tf.test.main()
