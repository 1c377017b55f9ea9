"""Values of a study's cells: the median of each run's last 20 reports, as in the papers; mean and sample deviation over the
seeds; and a comparison with the order of the published numbers, or else of the systems with each other."""

import itertools
import math
import os
import shlex

import numpy as np
from scipy import stats

from acai_tf import files
from acai_tf.errors import NonFiniteError
from acai_tf.studies.base import REPORTED, grouped, value_names
from acai_tf.studies.select import refusal
from acai_tf.values import counted, is_blank

REPORTS = 20
_MOST_LISTED = 6  # pairs of systems in the opposite order


def final(values):
    """Returns the value of a run, or None, and a remark or ''. It is the median of its last 20 reports (released
    figures.ipynb), or with fewer the last value. `values` are those of all reports, oldest first; None if undefined."""
    if not values:
        return None, 'no report'
    if len(values) < REPORTS:
        return values[-1], f'last of {counted(len(values), "report")}, not the median of {REPORTS}'
    defined = [value for value in values[-REPORTS:] if value is not None]
    return (float(np.median(defined)) if defined else None), ''


def mean_and_deviation(values):
    """Returns the mean and sample deviation of numbers; the deviation of fewer than two is None."""
    if not values:
        return None, None
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def measured_values(seeds):
    """Returns the values of the seeds that have one."""
    return [seed['value'] for seed in seeds if seed['value'] is not None]


def learned_values(cell):
    """Returns the values of a cell's seeds, without blank runs."""
    return measured_values(seed for seed in cell['seeds'] if not seed.get('blank'))


def training_minutes(reports):
    """Returns the minutes of the reported part of a training, from its rates; None if a rate is unknown."""
    seconds, kimg = 0.0, 0.0
    for report in reports:
        if not report.get('img_per_s'):
            return None
        seconds, kimg = seconds + (report['kimg'] - kimg) * 1024 / report['img_per_s'], report['kimg']
    return round(seconds / 60, 2) if reports else None


def state(run, trained):
    """Returns the state of a runs.Run, `trained` to its end or not: 'finished', 'running', 'diverged', 'interrupted' or
    'not started'."""
    if trained:
        return 'finished'
    if run.in_use:
        return 'running'
    if run.divergence:
        return 'diverged'
    return 'interrupted' if os.path.exists(run.config_path) else 'not started'


def nested(values, name):
    """Returns the nested value 'outer.inner'; None if it does not exist."""
    for part in name.split('.'):
        values = values.get(part) if isinstance(values, dict) else None
    return values


# ---- cells


def fill(cell, jobs, failures):
    """Returns a base.Cell with its published and measured numbers as JSON values, from the plan.Job of each seed (none if no
    program can fill the cell) and {job's key: [runner.Failure]}."""
    seeds = [_of_seed(cell, job, failures.get(job.key, ())) for job in jobs]
    measured, deviation = mean_and_deviation(measured_values(seeds))
    remarks = _remarks(seeds) if jobs else [f'cannot be run: {refusal(cell)}']
    minutes = [seed['minutes'] for seed in seeds if seed['minutes'] is not None]
    difference = None if None in (measured, cell.published) else measured - cell.published
    return {
        'label': cell.label, 'model': cell.model, 'base': cell.base, 'dataset': cell.dataset,
        'stands_for': cell.stands_for or None, 'd_z': cell.dz, 'metric': cell.metric, 'value': cell.value,
        'options': cell.options, 'model_options': cell.model_options, 'metric_options': cell.metric_options,
        'published': cell.published, 'deviation': cell.deviation, 'recalled': cell.recalled, 'source': cell.source,
        'caveat': cell.caveat, 'measured': measured, 'measured_deviation': deviation, 'difference': difference,
        'kimg': max((seed['kimg'] for seed in seeds), default=0),
        'minutes': round(sum(minutes) / len(minutes), 2) if minutes else None, 'remarks': remarks, 'seeds': seeds}


def _of_seed(cell, job, failures):
    reports = [report for report in job.run.reports() if report['step'] <= job.config.total_steps]  # none for pixels
    seed = {'seed': job.seed, 'value': None, 'state': 'measured', 'remark': '', 'reports': len(reports),
            'kimg': reports[-1]['kimg'] if reports else 0, 'minutes': training_minutes(reports),
            'blank': bool(reports) and is_blank(reports[-1]),
            'versions': (files.read_json(job.run.config_path) or {}).get('versions'),
            'commands': [shlex.join(command) for _, command in job.commands()]}
    seed |= _reported(cell, job, reports) if cell.metric in REPORTED else _computed(cell, job)
    if seed['value'] is None and seed['state'] != 'undefined':
        needed = job.commands_of(cell)
        failure = next((failure for failure in failures if failure.command in needed), None)
        seed['state'], seed['remark'] = _missing(job, failure, seed['kimg'])
    return seed


