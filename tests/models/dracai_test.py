import tensorflow as tf

import parity


class Parity(parity.ParityTestCase):
    model_name = 'dracai'
    hyperparameters = {'broadcast_noise_target': True}


if __name__ == '__main__':
    tf.test.main()
