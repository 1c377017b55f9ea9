"""From reports and seeds to the numbers of a table."""

import tensorflow as tf

from acai_tf.studies import values


class AggregationTest(tf.test.TestCase):

    def test_the_median_of_the_last_twenty_reports(self):
        self.assertEqual(values.final([1000.0] * 5 + [float(n) for n in range(1, 21)]), (10.5, ''))
        self.assertEqual(values.final([1000.0] * 5 + [None] * 3 + [float(n) for n in range(1, 18)]), (9.0, ''))
        self.assertEqual(values.final([None] * 20), (None, ''))

    def test_too_few_reports_are_said(self):
        self.assertEqual(values.final([1.0, 5.0, 3.0]), (3.0, 'last of 3 reports, not the median of 20'))
        self.assertEqual(values.final([1.0]), (1.0, 'last of 1 report, not the median of 20'))
        self.assertEqual(values.final([]), (None, 'no report'))

    def test_mean_and_population_deviation(self):
        mean, deviation = values.mean_and_deviation([1.0, 2.0, 6.0])
        self.assertAllClose((mean, deviation), (3.0, ((4 + 1 + 9) / 3)**0.5))
        self.assertEqual(values.mean_and_deviation([4.0]), (4.0, None))

    def test_minutes_by_the_rates_of_the_reports(self):
        # 1 kimg at 1024 images/s is a second, the next two at 512 four.
        self.assertEqual(values.training_minutes([{'kimg': 60, 'img_per_s': 1024.0}, {'kimg': 180, 'img_per_s': 512.0}]),
                         (60 + 240) / 60)
        self.assertIsNone(values.training_minutes([{'kimg': 1, 'img_per_s': 0.0}]))

    def test_which_orders_are_seen(self):
        def cell(system, published, deviation, measured, spread=None, **changes):
            return {'label': system, 'dataset': 'lines32', 'stands_for': None, 'd_z': 64, 'metric': 'lines',
                    'value': 'mean_distance', 'published': published, 'deviation': deviation,
                    'measured': measured, 'measured_deviation': spread, 'recalled': False, **changes}
        cells = [cell('a', 1.0, 0.1, 5.0, 0.5), cell('b', 2.0, 0.1, 7.0, 0.5),  # a below b: seen
                 cell('c', 1.1, 0.1, 6.0, 0.1),  # as a, by what was published; below b: 6.0 + 0.6 < 7: seen
                 cell('d', 3.0, None, 6.4, 0.1)]  # above all: seen of a (5.6 < 6.4) and c, too close to b
        cells[2]['measured'], cells[3]['measured'] = 7.8, 7.4  # c above b: opposite; d below c: opposite; d, b close
        first, second, third = values.conclusions(cells, 'one seed')
        self.assertEqual(first, 'Of 5 pairs of systems that the published numbers put in an order, 2 are in the same order '
                         'here, 2 in the opposite one, and 1 too close to tell.')
        self.assertEqual(second, 'Not seen: b above c; d above c.')
        self.assertEqual(third, 'What it does not show: one seed.')
        self.assertIn('recalled numbers', values.conclusions([cell('a', 1.0, 0.0, 5.0, recalled=True),
                                                              cell('b', 2.0, 0.0, 7.0, recalled=True)], '')[0])
        single = [cell('a', 1.0, None, 5.0), cell('b', 2.0, None, 7.0), cell('b', 2.0, None, 7.0, metric='path')]
        self.assertEqual(values.conclusions(single, ''), [
            'Of 1 pair of systems that the published numbers, which have no deviations, put in an order, 1 is in the same '
            'order here, 0 in the opposite one, and 0 too close to tell.',
            'With one seed, chance may have decided all of them.'])
        self.assertEqual(values.conclusions([cell('a', None, None, 5.0)], ''),
                         ['There are no published numbers to compare these with.'])


if __name__ == '__main__':
    tf.test.main()
