"""Values as the papers take them: of each run the median of its last 20 reports, mean and deviation over the seeds."""

import itertools
import math
import os
import shlex

import numpy as np

from acai_tf.studies.base import REPORTED, counted, figure_names
from acai_tf.studies.plan import refusal
from acai_tf.training.run_directory import began_with, divergence, in_use, read_metrics

REPORTS = 20


def final(values):
    """The value of a run (released figures.ipynb): the median of its last 20 reports; of fewer, the last report's.

    Args:
        values: one for each report, oldest first; None where it is undefined.

    Returns:
        (number or None, what there is to say or '').
    """
    if not values:
        return None, 'no report'
    if len(values) < REPORTS:
        return values[-1], f'last of {counted(len(values), "report")}, not the median of {REPORTS}'
    defined = [value for value in values[-REPORTS:] if value is not None]
    return (float(np.median(defined)) if defined else None), ''


def mean_and_deviation(values):
    """Mean and population deviation of numbers; the deviation of fewer than two is None."""
    if not values:
        return None, None
    return float(np.mean(values)), float(np.std(values)) if len(values) > 1 else None


def training_minutes(records):
    """Minutes that the reported part of a training took, by its rates; None where a rate is not known."""
    seconds, kimg = 0.0, 0.0
    for record in records:
        if not record.get('img_per_s'):
            return None
        seconds, kimg = seconds + (record['kimg'] - kimg) * 1024 / record['img_per_s'], record['kimg']
    return round(seconds / 60, 2) if records else None


def state(path, trained):
    """'finished', 'running', 'diverged', 'interrupted' or 'not started', of a run directory."""
    if trained:
        return 'finished'
    if in_use(path):
        return 'running'
    if divergence(path):
        return 'diverged'
    return 'interrupted' if os.path.exists(os.path.join(path, 'config.json')) else 'not started'


def inner(figures, name):
    """A figure of nested ones, by its name 'outer.inner'; None where there is none."""
    for part in name.split('.'):
        figures = figures.get(part) if isinstance(figures, dict) else None
    return figures


# ---- cells


def fill(cell, runs, failures=None):
    """A cell with its numbers, published and measured: JSON values.

    Args:
        cell: base.Cell.
        runs: [plan.Run], one for each seed; empty where no program can fill the cell.
        failures: {run's key: [runner.Failure]}.
    """
    seeds = [_of_seed(cell, run, (failures or {}).get(run.key, ())) for run in runs]
    measured, deviation = mean_and_deviation([seed['value'] for seed in seeds if seed['value'] is not None])
    remarks = [f'refused: {refusal(cell)}'] if not runs else _remarks(seeds)
    minutes = [seed['minutes'] for seed in seeds if seed['minutes'] is not None]
    difference = None if None in (measured, cell.published) else measured - cell.published
    return {
        'system': cell.label, 'model': cell.model, 'dataset': cell.dataset, 'stands_for': cell.stands_for or None,
        'd_z': cell.dz, 'measure': cell.measure, 'figure': cell.figure, 'options': cell.options,
        'hyperparameters': cell.hyperparameters, 'measure_options': cell.measure_options,
        'published': cell.published, 'published_deviation': cell.deviation, 'recalled': cell.recalled,
        'source': cell.source, 'caveat': cell.caveat, 'measured': measured, 'measured_deviation': deviation,
        'difference': difference, 'kimg': max((seed['kimg'] for seed in seeds), default=0),
        'minutes': round(sum(minutes) / len(minutes), 2) if minutes else None, 'remarks': remarks, 'seeds': seeds}


def _of_seed(cell, run, failures):
    records = [] if run.is_pixels else [
        record for record in read_metrics(run.path) if record['step'] <= run.step]
    found = {'seed': run.seed, 'value': None, 'state': 'measured', 'remark': '', 'reports': len(records),
             'kimg': records[-1]['kimg'] if records else 0, 'minutes': training_minutes(records),
             'versions': began_with(run.path),
             'commands': [shlex.join(command) for _, command in run.commands()]}
    trained = run.is_trained()
    if cell.measure in REPORTED:
        reported = [(record['kimg'], record[cell.figure]) for record in records if cell.figure in record]
        found['curve'] = [list(point) for point in reported]
        if trained:
            found['value'], found['remark'] = final([value for _, value in reported])
            if found['value'] is None:
                found |= _undefined(reported or not records, 'the reports have', cell.figure)
    else:
        figures = run.found(run.call_of(cell))
        if figures is not None:
            value = inner(figures, cell.figure)
            found['value'] = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
            found['figures'] = figures
            if found['value'] is None:
                found |= _undefined(cell.figure.partition('.')[0] in figures, f'{cell.measure} has', cell.figure)
    if found['value'] is None and found['state'] != 'undefined':
        needed = run.commands_of(cell)
        found |= _why_not(found, run, trained, next((one for one in failures if one.command in needed), None))
    return found


