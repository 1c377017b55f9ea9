"""Markdown, CSV and figure of a study, all made from its JSON."""

import csv
import io
import json
import os

from acai_tf import figures, files, models
from acai_tf.errors import DataError, StorageError
from acai_tf.figures.text import add_legend, shorten
from acai_tf.studies.base import value_names

_CSV = ('label', 'dataset', 'stands_for', 'd_z', 'metric', 'value', 'published', 'deviation', 'recalled', 'measured',
        'measured_deviation', 'difference', 'kimg', 'minutes', 'source', 'caveat')


def number(value, thousandths=None):
    """Formats a number with four digits, or as thousandths, which is the default for small numbers."""
    if value is None:
        return ''
    if in_thousandths([value]) if thousandths is None else thousandths:
        return f'{1000 * value:.3g}e-3'
    return f'{value:.4g}'


def with_deviation(value, deviation, thousandths=None):
    """Formats a mean and its deviation, which may be None."""
    thousandths = in_thousandths([value]) if thousandths is None else thousandths
    if deviation is None:
        return number(value, thousandths)
    return f'{number(value, thousandths)} ± ' + (f'{1000 * deviation:.2g}e-3' if thousandths else f'{deviation:.2g}')


def in_thousandths(values):
    """Returns True if compared numbers are best written as thousandths, because one of them is small."""
    return any(value and abs(value) < 0.01 for value in values)


# ---- Markdown


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
    lines += _table(cells, result['stand_ins'])
    for picture in result['pictures']:
        lines += ['', f'![{result["title"]}]({picture})']
    lines += ['', *result['conclusions'], '', f'Versions: {_versions(result["versions"])}.', '', 'Made by', '', '```bash',
              result['command'], '```', '', 'from what these commands made:', '', '```bash',
              *dict.fromkeys(command for cell in cells for seed in cell['seeds'] for command in seed['commands']), '```']
    return '\n'.join(lines) + '\n'


def _table(cells, stand_ins):
    with_numbers = any(cell['published'] is not None for cell in cells)
    all_recalled = with_numbers and all(cell['recalled'] for cell in cells if cell['published'] is not None)
    data = 'data' + ''.join(f', {stand_in} for {dataset}' for dataset, stand_in in stand_ins.items())
    head = [data, 'd_z', 'value', 'system',
            *(['recalled, not checked' if all_recalled else 'published'] if with_numbers else []), 'measured',
            *(['difference'] if with_numbers else []), 'seeds', 'kimg', 'minutes a run', 'remarks']
    measured = [_remarks(cell) for cell in cells if cell['measured'] is not None]
    shared = [remark for remark in (measured or [[]])[0] if all(remark in remarks for remarks in measured)]
    names = value_names(cells)
    rows = [_row(cell, names, with_numbers, all_recalled, shared, in_thousandths(
        value for other in group for value in (other['published'], other['measured'])))
            for group in _grouped(cells, _compared).values() for cell in group]
    return ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head),
            *('| ' + ' | '.join(text.replace('|', '\\|') for text in row) + ' |' for row in rows),
            *(['', f'All measured numbers: {"; ".join(shared)}.'] if shared else [])]


def _remarks(cell):
    return [*cell['remarks'], *([cell['caveat']] if cell['caveat'] else [])]


def _row(cell, names, with_numbers, all_recalled, shared, thousandths):
    published = ''
    if cell['published'] is not None:
        published = with_deviation(cell['published'], cell['deviation'], thousandths)
        published += ' (recalled)' if cell['recalled'] and not all_recalled else ''
    measured = sum(seed['value'] is not None for seed in cell['seeds'])
    kimg = f'{cell["kimg"]:g}' if cell['d_z'] else ''
    return [cell['dataset'], str(cell['d_z'] or ''), names[cell['metric'], cell['value']], cell['label'],
            *([published] if with_numbers else []),
            '' if cell['measured'] is None else with_deviation(cell['measured'], cell['measured_deviation'], thousandths),
            *([number(cell['difference'], thousandths)] if with_numbers else []), str(measured), kimg,
            '' if cell['minutes'] is None else f'{cell["minutes"]:.3g}',
            '; '.join(remark for remark in _remarks(cell) if remark not in shared)]


def _versions(versions):
    return ', '.join(f'{library} {" and ".join(numbers)}' for library, numbers in versions.items()) or 'not known'


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
        values = [seed['value'] for seed in cell['seeds'] if seed['value'] is not None]
        writer.writerow([*('' if cell[name] is None else cell[name] for name in _CSV), len(values),
                         '; '.join(cell['remarks'])])
    return text.getvalue()


# ---- figure


