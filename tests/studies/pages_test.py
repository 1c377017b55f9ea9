"""The numbers typed into the tables of the pages are those of the JSON in docs/results."""

import functools
import json
import re

import tensorflow as tf
from absl.testing import parameterized
from programs import ROOT

from acai_tf.studies.values import learned_values, mean_and_deviation

_DISTANCE, _SMOOTHNESS, _EXPLAINED = 'lines mean_distance', 'lines mean_smoothness', 'explained_variance explained_variance'
_ACCURACY, _DRAWS = 'accuracy latent_accuracy', 'samples samples_'


def _draws(source):
    return [('bases-draws', f'{_DRAWS}{source}_nearest_train', 1000), ('bases-draws', f'{_DRAWS}{source}_recall', 1)]


# page, the header of a table -> for each column but the first: (JSON file, metric and value, factor[, d_z]); None: not from
# there
TABLES = {
    ('README.md', '| | Mean Distance, 512 kimg'):
        [('quick-long', _DISTANCE, 1000), ('quick-long', _SMOOTHNESS, 1),
         ('quick-longest', _DISTANCE, 1000), ('quick-longest', _SMOOTHNESS, 1), None, None],
    ('docs/results.md', '| | Mean Distance | recalled'):
        [('lines-seeds', _DISTANCE, 1000), None, ('lines-seeds', _SMOOTHNESS, 1), None],
    ('docs/results.md', '| | lines: Mean Distance'):
        [('quick-lines', _DISTANCE, 1000), ('quick-lines', _SMOOTHNESS, 1), ('quick-lines', _EXPLAINED, 1), None,
         ('quick-digits', _ACCURACY, 1), ('quick-digits', _EXPLAINED, 1)],
    ('docs/results.md', '| | classifier trained in tandem'):
        [('mnist', _ACCURACY, 1, 32), None, ('mnist', _ACCURACY, 1, 256), None, ('mnist', 'probe probe_accuracy', 1),
         ('mnist', 'docs/results/starts.py:Starts accuracy_mean', 1), ('mnist', 'correlation correlation', 1)],
    ('docs/results.md', '| | K-means of latents'):
        [('mnist-clustering', 'cluster accuracy', 1, 32), None, ('mnist-clustering', 'cluster accuracy', 1, 256), None],
    ('docs/results.md', '| | clusters of pixels'):
        [('mnist-pixels', 'cluster accuracy', 1), ('mnist-pixels', 'cluster train_accuracy', 1), None],
    ('docs/results.md', '| | prior: distance'): [*_draws('prior'), *_draws('mixture'), ('bases', _DISTANCE, 1000)],
    ('docs/bases.md', '| system | prior: distance'): [*_draws('prior'), *_draws('mixture')],
    ('docs/bases.md', '| base | Mean Distance | Smoothness | explained'):
        [('bases-more', _DISTANCE, 1000), ('bases-more', _SMOOTHNESS, 1), ('bases-more', _EXPLAINED, 1)],
}


@functools.cache
def _values(file, value, dz=None):
    """Returns {label: the values of the runs that are not blank}."""
    with open(ROOT / 'docs' / 'results' / f'{file}.json') as source:
        return {cell['label']: learned_values(cell) for cell in json.load(source)['cells']
                if f'{cell["metric"]} {cell["value"]}' == value and dz in (None, cell['d_z'])}


def _label(shown, above):
    """Returns the label in the JSON of a row, given the row above without a regularizer."""
    base, regularizer = re.fullmatch(r'(.*?)(?:\bwith (ACAI|FLAT|MI-AE|LR-AE))?', shown.replace('`', '')).groups()
    base, slow = re.subn(' at a rate of 0.0002', '', base.strip() or above)
    base, fast = re.subn(' at a rate of 0.001', '', base)
    label = f'{base} + {regularizer.lower().replace("-", "")}' if regularizer else base
    # The preset has a rate of 0.001 for vae alone, and of 0.0002 for a regularizer on it.
    return label + (' at 0.0002' if slow and not regularizer else ' at 0.001' if fast and regularizer else '')


def _is(typed, actual):
    """Returns True if a typed number is the actual one, rounded."""
    decimals = len(typed.partition('.')[2])
    return abs(float(typed) - actual) <= (0.5 * 10**-decimals if typed != '0' else 0.005) + 1e-9


class PagesTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(*TABLES)
    def test_tables_have_the_numbers_of_the_json(self, page, header):
        lines = (ROOT / page).read_text().splitlines()
        start, = [number for number, line in enumerate(lines) if line.startswith(header)]
        above, checked = '', 0
        for line in lines[start + 2:]:
            if not line.startswith('|'):
                break
            first, *texts = (text.strip() for text in line.strip('|').split('|'))
            label = _label(first, above)
            above = above if 'with' in first else first.replace('`', '')
            for text, column in zip(texts, TABLES[page, header], strict=True):
                if column is None:
                    continue
                file, value, factor, *dz = column
                if not text:
                    self.assertNotIn(label, _values(file, value, *dz))
                    continue
                file = f'{file}-released' if label.endswith('(released)') and file == 'quick-lines' else file
                actual = [factor * number for number in _values(file, value, *dz)[label]]
                typed = re.findall(r'-?[\d.]+', text.replace('e-3', ''))
                expected = mean_and_deviation(actual)[:len(typed)] if '±' in text or len(typed) == 1 else actual
                self.assertLen(typed, len(expected), f'{line}: {text}')
                for number, of_json in zip(typed, expected):
                    self.assertTrue(_is(number, of_json), f'{label}, {value}: {text}, but {file}.json has {expected}')
                checked += 1
        self.assertGreater(checked, 2)


if __name__ == '__main__':
    tf.test.main()
