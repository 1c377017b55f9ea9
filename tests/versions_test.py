"""A run directory or an export of another format is refused with one line that names the version."""

import json
import os
import shutil

import tensorflow as tf
from absl.testing import parameterized
from programs import run
from training_test import OPTIONS, run_in, trained_in_one_go

import acai_tf
from acai_tf import export, training
from acai_tf.errors import UsageError
from acai_tf.versions import FORMAT, check_format, versions


def newer(content):
    return {**content, 'format': FORMAT + 1, 'versions': {**versions(), 'acai_tf': '7.6.5'}}


def without_number(content):
    return {name: value for name, value in content.items() if name not in ('format', 'versions')}


class VersionsTest(parameterized.TestCase, tf.test.TestCase):

    def test_versions_of_what_results_depend_on(self):
        self.assertCountEqual(versions(), ['acai_tf', 'python', 'tensorflow', 'keras', 'numpy'])
        self.assertEqual((versions()['acai_tf'], versions()['tensorflow']), (acai_tf.__version__, tf.__version__))

    @parameterized.parameters(
        ({'format': FORMAT + 1, 'versions': {'acai_tf': '7.6.5'}}, 'acai_tf 7.6.5'), ({}, 'a version before 1.0.0'),
        ({'format': str(FORMAT), 'versions': {'acai_tf': '1.2'}}, 'acai_tf 1.2'),
        ({'format': None, 'versions': 'none'}, 'a version before 1.0.0'),
        ({'format': 0, 'versions': {}}, 'a version before 1.0.0'))
    def test_other_numbers_are_refused(self, content, made_by):
        with self.assertRaisesRegex(UsageError, f'^some/file was written by {made_by} in another format; use that version, '
                                    f'or make it again with acai_tf {acai_tf.__version__}$'):
            check_format(content, 'some/file')
        check_format({'format': FORMAT}, 'some/file')

    @parameterized.parameters((newer, 'acai_tf 7.6.5'), (without_number, 'a version before 1.0.0'))
    def test_programs_refuse_a_run_and_an_export_of_another_format(self, change, made_by):
        train_dir = self.create_tempdir().full_path
        shutil.copytree(trained_in_one_go(1).name, train_dir, dirs_exist_ok=True)
        run_dir = run_in(train_dir)
        exported = os.path.join(run_dir, 'export', '32')
        paths = [os.path.join(run_dir, 'config.json'), os.path.join(exported, 'assets.extra', 'acai_config.json')]
        for path in paths:
            with open(path) as file:
                content = json.load(file)
            self.assertEqual((content['format'], content['versions']), (FORMAT, versions()))
            with open(path, 'w') as file:
                json.dump(change(content), file)
        with self.assertRaisesRegex(UsageError, f'config.json was written by {made_by}'):
            training.Run(run_dir).config  # noqa: B018
        with self.assertRaisesRegex(UsageError, f'acai_config.json was written by {made_by}'):
            export.load(exported)
        flags = [f'--{name}={value}' for name, value in {**OPTIONS, 'total_kimg': 1, 'train_dir': train_dir}.items()]
        for path, program, *given in (
                (paths[0], 'acai_train', *flags),
                (paths[0], 'acai_export', f'--run_dir={run_dir}', f'--export_dir={train_dir}'),
                (paths[1], 'acai_evaluate', f'--saved_model={exported}'),
                (paths[1], 'acai_interpolate', f'--saved_model={exported}', f'--output={train_dir}/figure.png')):
            code, out, err = run(f'bin/{program}', *given)
            self.assertEqual((code, out), (1, ''), err)
            self.assertRegex(err, f'^{program}: {path} was written by {made_by} in another format; use that version, or ')
            self.assertLen(err.splitlines(), 1)
        if change is newer:  # it can be started over
            code, _, err = run('bin/acai_train', *flags, '--overwrite')
            self.assertEqual(code, 0, err)
            self.assertEqual(training.Run(run_dir).config['format'], FORMAT)


if __name__ == '__main__':
    tf.test.main()
