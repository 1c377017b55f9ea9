"""Files and directories appear whole or not at all."""

import os

import tensorflow as tf

from acai_tf import files


class FilesTest(tf.test.TestCase):

    def test_a_failed_replacement_leaves_the_old_file_alone(self):
        path = self.create_tempfile('file', content='old').full_path
        with self.assertRaises(RuntimeError), files.atomic_write(path) as file:
            file.write('new')
            raise RuntimeError
        with open(path) as file:
            self.assertEqual(file.read(), 'old')
        self.assertLen(os.listdir(os.path.dirname(path)), 1)

    def test_a_failed_directory_does_not_appear(self):
        parent = self.create_tempdir().full_path
        with self.assertRaises(RuntimeError), files.atomic_directory(os.path.join(parent, '5')):
            raise RuntimeError
        self.assertEqual(os.listdir(parent), [])

    def test_an_existing_directory_is_not_replaced(self):
        parent = self.create_tempdir()
        parent.create_file('5/kept')
        with self.assertRaises(FileExistsError), files.atomic_directory(os.path.join(parent.full_path, '5')):
            pass
        self.assertEqual(os.listdir(os.path.join(parent.full_path, '5')), ['kept'])
        self.assertEqual(os.listdir(parent.full_path), ['5'])


if __name__ == '__main__':
    tf.test.main()
