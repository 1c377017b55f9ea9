"""Figure of a study, made from its JSON."""

import collections
import itertools
import textwrap

import numpy as np

from acai_tf import figures, models
from acai_tf.figures.text import shorten
from acai_tf.studies.base import compared, grouped, value_names
from acai_tf.studies.values import learned_values, measured_values

_GRAY = '0.65'
_MOST_BANDS = 6  # more would hide each other


def draw(result):
    """Draws one panel for each value, data set and d_z: from top to bottom the systems, with a point for each seed, a line
    at the mean of the runs that are not blank, and a black cross at the published number. Next to it are the curves over
    kimg, named at their ends, in the same colors (hollow points: dashed; half-filled: dotted). Blank runs are gray; those
    far from the others are at the edge of the points, and outside the curves. Returns a matplotlib figure; None if nothing
    is measured."""
    import matplotlib

    from acai_tf.figures.pictures import mpl_figure
    groups = {key: cells for key, cells in grouped(result['cells'], compared).items()
              if any(cell['measured'] is not None for cell in cells)}
    if not groups:
        return None
    colors = [color for color in matplotlib.colormaps['tab10'].colors if len(set(color)) > 1]  # without gray
    names, styles = value_names(result['cells']), _styles(result['cells'], colors)
    columns = 2 if any(_curves(cell, blank) for cells in groups.values() for cell in cells for blank in (False, True)) else 1
    heights = [max(1.6, 0.9 + 0.2 * len(cells)) for cells in groups.values()]
    width = 4 + 3.6 * columns
    figure = mpl_figure.Figure(figsize=(width, sum(heights) + 0.6), dpi=120, layout='constrained')
    add_heading(figure, result)
    panels = figure.subplots(len(groups), columns, squeeze=False, height_ratios=heights)
    for (key, cells), row in zip(groups.items(), panels):
        metric, value, dataset, stands_for, dz = key
        replaced = f' for {stands_for}' if stands_for else ''
        _draw_points(row[0], cells, styles)
        title = f'{names[metric, value]}, {shorten(dataset)}{replaced}' + (f', d_z {dz}' if dz else '') + _mark(cells)
        row[0].set_title(title, fontsize=9, loc='left', parse_math=False)
        for axes in row[1:]:
            _draw_curves(axes, cells, styles)
        for axes in row:
            axes.spines[['top', 'right']].set_visible(False)
            axes.tick_params(labelsize=8)
    return figure


def add_heading(figure, result, more=''):
    """Writes title, changed settings and replaced data sets above a figure, then `more`, wrapped to its width."""
    stand_ins = [f'{stand_in} stands in for {dataset}' for dataset, stand_in in result['stand_ins'].items()]
    text = '\n'.join(filter(None, [result['title'], result['scaled'], *stand_ins])) + more
    width = int(13 * figure.get_figwidth())
    figure.suptitle('\n'.join(textwrap.fill(line, width) for line in text.splitlines()), fontsize=9, parse_math=False)


def _styles(cells, colors):
    """Returns {system: (color, line style, fill of points)}. Systems of the package have the same in all figures; others
    follow."""
    systems = dict.fromkeys([*models.names(), *(cell['label'] for cell in cells)])
    styles = [(color, line, fill) for line, fill in (('-', 'full'), ('--', 'none'), (':', 'top')) for color in colors]
    return dict(zip(systems, itertools.cycle(styles)))


def _mark(cells):
    published = [cell for cell in cells if cell['published'] is not None]
    word = 'recalled' if any(cell['recalled'] for cell in published) else 'published'
    return f' (black: {word})' if published else ''


def _label(cell):
    """A system's name, with what its seeds lack."""
    seeds = cell['seeds']
    words = collections.Counter(['blank'] * sum(bool(seed.get('blank')) for seed in seeds))
    words.update(seed['state'] for seed in seeds if seed['value'] is None)
    lacks = [word if count == len(seeds) else f'{count} of {len(seeds)} {word}' for word, count in words.items()]
    return shorten(cell['label'], 32) + (f' ({", ".join(lacks)})' if lacks else '')


