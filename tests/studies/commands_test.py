"""The programs of a study."""

import os
import pathlib
import unittest.mock

import tensorflow as tf
from programs import ROOT

from acai_tf.studies import programs


class DirectoryTest(tf.test.TestCase):

    def directory(self, argv0, executable):
        with unittest.mock.patch('sys.argv', [argv0]), unittest.mock.patch('sys.executable', executable):
            return programs.directory()

    def test_beside_the_program_then_beside_python_then_in_the_repository(self):
        with_programs, without = (self.create_tempdir().full_path for _ in range(2))
        pathlib.Path(with_programs, 'acai_train').touch()
        here, elsewhere = (os.path.join(path, 'some_program') for path in (with_programs, without))
        self.assertEqual(self.directory(here, elsewhere), with_programs)
        self.assertEqual(self.directory(elsewhere, here), with_programs)
        self.assertEqual(self.directory(elsewhere, elsewhere), str(ROOT / 'bin'))


if __name__ == '__main__':
    tf.test.main()
