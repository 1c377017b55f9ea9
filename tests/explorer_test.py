"""The explorer's server: its answers, its refusals, its beginning and its end."""

import base64
import http.client
import io
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from programs import ROOT, command, run
from werkzeug.test import Client

from acai_tf import datasets, export, figures, images, interpolation, models
from acai_tf.errors import UsageError
from acai_tf.explorer import server
from acai_tf.explorer.application import MOST_BYTES, Application
from acai_tf.explorer.space import Gallery, Space


def png_that_claims(width, height):
    """The head of a PNG, without pixels."""
    def chunk(kind, content):
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) + chunk(b'IEND', b'')


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


class ExplorerTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = os.path.join(os.environ.get('TEST_TMPDIR', '/tmp'), f'acai_explorer_{os.getpid()}')
        cls.dataset = datasets.get('digits32')
        cls.tests = Gallery(cls.dataset)
        cls.saved = []
        for name, seed in (('acai', 0), ('baseline', 1)):
            model = models.create(name, (32, 32, 1), 10, depth=2, latent=2, seed=seed)
            run_dir = os.path.join(cls.directory, name)
            cls.saved.append(export.export_model(model, cls.dataset, 7, os.path.join(run_dir, 'export')))
            pathlib.Path(run_dir, 'config.json').write_text('{}')
        results = pathlib.Path(cls.directory, 'acai', 'results', '7')
        results.mkdir(parents=True)
        (results / 'reconstruction.json').write_text('{"figures": {"mse": 0.25, "rmse": null}}')
        pathlib.Path(cls.directory, 'acai', 'metrics.jsonl').write_text('{"step": 3}\n{"step": 7, "loss_ae": 0.5}\n')
        cls.loaded = [export.load(path) for path in cls.saved]
        cls.spaces = [Space(loaded, cls.tests) for loaded in cls.loaded]
        cls.spaces[0].find_axes()
        cls.spaces[0].find_the_rest()
        cls.client = Client(Application(cls.spaces, cls.tests, ['--dataset=digits32'], ['laptop']))

    @classmethod
    def tearDownClass(cls):
        tf.io.gfile.rmtree(cls.directory)
        super().tearDownClass()

    def post(self, path, scene, numbers=(0,), status=200, client=None):
        answer = (client or self.client).post(path, json={'models': list(numbers), 'scene': scene}, headers={
            'Host': 'localhost'})
        self.assertEqual(answer.status_code, status, answer.data[:300])
        return answer.data if status == 200 else answer.json['error']

    def get(self, path, **kwargs):
        return self.client.get(path, **{'headers': {'Host': 'localhost:1'}, **kwargs})

    def own(self, image):
        """An own image, as the page names it."""
        content = io.BytesIO()
        image.save(content, 'PNG')
        return self.client.post('/api/encode', data=content.getvalue(), headers={'Host': '[::1]:6007'}).json

    # ---- answers

    def test_pictures_are_what_the_signature_decode_gives(self):
        model, some = self.loaded[0], self.loaded[0].encode(self.tests.images[[5, 9, 2, 30]])
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8))
        content = io.BytesIO()
        image.save(content, 'PNG')
        own = self.own(image)
        own_latents = model.encode_bytes([content.getvalue()])
        self.assertAllEqual(np.frombuffer(base64.b64decode(own['latents'][0]), '<f4'), own_latents.ravel())
        walk = {'kind': 'walk', 'curve': 'slerp', 'steps': 5}
        a, b, c = (tf.constant(one[None]) for one in (some[0], some[1], own_latents[0]))
        flat = (self.tests.images.shape[0], -1)
        every = self.loaded[0].encode(self.tests.images).reshape(flat).astype(np.float64)
        values, vectors = np.linalg.eigh(np.cov(every, rowvar=False))
        for scene, expected in (
                ({**walk, 'sources': [5, 9, {'latents': own['latents']}]},
                 [[interpolation.slerp(*ends, k / 4)[0] for k in range(5)] for ends in ((a, b), (b, c))]),
                ({**walk, 'sources': [5, 9, 2], 'curve': 'lerp', 'at': 0.3}, [[interpolation.lerp(a, b, 0.3)[0]]]),
                ({'kind': 'grid', 'sources': [5, 9, 2, 30], 'steps': 3}, [
                    [interpolation.lerp(interpolation.lerp(some[0], some[2], y), interpolation.lerp(some[1], some[3], y), x)
                     for x in (0, 0.5, 1)] for y in (0, 0.5, 1)]),
                ({'kind': 'grid', 'sources': [5, 9, 2, 30], 'at': [0, 1]}, [[some[2]]]),
                ({'kind': 'directions', 'source': 9, 'values': [0, 0]}, [[some[1]]]),
                ({'kind': 'images', 'sources': [5, 30]}, [[some[0], some[3]]])):
            expected = np.array(expected)
            frames = model.decode(expected.reshape(-1, *some.shape[1:])).reshape(*expected.shape[:2], 32, 32, 1)
            picture = pixels(self.post('/api/picture', scene))
            self.assertAllEqual(picture, images.grid(frames, gap=0, frame=False)[..., 0])
            found = json.loads(self.post('/api/latents', scene))
            self.assertAllEqual(np.float32(found['models'][0]['latents']), expected)
        # One deviation along the first axis, in either of its directions.
        scene = {'kind': 'directions', 'source': None, 'values': [1]}
        moved = np.array(json.loads(self.post('/api/latents', scene))['models'][0]['latents']).ravel() - every.mean(axis=0)
        self.assertAllClose(np.abs(moved @ vectors[:, -1]), np.sqrt(values[-1]), rtol=1e-4)
        self.assertAllClose(np.linalg.norm(moved), np.sqrt(values[-1]), rtol=1e-4)

    def test_samples_of_the_mixture_are_like_the_latents(self):
        every = self.loaded[0].encode(next(iter(self.dataset.train_once(2000)))[0])
        scene = {'kind': 'samples', 'from': 'mixture', 'seed': 1, 'rows': 32, 'columns': 32}
        found = np.array(json.loads(self.post('/api/latents', scene))['models'][0]['latents']).reshape(1024, -1)
        flat = every.reshape(len(every), -1)
        self.assertAllClose(found.mean(axis=0), flat.mean(axis=0), atol=0.2 * flat.std())
        self.assertAllClose(found.var(axis=0).sum(), flat.var(axis=0).sum(), rtol=0.15)
        self.assertNotEqual(self.post('/api/picture', scene), self.post('/api/picture', {**scene, 'seed': 2}))

    def test_the_map(self):
        points = np.array(self.get('/api/map?model=0&projection=pca').json['points'])
        self.assertAllClose(self.post('/api/track', {'kind': 'walk', 'sources': [3, 8], 'curve': 'lerp', 'steps': 3}) and
                            json.loads(self.post('/api/track', {'kind': 'images', 'sources': [3, 8]}))['points'][0],
                            points[[3, 8]], atol=1e-4)
        at = points[3].tolist()
        found = json.loads(self.post('/api/track', {'kind': 'plane', 'at': at}))['points'][0]
        self.assertAllClose(found, [at], atol=1e-4)
        shares = self.get('/api/axes?model=0').json['shares']
        self.assertEqual(shares, sorted(shares, reverse=True))
        self.assertAllClose(sum(shares), 1, atol=1e-3)
        tsne = np.array(self.get('/api/map?model=0&projection=tsne').json['points'])
        self.assertEqual(tsne.shape, (360, 2))
        cached, = pathlib.Path(self.directory, 'acai', 'results', '7').glob('tsne-*.npy')
        self.assertAllClose(np.load(cached), tsne, atol=1e-4)

    def test_what_is_not_there_yet_is_said(self):
        answer = self.client.get('/api/map?model=1&projection=pca', headers={'Host': 'localhost'})
        self.assertEqual((answer.status_code, answer.json), (202, {'waiting': 'the map is being computed'}))
        latents = self.post('/api/latents', {'kind': 'images', 'sources': [4]}, [1])
        self.assertAllEqual(np.float32(json.loads(latents)['models'][0]['latents'])[0],
                            self.loaded[1].encode(self.tests.images[4:5]))

    def test_a_cached_map_is_read_where_it_lies_and_written_where_it_can_be(self):
        cache = self.create_tempdir().full_path
        moved = Space(self.loaded[1], self.tests)
        with tf.compat.v1.test.mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
            run_dir, own = moved._folders()
            points = np.random.default_rng(0).normal(size=[360, 2])
            pathlib.Path(run_dir).parent.write_text('no folder')
            self.addCleanup(os.remove, pathlib.Path(run_dir).parent)
            with self.assertLogs('acai_tf', 'WARNING'):
                moved._write_tsne(points)
            self.assertLen(os.listdir(own), 1)
            self.assertAllClose(moved._read_tsne(), points)
            with open(os.path.join(own, *os.listdir(own)), 'r+b') as file:
                file.truncate(200)
            self.assertIsNone(moved._read_tsne())

    def test_take_away_is_what_acai_interpolate_writes(self):
        own = self.own(Image.fromarray(np.random.default_rng(1).integers(0, 256, [9, 9, 3], np.uint8)))
        path = self.create_tempdir().full_path
        Image.fromarray(np.random.default_rng(1).integers(0, 256, [9, 9, 3], np.uint8)).save(f'{path}/own.png')
        walk = {'kind': 'walk', 'sources': [5, 9, own], 'curve': 'slerp', 'steps': 4}
        slerp = {'mode': 'slerp', 'image_files': ['test:5', 'test:9', 'test:9', f'{path}/own.png'], 'steps': 4}
        for route, scene, function, options in (
                ('figure', walk, figures.draw, slerp), ('animation', walk, figures.animate, slerp),
                ('figure', {'kind': 'grid', 'sources': [1, 2, 3, 4], 'steps': 3}, figures.draw,
                 {'mode': 'bilinear', 'image_files': ['test:1', 'test:2', 'test:3', 'test:4'], 'steps': 3}),
                ('figure', {'kind': 'samples', 'from': 'prior', 'seed': 3, 'rows': 2, 'columns': 3}, figures.draw,
                 {'mode': 'samples', 'seed': 3, 'rows': 2, 'steps': 3}),
                ('figure', {'kind': 'images', 'sources': [1, 2]}, figures.draw,
                 {'mode': 'reconstruction', 'image_files': ['test:1', 'test:2']})):
            written = os.path.join(path, 'written')
            figures.save(function(models=self.loaded, dataset=self.dataset, **options), f'{written}.png')
            self.assertEqual(self.post(f'/api/{route}', scene, [0, 1]), pathlib.Path(f'{written}.png').read_bytes(), options)

    def test_samples_of_the_mixture_are_those_of_acai_interpolate(self):
        drawn = figures.encode(figures.draw('samples', self.loaded[:1], self.dataset, rows=2, steps=3, source='mixture'))
        scene = {'kind': 'samples', 'from': 'mixture', 'seed': 0, 'rows': 2, 'columns': 3}
        self.assertAllClose(pixels(self.post('/api/figure', scene)), pixels(drawn), atol=1)

    def test_samples_that_others_draw_meanwhile_change_nothing(self):
        mixture = self.spaces[0]._mixture
        expected = {seed: mixture.sample(50, seed) for seed in (1, 2)}
        wrong = []

        def draw(seed):
            wrong.extend(seed for _ in range(300) if not np.array_equal(mixture.sample(50, seed), expected[seed]))
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=draw, args=[seed]) for seed in expected]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        self.assertEmpty(wrong)
        self.assertLen(mixture.sample(2, 2**40), 2)  # more than scikit-learn's seeds

    def test_classes_are_called_as_the_data_set_shown_calls_them(self):
        loaded = export.load(self.saved[0])
        loaded.config = loaded.config | {'dataset': 'fashion32'}
        loaded.class_names = ['T-shirt/top'] * 10
        client = Client(Application([Space(loaded, self.tests)], self.tests))
        state = client.get('/api/state', headers={'Host': 'localhost'}).json
        self.assertEqual(state['class_names'], list('0123456789'))

    def test_of_a_large_test_set_only_what_is_shown_is_kept(self):
        class Some(Gallery):
            _MOST = 70
        some = Some(self.dataset)
        self.assertEqual((len(some), some.total), (70, 360))
        self.assertAllEqual(some.images, self.tests.images[:70])
        self.assertIsNone(some.images.base)

    def test_state_and_errors(self):
        state = self.get('/api/state').json
        self.assertEqual(state['labels'], self.tests.labels.tolist())
        self.assertEqual(state['class_names'], list('0123456789'))
        self.assertEqual(state['models'][0]['measures'], {'reconstruction': {'mse': 0.25, 'rmse': None},
                                                          'training': {'step': 7, 'loss_ae': 0.5}})
        self.assertEqual(state['models'][1]['measures'], {})
        sheet = pixels(self.get('/api/sheet?number=0').data)
        row, column = divmod(40, state['columns'])
        self.assertAllEqual(sheet[32 * row:32 * row + 32, 32 * column:32 * column + 32],
                            images.to_uint8(self.tests.images[40])[..., 0])
        errors = json.loads(self.post('/api/errors', {'kind': 'images', 'sources': [40]}))['errors']
        mse = np.square(self.loaded[0].reconstruct(self.tests.images[40:41]) - self.tests.images[40:41]).mean()
        self.assertAllClose(errors, [{'mse': mse, 'rmse': 127.5 * np.sqrt(mse)}], rtol=1e-5)

    def test_the_page_runs_nothing_but_its_own_files(self):
        answer = self.get('/')
        policy = answer.headers['Content-Security-Policy']
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn('unsafe', policy)
        html = answer.text
        self.assertNotRegex(html, r'<script(?![^>]* src=)|<style| style=| on\w+=|https?://')
        for name in re.findall(r'(?:src|href)="([^"#]+)"', html):
            found = self.get(f'/{name}')
            self.assertEqual(found.status_code, 200, name)
            self.assertEqual(self.get(f'/{name}', headers={'Host': 'localhost', 'If-None-Match': found.headers['ETag']}
                                      ).status_code, 304)

    # ---- refusals

    @parameterized.parameters(
        ('localhost', 200), ('LOCALHOST:80', 200), ('127.0.0.1:6007', 200), ('[::1]', 200), ('[::1]:9', 200),
        ('laptop', 200), ('laptop:8888', 200), ('evil.example', 403),
        ('localhost.evil.example', 403), ('localhost:evil', 403), ('', 403),
        ('127.0.0.1.nip.io', 403), ('localhost,evil', 403), ('::1', 403), ('evil@localhost', 403), ('0.0.0.0', 403))
    def test_hosts(self, host, status):
        self.assertEqual(self.client.get('/api/state', headers={'Host': host}).status_code, status)

    def test_requests_of_other_sites_are_refused(self):
        for origin, status in (('http://localhost:6007', 200), ('http://evil.example', 403), ('null', 403),
                               ('http://[::1', 403)):
            self.assertEqual(self.client.get('/', headers={'Host': 'localhost', 'Origin': origin}).status_code, status)

    @parameterized.parameters(
        ('GET', '/../setup.py', 404), ('GET', '/static/../application.py', 404),
        ('GET', '/static/%2e%2e/application.py', 404),
        ('GET', '/static/..%5capplication.py', 404), ('GET', '//etc/passwd', 404), ('GET', '/static/', 404),
        ('POST', '/', 405), ('DELETE', '/static/main.js', 405), ('PUT', '/api/state', 405), ('GET', '/api/picture', 405),
        ('TRACE', '/api/picture', 405), ('OPTIONS', '/', 405), ('HEAD', '/', 200),
        ('GET', '/api/map?model=2&projection=pca', 400),
        ('GET', '/api/map?model=-1&projection=pca', 400), ('GET', '/api/map?model=0&projection=../x', 400),
        ('GET', '/api/sheet?number=99', 404), ('GET', '/api/sheet?number=99999999999999999999', 400),
        ('GET', '/api/sheet', 400))
    def test_paths_and_methods(self, method, path, status):
        answer = self.client.open(path, method=method, headers={'Host': 'localhost'})
        self.assertEqual(answer.status_code, status)
        if status != 200:
            self.assertIn('error', answer.json)

    @parameterized.parameters(
        (b'', 'body must be JSON'), (b'\xff\xfe', 'body must be JSON'), (b'[' * 100000, 'body must be JSON'),
        (b'{"models": [0]}', 'body must be JSON'), (b'{"models": [2], "scene": {"kind": "plane"}}', 'no model 2'),
        (b'{"models": [-1], "scene": {"kind": "plane"}}', 'no model -1'),
        (b'{"models": [0, 0, 0], "scene": {"kind": "plane"}}', 'one or two'),
        (b'{"models": [true], "scene": {"kind": "plane"}}', 'no model True'), (b'{"models": [0], "scene": 3}', 'an object'))
    def test_bodies(self, body, message):
        answer = self.client.post('/api/picture', data=body, headers={'Host': 'localhost'})
        self.assertEqual(answer.status_code, 400)
        self.assertIn(message, answer.json['error'])

    @parameterized.parameters(
        ({'kind': 'wal'}, 'kind must be one of'), ({'kind': 'plane', 'at': [float('nan'), 0]}, 'at must be a number'),
        ({'kind': 'plane', 'at': [1e300, 0]}, 'at must be a number'), ({'kind': 'plane', 'at': [1]}, 'two numbers'),
        ({'kind': 'images', 'sources': [360]}, 'no test image 360'),
        ({'kind': 'images', 'sources': [-1]}, 'no test image -1'),
        ({'kind': 'images', 'sources': [0] * 65}, '65 images are chosen'), ({'kind': 'images', 'sources': 'x'}, 'a list'),
        ({'kind': 'images', 'sources': [{'latents': [base64.b64encode(np.full(32, np.nan, '<f4')).decode()]}]}, 'finite'),
        ({'kind': 'images', 'sources': [{'latents': ['AAAA']}]}, '4x4x2 numbers'),
        ({'kind': 'images', 'sources': [{'latents': ['?']}]}, 'not base64'), ({'kind': 'images', 'sources': [{}]}, 'a list'),
        ({'kind': 'images', 'sources': [{'latents': []}]}, 'lack those for model 0'),
        ({'kind': 'walk', 'sources': [0, 1], 'curve': 'line', 'steps': 3}, 'curve must be one of lerp, slerp'),
        ({'kind': 'walk', 'sources': [0, 1], 'curve': 'lerp', 'steps': 65}, 'from 2 to 64'),
        ({'kind': 'walk', 'sources': [0, 1], 'curve': 'lerp', 'steps': 2.5}, 'whole number'),
        ({'kind': 'walk', 'sources': [0, 1], 'curve': 'lerp', 'at': 1.01}, 'at must be a number from 0 to 1'),
        ({'kind': 'walk', 'sources': [0] * 64, 'curve': 'lerp', 'steps': 64}, 'more than 1024 images'),
        ({'kind': 'grid', 'sources': [0, 1, 2], 'steps': 3}, '3 images are chosen; this takes 4'),
        ({'kind': 'samples', 'from': 'prior', 'seed': 0, 'rows': 64, 'columns': 64}, 'too many'),
        ({'kind': 'samples', 'from': [], 'seed': 0, 'rows': 1, 'columns': 1}, 'from must be one of'),
        ({'kind': 'directions', 'values': ['1']}, 'a value must be a number'))
    def test_scenes(self, scene, message):
        self.assertIn(message, self.post('/api/picture', scene, status=400))

    @parameterized.parameters(
        (b'hello', 400, 'does not decode as an image'), (b'', 400, 'does not decode'),
        (png_that_claims(60000, 60000), 400, 'pixels'), (png_that_claims(10000, 10000), 400, '67,108,864 at most'),
        (png_that_claims(8, 8), 400, 'does not decode'), (b'\x89PNG' + bytes(MOST_BYTES), 413, 'larger than 16 MiB'))
    def test_files(self, content, status, message):
        answer = self.client.post('/api/encode', data=content, headers={'Host': 'localhost'})
        self.assertEqual(answer.status_code, status)
        self.assertIn(message, answer.json['error'])

    # ---- sockets and signals

    def test_ports(self):
        with server.bind('127.0.0.1') as one, server.bind('127.0.0.1') as two:
            ports = [listener.getsockname()[1] for listener in (one, two)]
            self.assertBetween(ports[0], 6007, ports[1] - 1)
            with self.assertRaisesRegex(UsageError, f'127.0.0.1:{ports[0]} is not free .*choose another --port'):
                server.bind('127.0.0.1', ports[0])
        with self.assertRaisesRegex(UsageError, 'no such address'):
            server.bind('nowhere.invalid')

    def start(self, *flags):
        """A program as a shell's background job, to which it has given no SIGINT, and its port."""
        ignoring = 'trap "" INT; exec "$@"'
        process = subprocess.Popen(
            ['sh', '-c', ignoring, 'sh', *command('bin/acai_explore', f'--saved_model={self.saved[0]}', *flags)], cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
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
        process, port = self.start()
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
        with socket.create_connection(('127.0.0.1', port)) as half:  # a client that breaks off
            half.sendall(b'POST /api/encode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx')
        with socket.create_connection(('127.0.0.1', port)) as other:  # and one that has another protocol
            other.sendall(b'\x16\x03\x01\x02\x00\x01\x00')
        for client in clients:
            client.join()
        self.assertEqual(answers, [(200, expected)] * 400)
        self.assertLess(self.memory(process) - memory, 100 * 2**20)
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in pathlib.Path(self.directory).rglob('*')})
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(process.stderr.read(), '')

    def memory(self, process):
        return int(pathlib.Path(f'/proc/{process.pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def test_sigterm_ends_it_also_while_it_computes(self):
        process, _ = self.start('--dataset=lines32', '--host=127.0.0.1')  # of 5,000 images
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
        return pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split() + [
            child for task in pathlib.Path(f'/proc/{process.pid}/task').iterdir()
            for child in (task / 'children').read_text().split()]

    @parameterized.parameters(
        ([], 1, '--saved_model is missing'), (['--saved_model=/nowhere'], 2, '/nowhere is not a SavedModel'),
        (['--saved_model=HERE', '--port=TAKEN'], 1, 'is not free'), (['--saved_model=HERE', '--port=70000'], 1, 'port'),
        (['--saved_model=HERE', '--host=nowhere.invalid'], 1, 'no such address'),
        (['--saved_model=HERE', '--dataset=svhn32', '--data_dir=/nowhere'], 2, 'is missing'))
    def test_wrong_use(self, flags, expected, message):
        with server.bind('127.0.0.1') as taken:
            flags = [flag.replace('HERE', self.saved[0]).replace('TAKEN', str(taken.getsockname()[1])) for flag in flags]
            code, _, err = run('bin/acai_explore', *flags)
        self.assertEqual(code, expected, err)
        self.assertRegex(err, f'^acai_explore: .*{message}')
        self.assertLen(err.splitlines(), 1)


if __name__ == '__main__':
    tf.test.main()
