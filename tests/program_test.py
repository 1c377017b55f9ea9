"""Common code of the programs: exit codes, messages, and no side effects of a call."""

import contextlib
import io
import logging
import os
import signal
import sys
import threading
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized
from programs import ROOT

from acai_tf.cli import program
from acai_tf.errors import DataError, program_name

DOC = """Tries something.

  acai_try --batch=1
"""
_logger = logging.getLogger('acai_tf')


def define_flags(flags):
    flags.integer('batch', 1, 'size')


class MainTest(parameterized.TestCase, tf.test.TestCase):

    def call(self, run, *argv, define_flags=define_flags):
        """Returns (exit code, stdout, stderr) of a program in this process."""
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            code = program.main(DOC, define_flags, run, argv)
        return code, out.getvalue(), err.getvalue()

    def test_flags_are_those_of_the_call(self):
        for argv, expected in ((['--batch=3'], '3'), ([], '1'), (['--batch=2'], '2')):
            self.assertEqual(self.call(lambda flags: print(flags.batch), *argv), (0, f'{expected}\n', ''))

    def test_a_flag_that_is_there_already_and_a_flagfile_that_is_no_text(self):
        code, _, err = self.call(print, define_flags=lambda flags: (flags.string('batch', None, 'x'), define_flags(flags)))
        self.assertEqual(code, 1)
        self.assertRegex(err, 'the option batch of your own class has the name of a flag of .*; rename it')
        code, _, err = self.call(print, f'--flagfile={self.create_tempfile(content=bytes([255, 254, 0])).full_path}')
        self.assertEqual((code, len(err.splitlines())), (1, 1))
        self.assertRegex(err, "can't decode byte")

    def test_home_is_expanded_in_references_to_data(self):
        home = os.path.expanduser('~')
        for given, expected in (('arrays:~/x.npy', f'arrays:{home}/x.npy'), ('records:~/x', f'records:{home}/x')):
            self.assertEqual(self.call(lambda flags: print(flags.data), f'--data={given}', define_flags=lambda flags:
                                       flags.string('data', None, 'data', is_path=True)), (0, f'{expected}\n', ''))

    def test_in_another_thread(self):
        codes = []
        thread = threading.Thread(target=lambda: codes.append(program.main(DOC, define_flags, lambda flags: None, [])))
        thread.start()
        thread.join()
        self.assertEqual(codes, [0])

    @parameterized.parameters(
        (DataError('no data'), 2, 'no data'), (OSError(28, 'No space left', 'f'), 4, "reading or writing failed: .*: 'f'"),
        (tf.errors.NotFoundError(None, None, 'no file; No such file'), 4, 'reading or writing failed: no file'))
    def test_errors(self, error, expected, message):
        def fail(flags):
            raise error
        code, out, err = self.call(fail)
        self.assertEqual((code, out), (expected, ''))
        self.assertRegex(err, f'^acai_try: {message}')
        self.assertLen(err.splitlines(), 1)

    def test_other_errors_are_raised(self):
        with self.assertRaises(ZeroDivisionError):
            self.call(lambda flags: 1 / 0)

    @parameterized.parameters(
        (tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor'),),
        (MemoryError('OOM when allocating tensor'),))
    def test_out_of_memory(self, error):
        def run_out(flags):
            raise error
        for define, advice in ((lambda flags: None, ''), (define_flags, '; choose a smaller --batch')):
            self.assertEqual(self.call(run_out, define_flags=define),
                             (1, '', f'acai_try: out of memory (OOM when allocating tensor){advice}\n'))

    def test_the_process_is_as_before(self):
        def state():
            return ([*_logger.handlers], _logger.level, _logger.propagate, sys.stdout.errors,
                    *map(signal.getsignal, (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)))

        def end(flags):
            _logger.info('at work')
            during.append(state())
            os.kill(os.getpid(), signal.SIGTERM)
        during = []
        out, err = (io.TextIOWrapper(io.BytesIO(), 'ascii') for _ in range(2))
        with mock.patch.multiple(sys, stdout=out, stderr=err):
            before = state()
            code = program.main(DOC, define_flags, end, [])
            self.assertEqual(state(), before)
        for changed, earlier in zip(during[0], before):
            self.assertNotEqual(changed, earlier)
        err.seek(0)
        self.assertEqual((code, err.read()), (143, 'at work\nacai_try: ended by SIGTERM\n'))

    def test_settings_that_keras_does_not_like(self):
        directory = self.create_tempdir()
        directory.create_file('tensorflow.py', 'raise ValueError("Invalid floatx. Received: floatx=int8")')
        with mock.patch.object(sys, 'path', [directory.full_path, *sys.path]), mock.patch.dict(sys.modules):
            del sys.modules['tensorflow']
            code, out, err = self.call(lambda flags: None)
        self.assertEqual((code, out), (1, ''))
        self.assertRegex(err, r'^acai_try: TensorFlow and Keras cannot be imported \(Invalid floatx. Received: floatx=int8'
                              r'\); correct keras.json')
        self.assertLen(err.splitlines(), 1)

    def call_with(self, stdout, stderr, run):
        with mock.patch.multiple(sys, stdout=stdout, stderr=stderr):
            return program.main(DOC, define_flags, run, [])

    def pipe_without_reader(self):
        reader, writer = os.pipe()
        os.close(reader)
        return os.fdopen(writer, 'w', buffering=1)

    def test_a_reader_that_leaves_early_changes_nothing(self):
        def say_and_work(flags):
            print('begun', flush=True)
            _logger.info('at work')
            done.append(flags.batch)
            print('done')
        for error, code in ((None, 0), (DataError('no data'), 2)):
            done, err = [], io.StringIO()

            def run(flags):
                say_and_work(flags)
                if error:
                    raise error
            with self.pipe_without_reader() as out:
                self.assertEqual(self.call_with(out, err, run), code)
            with self.pipe_without_reader() as both:
                self.assertEqual(self.call_with(both, both, run), code)
            self.assertEqual(done, [1, 1])
            self.assertEqual(err.getvalue(), 'at work\n' + (f'acai_try: {error}\n' if error else ''))

    def test_a_full_disk_behind_stdout_is_an_error(self):
        err = io.StringIO()
        with open('/dev/full', 'w') as full:
            self.assertEqual(self.call_with(full, err, lambda flags: print('result')), 4)
        self.assertRegex(err.getvalue(), '^acai_try: reading or writing failed: .*No space left')

    def test_a_terminal_that_closes_ends_it_unless_nohup_was_asked_for(self):
        def hang_up(flags):
            os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(self.call(hang_up), (129, '', 'acai_try: ended by SIGHUP\n'))
        earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            self.assertEqual(self.call(hang_up), (0, '', ''))
        finally:
            signal.signal(signal.SIGHUP, earlier)

    def test_names_of_programs(self):
        for started, expected in ((f'{ROOT}/bin/acai_train', 'bin/acai_encode'), ('bin/acai_train', 'bin/acai_encode'),
                                  (f'{ROOT}/data_prep/create_datasets.py', 'bin/acai_encode'),
                                  (f'{sys.prefix}/bin/acai_train', 'acai_encode'), ('', 'acai_encode')):
            with contextlib.chdir(ROOT), mock.patch.object(sys, 'argv', [started]):
                self.assertEqual(program_name('acai_encode'), expected)
        with contextlib.chdir(f'{ROOT}/docs'), mock.patch.object(sys, 'argv', [f'{ROOT}/bin/acai_train']):
            self.assertEqual(program_name('acai_encode'), '../bin/acai_encode')
            with mock.patch.dict(os.environ, PATH=f'{ROOT}/bin'):
                self.assertEqual(program_name('acai_encode'), 'acai_encode')


if __name__ == '__main__':
    tf.test.main()
