"""The explorer's answers to requests."""

import base64
import errno
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image
from programs import run
from werkzeug.test import Client

from acai_tf import datasets, export, figures, images, interpolation, models
from acai_tf.datasets.base import InMemory
from acai_tf.explorer import server
from acai_tf.explorer.application import Application
from acai_tf.explorer.space import Gallery, Space


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


class ExplorerTest(tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
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
        (results / 'reconstruction.json').write_text('{"values": {"mse": 0.25, "rmse": null}}')
        pathlib.Path(cls.directory, 'acai', 'metrics.jsonl').write_text('{"step": 3}\n{"step": 7, "loss_ae": 0.5}\n')
        cls.loaded = [export.load(path) for path in cls.saved]
        cls.spaces = [Space(loaded, cls.tests) for loaded in cls.loaded]
        cls.spaces[0].find_axes()
        cls.spaces[0].find_the_rest()
        cls.client = Client(Application(cls.spaces, cls.tests, ['--dataset=digits32']))

    def post(self, path, scene, numbers=(0,), status=200, client=None):
        answer = (client or self.client).post(path, json={'models': list(numbers), 'scene': scene}, headers={
            'Host': 'localhost'})
        self.assertEqual(answer.status_code, status, answer.data[:300])
        return answer.data if status == 200 else answer.json['error']

    def get(self, path, **kwargs):
        return self.client.get(path, **{'headers': {'Host': 'localhost:1'}, **kwargs})

    def own(self, image, client=None):
        """A user's own image, as a source in requests."""
        content = io.BytesIO()
        image.save(content, 'PNG')
        return (client or self.client).post('/api/encode', data=content.getvalue(), headers={'Host': '[::1]:6007'}).json

    def test_pictures_are_what_the_signature_decode_gives(self):
        model, latents = self.loaded[0], self.loaded[0].encode(self.tests.images[[5, 9, 2, 30]])
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8))
        content = io.BytesIO()
        image.save(content, 'PNG')
        own = self.own(image)
        own_latents = model.encode_bytes([content.getvalue()])
        self.assertAllEqual(np.frombuffer(base64.b64decode(own['latents'][0]), '<f4'), own_latents.ravel())
        walk, mix = {'kind': 'walk', 'curve': 'slerp', 'steps': 5}, interpolation.lerp
        a, b, c = (tf.constant(latent[None]) for latent in (latents[0], latents[1], own_latents[0]))
        flat = (self.tests.images.shape[0], -1)
        every_latent = self.loaded[0].encode(self.tests.images).reshape(flat).astype(np.float64)
        values, vectors = np.linalg.eigh(np.cov(every_latent, rowvar=False))
        for scene, expected in (
                ({**walk, 'sources': [5, 9, {'latents': own['latents']}]},
                 [[interpolation.slerp(*ends, k / 4)[0] for k in range(5)] for ends in ((a, b), (b, c))]),
                ({**walk, 'sources': [5, 9, 2], 'curve': 'lerp', 'at': 0.3}, [[mix(a, b, 0.3)[0]]]),
                ({'kind': 'grid', 'sources': [5, 9, 2, 30], 'steps': 3},
                 [[mix(mix(latents[0], latents[2], y), mix(latents[1], latents[3], y), x) for x in (0, 0.5, 1)]
                  for y in (0, 0.5, 1)]),
                ({'kind': 'grid', 'sources': [5, 9, 2, 30], 'at': [0, 1]}, [[latents[2]]]),
                ({'kind': 'directions', 'source': 9, 'values': [0, 0]}, [[latents[1]]]),
                ({'kind': 'images', 'sources': [5, 30]}, [[latents[0], latents[3]]])):
            expected = np.array(expected)
            frames = model.decode(expected.reshape(-1, *latents.shape[1:])).reshape(*expected.shape[:2], 32, 32, 1)
            picture = pixels(self.post('/api/picture', scene))
            self.assertAllEqual(picture, images.grid(frames, gap=0, frame=False)[..., 0])
            answer = json.loads(self.post('/api/latents', scene))
            self.assertAllEqual(np.float32(answer['models'][0]['latents']), expected)
        # One deviation along the first axis, in either direction.
        scene = {'kind': 'directions', 'source': None, 'values': [1]}
        answer = json.loads(self.post('/api/latents', scene))
        moved = np.array(answer['models'][0]['latents']).ravel() - every_latent.mean(axis=0)
        self.assertAllClose(np.abs(moved @ vectors[:, -1]), np.sqrt(values[-1]), rtol=1e-4)
        self.assertAllClose(np.linalg.norm(moved), np.sqrt(values[-1]), rtol=1e-4)

    def test_samples_of_the_mixture_are_like_the_latents(self):
        latents = self.loaded[0].encode(next(iter(self.dataset.train_once(2000)))[0])
        scene = {'kind': 'samples', 'from': 'mixture', 'seed': 1, 'rows': 32, 'columns': 32}
        samples = np.array(json.loads(self.post('/api/latents', scene))['models'][0]['latents']).reshape(1024, -1)
        flat = latents.reshape(len(latents), -1)
        self.assertAllClose(samples.mean(axis=0), flat.mean(axis=0), atol=0.2 * flat.std())
        self.assertAllClose(samples.var(axis=0).sum(), flat.var(axis=0).sum(), rtol=0.15)
        self.assertNotEqual(self.post('/api/picture', scene), self.post('/api/picture', {**scene, 'seed': 2}))

    def test_the_map(self):
        points = np.array(self.get('/api/map?model=0&projection=pca').json['points'])
        at = points[3].tolist()
        for scene, expected in (
                ({'kind': 'walk', 'sources': [3, 8, 5], 'curve': 'lerp', 'steps': 3},
                 [[points[a], (points[a] + points[b]) / 2, points[b]] for a, b in ((3, 8), (8, 5))]),
                ({'kind': 'images', 'sources': [3, 8]}, [points[[3, 8]]]), ({'kind': 'plane', 'at': at}, [[at]])):
            self.assertAllClose(json.loads(self.post('/api/track', scene))['points'], expected, atol=1e-4)
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

    def test_what_failed_is_computed_again_when_it_is_asked_for(self):
        module, points = sys.modules[Space.__module__], np.random.default_rng(0).normal(size=[360, 2])
        broken = Space(self.loaded[1], self.tests)
        client = Client(Application([broken], self.tests))

        def tsne():
            answer = client.get('/api/map?model=0&projection=tsne', headers={'Host': 'localhost'})
            return answer.status_code, answer.json
        ended = threading.Event()
        thread = threading.Thread(target=server.prepare, args=([broken], ended))
        computed = mock.Mock(side_effect=[OSError(errno.EMFILE, 'Too many open files'), [('mixture', 1), ('tsne', points)]])
        with (mock.patch.object(broken, '_in_a_process', computed), mock.patch.object(broken, '_read_tsne', lambda: None),
              mock.patch.object(broken, '_write_tsne')):
            thread.start()
            while (answer := tsne())[0] == 202:
                time.sleep(0.05)
            self.assertEqual(answer, (400, {'error': 'this failed ([Errno 24] Too many open files)'}))
            self.assertEqual(computed.call_count, 1)
            with mock.patch.object(module, '_SECONDS_OF_TROUBLE', 0):
                self.assertEqual(tsne()[0], 202)
            while (answer := tsne())[0] == 202:
                time.sleep(0.05)
            ended.set()
            thread.join()
        self.assertAllClose(answer[1]['points'], points, atol=1e-4)
        self.assertEqual(computed.call_count, 2)

    def test_a_cached_map_is_read_where_it_lies_and_written_where_it_can_be(self):
        cache = self.create_tempdir().full_path
        moved = Space(self.loaded[1], self.tests)
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
            in_run, own = map(pathlib.Path, moved._cache_files())
            points = np.random.default_rng(0).normal(size=[360, 2])
            in_run.parents[1].write_text('no folder')
            self.addCleanup(os.remove, in_run.parents[1])
            with self.assertLogs('acai_tf', 'WARNING'):
                moved._write_tsne(points)
            self.assertEqual(list(own.parent.iterdir()), [own])
            self.assertAllClose(moved._read_tsne(), points)
            os.truncate(own, 200)
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
        self.assertLen(mixture.sample(2, 2**40), 2)  # larger than scikit-learn's seeds

    def test_without_the_users_data_set_the_page_works_on_dropped_images(self):
        mine = InMemory('Mine', (32, 32, 1), 3)
        mine.class_names = ['ant', 'bee', 'cat']
        model = models.create('baseline', mine.image_shape, mine.nclass, depth=1, latent=2)
        saved = export.export_model(model, mine, 1, self.create_tempdir().full_path)
        with mock.patch.object(server, 'serve') as serve, mock.patch.object(os, '_exit'):
            code, _, err = run('bin/acai_explore', f'--saved_model={saved}')
        self.assertEqual((code, err), (0, ''))
        (loaded,), dataset, *_ = serve.call_args[0]
        tests = Gallery(dataset)
        space = Space(loaded, tests)
        client = Client(Application([space], tests))
        space.find_axes()
        space.find_the_rest()
        state = client.get('/api/state', headers={'Host': 'localhost'}).json
        self.assertEqual({key: state[key] for key in ('dataset', 'labels', 'total', 'class_names', 'height')},
                         {'dataset': 'Mine', 'labels': [], 'total': 0, 'class_names': mine.class_names, 'height': 32})
        shades = np.random.default_rng(0).integers(0, 256, [4, 32, 32], np.uint8)
        own = [self.own(Image.fromarray(image), client) for image in shades]
        corners = loaded.encode(images.to_float(shades[..., None]))
        for scene, latents in (
                ({'kind': 'walk', 'sources': own[:2], 'curve': 'lerp', 'steps': 3},
                 [[corners[0], (corners[0] + corners[1]) / 2, corners[1]]]),
                ({'kind': 'grid', 'sources': own, 'steps': 2}, corners.reshape(2, 2, *corners.shape[1:]))):
            answer = json.loads(self.post('/api/latents', scene, client=client))
            self.assertAllClose(answer['models'][0]['latents'], latents, atol=1e-5)
            self.post('/api/figure', scene, client=client)
        self.assertLen(json.loads(self.post('/api/errors', {'kind': 'images', 'sources': own}, client=client))['errors'], 4)
        prior = {'kind': 'samples', 'from': 'prior', 'seed': 0, 'rows': 2, 'columns': 3}
        self.assertEqual(pixels(self.post('/api/picture', prior, client=client)).shape, (64, 96))
        needed = ('the model was trained on Mine, your own data; name it with --dataset=path/to/file.py:Class, or '
                  '--dataset=arrays:FILE for arrays in a file')
        for path in ('map?model=0&projection=pca', 'map?model=0&projection=tsne', 'axes?model=0'):
            answer = client.get(f'/api/{path}', headers={'Host': 'localhost'})
            self.assertEqual((answer.status_code, answer.json), (400, {'error': needed}))
        for scene in ({**prior, 'from': 'mixture'}, {'kind': 'plane', 'at': [0, 0]},
                      {'kind': 'directions', 'source': own[0], 'values': [1]}):
            self.assertEqual(self.post('/api/picture', scene, status=400, client=client), needed)
        self.assertIn('test image 0 does not exist', self.post(
            '/api/picture', {'kind': 'images', 'sources': [0]}, status=400, client=client))

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
        gallery = Some(self.dataset)
        self.assertEqual((len(gallery), gallery.total), (70, 360))
        self.assertAllEqual(gallery.images, self.tests.images[:70])
        self.assertIsNone(gallery.images.base)

    def test_state_and_errors(self):
        state = self.get('/api/state').json
        self.assertEqual(state['labels'], self.tests.labels.tolist())
        self.assertEqual(state['class_names'], list('0123456789'))
        self.assertEqual(state['models'][0]['metrics'], {'reconstruction': {'mse': 0.25, 'rmse': None},
                                                         'training': {'step': 7, 'loss_ae': 0.5}})
        self.assertEqual(state['models'][1]['metrics'], {})
        self.assertEqual([model['options'] for model in state['models']],
                         [{'base': 'baseline', 'architecture': 'acai', 'depth': 2, 'latent_width': 4},
                          {'architecture': 'acai', 'depth': 2, 'latent_width': 4}])
        sheet = pixels(self.get('/api/sheet?number=0').data)
        row, column = divmod(40, state['columns'])
        self.assertAllEqual(sheet[32 * row:32 * row + 32, 32 * column:32 * column + 32],
                            images.to_uint8(self.tests.images[40])[..., 0])
        errors = json.loads(self.post('/api/errors', {'kind': 'images', 'sources': [40]}))['errors']
        mse = np.square(self.loaded[0].reconstruct(self.tests.images[40:41]) - self.tests.images[40:41]).mean()
        self.assertAllClose(errors, [{'mse': mse, 'rmse': 127.5 * np.sqrt(mse)}], rtol=1e-5)
        with mock.patch.object(self.loaded[0], 'reconstruct', return_value=np.full([1, 32, 32, 1], np.nan, np.float32)):
            answer = json.loads(self.post('/api/errors', {'kind': 'images', 'sources': [40]}), parse_constant=self.fail)
        self.assertEqual(answer['errors'], [{'mse': None, 'rmse': None}])

    def test_the_page_runs_nothing_but_its_own_files(self):
        answer = self.get('/')
        policy = answer.headers['Content-Security-Policy']
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn('unsafe', policy)
        html = answer.text
        self.assertNotRegex(html, r'<script(?![^>]* src=)|<style| style=| on\w+=|https?://')
        for name in re.findall(r'(?:src|href)="([^"#]+)"', html):
            answer = self.get(f'/{name}')
            self.assertEqual(answer.status_code, 200, name)
            self.assertEqual(self.get(f'/{name}', headers={'Host': 'localhost', 'If-None-Match': answer.headers['ETag']}
                                      ).status_code, 304)

if __name__ == '__main__':
    tf.test.main()
