"""The figure of the metric `poses` (AEAI, figures 6 to 8, 14 and 15)."""

import matplotlib
import numpy as np

from acai_tf.figures import text, want_logarithm
from acai_tf.figures.pictures import DPI, mpl_figure

_ALONG = {'azimuth_80': '80 degrees of azimuth', 'altitude': 'all altitudes'}
_NAMES = {'model': 'model', 'pixel_dissolve': 'pixel dissolve', 'straight_tip': 'straight tip'}


def draw(values_of, subset='all', along='azimuth_80'):
    """Draws the values of the metric `poses` for one model or several.

    Panels: mean squared error by alpha (a shade one deviation wide around the first three) and by the interval's length;
    retrieved alpha (median, a shade between the quartiles); distances of parameters to both ends, over the span.

    Args:
        values_of: {name: values} as `metrics.poses.evaluate` returns them; the names are those of the metric, or others.
        subset: 'all' or 'held_out'.
        along: the interval of the first and the last panel, 'azimuth_80' or 'altitude'.

    Returns:
        matplotlib figure.
    """
    figure = mpl_figure.Figure(figsize=(11, 7.4), dpi=DPI, layout='constrained')
    panels = figure.subplots(2, 2)
    texts = (('alpha', 'mean squared error', f'error along {_ALONG[along]}'),
             ('degrees of azimuth', 'mean squared error', 'error by length of the interval'),
             ('alpha', 'alpha of the nearest image', 'retrieved alpha, interval of 70 degrees'),
             ('alpha', 'degrees', f'nearest pose to source (solid) and target (dashed), {_ALONG[along]}'))
    for axes, (xlabel, ylabel, title) in zip(panels.flat, texts):
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    panels[1, 0].plot([0, 1], [0, 1], color='0.7', linewidth=0.8)
    colors = matplotlib.colormaps['tab10' if len(values_of) <= 10 else 'tab20']
    for number, (name, values) in enumerate(values_of.items()):
        style = {'color': colors(number), 'linewidth': 1.2}
        _along(panels, values[subset], _NAMES.get(name, name), style, along, shaded=number < 3)
    place = {'loc': 'center left', 'bbox_to_anchor': (1, 0.5)} if len(values_of) > 4 else {}
    text.add_legend(panels[0, 1], panels[0, 1].lines, fontsize=8, **place)
    for axes in panels.flat:
        axes.title.set_fontsize(10)
        axes.spines[['top', 'right']].set_visible(False)
    for axes in panels[0]:
        errors = [error for line in axes.lines for error in line.get_ydata() if error > 0]
        if errors and want_logarithm(errors):
            axes.set_yscale('log')
        else:
            axes.set_ylim(bottom=0)
    return figure


def _along(panels, values, name, style, along, shaded):
    errors = _columns(values.get('mse_by_alpha', {}).get(along))
    if errors:
        panels[0, 0].plot(errors['alpha'], errors['mean'], label=name, **style)
        if shaded:
            low, high = errors['mean'] - errors['deviation'], errors['mean'] + errors['deviation']
            panels[0, 0].fill_between(errors['alpha'], low, high, color=style['color'], alpha=0.12, linewidth=0)
    lengths = {int(key.split('_')[1]): value for key, value in values['mse'].items() if key.startswith('azimuth_')}
    panels[0, 1].plot(list(lengths), np.array(list(lengths.values()), float), label=name, marker='.', **style)
    retrieved = _columns(values.get('retrieved_alpha', {}).get('azimuth_70', {}).get('by_alpha'))
    if retrieved:
        panels[1, 0].plot(retrieved['alpha'], retrieved['median'], label=name, **style)
        if shaded:
            panels[1, 0].fill_between(retrieved['alpha'], retrieved['lower_quartile'], retrieved['upper_quartile'],
                                      color=style['color'], alpha=0.12, linewidth=0)
    distances = _columns(values.get('parameter_distance', {}).get(along, {}).get('by_alpha'))
    if distances:
        panels[1, 1].plot(distances['alpha'], distances['to_source'], label=name, **style)
        panels[1, 1].plot(distances['alpha'], distances['to_target'], linestyle='--', **style)


def _columns(by_alpha):
    """{alpha: {name: value}} -> {'alpha': array, name: array}; None becomes NaN, which leaves a gap."""
    if not by_alpha:
        return None
    columns = {key: np.array([row[key] for row in by_alpha.values()], float) for key in next(iter(by_alpha.values()))}
    return {'alpha': np.array([float(alpha) for alpha in by_alpha]), **columns}
