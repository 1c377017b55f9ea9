"""The explorer's responses to HTTP requests, including refusals. Writes nothing to disk."""

import importlib.resources
import json
import logging
import mimetypes
import os
import re
import threading

import numpy as np
import tensorflow as tf
from werkzeug import Request, Response
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, MethodNotAllowed, NotFound

import acai_tf
from acai_tf import images as images_lib
from acai_tf.errors import AcaiError, UsageError, program_name
from acai_tf.explorer import scenes
from acai_tf.explorer.space import NotYet
from acai_tf.export.load import system_of
from acai_tf.runs import Run
from acai_tf.values import defined

_logger = logging.getLogger(__name__)

MOST_BYTES = 16 * 2**20
LOCAL_HOSTS = ('localhost', '127.0.0.1', '[::1]')
_AT_ONCE = 2  # requests that compute at the same time
_SHEET_PIXELS = 2**20
_HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin', 'Cache-Control': 'no-cache'}


class Application:
    """The WSGI application.

    Args:
        spaces: list of space.Space, one per model.
        tests: space.Gallery, shared by the spaces.
        data_flags: flags of acai_interpolate that name the data set.
        allowed_hosts: host names, in addition to the local ones, that requests may use.
    """

    def __init__(self, spaces, tests, data_flags=(), allowed_hosts=()):
        self._spaces, self._tests, self._data_flags = spaces, tests, list(data_flags)
        self._hosts = {*LOCAL_HOSTS, *(name.lower() for name in allowed_hosts)}
        self._computing = threading.BoundedSemaphore(_AT_ONCE)
        height, width, _ = tests.dataset.image_shape
        self._columns = max(1, int(_SHEET_PIXELS**0.5) // width)
        self._per_sheet = self._columns * max(1, int(_SHEET_PIXELS**0.5) // height)
        folder = importlib.resources.files('acai_tf.explorer') / 'static'
        self._files = {f'/static/{file.name}': file.read_bytes() for file in folder.iterdir() if file.is_file()}
        self._files['/'] = self._files.pop('/static/index.html')
        self._get = {'/api/state': self._state, '/api/map': self._map, '/api/axes': self._axes, '/api/sheet': self._sheet}

    def __call__(self, environ, start_response):
        request = Request(environ)
        request.max_content_length = MOST_BYTES
        try:
            response = self._answer(request)
        except HTTPException as error:
            why = 'the request is larger than 16 MiB' if error.code == 413 else error.description
            response = _json({'error': why}, error.code)
            response.allow = getattr(error, 'valid_methods', None)
        except NotYet as error:
            response = _json({'waiting': str(error)}, 202)
        except AcaiError as error:
            response = _json({'error': str(error)}, 400)
        except Exception:
            _logger.exception('%s %s', request.method, request.path)
            response = _json({'error': 'this failed; see the terminal for the reason'}, 500)
        response.headers.update(_HEADERS)
        response.headers.pop('Date', None)  # the server adds it
        return response(environ, start_response)

    def finish(self, seconds):
        """Stops new computations, and waits at most `seconds` for running ones."""
        for _ in range(_AT_ONCE):
            self._computing.acquire(timeout=seconds / _AT_ONCE)

    def _answer(self, request):
        if not self._is_allowed(request.environ.get('HTTP_HOST', '')):
            raise Forbidden('this host name is not allowed; start acai_explore with --allowed_host=NAME')
        origin = request.headers.get('Origin')
        if origin is not None and not self._is_allowed(origin.partition('://')[2]):
            raise Forbidden('requests from other sites are refused')
        path = request.path
        is_computed = path == '/api/encode' or path in _OF_SCENES
        if not is_computed and path not in self._files and path not in self._get:
            raise NotFound('this page does not exist')
        methods = ['POST'] if is_computed else ['GET', 'HEAD']
        if request.method not in methods:
            raise MethodNotAllowed(methods, f'this takes {", ".join(methods)}')
        if is_computed:
            return self._compute(request)
        if path in self._get:
            return self._get[path](request)
        response = Response(self._files[path], mimetype=mimetypes.guess_type(path)[0] or 'text/html')
        response.add_etag()
        return response.make_conditional(request.environ)

    def _is_allowed(self, host):
        """Returns True if a host, with or without a port, is one of ours."""
        return re.sub(r':\d{1,5}$', '', host).lower() in self._hosts

    def _compute(self, request):
        try:
            body = request.get_data(cache=False)
        except OSError:  # malformed chunks, or a client that stops sending
            raise BadRequest('the body of the request cannot be read') from None
        with self._computing:
            return self._encode(body) if request.path == '/api/encode' else _OF_SCENES[request.path](*self._asked(body))

    # ---- GET

    def _state(self, request):
        tests = self._tests
        height, width, channels = tests.dataset.image_shape
        loaded, shown = self._spaces[0].loaded, (tests.dataset.name, tests.dataset.options)
        learned_from = loaded.config['dataset'], loaded.config['dataset_options']
        names = (loaded.class_names if learned_from == shown else None) or tests.dataset.class_names
        return _json({
            'version': acai_tf.__version__, 'dataset': tests.dataset.name, 'labels': tests.labels.tolist(),
            'total': tests.total, 'class_names': list(names or map(str, range(tests.dataset.nclass))),
            'height': height, 'width': width, 'channels': channels, 'columns': self._columns, 'per_sheet': self._per_sheet,
            'most_images': scenes.MOST_IMAGES, 'command': [program_name('acai_interpolate'), *self._data_flags],
            'models': [_about(space.loaded) for space in self._spaces]})

    def _map(self, request):
        name = request.args.get('projection')
        if name not in ('pca', 'tsne'):
            raise UsageError('projection must be pca or tsne')
        return _json({'points': np.round(self._space(request).map_points(name), 5).tolist()})

    def _axes(self, request):
        space = self._space(request)
        return _json({'shares': space.shares().tolist(), 'deviations': space.deviations().tolist()})

    def _sheet(self, request):
        start = _natural(request, 'number') * self._per_sheet
        if start >= len(self._tests):
            raise NotFound('this sheet does not exist')
        images = self._tests.images[start:start + self._per_sheet]
        return _png(scenes.png(images_lib.sheet(images, self._columns)))

    def _space(self, request):
        return self._spaces[self._model(_natural(request, 'model'))]

    def _model(self, number):
        if type(number) is not int or not 0 <= number < len(self._spaces):
            raise UsageError(f'model {number} does not exist')
        return number

    # ---- POST

    def _asked(self, body):
        """Returns (Scene, list of Space) of a request."""
        try:
            asked = json.loads(body, parse_constant=lambda name: float('nan'))
            numbers, scene = asked['models'], asked['scene']
        except (ValueError, RecursionError, TypeError, KeyError):
            raise UsageError('the body must be JSON: {"models": [0], "scene": {...}}') from None
        if not isinstance(numbers, list) or not 1 <= len(numbers) <= 2:
            raise UsageError('models must be one or two numbers')
        scene = scenes.Scene(scene, self._tests, self._spaces)
        return scene, [self._spaces[number] for number in dict.fromkeys(map(self._model, numbers))]

    def _encode(self, body):
        """Answers an image file with its latents for every model and the image as model input."""
        dataset = self._tests.dataset
        pixels = images_lib.decode(body, 'the file', dataset.image_shape[-1])
        content = [tf.io.encode_png(pixels).numpy()]
        latents = [space.loaded.encode_bytes(content)[0] for space in self._spaces]
        if not all(map(np.all, map(np.isfinite, latents))):
            raise UsageError('a model encodes the file to values that are not finite; train it again')
        fitted = images_lib.to_uint8(dataset.fit(pixels).numpy())
        return _json({'latents': [scenes.encode64(latent.astype('<f4').tobytes()) for latent in latents],
                      'picture': scenes.encode64(scenes.png(fitted))})


# {path: answer from a scene and the spaces of its models}
_OF_SCENES = {
    '/api/picture': lambda scene, spaces: _png(scene.sheet(spaces[0])),
    '/api/figure': lambda scene, spaces: _png(scene.figure(spaces)),
    '/api/animation': lambda scene, spaces: Response(scene.animation(spaces), mimetype='image/gif'),
    '/api/latents': lambda scene, spaces: _json(scene.record(spaces)),
    '/api/track': lambda scene, spaces: _json({'points': scene.track(spaces[0])}),
    '/api/errors': lambda scene, spaces: _json({'errors': scene.errors(spaces[0])}),
}


def _about(loaded):
    """Returns what the page shows about a model."""
    config = loaded.config
    return {'path': os.path.abspath(loaded.path), 'model': system_of(config), 'step': config['step'],
            'dataset': config['dataset'], 'image_shape': config['image_shape'], 'latent_shape': config['latent_shape'],
            'options': {key: config[key] for key in ('base', 'architecture', 'depth', 'latent_width')
                        if config[key] is not None},
            'model_options': config['model_options'], 'metrics': _metrics(loaded)}


def _metrics(loaded):
    """Returns {metric: its values} of the model's run at this step, and the last report; without the run, the report's
    metrics that the export kept."""
    run, step = Run.of_export(loaded.path), loaded.config['step']
    values, reports = {}, [loaded.config['reported']]
    if run:
        values = {name: content['values'] for name, content in run.results(step).items()}
        reports = [record for record in run.reports() if record['step'] == step]
    return values | ({'training': reports[-1]} if any(reports) else {})


def _natural(request, name):
    value = request.args.get(name, '')
    if not re.fullmatch(r'\d{1,9}', value, re.ASCII):
        raise UsageError(f'{name} must be a whole number')
    return int(value)


def _json(value, status=200):
    try:
        content = json.dumps(value, separators=(',', ':'), allow_nan=False)
    except ValueError:  # NaN and infinity are not valid JSON, so they become null
        content = json.dumps(defined(value), separators=(',', ':'))
    return Response(content, status, mimetype='application/json')


def _png(content):
    return Response(content, mimetype='image/png')
