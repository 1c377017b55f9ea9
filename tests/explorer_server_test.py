"""The explorer's process: its socket, its signals, its end, and wrong use."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from programs import ROOT, command, run
from werkzeug.test import Client

from acai_tf import datasets, export, models
from acai_tf.errors import UsageError
from acai_tf.explorer import server
from acai_tf.explorer.application import Application
from acai_tf.explorer.space import Gallery, Space


class ServerTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        data, model = datasets.get('digits32'), models.create('baseline', (32, 32, 1), 10, depth=2, latent=2)
        cls.saved = export.export_model(model, data, 7, os.path.join(cls.directory, 'export'))
        pathlib.Path(cls.directory, 'config.json').write_text('{}')
        Space(export.load(cls.saved), Gallery(data))._write_tsne(np.zeros([360, 2]))  # takes seconds to compute

    def test_ports(self):
        with server.bind('127.0.0.1') as one, server.bind('127.0.0.1') as two:
            ports = [listener.getsockname()[1] for listener in (one, two)]
            self.assertBetween(ports[0], 6007, ports[1] - 1)
            with self.assertRaisesRegex(UsageError, f'127.0.0.1:{ports[0]} is not free .*choose another --port'):
                server.bind('127.0.0.1', ports[0])
        with self.assertRaisesRegex(UsageError, 'unknown address'):
            server.bind('nowhere.invalid')

    def start(self, *flags):
        """Starts a program as a shell's background job, which ignores SIGINT; returns it and its port."""
        ignoring = 'trap "" INT; exec "$@"'
        process = subprocess.Popen(
            ['sh', '-c', ignoring, 'sh', *command('bin/acai_explore', *flags)], cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
        self.enterContext(process)  # at the end, kills it and closes its streams
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.assertRegex(line, r'^acai_explore at http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)$')
        return process, int(re.search(r':(\d+)/', line)[1])

    def request(self, port, method='GET', path='/api/state', body=None, headers=None):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def test_a_crowd_and_bad_clients_and_the_end(self):
        process, port = self.start(f'--saved_model={self.saved}')
        scene = {'kind': 'walk', 'sources': [0, 1], 'curve': 'lerp', 'steps': 8}
        body = json.dumps({'models': [0], 'scene': scene})
        status, expected = self.request(port, 'POST', '/api/picture', body)
        self.assertEqual(status, 200)
        while self.request(port, path='/api/map?model=0&projection=tsne')[0] == 202:
            time.sleep(0.2)
        before = {path: path.stat().st_mtime_ns for path in pathlib.Path(self.directory).rglob('*')}
        memory = self.memory(process)
        answers = []

        def ask():
            for _ in range(8):
                answers.append(self.request(port, 'POST', '/api/picture', body))
        clients = [threading.Thread(target=ask) for _ in range(50)]
        for client in clients:
            client.start()
        self.assertEqual(self.request(port, 'POST', '/api/encode', bytes(20 * 2**20))[0], 413)
        self.assertEqual(self.request(port, headers={'Host': f'evil.example:{port}'})[0], 403)
        with socket.create_connection(('127.0.0.1', port)) as half:  # a client that disconnects
            half.sendall(b'POST /api/encode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx')
        with socket.create_connection(('127.0.0.1', port)) as other:  # a client with another protocol
            other.sendall(b'\x16\x03\x01\x02\x00\x01\x00')
        for line, status in ((b'GET http://[::1 HTTP/1.1', 400), (b'GET http://[x]/ HTTP/1.1', 400),
                             (b'GET http://evil.example/ HTTP/1.1', 403), (b'GET http://localhost/%ff?%zz HTTP/1.1', 404),
                             (b'POST /api/picture HTTP/1.1\r\nContent-Length: -1', 400),
                             (b'POST /api/picture HTTP/1.1\r\nTransfer-Encoding: chunked', 400)):
            self.assertEqual(self.status_of(port, line), status, line)
        for client in clients:
            client.join()
        self.assertEqual(answers, [(200, expected)] * 400)
        self.assertLess(self.memory(process) - memory, 100 * 2**20)
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in pathlib.Path(self.directory).rglob('*')})
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(process.stderr.read(), '')

    def status_of(self, port, head):
        """Returns the status of the answer to a request with this first line, with or without a header."""
        with socket.create_connection(('127.0.0.1', port), timeout=60) as client:
            client.sendall(head + b'\r\nHost: localhost\r\n\r\nno chunk\r\n')
            return int(client.makefile('rb').readline().split()[1])

    def memory(self, process):
        return int(pathlib.Path(f'/proc/{process.pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def test_without_descriptors_it_waits_and_then_answers(self):
        started = server.Server(lambda *_: self.fail('no request'), server.bind('127.0.0.1', 0))
        thread = threading.Thread(target=started.serve_forever, kwargs={'poll_interval': 0.1}, daemon=True)
        client = socket.socket()
        self.enterContext(client)
        free = os.dup(0)  # the lowest number
        os.close(free)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        thread.start()
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
            try:
                client.connect(('127.0.0.1', started.port))
                before = time.process_time()
                time.sleep(1)
                busy = time.process_time() - before
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.assertLess(busy, 0.5)
        self.assertLen(logs.output, 1)
        self.assertIn('Too many open files', logs.output[0])
        client.sendall(b'GET http://[::1 HTTP/1.1\r\n\r\n')
        self.assertIn(b'400', client.recv(100))
        started.shutdown()
        started.server_close()

    def test_a_connection_that_fails_is_one_line(self):
        started = server.Server(None, server.bind('127.0.0.1', 0))
        self.addCleanup(started.server_close)
        with self.assertLogs('acai_tf', 'WARNING') as logs, mock.patch.object(sys, 'stderr', io.StringIO()) as err:
            try:
                raise RuntimeError("can't start new thread")
            except RuntimeError:
                started.handle_error(None, ('127.0.0.1', 1))
        self.assertEqual(err.getvalue(), '')
        self.assertIn("a connection failed (can't start new thread)", logs.output[0])

    def test_sigterm_ends_it_also_while_it_computes(self):
        process, _ = self.start(f'--saved_model={self.saved}', '--dataset=lines32', '--host=127.0.0.1')  # of 5,000 images
        deadline = time.monotonic() + 60
        while not self.children(process) and time.monotonic() < deadline:
            time.sleep(0.1)
        children = self.children(process)
        self.assertNotEmpty(children)
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(process.stderr.read(), '')
        while children and time.monotonic() < deadline:
            children = [child for child in children if os.path.exists(f'/proc/{child}')]
        self.assertEmpty(children)

    def children(self, process):
        children = []
        for task in pathlib.Path(f'/proc/{process.pid}/task').iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
                children += (task / 'children').read_text().split()
        return children

    @parameterized.parameters(
        ([], 1, '--saved_model is missing'), (['--saved_model=/nowhere'], 2, '/nowhere is not a SavedModel'),
        (['--saved_model=HERE', '--port=TAKEN'], 1, 'is not free'), (['--saved_model=HERE', '--port=70000'], 1, 'port'),
        (['--saved_model=HERE', '--host=nowhere.invalid'], 1, 'unknown address'),
        (['--saved_model=HERE', '--dataset=svhn32', '--data_dir=/nowhere'], 2, 'is missing'))
    def test_wrong_use(self, flags, expected, message):
        with server.bind('127.0.0.1') as taken:
            flags = [flag.replace('HERE', self.saved).replace('TAKEN', str(taken.getsockname()[1])) for flag in flags]
            code, _, err = run('bin/acai_explore', *flags)
        self.assertEqual(code, expected, err)
        self.assertRegex(err, f'^acai_explore: .*{message}')
        self.assertLen(err.splitlines(), 1)

    def test_the_demo(self):
        with mock.patch.object(server, 'serve') as serve, mock.patch.object(os, '_exit'):
            code, _, err = run('bin/acai_explore', '--demo', '--open', '--allowed_host=Laptop', '--allowed_host=b.example')
        self.assertEqual((code, err), (0, ''))
        loaded, dataset, _, hosts, data_flags, opens = serve.call_args[0]
        self.assertEqual((dataset.name, data_flags, opens), ('lines32', [], True))
        tests = Gallery(dataset)
        client = Client(Application([Space(model, tests) for model in loaded], tests, data_flags, hosts))
        for host, status in (('laptop:6007', 200), ('b.example', 200), ('c.example', 403)):
            self.assertEqual(client.get('/api/state', headers={'Host': host}).status_code, status)
        state = client.get('/api/state', headers={'Host': 'laptop'}).json
        self.assertEqual([model['model'] for model in state['models']], ['acai', 'baseline'])
        self.assertIn('mean_distance', state['models'][0]['metrics']['training'])

    @parameterized.parameters(
        (['--saved_model=/nowhere'], '--saved_model has no effect with --demo'),
        (['--dataset=mnist32'], 'no model for mnist32 ships with acai_tf; there are some for digits32, lines32'))
    def test_the_demo_is_refused(self, flags, message):
        code, _, err = run('bin/acai_explore', '--demo', *flags)
        self.assertEqual(code, 1)
        self.assertStartsWith(err, f'acai_explore: {message}')


if __name__ == '__main__':
    tf.test.main()
