"""Values as the papers take them: of each run the median of its last 20 reports, mean and deviation over the seeds."""

import itertools
import math
import os
import shlex

import numpy as np

from acai_tf.errors import NonFiniteError, StorageError
from acai_tf.studies.base import REPORTED, counted, value_names
from acai_tf.studies.select import refusal

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


def training_minutes(reports):
    """Minutes that the reported part of a training took, by its rates; None where a rate is not known."""
    seconds, kimg = 0.0, 0.0
    for report in reports:
        if not report.get('img_per_s'):
            return None
        seconds, kimg = seconds + (report['kimg'] - kimg) * 1024 / report['img_per_s'], report['kimg']
    return round(seconds / 60, 2) if reports else None


def state(run, trained):
    """'finished', 'running', 'diverged', 'interrupted' or 'not started'.

    Args:
        run: runs.Run.
        trained: whether it is trained to its end.
    """
    if trained:
        return 'finished'
    if run.in_use:
        return 'running'
    if run.divergence:
        return 'diverged'
    return 'interrupted' if os.path.exists(run.config_path) else 'not started'


def nested(values, name):
    """The nested value with the name 'outer.inner'; None if it does not exist."""
    for part in name.split('.'):
        values = values.get(part) if isinstance(values, dict) else None
    return values


# ---- cells


def fill(cell, jobs, failures=None):
    """A cell with its numbers, published and measured: JSON values.

    Args:
        cell: base.Cell.
        jobs: [plan.Job], one for each seed; empty where no program can fill the cell.
        failures: {job's key: [runner.Failure]}.
    """
    seeds = [_of_seed(cell, job, (failures or {}).get(job.key, ())) for job in jobs]
    measured, deviation = mean_and_deviation([seed['value'] for seed in seeds if seed['value'] is not None])
    remarks = [f'refused: {refusal(cell)}'] if not jobs else _remarks(seeds)
    minutes = [seed['minutes'] for seed in seeds if seed['minutes'] is not None]
    difference = None if None in (measured, cell.published) else measured - cell.published
    return {
        'label': cell.label, 'model': cell.model, 'dataset': cell.dataset, 'stands_for': cell.stands_for or None,
        'd_z': cell.dz, 'metric': cell.metric, 'value': cell.value, 'options': cell.options,
        'model_options': cell.model_options, 'metric_options': cell.metric_options,
        'published': cell.published, 'deviation': cell.deviation, 'recalled': cell.recalled,
        'source': cell.source, 'caveat': cell.caveat, 'measured': measured, 'measured_deviation': deviation,
        'difference': difference, 'kimg': max((seed['kimg'] for seed in seeds), default=0),
        'minutes': round(sum(minutes) / len(minutes), 2) if minutes else None, 'remarks': remarks, 'seeds': seeds}


def _of_seed(cell, job, failures):
    reports = [report for report in job.run.reports() if report['step'] <= job.step]  # pixels have none
    seed = {'seed': job.seed, 'value': None, 'state': 'measured', 'remark': '', 'reports': len(reports),
            'kimg': reports[-1]['kimg'] if reports else 0, 'minutes': training_minutes(reports),
            'versions': _versions(job.run), 'commands': [shlex.join(command) for _, command in job.commands()]}
    seed |= _reported(cell, job, reports) if cell.metric in REPORTED else _computed(cell, job)
    if seed['value'] is None and seed['state'] != 'undefined':
        needed = job.commands_of(cell)
        failure = next((failure for failure in failures if failure.command in needed), None)
        seed['state'], seed['remark'] = _missing(job, failure, seed['kimg'])
    return seed


def _versions(run):
    """The library versions that a run began with; None if they are not known."""
    try:
        return run.config.get('versions')
    except (FileNotFoundError, StorageError):
        return None


def _reported(cell, job, reports):
    """A seed's value from the reports, and how it became that."""
    curve = [[report['kimg'], report[cell.value]] for report in reports if cell.value in report]
    if not job.is_trained():
        return {'curve': curve}
    value, remark = final([value for _, value in curve])
    if value is None:
        return {'curve': curve, **_undefined(curve or not reports, 'the reports have', cell.value)}
    return {'curve': curve, 'value': value, 'remark': remark}


def _computed(cell, job):
    """A seed's value from what the metric's program wrote, and all values of the metric."""
    values = job.values(job.call_of(cell))
    if values is None:
        return {}
    value = nested(values, cell.value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {'value': value, 'values': values}
    return {'values': values, **_undefined(cell.value.partition('.')[0] in values, f'{cell.metric} has', cell.value)}


def _undefined(is_there, who, name):
    return {'state': 'undefined', 'remark': 'undefined' if is_there else f'{who} no value {name}'}


def _missing(job, failure, kimg):
    """(state, remark) of a seed that has no value."""
    if job.divergence():
        return 'diverged', f'diverged: {job.divergence()}'
    if failure and failure.exit_code == NonFiniteError.exit_code:
        return 'diverged', f'diverged: {failure.message}'
    if failure:
        return 'failed', f'failed (exit code {failure.exit_code}): {failure.message}'
    if job.is_trained():
        return 'not measured', 'not measured yet'
    now = state(job.run, trained=False)
    return now, now if now == 'not started' else f'{now} at {kimg:g} kimg'


def _remarks(seeds):
    """Remarks on a cell's seeds, each once."""
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


# ---- conclusions


def conclusions(cells, limits):
    """Sentences that say which orders of the published numbers are seen here, and which are not.

    Two systems are ordered by the published numbers if these differ by more than their deviations together, and too close
    to tell here if the measured ones do not.

    Args:
        cells: as `fill` gives them.
        limits: what a reader must not forget, such as the length of the training; a sentence's part, or ''.
    """
    rows, word = {}, 'recalled' if any(cell['recalled'] for cell in cells) else 'published'
    names = value_names(cells)
    for cell in cells:
        if cell['published'] is not None and cell['measured'] is not None:
            name = names[cell['metric'], cell['value']]
            rows.setdefault((cell['stands_for'] or cell['dataset'], cell['d_z'], name), []).append(cell)
    seen, opposite, close, single = [], [], [], 0
    for key, row in rows.items():
        for first, second in itertools.combinations(row, 2):
            order = _order(first, second, 'published', 'deviation')
            if order:
                larger, smaller = (first, second)[::order]
                measured = _order(first, second, 'measured', 'measured_deviation')
                single += None in (first['measured_deviation'], second['measured_deviation'])
                (close if not measured else seen if measured == order else opposite).append(
                    (key, f'{larger["label"]} above {smaller["label"]}'))
    total = len(seen) + len(opposite) + len(close)
    sentences = []
    if total:
        without = all(cell['deviation'] is None for row in rows.values() for cell in row)
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


def _order(first, second, mean, deviation):
    """1 if the first is larger, -1 if the second is, 0 if they are too close; by the cells' entries of these names."""
    difference = first[mean] - second[mean]
    spread = sum(cell[deviation] or 0.0 for cell in (first, second))
    return 0 if abs(difference) <= spread else int(math.copysign(1, difference))


def _listed(pairs, rows, most=6):
    def shown(key, pair):
        dataset, dz, value = key
        where = ', '.join(filter(None, [dataset, f'd_z {dz}' if dz else '', value]))
        return f'{pair} ({where})' if len(rows) > 1 else pair
    text = '; '.join(shown(*pair) for pair in pairs[:most])
    return text + (f'; and {len(pairs) - most} more' if len(pairs) > most else '')
