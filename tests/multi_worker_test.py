"""Several processes that train together, each started as if on its own machine."""

import contextlib
import json
import os
import signal
import socket
import time
import unittest

import tensorflow as tf
from absl.testing import parameterized
from programs import Started, last_checkpoint, run_in_a_process
from training_test import assert_same_weights, metrics, run_in, weights

from acai_tf import models

VQVAE = ['--model=vqvae', '--z_log_size=4', '--num_latents=2', '--start=mean', '--lr_schedule=cosine', '--average=0.9']
FLAGS = ['--dataset=digits32', '--depth=1', '--latent=2', '--latent_width=16', '--batch=16', '--total_kimg=2',
         '--report_kimg=1', '--deterministic', '--checkpoint_steps=10']
# A proxy that does not exist, and is not used for these hosts.
ENVIRONMENT = {'http_proxy': 'http://127.0.0.1:9', 'no_proxy': 'example.org', 'ACAI_JOIN_SECONDS': '20'}


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]


def tf_config(addresses, index):
    return json.dumps({'cluster': {'worker': addresses}, 'task': {'type': 'worker', 'index': index}})


class MultiWorkerTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.train_dir = self.create_tempdir().full_path
        self.processes = []
        self.addCleanup(self.kill)

    def kill(self):
        for process in self.processes:
            process.kill()

    def start(self, *flags, addresses=None, of_worker=((), ()), **environment):
        addresses = addresses or [f'127.0.0.1:{port}' for port in free_ports(2)]
        self.processes = [
            Started('bin/acai_train', '--strategy=multi_worker', f'--train_dir={self.train_dir}', *FLAGS, *flags,
                    *of_worker[index], env={
                        **os.environ, **ENVIRONMENT, 'TF_CONFIG': tf_config(addresses, index), **environment})
            for index in range(len(of_worker))]

    def finish(self):
        """[(exit code, stdout, stderr)] of both."""
        return [process.wait(seconds=120) for process in self.processes]

    def wait_for_checkpoint(self, step):
        deadline = time.monotonic() + 120
        while last_checkpoint(self.train_dir) < step:
            self.assertLess(time.monotonic(), deadline)
            self.assertEqual([process.is_running() for process in self.processes], [True, True])
            time.sleep(0.02)

    def assert_equals_two_replicas_in_one_process(self, *flags):
        mirrored = self.create_tempdir().full_path
        code, _, err = run_in_a_process('bin/acai_train', *FLAGS, *flags, '--strategy=mirrored', f'--train_dir={mirrored}',
                                        env={**os.environ, 'ACAI_LOGICAL_CPUS': '2'})
        self.assertEqual(code, 0, err)
        run_dir, expected = run_in(self.train_dir), run_in(mirrored)
        self.assertEqual(metrics(run_dir), metrics(expected))
        assert_same_weights(self, weights(run_dir, 128), weights(expected, 128))

    @unittest.skipUnless('ACAI_LONG_TESTS' in os.environ, 'takes long: set ACAI_LONG_TESTS')
    @parameterized.parameters(name for name in models.names() if name != 'vqvae')
    def test_two_workers_equal_two_replicas_in_one_process(self, name):
        self.start(f'--model={name}')
        (code, _, err), (other_code, *_) = self.finish()
        self.assertEqual((code, other_code), (0, 0), err)
        self.assert_equals_two_replicas_in_one_process(f'--model={name}')

    def test_killed_stopped_and_resumed_equals_two_replicas_in_one_process(self):
        self.start(*VQVAE)
        self.wait_for_checkpoint(10)
        self.processes[1].kill()
        killed = time.monotonic()
        (code, _, err), _ = self.finish()
        self.assertLess(time.monotonic() - killed, 60)
        self.assertEqual(code, 5, err)
        self.assertRegex(err.splitlines()[-1], '^acai_train: a worker was lost .*resume from the last checkpoint')

        self.start(*VQVAE)
        self.wait_for_checkpoint(50)
        self.processes[1].signal(signal.SIGTERM)
        for code, _, err in self.finish():
            self.assertEqual(code, 42, err)
            self.assertRegex(err.splitlines()[-1], r'stopped by SIGTERM after step \d+; the same command resumes')

        self.start(*VQVAE)
        (code, out, err), (other_code, other_out, other_err) = self.finish()
        self.assertEqual((code, other_code, other_out, other_err), (0, 0, '', ''), err)
        self.assertIn('final metrics', out)
        self.assert_equals_two_replicas_in_one_process(*VQVAE)

    def test_workers_with_different_options_are_refused(self):
        self.start(of_worker=((), ('--lr=0.5',)))
        for code, _, err in self.finish():
            self.assertEqual(code, 1, err)
            self.assertRegex(err.splitlines()[-1], 'the worker of replica 1 has other options')
        self.assertEqual(os.listdir(self.train_dir), [])

    def start_a_chief_whose_worker_does_not_join(self, **environment):
        """The connection of that worker."""
        addresses = [f'127.0.0.1:{port}' for port in free_ports(2)]
        self.start(addresses=addresses, of_worker=[()], **environment)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                connection = socket.create_connection(('127.0.0.1', int(addresses[0].split(':')[1])))
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        connection.sendall(b'1')
        self.assertEqual(connection.recv(16), b'begin')
        return connection

    def test_a_worker_that_never_joins(self):
        with self.start_a_chief_whose_worker_does_not_join(ACAI_JOIN_SECONDS='2'):
            (code, out, err), = self.finish()
        self.assertEqual((code, out), (5, ''), err)
        self.assertRegex(err, '^acai_train: --strategy=multi_worker: the workers .* did not join within 2 seconds')
        self.assertLen(err.splitlines(), 1)

    def test_interrupted_while_tensorflow_waits(self):
        with self.start_a_chief_whose_worker_does_not_join():
            time.sleep(0.5)
            self.processes[0].signal(signal.SIGTERM)
            (code, _, err), = self.finish()
        self.assertEqual((code, err), (143, 'acai_train: ended by SIGTERM\n'))

    def test_interrupted_while_they_wait_for_another(self):
        addresses = [f'127.0.0.1:{port}' for port in free_ports(3)]
        self.start(addresses=addresses)
        for process, message in zip(self.processes, (f'waiting for the workers {addresses[2]}',
                                                     f'the chief {addresses[0]} is waiting for other workers')):
            process.wait_for_error(message)
            process.signal(signal.SIGTERM)
        for code, _, err in self.finish():
            self.assertEqual((code, err.splitlines()[1:]), (143, ['acai_train: ended by SIGTERM']), err)


if __name__ == '__main__':
    tf.test.main()
