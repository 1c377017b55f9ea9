"""Subjects of metrics: a live model and its export give the same values."""

import tempfile

import numpy as np
import tensorflow as tf
from made_up_data import Stripes

from acai_tf import export, metrics, models


class SubjectsTest(tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = Stripes()
        cls.model = models.create('acai', (4, 4, 1), 3, depth=2, latent=2, latent_width=2)
        cls.exported = export.load(export.export_model(
            cls.model, cls.data, 1, cls.enterClassContext(tempfile.TemporaryDirectory())))

    def test_values(self):
        for name in ('accuracy', 'correlation', 'reconstruction', 'path', 'conditioning', 'rank', 'probe', 'samples'):
            self.assertAllClose(metrics.compute(name, self.model, self.data),
                                metrics.compute(name, self.exported, self.data), rtol=1e-3, atol=1e-5, msg=name)

    def test_products_of_the_decoder_are_central_differences(self):
        latents, directions = np.random.default_rng(0).normal(size=[2, 7, 2, 2, 2]).astype(np.float32)

        def decode(latents):
            return self.model.decode(latents).astype(np.float64)
        differences = (decode(latents + 1e-2 * directions) - decode(latents - 1e-2 * directions)) / 2e-2
        for subject in (self.model, self.exported):
            self.assertAllClose(subject.decoder_products(latents, directions), differences, atol=1e-3)


if __name__ == '__main__':
    tf.test.main()
