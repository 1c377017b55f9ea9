import contextlib
import json
import queue
import re
import socket
import threading
import time
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized
from multi_worker_test import free_ports, tf_config

from acai_tf.errors import AcaiError, UsageError
from acai_tf.training import rendezvous


class ClusterTest(parameterized.TestCase, tf.test.TestCase):

    def test_the_chief_is_first(self):
        self.assertEqual(rendezvous.cluster_of(tf_config(['a:1', 'b:2'], 1)), (['a:1', 'b:2'], 1))
        text = '{"cluster": {"worker": ["a:1", "b:2"], "chief": ["c:3"]}, "task": {"type": "worker", "index": 1}}'
        self.assertEqual(rendezvous.cluster_of(text), (['c:3', 'a:1', 'b:2'], 2))

    def test_addresses_that_are_sound(self):
        for address in ('a:1', 'A-1.b_c.example.:65535', '10.0.0.1:2222', '[::1]:80'):
            self.assertEqual(rendezvous.cluster_of(tf_config([address], 0)), ([address], 0))
        self.assertEqual(rendezvous.cluster_of(tf_config(['a:1', 'b:1'], '1')), (['a:1', 'b:1'], 1))

    @parameterized.parameters(
        'a', 'a:', ':2222', 'a:0', 'a:-5', 'a:70000', 'a:1.5', 'a:x', 'a: 1', 'a..b:2222', 'http://a:2222', 'a :2222',
        ' a:1', '-a:1', f'{"a" * 64}:1', '10.0.0:1', '10.0.0.256:1', '::1:80', '[::1:80', '[x]:80', 'a/b:1', 'ä:1', '', 7,
        None, '0x7f:1:2', (['a:1'],))
    def test_addresses_that_cannot_be(self, address):
        with self.assertRaisesRegex(UsageError, f'TF_CONFIG lists the address {re.escape(json.dumps(address))}, which is '
                                                'not a host and a port of 1 to 65535; it should be like'):
            rendezvous.cluster_of(tf_config(['a:1', address], 0))

    @parameterized.parameters(0.9, 1.0, True, 'one', '1.0', '-1', '', ([1],), None)
    def test_indices_that_cannot_be(self, index):
        with self.assertRaisesRegex(UsageError, f'TF_CONFIG has the index {re.escape(json.dumps(index))}, which is not a '):
            rendezvous.cluster_of(tf_config(['a:1', 'b:1'], index))

    @parameterized.parameters(
        ('', 'TF_CONFIG is not set; it should be like .*"cluster"'),
        ('{', 'TF_CONFIG cannot be used'),
        ('{"cluster": {"worker": ["a:1"]}}', 'TF_CONFIG cannot be used .*task'),
        ('[' * 100000, 'TF_CONFIG cannot be used'), ('[]', 'TF_CONFIG cannot be used'),
        ('{"cluster": [], "task": {"type": "worker", "index": 0}}', 'TF_CONFIG cannot be used'),
        ('{"cluster": {"worker": 2}, "task": {"type": "worker", "index": 0}}', 'TF_CONFIG cannot be used'),
        ('{"cluster": {"worker": ["a:1", "b:1", "A:1"]}, "task": {"type": "worker", "index": 0}}', 'lists a:1 twice'),
        ('{"cluster": {"worker": ["a:1"], "chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}', 'lists a:1 twice'),
        ('{"cluster": {"chief": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', 'lists 2 chiefs'),
        ('{"cluster": {"worker": ["a:1"], "ps": []}, "task": {"type": "worker", "index": 0}}', 'lists 0 ps, but only'),
        ('{"cluster": {"worker": ["a:1"], "chief": []}, "task": {"type": "worker", "index": 0}}', 'lists 0 chief, but only'),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": ["worker"], "index": 0}}', 'TF_CONFIG cannot be used'),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": -1}}', 'has no worker -1'),
        ('{"cluster": {"worker": ["a:1"], "evaluator": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
         'lists 1 evaluator, but only a chief and workers take part'),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 3}}', 'has no worker 3'),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}',
         'lists 1 ps, but only a chief and workers take part'))
    def test_clusters_that_cannot_be(self, text, message):
        with self.assertRaisesRegex(UsageError, f'^--strategy=multi_worker: .*{message}'):
            rendezvous.cluster_of(text)


BEGUN = 'begun'


class MeetTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.addresses = [f'127.0.0.1:{port}' for port in free_ports(3)]
        self.here = queue.Queue()

    def start(self, number, addresses=None):
        def meet():
            try:
                rendezvous.meet(addresses or self.addresses, number)
                self.here.put((number, BEGUN))
            except AcaiError as error:
                self.here.put((number, error))
        threading.Thread(target=meet, daemon=True).start()

    def ends(self, count=3):
        """{number: BEGUN, or the error} of workers."""
        return dict(self.here.get(timeout=20) for _ in range(count))

    def assert_all_meet(self):
        self.assertEqual(self.ends(), dict.fromkeys(range(3), BEGUN))

    def connect(self, number):
        host, port = self.addresses[number].split(':')
        return socket.create_connection((host, int(port)))

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
        for words in (b'1', b'2', b'GET / HTTP/1.1', b'7', b'-1', b''):
            with self.connect(0) as connection:
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

    def test_it_says_why_the_chief_cannot_be_reached(self):
        with (mock.patch.object(rendezvous, '_SECONDS_BEFORE_NOTICE', 0), self.assertLogs('acai_tf', 'INFO') as logs):
            self.start(1)
            time.sleep(0.3)
        self.assertEqual(logs.records[0].getMessage(), f'waiting for the chief {self.addresses[0]} (Connection refused)')
        self.start(0)
        self.start(2)
        self.assert_all_meet()

    def test_a_port_that_another_program_has(self):
        for number in (0, 2):
            with socket.create_server(('', int(self.addresses[number].split(':')[1]))):
                for worker in range(number + 1):
                    self.start(worker)
                ends = self.ends(number + 1)
            self.assertRegex(str(ends[number]), f'port .* for {self.addresses[number]}, cannot be opened here '
                                                '.Address already in use')
            self.assertEqual([end.exit_code for end in ends.values() if end is not ends[number]], [5] * number)
            self.assertEqual(ends[number].exit_code, 1)

    def test_workers_with_other_addresses(self):
        chief, first, second = self.addresses
        for addresses in ([chief, 'x:1', second], [chief, first, second, 'x:1'], [chief, second, first]):
            self.start(0)
            self.start(1)
            time.sleep(0.3)
            self.start(2, addresses)
            ends = self.ends()
            self.assertEqual([end.exit_code for end in ends.values()], [1] * 3)
            for number in (0, 1):
                self.assertRegex(str(ends[number]), 'different cluster .*give all workers the same')

    def test_a_number_that_is_taken(self):
        self.start(0)
        self.start(1)
        time.sleep(0.3)
        with mock.patch.object(rendezvous, '_open_port', lambda address: contextlib.nullcontext()):  # as on another machine
            self.start(1)
            (_, end), = self.ends(1).items()
        self.assertRegex(str(end), f'another worker already runs as {self.addresses[1]}')
        self.assertEqual(end.exit_code, 1)
        self.start(2)
        self.assert_all_meet()


if __name__ == '__main__':
    tf.test.main()
