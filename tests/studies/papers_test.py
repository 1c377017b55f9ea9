"""The papers' tables and figures as data."""

import tensorflow as tf
from absl.testing import parameterized
from programs import ROOT

from acai_tf import datasets, metrics, models, studies
from acai_tf.studies.base import PIXELS
from acai_tf.studies.plan import plan
from acai_tf.studies.select import Choice, refusal, select
from acai_tf.training.config import TrainConfig

STUDIES = [(f'{kind}_{name}', study) for kind, known in studies.STUDIES.items() for name, study in known.items()]

# The figures of AEAI as in the paper: systems, data (with the object of COIL-100), values, and drawing.
PAPER = {'objective': 'paper'}
SIX = {'aeai': ('aeai', PAPER, 256), 'aae': ('aae', {}, 256), 'acai': ('acai', {}, 256),
       'beta-vae': ('vae', {'beta': 4.0}, 256), 'amr': ('amr', {'update_g_every': 1}, 256), 'gaia': ('gaia', {}, 256)}
FOUR = {'aeai': ('aeai', PAPER, 256), 'aeai without cycle': ('aeai', {**PAPER, 'wgt_cycle': 0}, 256),
        'aeai without discriminator': ('aeai', {**PAPER, 'wgt_adv': 0}, 256),
        'aeai without smoothness': ('aeai', {**PAPER, 'wgt_smooth': 0}, 256)}
POLE, ONE, TWO = ('pole64', None), ('coil100', 1), ('coil100', 2)
RMSE = ['reconstruction.rmse']
MEAN, DEVIATION = 'mse_by_alpha.azimuth_80.mean', 'mse_by_alpha.azimuth_80.deviation'
DISTANCES = [[f'parameter_distance.{interval}' for interval in row] for row in (
    ('azimuth_40', 'azimuth_60', 'azimuth_80'), ('altitude_20', 'altitude_30', 'altitude'))]
MSE, RETRIEVED = ['poses.poses.model.all.mse.azimuth_80'], ['poses.poses.model.all.retrieved_alpha.azimuth_70.error']
AEAI = [
    (2, {'AE, 2-D': ('baseline', {}, 2), 'AE, 3-D': ('baseline', {}, 3)}, [POLE], RMSE, 'map'),
    (5, SIX, [ONE, POLE], RMSE, 'lerp'),
    (6, SIX, [ONE], MSE, [[MEAN, DEVIATION, 'mse']]),
    (7, SIX, [ONE], RETRIEVED, 'retrieved_alpha.azimuth_70'),
    (8, SIX, [POLE], [f'poses.poses.model.all.{panel}.deviation' for row in DISTANCES for panel in row], DISTANCES),
    (9, SIX, [ONE], RMSE, 'bilinear'), (10, SIX, [TWO], RMSE, 'bilinear'), (11, SIX, [POLE], RMSE, 'bilinear'),
    (12, FOUR, [ONE], RMSE, 'bilinear'), (13, FOUR, [TWO], RMSE, 'bilinear'),
    (14, FOUR, [ONE], MSE, [[MEAN, DEVIATION], ['mse']]), (15, FOUR, [ONE], RETRIEVED, 'retrieved_alpha.azimuth_70')]


