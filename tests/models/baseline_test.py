import parity
import tensorflow as tf


class Parity(parity.ParityTestCase):
    model_name = 'baseline'


if __name__ == '__main__':
    tf.test.main()
