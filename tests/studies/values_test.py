"""The numbers of a table, from reports and seeds."""

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

    def test_mean_and_sample_deviation(self):
        mean, deviation = values.mean_and_deviation([1.0, 2.0, 6.0])
        self.assertAllClose((mean, deviation), (3.0, ((4 + 1 + 9) / 2)**0.5))
        self.assertEqual(values.mean_and_deviation([4.0]), (4.0, None))

    def test_an_order_is_what_the_interval_of_the_difference_says(self):
        # Variances of 1, three values: the error is sqrt(2 / 3), with 4 degrees of freedom, and t is 2.776: 2.267.
        self.assertEqual([values.order([x + 1, x, x - 1], [-1, 0, 1]) for x in (-2.27, -2.26, 2.26, 2.27)], [-1, 0, 0, 1])
        # Without a variance on one side: 1 / sqrt(3), 2 degrees of freedom, t = 4.303: 2.484.
        self.assertEqual([values.order([x, x], [-1, 0, 1]) for x in (2.49, 2.48)], [1, 0])
        self.assertEqual((values.order([1, 1], [0, 0]), values.order([1, 1], [1, 1])), (1, 0))
        self.assertEqual((values.order([9], [-1, 0, 1]), values.order([], [0, 0])), (0, 0))

    def test_minutes_by_the_rates_of_the_reports(self):
        # 1 kimg at 1024 images/s is a second, the next two at 512 four.
        self.assertEqual(values.training_minutes([{'kimg': 60, 'img_per_s': 1024.0}, {'kimg': 180, 'img_per_s': 512.0}]),
                         (60 + 240) / 60)
        self.assertIsNone(values.training_minutes([{'kimg': 1, 'img_per_s': 0.0}]))

    def cell(self, system, published, deviation, measured, blank=(), **changes):
        return {'label': system, 'dataset': 'lines32', 'stands_for': None, 'd_z': 64, 'metric': 'lines',
                'value': 'mean_distance', 'published': published, 'deviation': deviation, 'measured': measured[0],
                'recalled': False, **changes,
                'seeds': [{'value': value, 'blank': number in blank} for number, value in enumerate(measured)]}

    def test_which_orders_are_seen(self):
        near = [-.01, 0, .01]
        cells = [self.cell('a', 1.0, 0.1, [5 + x for x in near]), self.cell('b', 2.0, 0.1, [7 + x for x in near]),  # same
                 self.cell('c', 1.1, 0.1, [8 + x for x in near]),  # published like a; measured above b: opposite
                 self.cell('d', 3.0, None, [6, 7, 8])]  # published above all; too close to b, and to c (1, 2.48)
        first, second, third = values.conclusions(cells, 'one night')
        self.assertEqual(first, 'Of 5 pairs of systems that the published numbers put in an order, 1 is in the same order '
                         'here, 1 in the opposite one, and 3 too close to tell (Welch, 95%).')
        self.assertEqual(second, 'Not seen: b above c.')
        self.assertEqual(third, 'What it does not show: one night.')
        self.assertIn('recalled numbers', values.conclusions([self.cell('a', 1.0, 0.0, [5.0, 5.1], recalled=True),
                                                              self.cell('b', 2.0, 0.0, [7.0, 7.1], recalled=True)], '')[0])

    def test_without_published_numbers_systems_are_compared_with_the_first_and_with_their_bases(self):
        def cell(label, measured, **changes):
            return self.cell(label, None, None, measured, **{'model': label, 'base': 'baseline'} | changes)
        near = [-.01, 0, .01]
        cells = [cell('baseline', [5 + x for x in near]), cell('acai', [4 + x for x in near]),
                 cell('vae', [6 + x for x in near]), cell('dropout', [4, 5, 6]), cell('one', [1.0]),
                 cell('acai on vae', [5.5 + x for x in near], model='acai', base='vae'),
                 cell('blank', [9.0, 9.1], blank=(0, 1))]
        self.assertEqual(values.conclusions(cells, ''), [
            'lines32, d_z 64, mean_distance, compared with baseline (Welch, 95%): lower: acai; higher: vae; too close to '
            'tell: dropout.',
            'lines32, d_z 64, mean_distance, compared with vae (Welch, 95%): lower: acai on vae.',
            'Not compared, because only one run counts: one.', 'Left out, because every run is blank: blank.'])
        self.assertStartsWith(values.conclusions([cell('one', [1.0]), *cells[:2]], '')[0],
                              'lines32, d_z 64, mean_distance, compared with baseline (Welch, 95%): lower: acai.')
        self.assertEqual(values.conclusions([cell('a', [5.0, 5.1])], ''), [
            'Nothing can be said about an order, because no two systems have two runs that count.'])
        self.assertEqual(values.conclusions([cell('a', [5.0]), self.cell('b', 1.0, 0.1, [None])], ''),
                         ['There are no published numbers for comparison.'])

    def test_poses_of_two_sizes_are_two_curves(self):
        def cell(size, blank, kept='values'):
            return {'label': 'acai', 'dataset': 'pole64', 'd_z': size, 'metric': 'poses', 'value': 'model.mse',
                    'stands_for': None, 'options': {'latent': size}, 'model_options': {}, 'metric_options': {},
                    'seeds': [{'seed': 0, 'blank': blank, kept: {'poses': {'model': {'mse': size}}}}]}
        self.assertEqual(values.curves([cell(32, False)]), ({'acai': [{'mse': 32}]}, []))
        cells = [cell(32, False), cell(256, False), cell(8, True)]
        values.keep_once(cells)
        self.assertEqual(values.curves(cells), ({'acai, pole64, d_z 32': [{'mse': 32}], 'acai, pole64, d_z 256': [
            {'mse': 256}]}, ['acai, pole64, d_z 8']))

    def test_with_one_seed_nothing_is_in_order(self):
        single = [self.cell('a', 1.0, None, [5.0]), self.cell('b', 2.0, None, [7.0, 7.1]),
                  self.cell('b', 2.0, None, [7.0], metric='path')]
        self.assertEqual(values.conclusions(single, ''), [
            '1 pair cannot be ordered, because a system has only one run that counts.'])

    def test_blank_runs_do_not_count(self):
        cells = [self.cell('a', 1.0, None, [5.0, 5.1, 900.0], blank=[2]), self.cell('b', 2.0, None, [7.0, 7.1]),
                 self.cell('c', 3.0, None, [0.0, 0.1], blank=[0, 1])]
        self.assertEqual(values.conclusions(cells, ''), [
            'Of 1 pair of systems that the published numbers, which have no deviations, put in an order, 1 is in the same '
            'order here, 0 in the opposite one, and 0 too close to tell (Welch, 95%).',
            'Left out, because every run is blank: c.'])


if __name__ == '__main__':
    tf.test.main()
