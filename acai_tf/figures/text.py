"""Labels in figures: drawn literally on one line, with an ellipsis in the middle of long names."""

import itertools
import unicodedata

_MOST_COLUMNS = 40
_EM = 0.6  # mean width of a character in matplotlib's font


def shorten(name, most=_MOST_COLUMNS):
    """Returns a name on one line of at most `most` columns, with its start and its end, because names often differ there."""
    name = ' '.join(name.split())
    if _columns(name) <= most:
        return name
    half = max(1, (most - 1) // 2)
    return f'{_first(name, half)}…{_first(name[::-1], half)[::-1]}'


def inches(text, points):
    """Returns the approximate width of a text."""
    return _columns(text) * _EM * points / 72


def add_legend(axes, handles, **options):
    """Adds a legend of literal labels. Matplotlib would read $ as mathematics and skip labels that begin with _."""
    legend = axes.legend(handles, [''] * len(handles), **options)
    for text, handle in zip(legend.get_texts(), handles):
        text.set_parse_math(False)
        text.set_text(shorten(handle.get_label()))


def _columns(text):
    return sum(map(_width, text))


def _width(letter):
    return 2 if unicodedata.east_asian_width(letter) in 'FW' else 1


def _first(text, most):
    return text[:sum(width <= most for width in itertools.accumulate(map(_width, text)))]
