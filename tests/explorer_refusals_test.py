"""Requests that the explorer refuses."""

import base64
import struct
import zlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from werkzeug.test import Client

from acai_tf import datasets, export, models
from acai_tf.explorer.application import MOST_BYTES, Application
from acai_tf.explorer.space import Gallery, Space


def png_that_claims(width, height):
    """The header of a PNG, without pixels."""
    def chunk(kind, content):
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) + chunk(b'IEND', b'')


class RefusalsTest(parameterized.TestCase, tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        data, model = datasets.get('digits32'), models.create('baseline', (32, 32, 1), 10, depth=2, latent=2)
        loaded = export.load(export.export_model(model, data, 7, cls().create_tempdir().full_path))
        tests = Gallery(data)
        space = Space(loaded, tests)
        space.find_axes()
        cls.client = Client(Application([space], tests, allowed_hosts=['laptop']))

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
        (b'{"models": [0]}', 'body must be JSON'), (b'{"models": [2], "scene": {"kind": "plane"}}', 'model 2 does not'),
        (b'{"models": [-1], "scene": {"kind": "plane"}}', 'model -1 does not exist'),
        (b'{"models": [0, 0, 0], "scene": {"kind": "plane"}}', 'one or two'),
        (b'{"models": [true], "scene": {"kind": "plane"}}', 'model True'), (b'{"models": [0], "scene": 3}', 'an object'))
    def test_bodies(self, body, message):
        answer = self.client.post('/api/picture', data=body, headers={'Host': 'localhost'})
        self.assertEqual(answer.status_code, 400)
        self.assertIn(message, answer.json['error'])

    @parameterized.parameters(
        ({'kind': 'wal'}, 'kind must be one of'), ({'kind': 'plane', 'at': [float('nan'), 0]}, 'at must be a number'),
        ({'kind': 'plane', 'at': [1e300, 0]}, 'at must be a number'), ({'kind': 'plane', 'at': [1]}, 'two numbers'),
        ({'kind': 'images', 'sources': [360]}, 'test image 360 does not exist'),
        ({'kind': 'images', 'sources': [-1]}, 'test image -1 does not exist'),
        ({'kind': 'images', 'sources': [0] * 65}, '65 images are chosen'), ({'kind': 'images', 'sources': 'x'}, 'a list'),
        ({'kind': 'images', 'sources': [{'latents': [base64.b64encode(np.full(32, np.nan, '<f4')).decode()]}]}, 'finite'),
        ({'kind': 'images', 'sources': [{'latents': ['AAAA']}]}, '4x4x2 numbers'),
        ({'kind': 'images', 'sources': [{'latents': ['?']}]}, 'not base64'), ({'kind': 'images', 'sources': [{}]}, 'a list'),
        ({'kind': 'images', 'sources': [{'latents': []}]}, 'latents for model 0 are missing'),
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
        answer = self.client.post('/api/picture', json={'models': [0], 'scene': scene}, headers={'Host': 'localhost'})
        self.assertEqual(answer.status_code, 400)
        self.assertIn(message, answer.json['error'])

    @parameterized.parameters(
        (b'hello', 400, 'the file does not decode as an image (it is not PNG'), (b'', 400, 'does not decode'),
        (png_that_claims(60000, 60000), 400, 'pixels'), (png_that_claims(10000, 10000), 400, '67,108,864 at most'),
        (png_that_claims(8, 8), 400, 'does not decode'), (b'\x89PNG' + bytes(MOST_BYTES), 413, 'larger than 16 MiB'))
    def test_files(self, content, status, message):
        answer = self.client.post('/api/encode', data=content, headers={'Host': 'localhost'})
        self.assertEqual(answer.status_code, status)
        self.assertIn(message, answer.json['error'])

if __name__ == '__main__':
    tf.test.main()
