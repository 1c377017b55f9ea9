"""Curves of the metric `poses` (AEAI, figures 6 to 8, 14 and 15)."""

import functools
import operator

import matplotlib
import numpy as np

from acai_tf.figures import mean_curve, text, want_logarithm
from acai_tf.figures.pictures import DPI, mpl_figure

_NAMES = {'pixel_dissolve': 'pixel dissolve', 'straight_tip': 'straight tip'}
# The default figure: rows of panels. A panel is named after its values.
PANELS = [['mse_by_alpha.azimuth_80.mean', 'mse'], ['retrieved_alpha.azimuth_70', 'parameter_distance.azimuth_80']]
_PANEL_SIZE = 4.2, 3.2  # inches


def draw(values_of, panels=PANELS):
    """Draws a matplotlib figure of curves of the metric `poses`, of one model or several.

    With several seeds, a curve is their mean, with a band of one sample deviation on each side. The retrieved alpha has a
    band between its quartiles instead.

    Args:
        values_of: {name: [values of each seed, as `metrics.poses.evaluate` returns them]}.
        panels: rows of panels, each with all names: 'mse' (mean squared error by the interval's length),
            'mse_by_alpha.INTERVAL.mean' or '.deviation', 'retrieved_alpha.INTERVAL', 'parameter_distance.INTERVAL'. Or one
            panel, which is drawn once for each name.
    """
    each, names = isinstance(panels, str), [_NAMES.get(name, name) for name in values_of]
    rows = _in_rows(list(values_of)) if each else panels
    width, columns = max(map(len, rows)), int(np.lcm.reduce([len(row) for row in rows]))
    figure = mpl_figure.Figure(figsize=(_PANEL_SIZE[0] * width + 1.2, _PANEL_SIZE[1] * len(rows)), dpi=DPI,
                               layout='constrained')
    mosaic = [[panel for panel in row for _ in range(columns // len(row))] for row in rows]
    colors, handles = matplotlib.colormaps['tab10' if len(values_of) <= 10 else 'tab20'], {}
    for key, axes in figure.subplot_mosaic(mosaic, empty_sentinel='').items():
        kind, *place = (panels if each else key).split('.')
        for number, (name, seeds) in enumerate(values_of.items()):
            shown = [values['all'] for values in seeds]
            has_interval = kind in shown[0] and (not place or place[0] in shown[0][kind])
            if has_interval and (not each or key == name):
                _CURVES[kind](axes, shown, *place, label=names[number], color=colors(number))
        handles |= {line.get_label(): line for line in axes.lines if line.get_label() in names}
        _finish(axes, title=text.shorten(key) if each else axes.get_title())
    if not each:
        text.add_legend(figure, list(handles.values()), loc='outside right center', fontsize=8)
    return figure


def _in_rows(names):
    """Arranges names in rows of a mosaic; the last row is padded with ''."""
    columns = 3
    names += [''] * (-len(names) % columns) if len(names) > columns else []
    return [names[start:start + columns] for start in range(0, len(names), columns)]


def _finish(axes, title):
    axes.set_title(title, fontsize=9, parse_math=False)
    axes.spines[['top', 'right']].set_visible(False)
    if axes.get_ylabel() != 'mean squared error':
        return
    errors = [error for line in axes.lines for error in line.get_ydata() if error > 0]
    if errors and want_logarithm(errors):
        axes.set_yscale('log')
    else:
        axes.set_ylim(bottom=0)


# ---- panels: arguments are the values of each seed and the parts of the panel's name


def _by_length(axes, seeds, **style):
    lengths = {int(key.split('_')[1]): key for key in seeds[0]['mse'] if key.startswith('azimuth_')}
    mean_curve(axes, list(lengths), [[values['mse'][key] for key in lengths.values()] for values in seeds], marker='.',
               **style)
    axes.set(xlabel='degrees of azimuth', ylabel='mean squared error', title='mean error by length of the interval')


def _by_alpha(axes, seeds, interval, which, **style):
    mean_curve(axes, *_columns(seeds, 'mse_by_alpha', interval, names=[which]), **style)
    axes.set(xlabel='alpha', ylabel='mean squared error', title=f'{which} of the error, {_told(interval)}')


def _retrieved(axes, seeds, interval, color, label):
    alphas, *values = _columns(seeds, 'retrieved_alpha', interval, 'by_alpha',
                               names=['median', 'lower_quartile', 'upper_quartile'])
    median, low, high = (np.mean(value, axis=0) for value in values)
    axes.plot([0, 1], [0, 1], color='0.7', linewidth=0.8, zorder=0)
    axes.plot(alphas, median, color=color, label=label, linewidth=1.2)
    axes.fill_between(alphas, low, high, color=color, alpha=0.12, linewidth=0)
    axes.set(xlabel='alpha', ylabel='alpha of the nearest image', title=f'retrieved alpha, {_told(interval)}',
             ylim=(-0.5, 1.5))


def _distances(axes, seeds, interval, label, **style):
    alphas, *values = _columns(seeds, 'parameter_distance', interval, 'by_alpha', names=['to_source', 'to_target'])
    span = seeds[0]['parameter_distance'][interval]['span']
    for ideal in ([0, span], [span, 0]):
        axes.plot([0, 1], ideal, color='0.7', linewidth=0.8, zorder=0)
    for value, linestyle, named in zip(values, ('-', '--'), (label, None)):
        mean_curve(axes, alphas, value, linestyle=linestyle, label=named, **style)
    axes.set_ylim(bottom=0)
    axes.set(xlabel='alpha', ylabel='degrees',
             title=f'nearest pose to source (solid)\nand target (dashed), {_told(interval)}')


_CURVES = {'mse': _by_length, 'mse_by_alpha': _by_alpha, 'retrieved_alpha': _retrieved, 'parameter_distance': _distances}


def _told(interval):
    """Returns an interval's name as text."""
    along, _, length = interval.partition('_')
    return f'{length} degrees of {along}' if length else f'all {along}s'


def _columns(seeds, *place, names):
    """Returns the alphas, then for each name its values [seeds, alphas]; None becomes NaN, which leaves a gap."""
    tables = [functools.reduce(operator.getitem, place, values) for values in seeds]
    return ([float(alpha) for alpha in tables[0]],
            *(np.array([[row[name] for row in table.values()] for table in tables], float) for name in names))
