"""Declared options: types, bounds, choices, and classes with options."""

import tensorflow as tf
from absl.testing import parameterized

from acai_tf.errors import UsageError
from acai_tf.options import Configured, Option, declared, resolve, sizes_of


class Shape(Configured):
    sides = Option(3, 'number of sides', minimum=3, maximum=10)
    scale = Option(1.0, 'factor', minimum=0)
    limit = Option(1.0, 'factor', maximum=2.5)
    closed = Option(True, 'whether the last side is drawn')
    color = Option('red', 'of the sides', choices=('red', 'blue'))
    width = Option(None, 'of the sides; by default none', kind=float, minimum=0)
    seed = Option(0, 'of the draws')


class Square(Shape):
    sides = 4  # fixed
    tilt = Option(0, 'in degrees')


class OptionTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(
        ('sides', 3, 3), ('sides', 10, 10), ('sides', '7', 7), ('sides', 7.0, 7), ('scale', 2, 2.0),
        ('scale', '1e-3', 0.001), ('scale', 0, 0.0), ('limit', -5, -5.0), ('closed', 'false', False),
        ('closed', '1', True), ('closed', False, False), ('color', 'blue', 'blue'), ('width', None, None),
        ('width', '2', 2.0), ('seed', str(2**53 + 1), 2**53 + 1))
    def test_values(self, name, given, expected):
        value = declared(Shape)[name].parse(given)
        self.assertEqual((value, type(value)), (expected, type(expected)))

    @parameterized.parameters(
        ('sides', 2, 'sides=2: must be at least 3 and at most 10'),
        ('sides', '11', 'sides=11: must be at least 3 and at most 10'),
        ('scale', -0.5, 'scale=-0.5: must be at least 0'), ('limit', 3, 'limit=3: must be at most 2.5'),
        ('width', -1, 'width=-1: must be at least 0'), ('scale', float('nan'), 'scale=nan is not a finite number'),
        ('limit', '-inf', "limit='-inf' is not a finite number"), ('sides', 3.5, 'sides=3.5 is not of type int'),
        ('sides', 'x', "sides='x' is not of type int"), ('sides', None, 'sides=None is not of type int'),
        ('sides', float('inf'), 'sides=inf is not of type int'), ('scale', [1], r'scale=\[1\] is not of type float'),
        ('scale', True, 'scale=True is not of type float'), ('closed', 'perhaps', "closed='perhaps' is not of type bool"),
        ('closed', 2, 'closed=2 is not of type bool'), ('color', 'green', 'color=green: choose one of red, blue'))
    def test_values_that_are_not_allowed(self, name, given, message):
        with self.assertRaisesRegex(UsageError, f'^{message}'):
            declared(Shape)[name].parse(given)

    def test_a_subclass_has_the_options_of_its_ancestors_first_and_can_fix_one(self):
        self.assertEqual(list(declared(Square)), ['scale', 'limit', 'closed', 'color', 'width', 'seed', 'tilt'])
        self.assertEqual(list(declared(Shape)), ['sides', 'scale', 'limit', 'closed', 'color', 'width', 'seed'])

    def test_defaults_are_filled_in_and_unknown_names_are_refused(self):
        self.assertEqual(resolve('square', Square, {'tilt': '30'}), {
            'scale': 1.0, 'limit': 1.0, 'closed': True, 'color': 'red', 'width': None, 'seed': 0,
            'tilt': 30})
        with self.assertRaisesRegex(UsageError, '^the square of paper has no option sides; it has scale, limit, closed, '
                                    'color, width, seed, tilt$'):
            resolve('square of paper', Square, {'sides': 3})
        with self.assertRaisesRegex(UsageError, '^the point has no option scale; it has none$'):
            resolve('point', Configured, {'scale': 3})

    def test_options_in_force_are_attributes(self):
        square = Square()
        square.set_options({'scale': 2, 'color': 'blue'}, 'square')
        self.assertEqual((square.scale, square.color, square.sides), (2.0, 'blue', 4))
        self.assertEqual(square.options(), {'scale': 2.0, 'limit': 1.0, 'closed': True, 'color': 'blue', 'width': None,
                                            'seed': 0, 'tilt': 0})

    def test_sizes_of_layers(self):
        self.assertEqual(sizes_of('layers', '500, 20,3'), [500, 20, 3])
        for text in ('', '5,,3', '0', '-5', 'a', '1.5'):
            with self.assertRaisesRegex(UsageError, "^layers='.*': must be positive numbers, separated by commas"):
                sizes_of('layers', text)


if __name__ == '__main__':
    tf.test.main()
