"""The papers' tables and figures as data."""

import pathlib

import tensorflow as tf
from absl.testing import parameterized

from acai_tf import datasets, metrics, models, studies
from acai_tf.studies.base import PIXELS
from acai_tf.studies.plan import plan
from acai_tf.studies.select import Choice, refusal, select
from acai_tf.training.config import TrainConfig

ROOT = pathlib.Path(__file__).parents[2]
STUDIES = [(f'{kind}_{name}', study) for kind, known in (('table', studies.tables()), ('figure', studies.figures()))
           for name, study in known.items()]


class PapersTest(parameterized.TestCase, tf.test.TestCase):

    def test_there_are_all_that_are_promised(self):
        self.assertCountEqual(studies.tables(), ['acai1', 'acai2', 'acai3', 'midr1', 'midr2', 'midr3'])
        self.assertCountEqual(studies.figures(), [
            'acai3', *(f'acai{n}' for n in range(6, 12)), 'midr3', 'midr4', 'midr5', 'aeai2', 'aeai5',
            *(f'aeai{n}' for n in range(6, 16))])

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

    def test_recalled_digits_are_called_so(self):
        for name, study in STUDIES:
            for cell in study.cells:
                self.assertEqual(cell.recalled, cell.published is not None and cell.source == 'ACAI, Table 1', name)

    def test_published_numbers(self):
        """Some from every corner of the specification's tables."""
        numbers = {(name, cell.label, cell.dataset, cell.dz, cell.value): (cell.published, cell.deviation)
                   for name, study in studies.tables().items() for cell in study.cells}
        for key, number in {
                ('acai1', 'acai', 'lines32', 64, 'mean_distance'): (0.24e-3, 0.01e-3),
                ('acai2', 'vqvae', 'cifar10', 1024, 'latent_accuracy'): (16.22, 12.44),
                ('acai2', 'pixels', 'svhn32', None, 'accuracy'): (23.48, None),
                ('acai3', 'acai', 'svhn32', 256, 'accuracy'): (24.98, None),
                ('acai3', 'dec on pixels', 'mnist32', None, 'accuracy'): (84.3, None),
                ('midr1', 'miae', 'celeba32', 256, 'correlation'): (.06, None),
                ('midr2', 'midrae', 'svhn32', 32, 'latent_accuracy'): (92.28, .62),
                ('midr3', 'lrae', 'mnist32', 256, 'accuracy'): (96.70, None)}.items():
            self.assertEqual(numbers[key], number)
        self.assertNotIn('rim on pixels', [cell.label for cell in studies.get('table', 'midr3').cells])


if __name__ == '__main__':
    tf.test.main()
