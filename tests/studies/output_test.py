"""A study's result, from made-up runs: JSON, Markdown, CSV and figure."""

import copy
import csv
import dataclasses
import glob
import itertools
import json
import os
import pathlib
import re
import unittest.mock

import matplotlib.figure
import numpy as np
import tensorflow as tf
from made_up_runs import MadeUpRuns
from programs import ROOT

from acai_tf import figures, metrics, studies
from acai_tf.errors import DataError, UsageError
from acai_tf.figures import poses
from acai_tf.studies import directory, figure, output, reproduce, values
from acai_tf.studies.base import Cell, Study
from acai_tf.studies.select import Choice

RESULTS = ROOT / 'docs' / 'results'


class ResultTest(MadeUpRuns):

    def result(self, img_per_s=1024.0):
        self.make('acai', [1.0] * 5 + [n * 1e-3 for n in range(1, 21)], img_per_s=img_per_s)  # median 10.5e-3
        self.make('acai', [1.0] * 5 + [12.5e-3] * 20, seed=1, img_per_s=img_per_s)
        self.make('baseline', [20e-3] * 25, img_per_s=img_per_s)
        failed = self.make('baseline', [1.0] * 3, seed=1, finished=False, total_kimg=25, img_per_s=img_per_s)
        with open(failed.divergence_path, 'w') as file:
            json.dump({'message': 'loss is nan at step 50'}, file)
        choice = Choice(models=['acai', 'baseline'], seeds=2, total_kimg=25, report_kimg=1, train_dir=self.train_dir)
        work = reproduce.Reproduction(studies.get('table', 'acai1'), choice, 'bin')
        return work.result({}, 'acai_reproduce --table=acai1')

    def test_values_differences_and_remarks(self):
        result = self.result()
        cells = {(cell['label'], cell['value']): cell for cell in result['cells']}
        acai = cells['acai', 'mean_distance']
        self.assertAllClose([acai[name] for name in ('measured', 'measured_deviation', 'difference', 'kimg', 'minutes')],
                            [11.5e-3, 2**0.5 * 1e-3, 11.5e-3 - 0.24e-3, 25, round(25 / 60, 2)])
        self.assertEqual((acai['remarks'], [seed['reports'] for seed in acai['seeds']]), ([], [25, 25]))
        baseline = cells['baseline', 'mean_distance']
        self.assertAllClose(baseline['measured'], 20e-3)
        self.assertIsNone(baseline['measured_deviation'])
        self.assertEqual(baseline['remarks'], ['1 of 2 seeds', 'seed 1: diverged: loss is nan at step 50'])
        self.assertEqual(cells['acai', 'mean_smoothness']['remarks'], ['undefined'])
        self.assertIn('1 pair cannot be ordered', result['conclusions'][0])

    def test_the_last_report_counts_also_where_the_batch_does_not_divide(self):
        with open(self.make('acai', [1e-3, 2e-3]).reports_path, 'w') as file:
            file.write(json.dumps({'kimg': 2.05, 'step': 32, 'img_per_s': 1.0, 'mean_distance': 5e-3}) + '\n')
        choice = Choice(models=['acai'], seeds=1, total_kimg=2, report_kimg=1, train_dir=self.train_dir)
        cells = reproduce.Reproduction(studies.get('table', 'acai1'), choice, 'bin').result({}, '')['cells']
        self.assertEqual([(cell['measured'], cell['remarks'][0][:7]) for cell in cells],
                         [(5e-3, 'last of'), (None, 'the rep')])
        self.assertEqual(cells[1]['remarks'], ['the reports have no value mean_smoothness'])

    def test_another_run_in_the_directory_is_refused(self):
        run = self.make('acai', [1e-3, 2e-3])
        choice = Choice(models=['acai'], seeds=1, total_kimg=2, report_kimg=1, train_dir=self.train_dir)
        table = studies.get('table', 'acai1')
        reproduce.Reproduction(table, choice, 'bin')
        with self.assertRaisesRegex(UsageError, 'holds another run .total_kimg is 2 there and 1 here.; choose another'):
            reproduce.Reproduction(table, dataclasses.replace(choice, total_kimg=1), 'bin')
        config = run.config
        with open(run.config_path, 'w') as file:
            json.dump(config | {'deterministic': True}, file)
        with self.assertRaisesRegex(UsageError, 'holds another run .deterministic is True there and False here'):
            reproduce.Reproduction(table, choice, 'bin')

    def test_values_of_one_name_are_told_apart_by_their_metrics(self):
        cells = [Cell(model, 'digits32', metric, 'accuracy', published=number) for number, (model, metric) in enumerate(
            itertools.product(('acai', 'vae'), ('cluster', 'classify')))]
        work = reproduce.Reproduction(Study('own', 'Own', cells), Choice(seeds=1, train_dir=self.train_dir), 'bin')
        self.assertEqual(work.scaled(), '')
        result = work.result({}, '')
        for cell in result['cells']:
            cell['measured'] = 5 - cell['published']
            cell['seeds'] = [seed | {'value': cell['measured']} for seed in 2 * cell['seeds']]
        self.assertIn('Of 2 pairs', values.conclusions(result['cells'], '')[0])
        text = output.markdown(result)
        for name in ('cluster.accuracy', 'classify.accuracy'):
            self.assertEqual(text.count(f'| {name} |'), 2)
        self.assertEqual([axes.get_title('left') for axes in figure.draw(result).axes],
                         [f'{metric}.accuracy, digits32, d_z 256 (black: published)' for metric in ('cluster', 'classify')])

    def test_poses_next_to_another_metric_are_drawn_without_blank_runs(self):
        place = self.create_tempdir().full_path
        cells = [Cell('acai', 'pole64', 'reconstruction', 'rmse'), Cell('acai', 'pole64', 'poses', 'poses.model.all.mse')]
        for panels, drawn in (((), poses.PANELS), ('mse', 'mse')):
            work = reproduce.Reproduction(Study('own', 'Own', cells, panels=panels),
                                          Choice(seeds=3, train_dir=self.train_dir), 'bin')
            result = work.result({}, '')
            result['cells'][0]['measured'] = result['cells'][1]['measured'] = 1.0
            none, *seeds = result['cells'][1]['seeds']
            seeds.append(none)
            result['cells'][1]['seeds'] = [none, *(
                dict(seed, value=1.0, values={'poses': {'model': {'all': {'mse': number}}}}, blank=number == 3)
                for number, seed in enumerate(seeds, 1))]
            with unittest.mock.patch('acai_tf.figures.poses.draw', return_value=matplotlib.figure.Figure()) as draw:
                work.draw(result, os.path.join(place, 'own.md'))
            draw.assert_called_once_with({'acai': [{'all': {'mse': seed}} for seed in (1, 2)]}, drawn)
            self.assertEqual(result['pictures'], ['own-poses.png'])
        os.mkdir(os.path.join(place, 'again'))
        again = os.path.join(place, 'again', 'own.md')
        output.write(result, os.path.join(place, 'own.md'))
        directory.report(os.path.join(place, 'own.json'), again)
        self.assertEqual(output.read_json(os.path.join(place, 'again', 'own.json'))['pictures'], ['../own-poses.png'])

    def test_pictures_take_the_options_of_acai_interpolate(self):
        options = {'rows': 2, 'from': 'mixture'}
        study = Study('own', 'Own', [Cell('vae', 'digits32', 'reconstruction', 'rmse')], 'samples', options)
        work = reproduce.Reproduction(study, Choice(seeds=1, train_dir=self.train_dir), 'bin')
        with unittest.mock.patch.object(work, '_shown', return_value={'digits32': (None, {})}), unittest.mock.patch(
                'acai_tf.figures.compare', return_value=matplotlib.figure.Figure()) as compare:
            work.draw(work.result({}, ''), os.path.join(self.create_tempdir().full_path, 'own.md'))
        compare.assert_called_once_with('samples', {'digits32': (None, {})}, rows=2, source='mixture')

    def test_the_values_of_a_subject_are_kept_once(self):
        found = {'poses': {'model': {'all': 1, 'held_out': 2}, 'dissolve': {'all': 3}}, 'other': 4}
        cells = [Cell('acai', 'pole64', 'poses', value) for value in
                 ('poses.model.all', 'poses.model.held_out', 'poses.dissolve.all')]
        work = reproduce.Reproduction(Study('own', 'Own', cells), Choice(seeds=1, train_dir=self.train_dir), 'bin')
        with unittest.mock.patch('acai_tf.studies.plan.Job.values', return_value=found):
            result = work.result({}, '')
        self.assertEqual([(cell['measured'], cell['seeds'][0].get('values')) for cell in result['cells']], [
            (1, {'poses': {'model': found['poses']['model']}}), (2, None), (3, {'poses': {'dissolve': {'all': 3}}})])

    def test_a_blank_run_is_called_so(self):
        run = self.make('acai', [1e-3] * 2)
        with open(run.reports_path) as file:
            reports = [json.loads(line) for line in file]
        choice = Choice(models=['acai'], seeds=1, total_kimg=2, report_kimg=1, train_dir=self.train_dir)
        for explained, said in ((0.09, True), (0.11, False), (None, False)):
            with open(run.reports_path, 'w') as file:
                file.writelines(json.dumps(report | {'explained_variance': explained, 'mean_smoothness': 0.5,
                                                     'undefined_interpolations': 7}) + '\n' for report in reports)
            work = reproduce.Reproduction(studies.get('table', 'acai1'), choice, 'bin')
            distance, smoothness = work.result({}, '')['cells']
            self.assertEqual(('blank' in distance['remarks'], distance['seeds'][0]['blank']), (said, said))
            self.assertEqual(['7 undefined interpolations count as 0' in cell['remarks'] for cell in (distance, smoothness)],
                             [False, True])

    def test_when_a_run_leaves_the_blank_state(self):
        run = self.make('acai', [1e-3] * 4)
        with open(run.reports_path) as file:
            reports = [json.loads(line) for line in file]
        with open(run.reports_path, 'w') as file:
            file.writelines(json.dumps(report | {'explained_variance': explained}) + '\n'
                            for report, explained in zip(reports, (-0.1, 0.05, 0.4, 0.6)))
        options = studies.get('table', 'acai1').cells[0].options | {'total_kimg': 4, 'report_kimg': 1}
        cell = Cell('acai', 'lines32', 'explained_variance', 'explained_variance', options)
        study = Study('own', 'Own', [cell])
        work = reproduce.Reproduction(study, Choice(seeds=1, train_dir=self.train_dir), 'bin')
        self.assertIn('not blank at 3 kimg', work.result({}, '')['cells'][0]['remarks'])
        quick = reproduce.Reproduction(study, Choice(seeds=1, train_dir=self.train_dir, preset='quick'), 'bin')
        self.assertStartsWith(output.markdown(quick.result({}, '')), '**Other settings: preset quick instead of released.**')

    def test_what_is_printed(self):
        result = self.result()
        text = output.markdown(result)
        lines = text.splitlines()
        self.assertEqual(lines[0], '**Scaled down: total_kimg 25 instead of 16384, report_kimg 1 instead of 64.**')
        self.assertEqual(lines[2], '# ACAI, Table 1: Mean Distance and Smoothness of interpolations between lines')
        self.assertIn('| recalled, not checked | measured | difference |', text)
        self.assertNotIn('| published |', text)
        self.assertIn('| mean_distance | acai | 0.24e-3 ± 0.01e-3 | 11.5e-3 ± 1.4e-3 | 11.3e-3 | 2 | 25 | 0.42 |', text)
        rows = [line for line in lines if line.startswith('| lines32 |')]
        self.assertEqual([row.split(' | ')[2:4] for row in rows], [
            [value, system] for value in ('mean_distance', 'mean_smoothness') for system in ('baseline', 'acai')])
        self.assertIn('| 0.44 ± 0.04 |', rows[2])
        self.assertIn('acai_train --model=acai --dataset=lines32 --depth=16', text)
        rows = list(csv.DictReader(line for line in output.as_csv(result).splitlines() if line[0] != '#'))
        self.assertStartsWith(output.as_csv(result), '# Scaled down')
        self.assertEqual((rows[-2]['label'], float(rows[-2]['measured']), rows[-2]['recalled'], rows[-2]['seeds']),
                         ('acai', acai_mean(result), 'True', '2'))

    def test_what_holds_for_all_cells_is_said_once(self):
        result = self.result()
        for cell in result['cells'][:-1]:  # the last, ACAI's Smoothness, is not measured
            cell['remarks'].append('by candlelight')
        text = output.markdown(result)
        self.assertIn('\n\nAll measured numbers: by candlelight.\n', text)
        self.assertEqual(text.count('by candlelight'), 1)
        self.assertEqual(text.count('diverged: loss is nan at step 50'), 2)

    def test_a_table_is_made_again_from_its_json(self):
        result, path = self.result(), os.path.join(self.create_tempdir().full_path, 'table.md')
        output.write(result, path)
        with open(path) as file:
            self.assertEqual(directory.report(output.beside(path, '.json')), file.read())
        with self.assertRaisesRegex(DataError, 'is not a JSON file of acai_reproduce'):
            directory.report(glob.glob(os.path.join(self.train_dir, '*', '*', 'config.json'))[0])
        self.assertIn('## ACAI, Table 1', directory.report(os.path.dirname(path)))
        output.write(result | {'scaled': '', 'pictures': ['table.png', 'table-lerp.png']}, path)
        elsewhere = os.path.join(self.create_tempdir().full_path, 'page.md')
        text = directory.report(os.path.dirname(path), elsewhere)
        self.assertIn('\n## ACAI, Table 1', text)
        links = re.findall(r'!\[.*\]\((.*)\)', text)
        self.assertEqual([os.path.normpath(os.path.join(os.path.dirname(elsewhere), link)) for link in links],
                         [output.beside(path, ending) for ending in ('.png', '-lerp.png')])
        links = re.findall(r'!\[.*\]\((.*)\)', directory.report(output.beside(path, '.json'), elsewhere))
        self.assertEqual(links, ['page.png', os.path.relpath(output.beside(path, '-lerp.png'), os.path.dirname(elsewhere))])
        with open(output.beside(path, '.json'), 'w') as file:
            json.dump(result | {'cells': []}, file)
        with self.assertRaisesRegex(DataError, 'is not a JSON file of acai_reproduce'):
            directory.report(output.beside(path, '.json'))

    def test_the_results_in_docs_are_made_from_their_json(self):
        paths = [path for path in RESULTS.glob('*.json') if 'cells' in json.loads(path.read_text())]
        self.assertNotEmpty(paths)
        place = self.create_tempdir().full_path
        for path in paths:
            copy = os.path.join(place, f'{path.stem}.md')
            output.write(output.read_json(str(path)), copy)
            for ending in ('.md', '.json', '.csv'):
                self.assertEqual(pathlib.Path(output.beside(copy, ending)).read_bytes(),
                                 path.with_suffix(ending).read_bytes(), path.with_suffix(ending))
        for path in RESULTS.glob('*.py'):
            names = re.findall(r'^(\w+) = Study\(', path.read_text(), re.MULTILINE)
            metric_names = re.findall(r'^class (\w+)\(Metric\):', path.read_text(), re.MULTILINE)
            self.assertNotEmpty(names + metric_names, path)
            for name in names:
                self.assertIsInstance(studies.from_file(f'{path}:{name}'), Study)
            for name in metric_names:
                self.assertEqual(metrics.create(f'{path}:{name}').name, name)

    def test_only_clock_values_depend_on_the_clock(self):
        first = timeless(self.result())
        earlier, self.train_dir = self.train_dir, self.create_tempdir().full_path
        second = timeless(self.result(img_per_s=100.0))
        self.assertEqual(json.dumps(first), json.dumps(second).replace(self.train_dir, earlier))

    def test_the_figure_has_points_marks_and_curves(self):
        points, curves, *_ = figure.draw(self.result()).axes
        self.assertEndsWith(points.get_title('left'), '(black: recalled)')
        self.assertEqual(labels(points), ['baseline (1 of 2 diverged)', 'acai'])
        seeds = [float(line.get_xdata()[0]) for line in points.lines if line.get_marker() == 'o']
        self.assertAllClose(seeds, [20e-3, 10.5e-3, 12.5e-3])
        (mean,) = [line for line in points.lines if line.get_marker() == 'None' and len(set(line.get_ydata())) == 2]
        self.assertAllClose(mean.get_xdata(), [11.5e-3] * 2)  # the baseline has one finished seed
        crosses = [line for line in points.lines if line.get_marker() == 'x']
        self.assertAllClose([line.get_xdata()[0] for line in crosses], [6.88e-3, 0.24e-3])
        self.assertEqual(points.get_xscale(), 'linear')
        acai = next(line for line in curves.lines if line.get_label() == 'acai')
        self.assertAllClose(acai.get_ydata()[5:7], [(1 + 12.5) / 2 * 1e-3, (2 + 12.5) / 2 * 1e-3])

    def test_a_figure_has_the_names_of_a_study_as_they_are(self):
        result = self.result()
        names = {'acai': '_x of $a$b$', 'baseline': 'own study ' * 20 + 'end'}
        for cell in result['cells']:
            cell.update(label=names[cell['label']], dataset='records:' + 'folder/' * 30)
        drawn = figure.draw(result)
        figures.encode(drawn)
        for axes in drawn.axes[::2]:
            long, short = labels(axes)
            self.assertStartsWith(short, '_x of $a$b$')
            self.assertRegex(long, '^own study .*….* end')
        for axes in drawn.axes:
            self.assertGreater(axes.get_window_extent().width, 0.3 * 10 * drawn.dpi)

    def test_curves_are_named_at_their_ends_apart_from_each_other(self):
        result = self.result()
        cells = [cell for cell in result['cells'] if cell['value'] == 'mean_distance']
        many = [copy.deepcopy(cell) | {'label': f'{cell["label"]} {number}'} for number in range(4) for cell in cells]
        axes = figure.draw(result | {'cells': many}).axes[1]
        ends = {line.get_label(): line.get_ydata()[-1] for line in axes.lines if line.get_label() in
                {cell['label'] for cell in many}}
        places = {text.get_text(): text.get_position()[1] for text in axes.texts}
        self.assertLen(ends, 8)
        self.assertEqual(set(places), set(ends))
        self.assertGreater(np.diff(sorted(places.values())).min(), 0.07)
        self.assertBetween(max(places.values()), 0, 1)
        for first, second in itertools.combinations(places, 2):
            if ends[first] != ends[second]:
                self.assertEqual(places[first] > places[second], ends[first] > ends[second])

    def test_a_system_has_one_color_in_all_figures(self):
        def colors(result):
            return {line.get_label(): line.get_color() for line in figure.draw(result).axes[1].lines}
        both = self.result()
        alone = both | {'cells': [cell for cell in both['cells'] if cell['label'] == 'acai']}
        self.assertEqual(set(colors(both)), {'baseline', 'acai'})
        self.assertEqual(colors(alone), {'acai': colors(both)['acai']})
        self.assertLen(set(colors(both).values()), 2)

    def test_blank_runs_are_gray_and_counted(self):
        result = self.result()
        result['cells'][0]['seeds'][0]['blank'] = True
        points, curves, *_ = figure.draw(result).axes
        self.assertEqual(labels(points)[0], 'baseline (1 of 2 blank, 1 of 2 diverged)')
        (gray,) = [line for line in curves.lines if line.get_label() not in ('baseline', 'acai')]
        point = next(line for line in points.lines if line.get_marker() == 'o')
        self.assertEqual(gray.get_color(), point.get_color())

    def test_a_blank_run_far_off_does_not_set_the_scale(self):
        result = self.result()
        limits = figure.draw(result).axes[1].get_ylim()
        blank = dict(result['cells'][1]['seeds'][0], blank=True, value=1e3, curve=[[1, 1e3], [2, 1e3]])
        result['cells'][1]['seeds'].append(blank)
        points, curves, *_ = figure.draw(result).axes
        self.assertLess(points.get_xlim()[1], 0.03)
        self.assertAllClose(curves.get_ylim(), limits)

    def test_one_number_far_off_does_not_hide_the_curves(self):
        result = self.result()
        for first, scale in ((0.05, 'linear'), (100.0, 'log')):
            for cell in result['cells']:
                cell['seeds'][0]['value'] = first
                for seed in cell['seeds']:
                    seed['curve'] = [[1, first], [2, 0.02], [3, 0.01], [4, 0.01]]
            points, curves, *_ = figure.draw(result).axes
            self.assertEqual((points.get_xscale(), curves.get_yscale()), (scale, scale))

    def test_a_stand_in_is_named_in_the_head(self):
        choice = Choice(models=['acai'], datasets=['mnist32'], dataset_for={'mnist32': 'digits32'}, train_dir=self.train_dir)
        result = reproduce.Reproduction(studies.get('table', 'acai2'), choice, 'bin').result({}, 'command')
        text = output.markdown(result)
        self.assertIn('**digits32 stands in for mnist32: the published numbers are of mnist32.**', text)
        self.assertIn('| data, digits32 for mnist32 |', text)
        self.assertIn('# digits32 stands in for mnist32\n', output.as_csv(result))
        self.assertEqual(result['conclusions'][0], 'Nothing is measured yet.')
        self.assertEqual(result['scaled'], '')
        self.assertIn('not started', text)


def labels(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def acai_mean(result):
    return next(cell['measured'] for cell in result['cells'] if cell['label'] == 'acai')


def timeless(content):
    """Returns JSON values without those that depend on the clock."""
    if isinstance(content, dict):
        return {key: timeless(value) for key, value in content.items()
                if not any(word in key for word in ('seconds', 'minutes', 'img_per_s'))}
    return [timeless(value) for value in content] if isinstance(content, list) else content


if __name__ == '__main__':
    tf.test.main()
