import tensorflow as tf

import parity


class Parity(parity.ParityTestCase):
    model_name = 'midrae'


if __name__ == '__main__':
    tf.test.main()