def _draw_points(axes, cells, styles):
    numbers = [value for cell in cells for value in (*learned_values(cell), cell['published']) if value is not None]
    numbers = numbers or [value for cell in cells for value in measured_values(cell['seeds'])]
    low, high = min(numbers), max(numbers)
    edges = low - 0.06 * (high - low), high + 0.06 * (high - low)
    for row, cell in enumerate(cells):
        color, _, fill = styles[cell['label']]
        for seed in cell['seeds']:
            if seed['value'] is not None:
                shown, shade = (np.clip(seed['value'], *edges), _GRAY) if seed.get('blank') else (seed['value'], color)
                axes.plot(shown, row, 'o', color=shade, fillstyle=fill, markersize=4.5)
        learned = learned_values(cell)
        if len(learned) > 1:
            axes.plot([np.mean(learned)] * 2, [row - 0.3, row + 0.3], color='0.3', linewidth=1)
        if cell['published'] is not None:
            axes.errorbar(cell['published'], row, xerr=cell['deviation'], fmt='kx', markersize=5, elinewidth=0.8)
    axes.set_yticks(range(len(cells)), [_label(cell) for cell in cells], fontsize=8, parse_math=False)
    axes.set_ylim(len(cells) - 0.4, -0.6)
    axes.grid(axis='y', color='0.92', linewidth=0.6)
    axes.set_axisbelow(True)
    if figures.want_logarithm(numbers):
        axes.set_xscale('log')


def _curves(cell, blank):
    """Returns the curves, [[kimg, value], ...], of the runs with several reports: of the blank ones or of the others."""
    return [seed['curve'] for seed in cell['seeds']
            if len(seed.get('curve', ())) > 1 and bool(seed.get('blank')) == blank]


def _shared_curve(cell):
    """Returns (kimg, values [seeds, kimg]) of the runs that are not blank, where all have reports; None if that is at fewer
    than two points."""
    seeds = [dict(curve) for curve in _curves(cell, blank=False)]
    shared = [kimg for kimg in seeds[0] if all(seed.get(kimg) is not None for seed in seeds)] if seeds else []
    return (shared, [[seed[kimg] for kimg in shared] for seed in seeds]) if len(shared) > 1 else None


def _draw_curves(axes, cells, styles):
    lines, gray = [], []
    for cell in cells:
        color, line, _ = styles[cell['label']]
        if shared := _shared_curve(cell):
            lines.append(figures.mean_curve(axes, *shared, color, alpha=0.15 if len(cells) <= _MOST_BANDS else 0,
                                            linestyle=line, label=cell['label']))
        gray += [(*np.array(curve, float).T, line) for curve in _curves(cell, blank=True)]
    if not lines and not gray:
        axes.set_axis_off()
        return
    values = np.concatenate([line.get_ydata() for line in lines] or [values for _, values, _ in gray])
    values = values[np.isfinite(values)]
    if len(values) and figures.want_logarithm(values):
        axes.set_yscale('log')
    if lines:
        axes.set_ylim(axes.get_ylim())  # blank runs do not change the scale
        _name_ends(axes, lines, 0.65 / (1 + len(cells)))
    for curve in gray:
        axes.plot(*curve, color=_GRAY, linewidth=0.8)
    axes.set_xlabel('kimg', fontsize=8)


def _name_ends(axes, lines, apart):
    """Writes the names of lines next to their ends, at least `apart`, a share of the height of the axes."""
    ends = axes.transScale.transform([line.get_xydata()[-1] for line in lines])[:, 1]
    low, high = axes.transScale.transform([(1, y) for y in axes.get_ylim()])[:, 1]
    rows = sorted(zip((ends - low) / (high - low), lines), key=lambda row: row[0])
    places = [place for place, _ in rows]
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + apart)
    for k in reversed(range(len(places))):
        places[k] = min(places[k], places[k + 1] - apart if k + 1 < len(places) else 1.0)
    for (_, line), place in zip(rows, places):
        axes.text(1.02, place, shorten(line.get_label(), 24), color=line.get_color(), fontsize=7, va='center',
                  transform=axes.transAxes, parse_math=False)