class PapersTest(parameterized.TestCase, tf.test.TestCase):

    def test_there_are_all_that_are_promised(self):
        self.assertCountEqual(studies.STUDIES['table'], ['acai1', 'acai2', 'acai3', 'midr1', 'midr2', 'midr3'])
        self.assertCountEqual(studies.STUDIES['figure'], [
            'acai3', 'acai5', *(f'acai{n}' for n in range(6, 12)), 'midr3', 'midr4', 'midr5', 'aeai2',
            *(f'aeai{n}' for n in range(5, 16))])

    @parameterized.named_parameters(*STUDIES)
    def test_every_cell_names_what_exists_and_its_commands_say_it(self, study):
        choice = Choice(seeds=2)
        for cell in study.cells:
            self.assertIn(cell.model, [*models.names(), PIXELS])
            self.assertIn(cell.dataset, datasets.names())
            self.assertIn(cell.metric, metrics.names())
            self.assertIsNone(refusal(cell))
            self.assertEqual(cell.published is None, cell.source == '', cell)
            self.assertIsInstance(cell.published, (float, type(None)))
        jobs, jobs_of = plan(select(study, choice), choice)
        self.assertLen(jobs_of, len(study.cells))
        for job in jobs:
            for _, (program, *flags) in job.commands():
                self.assertTrue((ROOT / 'bin' / program).exists())
                given = dict(flag.removeprefix('--').split('=', 1) for flag in flags)
                if program == 'acai_train':
                    self.assertEqual(TrainConfig(**given).resolve().to_json(), job.config.to_json())
                else:
                    self.check_metric(program, given, job)

    def check_metric(self, program, given, job):
        given.pop('output')
        self.assertTrue(('space' in given) == job.is_pixels and ('saved_model' in given) != job.is_pixels)
        names = [given.pop('metrics')] if program == 'acai_evaluate' else [program.removeprefix('acai_')]
        for name in ('space', 'saved_model', 'dataset'):
            given.pop(name, None)
        for name in names:
            self.assertEqual(metrics.REGISTRY.get(name).program, program)
            metrics.create(name, **given)

    @parameterized.parameters(*AEAI)
    def test_a_figure_of_aeai_shows_what_is_printed(self, number, systems, data, values, shown):
        study = studies.get('figure', f'aeai{number}')
        found = {(cell.dataset, cell.options.get('coil_object')) for cell in study.cells}
        self.assertEqual(found, set(data))
        for place in data:
            cells = [cell for cell in study.cells if (cell.dataset, cell.options.get('coil_object')) == place]
            self.assertEqual(list(dict.fromkeys(cell.label for cell in cells)), list(systems))
            for label, (model, options, dz) in systems.items():
                of_system = [cell for cell in cells if cell.label == label]
                self.assertEqual([f'{cell.metric}.{cell.value}' for cell in of_system], values)
                for cell in of_system:
                    self.assertEqual((cell.model, cell.dz, cell.options['depth'], cell.options['architecture'],
                                      cell.model_options), (model, dz, 16, 'vgg', {'batch_norm': True, **options}))
        self.assertEqual(study.panels or study.mode, shown)
        self.assertEqual('is inferred' in study.notes, 12 <= number)
        self.assertIn(f'AEAI, Figure {number}: ', study.title)

    def test_the_figures_of_the_other_papers(self):
        six = ['baseline', 'denoising', 'vae', 'aae', 'vqvae', 'acai']
        of_acai = [('lines32', 64), ('mnist32', 32), ('mnist32', 256), ('svhn32', 32), ('svhn32', 256), ('celeba32', 32),
                   ('celeba32', 256)]
        four = [(data, 256) for data in ('mnist32', 'cifar10', 'svhn32', 'celeba32')]
        for name, systems, data, mode in [
                *((f'acai{number}', six, [place], 'lerp') for number, place in zip((3, *range(6, 12)), of_acai)),
                ('acai5', ['vae'], [('lines32', 64)], 'samples'), ('midr3', ['acai', 'miae'], [('stripes32', 2)], 'map'),
                ('midr4', ['acai', 'miae'], four, 'lerp'), ('midr5', ['midrae'], four, 'samples')]:
            study = studies.get('figure', name)
            self.assertEqual(({(cell.dataset, cell.dz, cell.model) for cell in study.cells}, study.mode),
                             ({(*place, system) for place in data for system in systems}, mode), name)
            self.assertIn(f'Figure {name[4:]}: ', study.title)
            if systems == six:  # dropout only if asked for
                self.assertIn('dropout', [cell.model for cell in select(study, Choice(models=['dropout']))])

    def test_recalled_digits_are_called_so(self):
        for name, study in STUDIES:
            for cell in study.cells:
                self.assertEqual(cell.recalled, cell.published is not None and cell.source == 'ACAI, Table 1', name)

    def test_published_numbers(self):
        """Samples from all parts of the papers' tables."""
        numbers = {(name, cell.label, cell.dataset, cell.dz, cell.value): (cell.published, cell.deviation)
                   for name, study in studies.STUDIES['table'].items() for cell in study.cells}
        for key, number in {
                ('acai1', 'acai', 'lines32', 64, 'mean_distance'): (0.24e-3, 0.01e-3),
                ('acai2', 'vqvae', 'cifar10', 1024, 'latent_accuracy'): (16.22, 12.44),
                ('acai2', 'pixels', 'svhn32', None, 'accuracy'): (23.48, None),
                ('acai3', 'acai', 'svhn32', 256, 'accuracy'): (24.98, None),
                ('acai3', 'dec on pixels', 'mnist32', None, 'accuracy'): (84.3, None),
                ('acai3', 'kmeans on pixels', 'mnist32', None, 'accuracy'): (53.2, None),
                ('midr1', 'miae', 'celeba32', 256, 'correlation'): (.06, None),
                ('midr2', 'midrae', 'svhn32', 32, 'latent_accuracy'): (92.28, .62),
                ('midr3', 'lrae', 'mnist32', 256, 'accuracy'): (96.70, None)}.items():
            self.assertEqual(numbers[key], number)
        self.assertNotIn('rim on pixels', [cell.label for cell in studies.get('table', 'midr3').cells])
        quoted = {(cell.label, cell.dataset): cell.source.partition(',')[0] for cell in studies.get('table', 'acai3').cells
                  if cell.model == PIXELS}
        self.assertEqual([pair for pair, source in quoted.items() if source != 'Hu et al. 2017'],
                         [('dec on pixels', 'mnist32')])
        self.assertEqual(quoted['dec on pixels', 'mnist32'], 'Xie et al. 2016')


if __name__ == '__main__':
    tf.test.main()