def draw(result):
    """Draws bars of the measured means with deviations, points for seeds and marks for published numbers; below them, curves
    over kimg if there are reports. Returns a matplotlib figure; None if nothing is measured."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib.figure import Figure
    measured = [cell for cell in result['cells'] if cell['measured'] is not None]
    if not measured:
        return None
    names = value_names(result['cells'])
    groups = _grouped(measured, lambda cell: names[cell['metric'], cell['value']])
    curves = _grouped([cell for cell in measured if _curve(cell)], _compared)
    panels = len(groups) + len(curves)
    colors = _colors(matplotlib.colormaps['tab20'].colors, [cell['label'] for cell in result['cells']])
    figure = Figure(figsize=(9, 3.4 * panels + 0.8), dpi=120, layout='constrained')
    axes = figure.subplots(panels, 1, squeeze=False)[:, 0]
    figure.suptitle(heading(result), fontsize=9)
    for panel, (name, cells) in zip(axes, groups.items()):
        _bars(panel, name, cells, colors)
    for panel, (key, cells) in zip(axes[len(groups):], curves.items()):
        _curves(panel, key, cells, colors)
    return figure


def heading(result):
    """Returns the text above a figure: its title, changed settings and replaced data sets."""
    stand_ins = [f'{stand_in} stands in for {dataset}' for dataset, stand_in in result['stand_ins'].items()]
    return '\n'.join(filter(None, [result['title'], result['scaled'], *stand_ins]))


def _colors(palette, systems):
    """Returns the color of each system. Systems of the package have the same color in all figures; others follow."""
    palette = palette[::2] + palette[1::2]  # the strong colors first, then the pale ones
    return {system: palette[i % len(palette)] for i, system in enumerate(dict.fromkeys([*models.names(), *systems]))}


def _compared(cell):
    """Returns a key that is the same for cells that are compared with each other."""
    return cell['metric'], cell['value'], cell['dataset'], cell['stands_for'], cell['d_z']


def _grouped(cells, key):
    groups = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def _bars(axes, name, cells, colors):
    rows = _grouped(cells, lambda cell: (cell['dataset'], cell['d_z']))
    position, ticks, labels = 0, [], []
    for (dataset, dz), row in rows.items():
        ticks.append(position + (len(row) - 1) / 2)
        labels.append(shorten(dataset, 24) + (f'\nd_z {dz}' if dz else ''))
        for cell in row:
            axes.bar(position, cell['measured'], 0.8, yerr=cell['measured_deviation'], capsize=2, linewidth=0.8,
                     color=colors[cell['label']])
            values = [seed['value'] for seed in cell['seeds'] if seed['value'] is not None]
            if len(values) > 1:
                axes.plot([position + 0.2] * len(values), values, 'o', color='0.35', markersize=2.5)
            if cell['published'] is not None:
                axes.errorbar(position, cell['published'], yerr=cell['deviation'], fmt='k_', markersize=10,
                              elinewidth=0.8)
            position += 1
        position += 1
    axes.set_xticks(ticks, labels, fontsize=8, parse_math=False)
    middle, width = position / 2 - 1, max(position + 1, 9)
    axes.set_xlim(middle - width / 2, middle + width / 2)
    word = 'recalled' if any(cell['recalled'] for cell in cells) else 'published'
    marks = f' (black: {word})' if any(cell['published'] is not None for cell in cells) else ''
    axes.set_title(name + marks, fontsize=9)
    systems = dict.fromkeys(cell['label'] for cell in cells)
    _legend(axes, [axes.bar(0, 0, color=colors[system], label=system) for system in systems])
    axes.spines[['top', 'right']].set_visible(False)


def _curve(cell):
    """Returns [(kimg, mean, deviation)] over the seeds, at each kimg that all of them reported."""
    from acai_tf.studies.values import mean_and_deviation
    seeds = [dict(seed['curve']) for seed in cell['seeds'] if len(seed.get('curve', ())) > 1]
    shared = [kimg for kimg in seeds[0] if all(seed.get(kimg) is not None for seed in seeds)] if seeds else []
    points = [(kimg, *mean_and_deviation([seed[kimg] for seed in seeds])) for kimg in shared]
    return points if len(points) > 1 else None


def _curves(axes, key, cells, colors):
    _, name, dataset, _, dz = key
    values, lines = [], []
    for cell in cells:
        kimg, mean, deviation = zip(*_curve(cell))
        values += mean
        lines += axes.plot(kimg, mean, color=colors[cell['label']], label=cell['label'], linewidth=1.2)
        if None not in deviation:
            low, high = ([m + sign * d for m, d in zip(mean, deviation)] for sign in (-1, 1))
            axes.fill_between(kimg, low, high, color=colors[cell['label']], alpha=0.15, linewidth=0)
    if figures.want_logarithm(values):
        axes.set_yscale('log')
    axes.set(xlabel='kimg', title=f'{name}, {shorten(dataset)}' + (f', d_z {dz}' if dz else ''))
    axes.title.set_fontsize(9)
    _legend(axes, lines)
    axes.spines[['top', 'right']].set_visible(False)


def _legend(axes, handles):
    add_legend(axes, handles, fontsize=7, ncols=2, loc='center left', bbox_to_anchor=(1, 0.5))


# ---- files


def write(result, path):
    """Writes the Markdown to `path`, and JSON and CSV next to it."""
    for name, text in ((path, markdown(result)), (beside(path, '.json'), json.dumps(result, indent=2) + '\n'),
                       (beside(path, '.csv'), as_csv(result))):
        with files.atomic_write(name) as file:
            file.write(text)


def beside(path, ending):
    """Returns the path with another ending."""
    return os.path.splitext(path)[0] + ending


def read_json(path):
    """Reads the result that `write` wrote next to the Markdown.

    Raises:
        StorageError: the file cannot be read.
        DataError: it is not a result.
    """
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
