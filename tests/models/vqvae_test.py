import tensorflow as tf

import parity


class Parity(parity.ParityTestCase):
    model_name = 'vqvae'
    _CODEBOOK = {'codes': 'codebook', 'ema_means': 'codebook_ema_means', 'ema_count': 'codebook_ema_count'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for stage in ('init', 'after'):
            for name, key in cls._CODEBOOK.items():
                value = cls.reference.pop(f'{stage}/{key}')
                value = value.reshape(value.shape[1 + (name == 'codes'):])  # leading axes are of length 1
                cls.reference[f'{stage}/codebook/{name}'] = value

    def variables(self):
        codebook = self.model.codebook
        return {**super().variables(), **{f'codebook/{name}': getattr(codebook, name) for name in self._CODEBOOK}}


if __name__ == '__main__':
    tf.test.main()