def _reported(cell, job, reports):
    """Returns a seed's value from the reports, with its curve and remarks."""
    curve = [[report['kimg'], report[cell.value]] for report in reports if cell.value in report]
    if not job.is_trained():
        return {'curve': curve}
    value, remark = final([value for _, value in curve])
    if value is None:
        return {'curve': curve, **_undefined(curve or not reports, 'the reports have', cell.value)}
    undefined = reports[-1].get('undefined_interpolations') if cell.value == 'mean_smoothness' else 0
    learned = [report['kimg'] for report in reports if cell.metric == 'explained_variance' and not is_blank(report)]
    return {'curve': curve, 'value': value, 'remark': remark, 'undefined': undefined, 'not_blank_at': (learned or [None])[0]}


def _computed(cell, job):
    """Returns a seed's value from the output of the metric's program, and the metric's values of the same subject."""
    values = job.values(job.call_of(cell))
    if values is None:
        return {}
    value, shared = nested(values, cell.value), {'values': _of_subject(values, cell.value)}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return shared | {'value': value}
    return shared | _undefined(cell.value.partition('.')[0] in values, f'{cell.metric} has', cell.value)


def _subject(name):
    """Returns the subject in a nested value's name: 'poses.model' for 'poses.model.all.mse'; '' for other values."""
    return '.'.join(name.split('.')[:2]) if '.' in name else ''


def _of_subject(values, name):
    """Returns all values of the subject of a value."""
    subject, values_of = _subject(name), nested(values, _subject(name))
    first, _, second = subject.partition('.')
    return values if values_of is None else {first: {second: values_of}}


def keep_once(cells):
    """Removes repeated values of a metric from all but the first of the cells, made by `fill`."""
    seen = set()
    for cell in cells:
        shared = [cell[name] for name in ('label', 'dataset', 'stands_for', 'd_z', 'metric', 'options', 'model_options',
                                          'metric_options')]
        for seed in cell['seeds']:
            key = repr([shared, _subject(cell['value']), seed['seed']])
            if key in seen:
                seed.pop('values', None)
            seen.add(key)


def curves(cells):
    """Returns {label: [values of each seed]} of the metric `poses` of the models in cells, without blank runs, and the
    labels whose runs are all blank."""
    found, posed = {}, [cell for cell in cells if cell['metric'] == 'poses']
    several = len({(cell['dataset'], cell['d_z']) for cell in posed}) > 1
    for cell in posed:
        label = f'{cell["label"]}, {cell["dataset"]}, d_z {cell["d_z"]}' if several else cell['label']
        for seed in cell['seeds']:
            of_model = nested(seed.get('values', {}), 'poses.model')
            if of_model:
                found.setdefault(label, []).extend([] if seed.get('blank') else [of_model])
    return {label: seeds for label, seeds in found.items() if seeds}, [label for label, seeds in found.items() if not seeds]


def _undefined(is_there, who, name):
    return {'state': 'undefined', 'remark': 'undefined' if is_there else f'{who} no value {name}'}


def _missing(job, failure, kimg):
    """Returns (state, remark) of a seed without a value."""
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
    """Returns the remarks on a cell's seeds, each once."""
    by_text = {}
    for seed in seeds:
        undefined, learned = seed.get('undefined'), seed.get('not_blank_at')
        for text in filter(None, [seed['remark'], 'blank' * bool(seed.get('blank')),
                                  f'{undefined} undefined interpolations count as 0' if undefined else '',
                                  f'not blank at {learned:g} kimg' if learned else '']):
            by_text.setdefault(text, []).append(seed['seed'])
    missing = [seed for seed in seeds if seed['value'] is None]
    remarks = [text if len(numbers) == len(seeds) else
               f'seed{"s" * (len(numbers) > 1)} {", ".join(map(str, numbers))}: {text}'
               for text, numbers in by_text.items()]
    if missing and len(missing) < len(seeds):
        remarks.insert(0, f'{len(seeds) - len(missing)} of {len(seeds)} seeds')
    return remarks


# ---- conclusions


