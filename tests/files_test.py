"""Atomic files and directories."""

import errno
import fcntl
import os
from unittest import mock

import tensorflow as tf

from acai_tf import files
from acai_tf.errors import StorageError, UsageError


class FilesTest(tf.test.TestCase):

    def test_a_failed_replacement_leaves_the_old_file_alone(self):
        path = self.create_tempfile('file', content='old').full_path
        with self.assertRaises(RuntimeError), files.atomic_write(path) as file:
            file.write('new')
            raise RuntimeError
        with open(path) as file:
            self.assertEqual(file.read(), 'old')
        self.assertLen(os.listdir(os.path.dirname(path)), 1)

    def test_a_pipe_behind_a_link_is_written(self):
        reader, writer = os.pipe()
        path = f'/dev/fd/{writer}'
        files.check_destination(path)
        files.write('content', path)
        os.close(writer)
        with open(reader) as file:
            self.assertEqual(file.read(), 'content')

    def test_an_error_without_a_number_keeps_its_message(self):
        path = os.path.join(self.create_tempdir().full_path, 'a.npy')
        with self.assertRaisesRegex(OSError, '7 requested and 3 written.*a.npy'), files.atomic_write(path):
            raise OSError('7 requested and 3 written')  # as NumPy says it

    def test_a_failed_directory_does_not_appear(self):
        parent = self.create_tempdir().full_path
        with self.assertRaises(RuntimeError), files.atomic_directory(os.path.join(parent, '5')):
            raise RuntimeError
        self.assertEqual(os.listdir(parent), [])

    def test_an_existing_directory_is_not_replaced(self):
        parent = self.create_tempdir()
        parent.create_file('5/kept')
        with (self.assertRaisesRegex(UsageError, '/5 exists and is not overwritten; choose another name'),
              files.atomic_directory(os.path.join(parent.full_path, '5'))):
            pass
        self.assertEqual(os.listdir(os.path.join(parent.full_path, '5')), ['kept'])
        self.assertEqual(os.listdir(parent.full_path), ['5'])


def no_locks(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


class LockTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def test_a_file_system_without_locks_is_named(self):
        for number in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            with (mock.patch.object(fcntl, 'flock', side_effect=OSError(number, os.strerror(number))),
                  self.assertRaisesRegex(StorageError, f'^/some/dir cannot be locked .{os.strerror(number)}.; choose '
                                                       'a --train_dir on a file system with locks$')):
                files.lock(0, '/some/dir', 'train_dir')

    def test_another_has_the_lock(self):
        with open(os.path.join(self.directory, 'lock'), 'w') as one, open(one.name) as other:
            files.lock(one, self.directory, 'train_dir')
            with self.assertRaises(BlockingIOError):
                files.lock(other, self.directory, 'train_dir', fcntl.LOCK_SH | fcntl.LOCK_NB)


if __name__ == '__main__':
    tf.test.main()
