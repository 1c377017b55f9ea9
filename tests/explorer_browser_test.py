"""The explorer's page in a real browser, operated with mouse, keyboard and files."""

import io
import json
import os
import pathlib
import shlex
import tempfile
import threading
import unittest
from unittest import mock
from urllib.parse import urlsplit

import browser
import numpy as np
import tensorflow as tf
from absl import flags as absl_flags
from browser import ActionChains, Keys
from PIL import Image
from programs import run

from acai_tf import datasets, export, images, interpolation, models
from acai_tf.explorer import server
from acai_tf.explorer.application import Application
from acai_tf.explorer.space import Gallery, Space


@unittest.skipIf(browser.MISSING, browser.MISSING)
class BrowserTest(browser.PageTestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        dataset = datasets.get('digits32')
        tests = Gallery(dataset)
        paths = [export.export_model(models.create(name, (32, 32, 1), 10, depth=2, latent=2, seed=seed), dataset, 1,
                                     os.path.join(cls.directory, name)) for name, seed in (('acai', 0), ('baseline', 1))]
        cls.models = [export.load(path) for path in paths]
        cls.images, cls.labels = tests.images, tests.labels
        cls.latents = [model.encode(tests.images) for model in cls.models]
        cls.spaces = [Space(model, tests) for model in cls.models]
        for space, latents in zip(cls.spaces, cls.latents):  # without the t-SNE process, which starts slowly
            space._latents = latents
            space._find_axes(latents.reshape(len(latents), -1))
            space._maps['tsne'] = np.random.default_rng(0).normal(size=[len(latents), 2])
        cls.server = server.Server(Application(cls.spaces, tests), server.bind('127.0.0.1', 0))
        cls.addClassCleanup(cls.server.server_close)
        cls.thread = threading.Thread(target=cls.server.serve_forever, daemon=True)
        cls.thread.start()
        cls.addClassCleanup(cls.server.shutdown)
        cls.url = f'http://127.0.0.1:{cls.server.port}/'
        cls.downloads = os.path.join(cls.directory, 'downloads')
        os.makedirs(cls.downloads)
        cls.browser = browser.start(cls.downloads)
        cls.addClassCleanup(cls.browser.quit)

    def tearDown(self):
        """In every test: no errors, and no requests to other servers."""
        self.assertEqual([entry['message'] for entry in self.browser.get_log('browser')], [])
        events = [json.loads(entry['message'])['message'] for entry in self.browser.get_log('performance')]
        asked = [event['params']['request']['url'] for event in events if event['method'] == 'Network.requestWillBeSent']
        ours = urlsplit(self.url).netloc
        self.assertEmpty([url for url in asked if urlsplit(url).netloc != ours and not url.startswith(('blob:', 'about:'))])
        super().tearDown()

    def decoded(self, latents, model=0):
        """Returns the image uint8 [h, w] of one latent."""
        return images.to_uint8(self.models[model].decode(np.asarray(latents, np.float32)[None]))[0, ..., 0]

    def on_walk(self, numbers, at, curve=interpolation.lerp, model=0):
        k = min(int(at), len(numbers) - 2)
        a, b = (tf.constant(self.latents[model][number][None]) for number in numbers[k:k + 2])
        return self.decoded(curve(a, b, at - k)[0], model)

    # ---- actions of a user

    def test_two_images_the_slider_and_the_link(self):
        self.open()
        self.choose(12, 34)
        self.assertLen(self.all('#chosen li'), 2)
        at = self.settled()
        self.assertAllEqual(self.pixels('.large'), self.on_walk([12, 34], at))
        slider = self.find('#at')
        ActionChains(self.browser).click_and_hold(slider).move_by_offset(90, 0).move_by_offset(40, 0).release().perform()
        at = self.settled()
        self.assertBetween(at, 0.55, 0.8)
        self.assertAllEqual(self.pixels('.large'), self.on_walk([12, 34], at))
        for which, number in ((0, 12), (1, 34)):
            self.assertAllEqual(self.pixels('.stage .end', which), images.to_uint8(self.images[number])[..., 0])
        self.wait(lambda: self.script('return document.querySelector(".frames canvas").dataset.shown'))
        row = np.concatenate([self.on_walk([12, 34], k / 15) for k in range(16)], axis=1)
        self.assertAllEqual(self.pixels('.frames canvas'), row)
        # A chain is a longer walk; the link shows the same.
        self.choose(5)
        self.script('document.getElementById("at").value = 1.25;'
                    'document.getElementById("at").dispatchEvent(new Event("input"))')
        self.settled()
        picture = self.pixels('.large')
        self.assertAllEqual(picture, self.on_walk([12, 34, 5], 1.25))
        state = self.address()
        self.open(state)
        self.assertEqual(self.settled(), 1.25)
        self.assertAllEqual(self.pixels('.large'), picture)
        self.assertEqual(self.address(), state)

    def test_while_dragging_only_the_newest_request_counts(self):
        self.open('chosen=1,2')
        self.settled()
        self.requests()
        self.script('''const slider = document.getElementById('at');
            for (let k = 1; k <= 300; k += 1) { slider.value = k / 300; slider.dispatchEvent(new Event('input')); }''')
        self.assertEqual(self.settled(), 1)
        self.assertAllEqual(self.pixels('.large'), self.on_walk([1, 2], 1))
        self.assertLen(self.requests(), 2)

    def test_the_grid(self):
        self.open('view=grid&chosen=3,4,5,6')
        pad = self.find('.pad')
        self.wait(lambda: self.shown_at() == '0.5,0.5')
        ActionChains(self.browser).move_to_element(pad).click_and_hold().move_by_offset(60, -90).release().perform()
        self.wait(lambda: self.shown_at() != '0.5,0.5')
        last = self.script('return location.hash') and self.address()
        x, y = (float(part.split('=')[1]) for part in last.split('&') if part[:2] in ('x=', 'y='))
        self.wait(lambda: self.shown_at() == f'{x},{y}')
        side = pad.size['width']
        middle = round(side / 2)
        self.assertAllClose([x, y], [((middle + d) / side * 8 - 0.5) / 7 for d in (60, -90)], atol=0.01)
        corners = self.latents[0][[3, 4, 5, 6]]
        left, right = (interpolation.lerp(*(tf.constant(corners[[row]]) for row in (k, k + 2)), y) for k in (0, 1))
        self.assertAllEqual(self.pixels('.large'), self.decoded(interpolation.lerp(left, right, x)[0]))
        grid = self.pixels('.pad canvas')
        for rows, columns, number in ((slice(32), slice(32), 3), (slice(32), slice(-32, None), 4),
                                      (slice(-32, None), slice(32), 5), (slice(-32, None), slice(-32, None), 6)):
            self.assertAllEqual(grid[rows, columns], self.decoded(self.latents[0][number]))

    def test_images_by_class_and_at_random(self):
        of_three = np.flatnonzero(self.labels == 3).tolist()
        self.open('chosen=')
        self.find('#class [value="3"]').click()
        shown = [int(one.get_attribute('data-number')) for one in self.all('#strip button')]
        self.assertEqual(shown, of_three[:60])
        drawn = set()
        for view, count in (('walk', 2), ('grid', 4)):
            self.find('#clear').click()
            self.find(f'#tab-{view}').click()
            for _ in range(3):
                self.find('#random').click()
                names = {button.get_attribute('aria-label') for button in self.all('#chosen button')}
                self.assertLen(names, count)
                drawn |= names
        self.assertContainsSubset(drawn, {f'Remove test image {number} (class 3)' for number in of_three})
        self.assertGreater(len(drawn), 6)

    def test_the_map(self):
        self.open('view=map&chosen=')
        self.wait(lambda: self.find('.map').get_attribute('data-ready') == 'pca')
        canvas = self.find('.map')
        ActionChains(self.browser).move_to_element_with_offset(canvas, -canvas.size['width'] // 2 + 25, 30).click().perform()
        at = [float(one) for one in self.wait(lambda: self.shown_at('.decoded')).split(',')]
        flat = self.latents[0].reshape(360, -1).astype(np.float64)
        points = json.loads(self.script(
            'return fetch("api/map?model=0&projection=pca").then((answer) => answer.text())'))['points']
        # Recovers the axes from the points: latents are nearly linear in them.
        centred, points = flat - flat.mean(axis=0), np.array(points)
        axes = np.linalg.lstsq(points, centred, rcond=None)[0]
        expected = self.decoded((flat.mean(axis=0) + at @ axes).reshape(4, 4, 2))
        self.assertLessEqual(np.abs(self.pixels('.decoded').astype(int) - expected).max(), 1)
        # On an image: the one furthest to the right.
        number = int(points[:, 0].argmax())
        width, height = canvas.size['width'] - 2, canvas.size['height'] - 2
        size, middle = np.ptp(points, axis=0), (points.max(axis=0) + points.min(axis=0)) / 2
        x, y = (points[number] - middle) * 0.9 * min(width / size[0], height / size[1])
        ActionChains(self.browser).move_to_element_with_offset(canvas, round(x), round(-y)).click().perform()
        self.wait(lambda: self.all('#chosen li'))
        self.assertEqual(self.find('.under figcaption').text, f'test image {number} (class {self.labels[number]})')
        self.wait(lambda: f'chosen={number}' in self.address())
        self.assertAllEqual(self.pixels('.under canvas'), images.to_uint8(self.images[number])[..., 0])
        before = self.script('return document.querySelector(".map").toDataURL()')
        self.find('.legend [data-label="3"]').click()
        self.assertEqual(self.find('.legend [data-label="3"]').get_attribute('aria-pressed'), 'false')
        self.assertNotEqual(self.script('return document.querySelector(".map").toDataURL()'), before)

    def test_a_dropped_file(self):
        self.open('chosen=7')
        pixels = np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8)
        path = os.path.join(self.directory, 'own.png')
        Image.fromarray(pixels).save(path)
        content = pathlib.Path(path).read_bytes()
        self.drop(('own.png', content), ('text.png', b'text'))
        self.wait(lambda: 'text.png: the file does not decode' in self.find('#status').text)
        message, = self.refusals()
        self.assertIn('400', message)
        self.find('#at').send_keys(Keys.END)
        self.assertEqual(self.settled(), 1)
        expected = self.decoded(self.models[0].encode_bytes([content])[0])
        self.assertAllEqual(self.pixels('.large'), expected)
        state = self.address()
        self.open(state)
        self.assertEqual(self.settled(), 1)
        self.assertAllEqual(self.pixels('.large'), expected)

    def test_directions_samples_and_reconstructions_of_two_models(self):
        self.open('view=directions&compare=1&base=0&chosen=2')
        self.wait(lambda: self.all('.axis'))
        field = self.find('.axis input[type=number]')
        field.clear()
        field.send_keys('1.5')
        self.wait(lambda: self.shown_at() == '1.5')
        for model in (0, 1):
            answer = self.script('''return fetch("api/latents", {method: "POST", body: JSON.stringify({models: [0, 1],
                scene: {kind: "directions", source: 2, values: [1.5]}})}).then((answer) => answer.json())''')
            moved = np.array(answer['models'][model]['latents'][0][0])
            self.assertNotAllClose(moved, self.latents[model][2])
            self.assertAllEqual(self.pixels('.large', model), self.decoded(moved, model))
        for keys, value in (([Keys.ARROW_RIGHT], '1.55'), ([Keys.SHIFT, Keys.ARROW_LEFT], '1.3')):
            self.find('.axis input[type=range]').send_keys(*keys)
            self.wait(lambda value=value: self.shown_at() == value)
        self.assertEqual(field.get_attribute('value'), '1.3')
        self.find('#tab-samples').click()
        self.wait(lambda: self.script('return document.querySelector("canvas.wide").dataset.shown'))
        self.assertEqual(self.pixels('.wide').shape, (6 * 32, 16 * 32))
        fewest = {field.get_attribute('min') for field in self.all('.controls input[type=number]')}
        self.assertEqual(fewest, {'0', '1', '2'})  # seed, rows, and columns as --steps of acai_interpolate
        self.find('#tab-about').click()
        self.wait(lambda: len(self.all('.reconstruction')) == 2)
        for model in (0, 1):
            self.assertAllEqual(self.pixels('.reconstruction', model),
                                images.to_uint8(self.models[model].reconstruct(self.images[2:3]))[0, ..., 0])

    def test_take_away(self):
        self.open('chosen=1,2,3&curve=slerp&steps=5&compare=1')
        self.settled()
        for button, name in (('png', 'walk.png'), ('gif', 'walk.gif'), ('json', 'walk.json')):
            self.find(f'#take-{button}').click()
            self.wait(lambda: os.path.exists(os.path.join(self.downloads, name)))
        command = shlex.split(self.find('#command').get_attribute('value'))
        self.assertEqual(command[0], 'acai_interpolate')
        self.assertEqual(command[-1], '--output=walk.png')
        for name in ('walk.png', 'walk.gif'):
            code, _, err = run(f'bin/{command[0]}', *command[1:-1], f'--output={self.directory}/{name}')
            self.assertEqual(code, 0, err)
            self.assertEqual(*(pathlib.Path(folder, name).read_bytes() for folder in (self.directory, self.downloads)))
        downloaded = json.loads(pathlib.Path(self.downloads, 'walk.json').read_text())['models'][1]
        self.assertEqual(downloaded['saved_model'], self.models[1].path)
        ends = tf.constant(self.latents[1][[2]]), tf.constant(self.latents[1][[3]])
        self.assertAllEqual(np.float32(downloaded['latents'])[1], interpolation.path(*ends, 5, interpolation.slerp)[0])

    # ---- keyboard

    def test_the_keyboard_alone(self):
        self.open()
        self.script('window.scrollTo(0, 0)')
        self.tab_to('#tab-walk')
        outline = self.script('return getComputedStyle(document.activeElement).outlineStyle')
        self.assertEqual(outline, 'solid')
        self.tab_to('#clear')
        self.keys(Keys.ENTER)
        self.tab_to('#strip [data-number="0"]')
        self.keys(Keys.ENTER, Keys.TAB, Keys.TAB, Keys.SPACE)
        self.assertEqual(self.script('return document.activeElement.dataset.number'), '2')
        self.assertLen(self.all('#chosen li'), 2)
        # From the end of the strip, which has 60 images.
        self.script('document.querySelector("#strip button:last-child").focus()')
        self.tab_to('#at')
        self.keys(Keys.HOME)
        self.assertEqual(self.settled(), 0)
        for key, at in ((Keys.ARROW_RIGHT, 1 / 16), (Keys.ARROW_UP, 1 / 8), (Keys.ARROW_DOWN, 1 / 16), (Keys.END, 1),
                        (Keys.ARROW_RIGHT, 1), (Keys.ARROW_LEFT, 15 / 16)):
            self.keys(key)
            self.wait(lambda at=at: self.settled() == at)
        self.assertAllEqual(self.pixels('.large'), self.on_walk([0, 2], 15 / 16))
        self.script('document.body.focus(); document.getElementById("tab-walk").focus()')
        self.keys(Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT)  # about, samples, map
        self.wait(lambda: self.all('.map[data-ready=pca]'))
        self.script('document.querySelector("#strip button:last-child").focus()')
        self.tab_to('.map')
        self.keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ENTER)
        self.wait(lambda: self.shown_at('.decoded'))
        self.assertStartsWith(self.find('.under figcaption').text, 'test image')
        self.assertLen(self.all('#chosen li'), 3)

    def test_arrow_keys_in_the_grid_and_farther_with_shift(self):
        self.open('view=grid&chosen=3,4,5,6')
        self.wait(lambda: self.shown_at() == '0.5,0.5')
        self.script('document.querySelector(".pad").focus()')
        x, y = 0.5, 0.5
        for key, dx, dy in ((Keys.ARROW_RIGHT, 1, 0), (Keys.ARROW_UP, 0, -1), (Keys.ARROW_DOWN, 0, 1),
                            (Keys.ARROW_LEFT, -1, 0)):
            for held, steps in ((None, 1), (Keys.SHIFT, 5)):
                actions = ActionChains(self.browser)
                (actions.key_down(held).send_keys(key).key_up(held) if held else actions.send_keys(key)).perform()
                x, y = x + 0.02 * steps * dx, y + 0.02 * steps * dy
                self.wait(lambda: np.allclose([float(part) for part in self.shown_at().split(',')], [x, y]))

    def test_every_view_fits_the_page_and_has_labels(self):
        """Every input has a name, and no name is too long."""
        names = 'Chrysanthemum ' * 6, 'n02085620_' + 'W' * 80, '犬' * 60, 'a', 'b'
        self.enterContext(mock.patch.object(self.models[0], 'class_names', [name + k for k in '01' for name in names]))
        config = self.models[1].config | {'model': 'AutoencoderThatInterpolates' * 4}
        self.enterContext(mock.patch.object(self.models[1], 'config', config))
        for width in (320, 1280):
            self.make_width(width)
            for view in ('walk', 'grid', 'directions', 'map', 'samples', 'about'):
                self.open(f'view={view}&model=1&compare=0&chosen=1,2,3,4')
                self.wait(lambda view=view: self.is_complete(view))
                page = self.script('const {scrollWidth, clientWidth} = document.documentElement;'
                                   'return [scrollWidth, clientWidth]')
                self.assertEqual(*page, view)
                unnamed = self.script('''
                    return [...document.querySelectorAll('button, input, select, textarea, [tabindex="0"], canvas')]
                        .filter((one) => !one.closest('[aria-hidden]') && !one.getAttribute('aria-label')
                            && !one.textContent.trim() && !one.labels?.length).map((one) => one.outerHTML)''')
                self.assertEqual(unnamed, [], view)

    def is_complete(self, view):
        return self.all({'walk': '.large[data-at]', 'grid': '.large[data-at]', 'directions': '.large[data-at]',
                         'map': '.map[data-ready=pca]', 'samples': '.wide[data-shown]', 'about': '.reconstruction'}[view])

    # ---- its state

    def test_a_map_takes_the_colors_of_the_scheme(self):
        def count(color):
            return self.script('''
                const canvas = document.querySelector('.map'), {width, height} = canvas;
                const copy = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
                copy.drawImage(canvas, 0, 0);
                const data = new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer);
                return data.reduce((sum, one) => sum + (one === arguments[0]), 0);''', int.from_bytes(color, 'little'))
        light, dark = b'\x1b\x1b\x1f\xff', b'\xec\xec\xf1\xff'  # --text
        self.emulate('setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'light'}])
        self.open('view=map&chosen=1,2,3')
        self.wait(lambda: self.is_complete('map'))
        self.assertGreater(count(light), 50)
        self.emulate('setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'dark'}])
        self.wait(lambda: count(dark) > 50)
        self.assertEqual(count(light), 0)

    def without_tsne(self):
        """Keeps the first model's t-SNE map in computation; returns the function that ends this."""
        points = self.spaces[0]._maps.pop('tsne')
        return lambda: self.spaces[0]._maps.setdefault('tsne', points)

    def test_progress_leaves_an_error_to_be_read(self):
        compute = self.without_tsne()
        self.addCleanup(compute)
        self.open('view=map&projection=tsne')
        self.wait(lambda: self.find('#progress').text == 'the map is being computed …')
        self.drop(('text.png', b'text'))
        self.wait(lambda: self.all('#status.error'))
        error = self.find('#status').text
        self.assertIn('text.png', error)
        self.requests()
        self.assertIn('/api/map', self.requests(1))
        self.assertEqual((self.find('#status').text, self.find('#progress').text), (error, 'the map is being computed …'))
        compute()
        self.wait(lambda: self.all('.map[data-ready=tsne]'))
        self.assertEqual((self.find('#status').text, self.find('#progress').text), (error, ''))
        self.assertLen(self.refusals(), 1)

    def test_a_view_that_was_left_asks_for_nothing(self):
        self.addCleanup(self.without_tsne())
        self.open('view=map&projection=tsne')
        for _ in range(4):
            self.find('#tab-grid').click()
            self.find('#tab-map').click()
        for _ in range(4):  # also requests that are abandoned within a view
            self.script('''const select = document.querySelector('#view select');
                for (const value of ['pca', 'tsne']) { select.value = value; select.dispatchEvent(new Event('change')); }''')
        self.requests(0.5)
        self.assertBetween(self.requests(2).count('/api/map'), 3, 6)  # every 0.4 seconds
        self.find('#tab-grid').click()
        self.wait(lambda: self.find('#progress').text == '')
        self.requests(0.5)
        self.assertEqual(self.requests(1), [])

    def test_a_request_that_waits_gives_way_to_a_newer_one(self):
        self.open('view=samples&from=mixture')
        self.wait(lambda: self.find('#progress').text == 'the mixture of Gaussians is being computed …')
        self.find('#view select [value=prior]').click()
        self.wait(lambda: self.script('return document.querySelector("canvas.wide").dataset.shown?.startsWith("prior")'))
        self.assertEqual(self.find('#progress').text, '')

    def test_without_an_answer_nothing_is_larger_than_its_picture(self):
        self.browser.execute_cdp_cmd('Network.enable', {})
        self.browser.execute_cdp_cmd('Network.setBlockedURLs', {'urls': ['*/api/picture*']})
        self.addCleanup(self.browser.execute_cdp_cmd, 'Network.setBlockedURLs', {'urls': []})
        for view, selector, rows, columns in (('walk', '.frames canvas', 2, 16), ('grid', '.pad canvas', 1, 1),
                                              ('samples', '.wide', 6, 16)):
            self.open(f'view={view}&chosen=1,2,3,4'[:-2 if view == 'walk' else None])
            self.wait(lambda: 'is acai_explore still running?' in self.find('#status').text)
            size = self.find(selector).size
            self.assertAllClose(size['height'] / size['width'], rows / columns, rtol=0.02, msg=view)

    def test_the_models_to_compare_with_are_the_others(self):
        def chosen():
            return [(self.find(select).get_attribute('value'), [option.text[:2] for option in self.all(f'{select} option')])
                    for select in ('#model', '#compare')]
        self.open('model=1&compare=1')
        self.assertEqual(chosen(), [('1', ['1.', '2.']), ('-1', ['no', '1.'])])
        self.find('#compare [value="0"]').click()
        self.find('#model [value="0"]').click()
        self.assertEqual(chosen(), [('0', ['1.', '2.']), ('1', ['no', '2.'])])
        self.assertLen(self.all('.panes.two h3'), 2)

    def test_the_command_names_files_as_they_are(self):
        content = io.BytesIO()
        Image.new('L', (32, 32)).save(content, 'PNG')
        names = ['a, b.png', '17', 'a, b.png', 'test:3', "it's.png"]
        self.open('chosen=7')
        self.drop(*((name, content.getvalue()) for name in names))
        self.wait(lambda: len(self.all('#chosen li')) == 6)
        state = self.address()
        for _ in range(2):  # and in a page that gets them from the link
            self.find('#tab-about').click()
            command = shlex.split(self.find('#command').get_attribute('value'))
            listed, = (flag.partition('=')[2] for flag in command if flag.startswith('--images='))
            self.assertEqual(absl_flags.ListParser().parse(listed),
                             ['test:7', 'a, b.png', '17', 'a, b.png', './test:3', "it's.png"])
            self.open(state)

    def test_the_map_of_two_models_is_downloaded_whole(self):
        self.open('view=map&compare=1')
        self.wait(lambda: len(self.all('.map[data-ready=pca]')) == 2)
        self.find('#take-png').click()
        path = os.path.join(self.downloads, 'map.png')
        self.wait(lambda: os.path.exists(path))
        with Image.open(path) as image:
            shown = np.asarray(image.convert('RGB'))
        left, right = (self.script('const {width, height} = document.querySelectorAll(".map")[arguments[0]];'
                                   'return [width, height]', k) for k in (0, 1))
        self.assertEqual(shown.shape, (24 + max(left[1], right[1]), left[0] + 16 + right[0], 3))
        for k, part in enumerate((shown[24:, :left[0]], shown[24:, left[0] + 16:])):
            expected = self.script('''
                const {width, height} = document.querySelectorAll('.map')[arguments[0]];
                const context = document.querySelectorAll('.map')[arguments[0]].getContext('2d');
                const data = context.getImageData(0, 0, width, height).data;
                let count = 0;
                for (let k = 3; k < data.length; k += 4) count += data[k] > 250;
                return count;''', k)
            drawn = (part != shown[-1, 0]).any(axis=-1).sum()
            self.assertGreaterEqual(drawn, expected)
            self.assertGreater(expected, 100)

    def test_words(self):
        self.open('chosen=0')
        text = self.find('body').text
        for words in ('About this model', 'Compare with', 'Previous', 'Next'):
            self.assertIn(words, text)
        self.assertEqual(self.find('#chosen button').get_attribute('aria-label'),
                         f'Remove test image 0 (class {self.labels[0]})')
        for view, words in (('samples', ['Resample']), ('map', ['Hover over a point']),
                            ('about', ['original', 'reconstruction'])):
            self.find(f'#tab-{view}').click()
            self.wait(lambda view=view: self.is_complete(view))
            for word in words:
                self.assertIn(word, self.find('#view').text)


if __name__ == '__main__':
    tf.test.main()
