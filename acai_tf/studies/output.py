"""Markdown and CSV of a study, made from its JSON."""

import csv
import io
import json
import os

from acai_tf import files
from acai_tf.errors import DataError, StorageError
from acai_tf.studies.base import compared, grouped, value_names
from acai_tf.studies.values import measured_values

_CSV = ('label', 'dataset', 'stands_for', 'd_z', 'metric', 'value', 'published', 'deviation', 'recalled', 'measured',
        'measured_deviation', 'difference', 'kimg', 'minutes', 'source', 'caveat')


def number(value, deviation=None, thousandths=None):
    """Formats a number with four digits, and its deviation with two, if there is one; None becomes ''. By default, small
    numbers become thousandths."""
    if value is None:
        return ''
    if in_thousandths([value]) if thousandths is None else thousandths:
        return f'{1000 * value:.3g}e-3' + ('' if deviation is None else f' ± {1000 * deviation:.2g}e-3')
    return f'{value:.4g}' + ('' if deviation is None else f' ± {deviation:.2g}')


def in_thousandths(values):
    """Returns True if compared numbers are best written as thousandths, because one of them is small."""
    return any(value and abs(value) < 0.01 for value in values)


# ---- Markdown


def table(rows):
    """Returns the lines of a Markdown table of rows {column: text}, all with the same columns."""
    return [f'| {" | ".join(rows[0])} |', '|' + '---|' * len(rows[0]),
            *('| ' + ' | '.join(text.replace('|', '\\|') for text in row.values()) + ' |' for row in rows)]


def markdown(result):
    """Returns the page of a study: table, notes, pictures, conclusions and commands."""
    cells = result['cells']
    lines = [f'**{result["scaled"]}**', ''] if result['scaled'] else []
    lines += [f'# {result["title"]}', '']
    for dataset, stand_in in result['stand_ins'].items():
        numbers = any(cell['published'] is not None and cell['stands_for'] == dataset for cell in cells)
        but = f': the published numbers are of {dataset}' if numbers else ''
        lines += [f'**{stand_in} stands in for {dataset}{but}.**', '']
    lines += [f'{result["notes"]}\n'] if result['notes'] else []
    lines += _cell_table(cells, result['stand_ins'])
    for picture in result['pictures']:
        lines += ['', f'![{result["title"]}]({picture})']
    versions = ', '.join(f'{library} {" and ".join(numbers)}' for library, numbers in result['versions'].items())
    lines += ['', *result['conclusions'], '', f'Versions: {versions or "not known"}.', '', 'Made by', '', '```bash',
              result['command'], '```', '', 'from what these commands made:', '', '```bash',
              *dict.fromkeys(command for cell in cells for seed in cell['seeds'] for command in seed['commands']), '```']
    return '\n'.join(lines) + '\n'


def _cell_table(cells, stand_ins):
    numbered = [cell for cell in cells if cell['published'] is not None]
    all_recalled = all(cell['recalled'] for cell in numbered)
    data = 'data' + ''.join(f', {stand_in} for {dataset}' for dataset, stand_in in stand_ins.items())
    published = 'recalled, not checked' if all_recalled else 'published'
    measured = [_remarks(cell) for cell in cells if cell['measured'] is not None]
    shared = [remark for remark in (measured or [[]])[0] if all(remark in remarks for remarks in measured)]
    names, rows = value_names(cells), []
    for group in grouped(cells, compared).values():
        thousandths = in_thousandths(cell[name] for cell in group for name in ('published', 'measured'))
        for cell in group:
            recalled = ' (recalled)' if cell['recalled'] and cell['published'] is not None and not all_recalled else ''
            rows.append({
                data: cell['dataset'], 'd_z': str(cell['d_z'] or ''), 'value': names[cell['metric'], cell['value']],
                'system': cell['label'],
                published: number(cell['published'], cell['deviation'], thousandths) + recalled,
                'measured': number(cell['measured'], cell['measured_deviation'], thousandths),
                'difference': number(cell['difference'], thousandths=thousandths),
                'seeds': str(len(measured_values(cell['seeds']))), 'kimg': f'{cell["kimg"]:g}' if cell['d_z'] else '',
                'minutes a run': '' if cell['minutes'] is None else f'{cell["minutes"]:.3g}',
                'remarks': '; '.join(remark for remark in _remarks(cell) if remark not in shared)})
    if not numbered:
        for row in rows:
            del row[published], row['difference']
    return [*table(rows), *(['', f'All measured numbers: {"; ".join(shared)}.'] if shared else [])]


def _remarks(cell):
    return [*cell['remarks'], *filter(None, [cell['caveat']])]


# ---- CSV


def as_csv(result):
    """Returns one line for each cell, after comments if the settings or data sets differ from the published ones."""
    text = io.StringIO()
    if result['scaled']:
        text.write(f'# {result["scaled"]}\n')
    for dataset, stand_in in result['stand_ins'].items():
        text.write(f'# {stand_in} stands in for {dataset}\n')
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow([*_CSV, 'seeds', 'remarks'])
    for cell in result['cells']:
        writer.writerow([*(cell[name] for name in _CSV), len(measured_values(cell['seeds'])), '; '.join(cell['remarks'])])
    return text.getvalue()


# ---- files


def write(result, path):
    """Writes the Markdown to `path`, and JSON and CSV next to it."""
    files.write(markdown(result), path)
    files.write_json(result, beside(path, '.json'))
    files.write(as_csv(result), beside(path, '.csv'))


def beside(path, ending):
    """Returns the path with another ending."""
    return os.path.splitext(path)[0] + ending


def read_json(path):
    """Reads the result that `write` wrote next to the Markdown. Raises StorageError if the file cannot be read, DataError if
    it is not a result."""
    try:
        with open(path, encoding='utf-8') as file:
            result = json.load(file)
        if not result['cells']:
            raise ValueError('a study has cells')
        markdown(result)
    except OSError as error:
        raise StorageError(f'{path} cannot be read ({error.strerror})') from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DataError(f'{path} is not a JSON file of acai_reproduce') from None
    return result
