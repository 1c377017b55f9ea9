"""One page of everything that a directory holds: runs in any state, measures of pixels, results of studies."""

import contextlib
import json
import os

from acai_tf import figures, files
from acai_tf.errors import AcaiError, DataError, StorageError, UsageError
from acai_tf.measures.results import read_all
from acai_tf.studies import output, values
from acai_tf.studies.base import PIXELS
from acai_tf.training.loop import total_steps
from acai_tf.training.run_directory import dataset_name, divergence, read_config, read_metrics

_SHOWN = ('latent_accuracy', 'mean_distance', 'mean_smoothness', 'rmse')
_NO_SEED = {'seed', 'train_dir', 'data_dir'}


def report(path, output_path=None):
    """The page, as Markdown; with `output_path` it is written too, with JSON and, of a single study, CSV and figure beside.

    Args:
        path: a directory; or one JSON file of a study, whose table is made again.

    Raises:
        UsageError: there is nothing there.
        DataError, StorageError: a file that is no study's, or cannot be read.
    """
    if os.path.isfile(path):
        return _of_study(path, output_path)
    if not os.path.isdir(path):
        raise UsageError(f'--report={path} does not exist; name a directory of runs or of results')
    page = look(path)
    if not page['runs'] and not page['studies']:
        raise DataError(f'{path} holds neither runs nor results of acai_reproduce')
    for result in page['studies']:
        result['pictures'] = [_as_seen_from(output_path, name) for name in result['pictures']]
    text = markdown(page)
    if output_path:
        for name, content in ((output_path, text), (output.beside(output_path, '.json'), json.dumps(page, indent=2) + '\n')):
            with files.atomic_write(name) as file:
                file.write(content)
    return text


def _of_study(path, output_path):
    result = output.read_json(path)
    place = os.path.dirname(path)
    result['pictures'] = [_as_seen_from(output_path, os.path.join(place, name)) for name in result['pictures']]
    if output_path:
        picture = output.draw(result)
        if picture:  # the others, which need the runs, stay where they are
            name = output.beside(output_path, '.png')
            figures.save(picture, name)
            result['pictures'][:1] = [os.path.basename(name)]
        output.write(result, output_path)
    return output.markdown(result)


def _as_seen_from(page, path):
    """The path of a file, relative to the folder of a page or, where there is none, to this one."""
    return os.path.relpath(path, os.path.dirname(page or '') or '.')


def look(directory):
    """What a directory holds: {'directory', 'runs': [...], 'studies': [...]}, JSON values."""
    runs, studies = [], []
    for path, inside, names in os.walk(directory):
        inside[:] = sorted(name for name in inside if not name.startswith('.'))
        if {'config.json', '.lock'} & set(names) or path != directory and not inside and not names:
            runs.append(_run(path))
            inside.clear()
        elif os.path.basename(path) == PIXELS:
            runs.append({'dataset': os.path.basename(os.path.dirname(path)), 'run': PIXELS, 'state': 'measured',
                         'measures': _measures(path)})
            inside.clear()
        else:
            for name in sorted(names):
                if name.endswith('.json'):
                    with contextlib.suppress(DataError, StorageError):
                        result = output.read_json(os.path.join(path, name))
                        studies.append(result | {'pictures': [os.path.join(path, each) for each in result['pictures']]})
    return {'directory': os.path.basename(os.path.abspath(directory)), 'runs': runs, 'studies': studies}


def _run(path):
    found = {'dataset': os.path.basename(os.path.dirname(path)), 'run': os.path.basename(path)}
    try:
        config = read_config(path)
    except FileNotFoundError:
        return found | {'state': 'empty', 'measures': {}}
    except AcaiError as error:
        return found | {'state': 'damaged', 'remark': str(error), 'measures': {}}
    step, records = total_steps(config), read_metrics(path)
    trained = os.path.isdir(os.path.join(path, 'export', str(step)))
    last, short = {}, ''
    for name in _SHOWN:
        if records and name in records[-1]:
            value, remark = values.final([record[name] for record in records if name in record])
            last[name], short = (value, short or remark) if trained else (records[-1][name], '')
    state = values.state(path, trained)
    remark = (divergence(path) or '') if state == 'diverged' else short
    options = {name: value for name, value in vars(config).items() if name not in _NO_SEED}
    return found | {
        'dataset': dataset_name(config), 'state': state, 'remark': remark,
        'seed': config.seed, 'kimg': records[-1]['kimg'] if records else 0, 'total_kimg': config.total_kimg,
        'minutes': values.training_minutes(records), 'reports': len(records), 'figures': last,
        'measures': _measures(os.path.join(path, 'results', str(step))), 'options': options}


def _measures(directory):
    """{measure: {figure: number}} of the files in a run's results, and of those that studies keep below."""
    found = {}
    for place in (directory, os.path.join(directory, 'studies')):
        found |= {name: content.get('figures', content) for name, content in read_all(place).items()}
    return found


# ---- Markdown


def markdown(page):
    """The page of what `look` found."""
    counts = {}
    for run in page['runs']:
        counts[run['state']] = counts.get(run['state'], 0) + 1
    lines = [f'# What {page["directory"]} holds', '']
    lines += [f'Runs: {", ".join(f"{count} {state}" for state, count in counts.items())}.', ''] if counts else []
    for dataset in dict.fromkeys(run['dataset'] for run in page['runs']):
        runs = [run for run in page['runs'] if run['dataset'] == dataset]
        shown = [name for name in _SHOWN if any(name in run.get('figures', {}) for run in runs)]
        head = ['run', 'state', 'kimg', 'minutes', *shown, 'measures']
        lines += [f'## {dataset}', '', '| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head),
                  *('| ' + ' | '.join(_row(run, shown)) + ' |' for run in runs), '', *_over_seeds(runs, shown)]
    for result in page['studies']:
        lines += [('\n' + output.markdown(result)).replace('\n# ', '\n## ').lstrip('\n')]
    return '\n'.join(lines).rstrip() + '\n'


def _row(run, shown):
    state = run['state'] + (f': {run["remark"]}' if run.get('remark') else '')
    kimg = f'{run["kimg"]:g} of {run["total_kimg"]}' if 'kimg' in run else ''
    measures = '; '.join(': '.join(filter(None, [name, _listed(found)])) for name, found in run['measures'].items())
    minutes = run.get('minutes')
    row = [f'`{run["run"]}`', state, kimg, '' if minutes is None else f'{minutes:.3g}',
           *(output.number(run.get('figures', {}).get(name)) for name in shown), measures]
    return [text.replace('|', '\\|') for text in row]


def _listed(found):
    return ', '.join(f'{name} {output.number(value)}' for name, value in found.items() if isinstance(value, (int, float)))


def _over_seeds(runs, shown):
    """Means over finished runs that differ in their seeds alone."""
    groups = {}
    for run in runs:
        if run['state'] == 'finished':
            groups.setdefault(json.dumps(run['options'], sort_keys=True), []).append(run)
    groups = [group for group in groups.values() if len(group) > 1]
    if not groups:
        return []
    rows = []
    for group in groups:
        cells = []
        for name in shown:
            mean, deviation = values.mean_and_deviation(
                [run['figures'][name] for run in group if run['figures'].get(name) is not None])
            cells.append('' if mean is None else output.with_deviation(mean, deviation))
        first = min(group, key=lambda run: run['seed'])
        rows.append(f'| `{first["run"]}` | {", ".join(str(run["seed"]) for run in group)} | {" | ".join(cells)} |')
    return ['Means over seeds:', '', f'| run | seeds | {" | ".join(shown)} |', '|' + '---|' * (2 + len(shown)), *rows, '']