def _undefined(is_there, who, figure):
    return {'state': 'undefined', 'remark': 'undefined' if is_there else f'{who} no figure {figure}'}


def _why_not(found, run, trained, failure):
    if run.divergence():
        return {'state': 'diverged', 'remark': f'diverged: {run.divergence()}'}
    if failure and failure.exit_code == 3:
        return {'state': 'diverged', 'remark': f'diverged: {failure.message}'}
    if failure:
        return {'state': 'failed', 'remark': f'failed (exit code {failure.exit_code}): {failure.message}'}
    if trained:
        return {'state': 'not measured', 'remark': 'not measured yet'}
    there = state(run.path, trained)
    return {'state': there, 'remark': there if there == 'not started' else f'{there} at {found["kimg"]:g} kimg'}


def _remarks(seeds):
    """What there is to say about a cell's seeds, each once."""
    by_text = {}
    for seed in seeds:
        if seed['remark']:
            by_text.setdefault(seed['remark'], []).append(seed['seed'])
    missing = [seed for seed in seeds if seed['value'] is None]
    remarks = [text if len(numbers) == len(seeds) else
               f'seed{"s" * (len(numbers) > 1)} {", ".join(map(str, numbers))}: {text}'
               for text, numbers in by_text.items()]
    if missing and len(missing) < len(seeds):
        remarks.insert(0, f'{len(seeds) - len(missing)} of {len(seeds)} seeds')
    return remarks


# ---- what it shows


def conclusions(cells, limits):
    """Which orders of the published numbers are seen, and which are not, in plain sentences.

    Two systems are ordered by the published numbers if these differ by more than their deviations together, and too close
    to tell here if the measured ones do not.

    Args:
        cells: as `fill` gives them.
        limits: what a reader must not forget, such as the length of the training; a sentence's part, or ''.
    """
    rows, word = {}, 'recalled' if any(cell['recalled'] for cell in cells) else 'published'
    names = figure_names(cells)
    for cell in cells:
        if cell['published'] is not None and cell['measured'] is not None:
            name = names[cell['measure'], cell['figure']]
            rows.setdefault((cell['stands_for'] or cell['dataset'], cell['d_z'], name), []).append(cell)
    seen, opposite, close, single = [], [], [], 0
    for key, row in rows.items():
        for first, second in itertools.combinations(row, 2):
            order = _order(first, second, 'published')
            if order:
                larger, smaller = (first, second)[::order]
                here = _order(first, second, 'measured')
                single += None in (first['measured_deviation'], second['measured_deviation'])
                (close if not here else seen if here == order else opposite).append(
                    (key, f'{larger["system"]} above {smaller["system"]}'))
    total = len(seen) + len(opposite) + len(close)
    sentences = []
    if total:
        without = all(cell['published_deviation'] is None for row in rows.values() for cell in row)
        which = f'{word} numbers{", which have no deviations," if without else ""}'
        sentences.append(f'Of {counted(total, "pair")} of systems that the {which} put in an order, {len(seen)} '
                         f'{"is" if len(seen) == 1 else "are"} in the same order here, {len(opposite)} in the opposite one, '
                         f'and {len(close)} too close to tell.')
        if single:
            sentences.append(f'With one seed, chance may have decided {"all" if single == total else single} of them.')
        if opposite:
            sentences.append(f'Not seen: {_listed(opposite, rows)}.')
    elif rows:
        sentences.append(f'No two systems are here whose {word} numbers differ by more than their deviations: it shows '
                         'nothing about their order.')
    elif any(cell['measured'] is not None for cell in cells):
        sentences.append('There are no published numbers to compare these with.')
    else:
        sentences.append('Nothing is measured yet.')
    if limits:
        sentences.append(f'What it does not show: {limits}.')
    return sentences


def _order(first, second, kind):
    """1 if the first is larger, -1 if the second is, 0 if they are too close."""
    difference = first[kind] - second[kind]
    spread = sum(cell[f'{kind}_deviation'] or 0.0 for cell in (first, second))
    return 0 if abs(difference) <= spread else int(math.copysign(1, difference))


def _listed(pairs, rows, most=6):
    def shown(key, pair):
        dataset, dz, figure = key
        where = ', '.join(filter(None, [dataset, f'd_z {dz}' if dz else '', figure]))
        return f'{pair} ({where})' if len(rows) > 1 else pair
    text = '; '.join(shown(*pair) for pair in pairs[:most])
    return text + (f'; and {len(pairs) - most} more' if len(pairs) > most else '')
