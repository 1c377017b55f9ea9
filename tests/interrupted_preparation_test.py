"""create_datasets when it is stopped, started twice, or out of disk space."""

import os
import resource
import signal
import time

import numpy as np
import published_files
import tensorflow as tf
from programs import Started, run, run_from_the_start

PROGRAM = 'data_prep/create_datasets.py'


class InterruptedTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.source, self.data = (self.create_tempdir().full_path for _ in range(2))
        random = np.random.default_rng(0)
        for prefix, count in (('train', 8000), ('t10k', 100)):
            published_files.write_idx(self.source, prefix, random.integers(0, 256, [count, 28, 28], np.uint8),
                                      random.integers(0, 10, count).astype(np.uint8), zipped=False)
        self.flags = ['--datasets=mnist', f'--source_dir={self.source}', f'--data_dir={self.data}']

    def start(self):
        return Started(PROGRAM, *self.flags)

    def wait_until_it_writes(self, process):
        work = os.path.join(self.data, '.mnist.partial')
        while process.is_running() and not (os.path.isdir(work) and os.listdir(work)):
            time.sleep(0.01)

    def test_a_signal_leaves_nothing(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            self.wait_until_it_writes(process)
            process.signal(number)
            code, _, err = process.wait(60)
            self.assertEqual((code, err), (128 + number, f'create_datasets.py: ended by {number.name}\n'))
            self.assertEqual(os.listdir(self.data), [])

    def test_after_a_kill_the_next_run_makes_everything(self):
        process = self.start()
        self.wait_until_it_writes(process)
        process.kill()
        process.wait()
        self.assertEqual(os.listdir(self.data), ['.mnist.partial'])
        code, _, err = run(PROGRAM, *self.flags)
        self.assertEqual(code, 0, err)
        self.assert_complete()

    def assert_complete(self):
        self.assertCountEqual(os.listdir(self.data), ['manifest.json', 'mnist-train.tfrecord', 'mnist-test.tfrecord'])
        code, out, _ = run(PROGRAM, '--verify', f'--data_dir={self.data}')
        self.assertEqual(code, 0, out)

    def test_two_at_a_time(self):
        ends = [process.wait() for process in [self.start() for _ in range(2)]]
        self.assertEqual([code for code, _, _ in ends], [0, 0], ends)
        self.assertLen([err for _, _, err in ends if 'nothing to do' in err], 1)
        self.assert_complete()

    def test_a_full_disk(self):
        def allow_files_of_a_megabyte():
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        code, _, err = run_from_the_start(PROGRAM, *self.flags, preexec_fn=allow_files_of_a_megabyte)
        self.assertEqual(code, 4, err)
        self.assertRegex(err, '^create_datasets.py: .*mnist-train.tfrecord cannot be written')
        self.assertLen(err.splitlines(), 1)
        self.assertEqual(os.listdir(self.data), [])

if __name__ == '__main__':
    tf.test.main()