def conclusions(cells, limits):
    """Returns sentences that compare the order of the measured numbers with the order of the published ones; without
    published numbers, see `_differences`.

    Published numbers are ordered if they differ by more than the sum of their deviations, measured numbers by `order`. Blank
    runs do not count. `limits` of the comparison, such as the length of training, are part of a sentence, or ''.
    """
    names, numbered = value_names(cells), any(cell['published'] is not None for cell in cells)
    measured = [cell for cell in cells if cell['measured'] is not None]
    rows = grouped([cell for cell in measured if cell['published'] is not None or not numbered],
                   lambda cell: (cell['stands_for'] or cell['dataset'], cell['d_z'], names[cell['metric'], cell['value']]))
    if rows:
        sentences = _pairs(rows) if numbered else _differences(rows)
    else:
        sentences = ['There are no published numbers for comparison.' if measured else 'Nothing is measured yet.']
    blank = [cell['label'] for row in rows.values() for cell in row if not learned_values(cell)]
    if blank:
        sentences.append(f'Left out, because every run is blank: {", ".join(dict.fromkeys(blank))}.')
    if limits:
        sentences.append(f'What it does not show: {limits}.')
    return sentences


_WORDS = {1: 'higher', -1: 'lower', 0: 'too close to tell'}


def _where(dataset, dz, value):
    return ', '.join(filter(None, [dataset, f'd_z {dz}' if dz else '', value]))


def _differences(rows):
    """Returns sentences that compare, in the rows {key: cells}, each system with the first that has several runs, and a
    combination with its base alone. Blank runs do not count."""
    sentences, single = [], []
    for key, row in rows.items():
        several, found = [cell for cell in row if len(learned_values(cell)) > 1], {}
        single += [cell['label'] for cell in row if len(learned_values(cell)) == 1]
        for cell in several[1:]:
            alone = [other for other in several if (other['model'], other['base']) == (cell['base'], 'baseline')]
            reference = (alone if cell['base'] != 'baseline' and alone else several)[0]
            word = _WORDS[order(learned_values(cell), learned_values(reference))]
            found.setdefault(reference['label'], {}).setdefault(word, []).append(cell['label'])
        for reference, words in found.items():
            sentences.append(f'{_where(*key)}, compared with {reference} (Welch, 95%): ' + '; '.join(
                f'{word}: {", ".join(labels)}' for word, labels in words.items()) + '.')
    if single:
        sentences.append(f'Not compared, because only one run counts: {", ".join(dict.fromkeys(single))}.')
    return sentences or ['Nothing can be said about an order, because no two systems have two runs that count.']


def _pairs(rows):
    """Returns sentences about the pairs of systems in the rows {key: cells}."""
    word = 'recalled' if any(cell['recalled'] for row in rows.values() for cell in row) else 'published'
    found, single = {1: [], -1: [], 0: []}, 0
    for key, row in rows.items():
        for first, second in itertools.combinations(filter(learned_values, row), 2):
            published = _published_order(first, second)
            if published and min(len(learned_values(first)), len(learned_values(second))) < 2:
                single += 1
            elif published:
                larger, smaller = (first, second)[::published]
                found[published * order(learned_values(first), learned_values(second))].append(
                    f'{larger["label"]} above {smaller["label"]}' + f' ({_where(*key)})' * (len(rows) > 1))
    total, sentences = sum(map(len, found.values())), []
    if total:
        without = all(cell['deviation'] is None for row in rows.values() for cell in row)
        which = f'{word} numbers{", which have no deviations," if without else ""}'
        sentences.append(f'Of {counted(total, "pair")} of systems that the {which} put in an order, {len(found[1])} '
                         f'{"is" if len(found[1]) == 1 else "are"} in the same order here, {len(found[-1])} in the opposite '
                         f'one, and {len(found[0])} too close to tell (Welch, 95%).')
    if single:
        sentences.append(f'{counted(single, "pair")} cannot be ordered, because a system has only one run that counts.')
    if opposite := found[-1]:
        more = f'; and {len(opposite) - _MOST_LISTED} more' if len(opposite) > _MOST_LISTED else ''
        sentences.append(f'Not seen: {"; ".join(opposite[:_MOST_LISTED])}{more}.')
    return sentences or [f'No two systems have {word} numbers that differ by more than their deviations, so nothing can be '
                         'said about their order.']


def order(first, second):
    """Returns 1 if the mean of the first values is larger, -1 if the mean of the second values is; 0 if the 95% interval of
    their difference (Welch) includes zero, or one side has fewer than two values."""
    if min(len(first), len(second)) < 2:
        return 0
    welch = stats.ttest_ind_from_stats(*mean_and_deviation(first), len(first), *mean_and_deviation(second), len(second),
                                       equal_var=False)
    return int(np.sign(welch.statistic)) if welch.pvalue < 0.05 else 0


def _published_order(first, second):
    """Returns the order of published numbers, like `order`; 0 if they differ by no more than the sum of their deviations."""
    difference = first['published'] - second['published']
    spread = sum(cell['deviation'] or 0.0 for cell in (first, second))
    return 0 if abs(difference) <= spread else int(math.copysign(1, difference))
