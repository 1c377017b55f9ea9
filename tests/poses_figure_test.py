"""Figures of poses: values of the metric, and the manifold."""

import numpy as np
import tensorflow as tf

from acai_tf.datasets import pole
from acai_tf.figures import maps
from acai_tf.figures import poses as poses_figure
from acai_tf.metrics import poses


class PosesFigureTest(tf.test.TestCase):

    def test_the_panels(self):
        angles = np.stack(np.meshgrid(np.arange(0, 360, 10), [45, 60, 75]), axis=-1).reshape(-1, 2).astype(float)
        values = {name: poses.evaluate(lambda images, scale=scale: scale * images, lambda latents: latents,
                                       pole.draw_pole(angles, 16), angles, np.arange(len(angles)) % 5 == 0)
                  for name, scale in (('model', 0.8), ('pixel_dissolve', 1.0), ('straight_tip', 0.9))}
        figure = poses_figure.draw(values)
        of_altitude = poses_figure.draw(values, along='altitude').axes[3]
        by_alpha = values['model']['all']['parameter_distance']['altitude']['by_alpha']
        self.assertAllClose(of_altitude.lines[0].get_ydata(), [row['to_source'] for row in by_alpha.values()])
        self.assertIn('all altitudes', of_altitude.get_title())
        self.assertLen(figure.axes, 4)
        self.assertEqual([line.get_label() for line in figure.axes[1].lines], ['model', 'pixel dissolve', 'straight tip'])


class ManifoldTest(tf.test.TestCase):

    def test_a_line_for_each_azimuth_and_altitude(self):
        angles = np.stack(np.meshgrid(np.arange(0, 360, 30), [10, 20, 30]), axis=-1).reshape(-1, 2)
        for dimensions in (2, 3):
            figure = maps.manifold([('a', np.random.default_rng(0).normal(size=[36, 5]))], angles, dimensions=dimensions)
            self.assertLen(figure.axes[0].lines, 12 + 3)
            ring = figure.axes[0].lines[-1].get_data()[0]
            self.assertEqual((len(ring), ring[0]), (13, ring[-1]))  # closed


if __name__ == '__main__':
    tf.test.main()
