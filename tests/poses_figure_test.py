"""Figures of poses: curves of the metric, and the manifold."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from acai_tf.datasets import pole
from acai_tf.figures import maps
from acai_tf.figures import poses as poses_figure
from acai_tf.metrics import poses

ANGLES = np.stack(np.meshgrid(np.arange(0, 360, 10), np.arange(45, 85, 10)), axis=-1).reshape(-1, 2).astype(float)


class PosesFigureTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        images, is_test = pole.draw_pole(ANGLES, 16), np.arange(len(ANGLES)) % 5 == 0
        cls.values = {name: [poses.evaluate(lambda images, scale=scale: scale * images, lambda latents: latents, images,
                                            ANGLES, is_test) for scale in scales]
                      for name, scales in (('aeai', (0.8, 0.7)), ('pixel_dissolve', (1.0,)))}

    def bands(self, axes):
        """Returns low and high of each band: [points] each."""
        return [(path.vertices[1:len(path.vertices) // 2, 1], path.vertices[-2:len(path.vertices) // 2:-1, 1])
                for collection in axes.collections for path in collection.get_paths()]

    def of_seeds(self, name, *place):
        """[seeds, alphas] of the first model."""
        found = []
        for values in self.values['aeai']:
            inner = values['all']
            for key in place:
                inner = inner[key]
            found.append([row[name] for row in inner.values()])
        return np.array(found)

    @parameterized.parameters('mean', 'deviation')
    def test_errors_by_alpha_are_means_over_the_seeds_with_a_band_of_their_deviation(self, which):
        axes, = poses_figure.draw(self.values, [[f'mse_by_alpha.azimuth_80.{which}']]).axes
        expected = self.of_seeds(which, 'mse_by_alpha', 'azimuth_80')
        self.assertAllClose(axes.lines[0].get_ydata(), expected.mean(axis=0))
        self.assertAllClose(axes.lines[0].get_xdata(), np.arange(1, 7) / 7, atol=1e-3)  # 8 images are 80 degrees
        (low, high), = self.bands(axes)  # the dissolve has one seed
        half = np.abs(expected[0] - expected[1]) / 2**0.5
        self.assertAllClose(low, expected.mean(axis=0) - half)
        self.assertAllClose(high, expected.mean(axis=0) + half)

    def test_errors_by_the_length_of_the_interval(self):
        axes, = poses_figure.draw(self.values, [['mse']]).axes
        lengths = [length for length in range(15, 85, 5) if f'azimuth_{length}' in self.values['aeai'][0]['all']['mse']]
        self.assertAllEqual(axes.lines[0].get_xdata(), lengths)
        self.assertAllClose(axes.lines[1].get_ydata(), [
            self.values['pixel_dissolve'][0]['all']['mse'][f'azimuth_{length}'] for length in lengths])

    def test_the_retrieved_alpha_has_a_panel_for_each_system_with_a_band_between_its_quartiles(self):
        figure = poses_figure.draw(self.values, 'retrieved_alpha.azimuth_70')
        self.assertEqual([axes.get_title() for axes in figure.axes], ['aeai', 'pixel_dissolve'])
        place = 'retrieved_alpha', 'azimuth_70', 'by_alpha'
        self.assertAllClose(figure.axes[0].lines[1].get_ydata(), self.of_seeds('median', *place).mean(axis=0))
        (low, high), = self.bands(figure.axes[0])
        self.assertAllClose(low, self.of_seeds('lower_quartile', *place).mean(axis=0))
        self.assertAllClose(high, self.of_seeds('upper_quartile', *place).mean(axis=0))

    def test_distances_to_source_and_target(self):
        first, second = poses_figure.draw(self.values, [['parameter_distance.azimuth_40'], [
            'parameter_distance.altitude']]).axes
        for axes, interval, span in ((first, 'azimuth_40', 30), (second, 'altitude', 30)):
            place = 'parameter_distance', interval, 'by_alpha'
            up, down, source, target = axes.lines[:4]
            self.assertEqual((list(up.get_ydata()), list(down.get_ydata())), ([0, span], [span, 0]))  # the ideal
            for line, name, style in ((source, 'to_source', '-'), (target, 'to_target', '--')):
                self.assertAllClose(line.get_ydata(), self.of_seeds(name, *place).mean(axis=0))
                self.assertEqual(line.get_linestyle(), style)

    def test_several_panels_have_one_legend(self):
        figure = poses_figure.draw(self.values, [['mse_by_alpha.azimuth_80.mean', 'mse'], ['parameter_distance.azimuth_15']])
        self.assertLen(figure.axes, 3)
        self.assertEqual([text.get_text() for text in figure.legends[0].get_texts()], ['aeai', 'pixel dissolve'])
        self.assertEmpty(figure.axes[2].lines)  # an interval that the poses do not have
        self.assertLen(poses_figure.draw(self.values).axes, 4)
        many = {f'{number}': self.values['aeai'] for number in range(7)}
        self.assertLen(poses_figure.draw(many, 'mse').axes, 7)


class ManifoldTest(tf.test.TestCase):

    def test_a_line_for_each_azimuth_and_altitude(self):
        angles = np.stack(np.meshgrid(np.arange(0, 360, 30), [10, 20, 30]), axis=-1).reshape(-1, 2)
        for dimensions in (2, 3):
            figure = maps.manifold([('a', np.random.default_rng(0).normal(size=[36, 5]))], angles, dimensions=dimensions)
            self.assertLen(figure.axes[0].lines, 12 + 3)
            ring = figure.axes[0].lines[-1].get_data()[0]
            self.assertEqual((len(ring), ring[0]), (13, ring[-1]))  # closed

    def test_a_point_on_the_manifold_and_one_off_it(self):
        """Latents around a center, at a distance given by the altitude; the farthest one is not a training image."""
        angles = np.stack(np.meshgrid(np.arange(0, 360, 30), [1, 2, 9]), axis=-1).reshape(-1, 2)
        latents = angles[:, 1:] * np.stack([f(np.radians(angles[:, 0])) for f in (np.cos, np.sin)], axis=1)
        is_train = angles[:, 1] < 9
        is_train[(angles == [30, 2]).all(axis=1)] = False
        is_train[(angles == [120, 9]).all(axis=1)] = True  # 90 degrees from [30, 1] and from [210, 2]
        on, ends = maps.on_and_off(latents, angles, is_train)
        self.assertCountEqual(map(tuple, angles[ends]), [(120, 9), (210, 2)])
        self.assertIn(on, ends)
        seen = []

        def decode(latents):
            seen.append(latents)
            return np.zeros([len(latents), 4, 4, 1])
        figure = maps.manifold([('2-D', latents), ('3-D', np.pad(latents, [[0, 0], [0, 1]]))], angles, decoders=[decode] * 2,
                               is_train=is_train)
        self.assertAllClose(seen[0], [latents[on], latents[ends].mean(axis=0)])
        self.assertEqual([axes.name for axes in figure.axes][::3][:2], ['rectilinear', '3d'])
        self.assertEqual([axes.get_title() for axes in figure.axes][:6],
                         ['2-D', 'on the manifold', 'off it', '3-D', 'on the manifold', 'off it'])
        self.assertIsNone(maps.on_and_off(latents, angles, angles[:, 0] == 30))


if __name__ == '__main__':
    tf.test.main()
