import queue
import socket
import threading
import time
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized
from multi_worker_test import free_ports, tf_config

from acai_tf.errors import UsageError
from acai_tf.training import rendezvous


class ClusterTest(parameterized.TestCase, tf.test.TestCase):

    def test_the_chief_is_first(self):
        self.assertEqual(rendezvous.cluster_of(tf_config(['a:1', 'b:2'], 1)), (['a:1', 'b:2'], 1))
        text = '{"cluster": {"worker": ["a:1", "b:2"], "chief": ["c:3"]}, "task": {"type": "worker", "index": 1}}'
        self.assertEqual(rendezvous.cluster_of(text), (['c:3', 'a:1', 'b:2'], 2))

    @parameterized.parameters(
        ('', 'TF_CONFIG is not set; it should be like .*"cluster"'),
        ('{', 'TF_CONFIG cannot be used'),
        ('{"cluster": {"worker": ["a:1"]}}', 'TF_CONFIG cannot be used .*task'),
        ('{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}', 'TF_CONFIG cannot be used'),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 3}}', 'has no worker 3'),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}', 'has no ps 0'))
    def test_clusters_that_cannot_be(self, text, message):
        with self.assertRaisesRegex(UsageError, f'^--strategy=multi_worker: .*{message}'):
            rendezvous.cluster_of(text)


class MeetTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.addresses = [f'127.0.0.1:{port}' for port in free_ports(3)]
        self.here = queue.Queue()

    def start(self, number):
        def meet():
            rendezvous.meet(self.addresses, number)
            self.here.put(number)
        threading.Thread(target=meet, daemon=True).start()

    def assert_all_meet(self):
        self.assertCountEqual([self.here.get(timeout=20) for _ in self.addresses], range(3))

    def test_all_start_together_in_whatever_order_they_come(self):
        for order in ((0, 1, 2), (2, 1, 0)):
            for number in order:
                self.assertTrue(self.here.empty())
                self.start(number)
                time.sleep(0.3)
            self.assert_all_meet()

    def test_one_that_came_and_went_is_waited_for_and_strangers_do_not_count(self):
        self.start(0)
        time.sleep(0.3)
        host, port = self.addresses[0].split(':')
        for words in (b'1', b'2', b'GET / HTTP/1.1', b'7', b'-1', b''):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(words)
        time.sleep(1)
        self.assertTrue(self.here.empty())
        self.start(1)
        self.start(2)
        self.assert_all_meet()

    def test_it_says_for_whom_it_waits(self):
        with (mock.patch.object(rendezvous, '_SECONDS_BEFORE_NOTICE', 1.5), self.assertLogs('acai_tf', 'INFO') as logs):
            self.start(0)
            self.start(2)
            time.sleep(3)
        self.assertCountEqual([record.getMessage() for record in logs.records], [
            f'waiting for the workers {self.addresses[1]}', f'the chief {self.addresses[0]} is waiting for other workers'])
        self.start(1)
        self.assert_all_meet()

    def test_a_port_that_another_program_has(self):
        with socket.create_server(('', int(self.addresses[0].split(':')[1]))), self.assertRaisesRegex(
                UsageError, 'port .* cannot be opened .Address already in use'):
            rendezvous.meet(self.addresses, 0)


if __name__ == '__main__':
    tf.test.main()
