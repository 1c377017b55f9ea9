"""A page about everything in a directory: runs in any state, metrics of pixels, results of studies."""

import collections
import contextlib
import json
import os

from acai_tf import figures, files
from acai_tf.errors import AcaiError, DataError, StorageError, UsageError
from acai_tf.runs import Run
from acai_tf.studies import figure, output, values
from acai_tf.studies.base import PIXELS, grouped
from acai_tf.studies.plan import kept_dir
from acai_tf.training.config import TrainConfig
from acai_tf.values import combine

_SHOWN = ('latent_accuracy', 'mean_distance', 'mean_smoothness', 'rmse')
# Entries of config.json that may differ between runs that are averaged.
_OF_ONE_SEED = ('format', 'versions', 'seed', 'train_dir', 'data_dir', 'preset')


def report(path, output_path=None):
    """Returns the page as Markdown. With `output_path`, also writes it, with JSON and, for a single study, CSV and figure
    next to it.

    Args:
        path: a directory, or the JSON file of a study, to make its table again.

    Raises:
        UsageError: `path` does not exist.
        DataError, StorageError: there are no results, or a file is not a study or cannot be read.
    """
    if os.path.isfile(path):
        return _of_study(path, output_path)
    if not os.path.isdir(path):
        raise UsageError(f'--report={path} does not exist; name a directory of runs or of results')
    page = look(path, output_path)
    if not page['runs'] and not page['studies']:
        raise DataError(f'{path} holds neither runs nor results of acai_reproduce')
    text = markdown(page)
    if output_path:
        files.write(text, output_path)
        files.write_json(page, output.beside(output_path, '.json'))
    return text


def _of_study(path, output_path):
    result = _read(path, output_path)
    if output_path:
        picture = None if values.curves(result['cells'])[0] else figure.draw(result)
        if picture:  # other pictures need the runs or the study, so they stay where they are
            name = output.beside(output_path, '.png')
            figures.save(picture, name)
            result['pictures'][:1] = [os.path.basename(name)]
        output.write(result, output_path)
    return output.markdown(result)


def _read(path, page):
    """Returns the content of a study's JSON, with the paths of its pictures relative to the folder of `page`, or to the
    current folder without a page."""
    result, place, start = output.read_json(path), os.path.dirname(path), os.path.dirname(page or '') or '.'
    result['pictures'] = [os.path.relpath(os.path.join(place, name), start) for name in result['pictures']]
    return result


def look(directory, page=None):
    """Returns the contents of a directory as JSON values: {'directory', 'runs': [...], 'studies': [...]}; pictures as for
    `_read`."""
    runs, studies = [], []
    for path, inside, names in os.walk(directory):
        is_empty = not inside and not names
        inside[:] = sorted(name for name in inside if not name.startswith('.'))
        run = Run(path)
        is_run = os.path.exists(run.config_path) or os.path.exists(run.lock_path)
        if is_run or path != directory and is_empty:
            runs.append(_run(run))
            inside.clear()
        elif os.path.basename(path) == PIXELS:
            runs.append({'dataset': os.path.basename(os.path.dirname(path)), 'run': PIXELS, 'state': 'measured',
                         'metrics': files.read_json_directory(path)})
            inside.clear()
        else:
            for name in sorted(names):
                if name.endswith('.json'):
                    with contextlib.suppress(DataError, StorageError):
                        studies.append(_read(os.path.join(path, name), page))
    return {'directory': os.path.basename(os.path.abspath(directory)), 'runs': runs, 'studies': studies}


def _run(run):
    place, name = os.path.split(os.path.abspath(run.path))
    entry = {'dataset': os.path.basename(place), 'run': name}
    try:
        content = run.config
        config = TrainConfig.from_dict(content)
    except FileNotFoundError:
        return entry | {'state': 'empty', 'metrics': {}}
    except AcaiError as error:
        return entry | {'state': 'damaged', 'remark': str(error), 'metrics': {}}
    reports, trained = run.reports(), os.path.isdir(run.export(config.total_steps))
    last, short = {}, ''
    for name in _SHOWN:
        if reports and name in reports[-1]:
            value, remark = values.final([report[name] for report in reports if name in report])
            last[name], short = (value, short or remark) if trained else (reports[-1][name], '')
    state = values.state(run, trained)
    results = {metric: result['values'] for metric, result in run.results(config.total_steps).items()}
    return entry | {
        'state': state, 'remark': (run.divergence or '') if state == 'diverged' else short,
        'seed': config.seed, 'kimg': reports[-1]['kimg'] if reports else 0, 'total_kimg': config.total_kimg,
        'minutes': values.training_minutes(reports), 'reports': len(reports), 'values': last,
        'metrics': results | files.read_json_directory(kept_dir(run, config.total_steps)),
        'options': {option: value for option, value in content.items() if option not in _OF_ONE_SEED}}


# ---- Markdown


def markdown(page):
    """Returns the page as Markdown, from the values that `look` returns."""
    counts = collections.Counter(run['state'] for run in page['runs'])
    lines = [f'# Contents of {page["directory"]}', '']
    lines += [f'Runs: {", ".join(f"{count} {state}" for state, count in counts.items())}.', ''] if counts else []
    for dataset, runs in grouped(page['runs'], lambda run: run['dataset']).items():
        shown = [name for name in _SHOWN if any(name in run.get('values', {}) for run in runs)]
        lines += [f'## {dataset}', '', *output.table([_row(run, shown) for run in runs]), '', *_over_seeds(runs, shown)]
    for result in page['studies']:
        lines += [('\n' + output.markdown(result)).replace('\n# ', '\n## ').lstrip('\n')]
    return '\n'.join(lines).rstrip() + '\n'


def _row(run, shown):
    state = run['state'] + (f': {run["remark"]}' if run.get('remark') else '')
    minutes, last = run.get('minutes'), run.get('values', {})
    return {'run': f'`{run["run"]}`', 'state': state,
            'kimg': f'{run["kimg"]:g} of {run["total_kimg"]}' if 'kimg' in run else '',
            'minutes': '' if minutes is None else f'{minutes:.3g}',
            **{name: output.number(last.get(name)) for name in shown},
            'values': ', '.join(f'{name} {output.number(value)}' if isinstance(value, (int, float)) else name
                                for name, value in combine(run['metrics']).items() if value is not None)}


def _over_seeds(runs, shown):
    """Returns the table of means over finished runs that differ only in their seeds."""
    finished, rows = [run for run in runs if run['state'] == 'finished'], []
    for group in grouped(finished, lambda run: json.dumps(run['options'], sort_keys=True)).values():
        if len(group) > 1:
            means = {name: values.mean_and_deviation([
                run['values'][name] for run in group if run['values'].get(name) is not None]) for name in shown}
            first = min(group, key=lambda run: run['seed'])
            rows.append({'run': f'`{first["run"]}`', 'seeds': ', '.join(str(run['seed']) for run in group),
                         **{name: output.number(*mean) for name, mean in means.items()}})
    return ['Means over seeds:', '', *output.table(rows), ''] if rows else []
