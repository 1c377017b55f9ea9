"""The explorer's socket and signals, from the start to a clean end."""

import errno
import http
import logging
import signal
import socket
import sys
import threading
import time
import warnings
import webbrowser
from urllib.parse import urlsplit

from PIL import Image
from werkzeug import serving

from acai_tf.errors import UsageError, short_message
from acai_tf.explorer.application import LOCAL_HOSTS, Application
from acai_tf.explorer.space import Gallery, Space

_logger = logging.getLogger(__name__)

PORT = 6007
_PORTS_TRIED = 100
_SECONDS_TO_END = 2
_IDLE_SECONDS = 30
_SECONDS_BETWEEN = 0.1  # between two attempts


class Handler(serving.WSGIRequestHandler):
    timeout = _IDLE_SECONDS  # for a client that stops in the middle of its request
    disable_nagle_algorithm = True  # pictures are small, and the user waits for them

    def parse_request(self):
        """Answers a request that cannot be read, and returns False for it."""
        if not super().parse_request():
            return False
        try:
            urlsplit(self.path)
        except ValueError:  # http://[::1
            self.send_error(http.HTTPStatus.BAD_REQUEST, 'Bad request URL')
            return False
        return True

    def log(self, *_):
        """Logs nothing: the application logs what fails."""

    log_request = log  # the original would parse the URL

    def version_string(self):
        return 'acai_explore'


class Server(serving.ThreadedWSGIServer):
    """Serves each connection in its own thread, and waits while the machine has no room for more. Duplicates and closes the
    `listener` from `bind`."""
    _is_full = False

    def __init__(self, application, listener):
        super().__init__(*listener.getsockname()[:2], application, Handler, fd=listener.fileno())
        listener.close()

    def get_request(self):
        """Returns a connection; socketserver calls this repeatedly while a client waits."""
        try:
            accepted = super().get_request()
        except OSError as error:
            if not self._is_full:
                _logger.warning('new connections must wait (%s); close some pages, or raise the limit (ulimit -n)',
                                _reason(error))
            self._is_full = True
            time.sleep(_SECONDS_BETWEEN)
            raise
        self._is_full = False
        return accepted

    def handle_error(self, request, client_address):
        """Logs one line instead of socketserver's traceback."""
        _logger.warning('a connection failed (%s)', short_message(sys.exception()))

    def log(self, *_):
        """Logs nothing: the application logs what fails."""


def bind(host, port=None):
    """Returns a socket that listens on a port of a host; without a port, on the first free one from 6007 on. Raises
    UsageError if this machine does not have the address, or if the port is taken."""
    for number in range(PORT, PORT + _PORTS_TRIED) if port is None else [port]:
        try:
            family, *_, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        except (OSError, UnicodeError) as error:
            raise UsageError(f'--host={host}: unknown address ({_reason(error)})') from None
        try:
            return socket.create_server(address, family=family, backlog=128,
                                        dualstack_ipv6=family == socket.AF_INET6 and socket.has_dualstack_ipv6())
        except OSError as error:
            if port is None and error.errno == errno.EADDRINUSE:
                continue
            raise UsageError(f'{host}:{number} is not free ({_reason(error)}); choose another --port or --host') from None
    raise UsageError(f'the ports from {PORT} to {PORT + _PORTS_TRIED - 1} are taken; choose another with --port')


def _reason(error):
    return getattr(error, 'strerror', None) or str(error)


def serve(models, dataset, listener, allowed_hosts=(), data_flags=(), open_browser=False):
    """Serves the page until SIGINT or SIGTERM.

    Args:
        models: list of export.LoadedModel.
        dataset: datasets.base.Dataset that fits the models.
        listener: socket from `bind`; it is closed at the end.
        allowed_hosts, data_flags: as for `Application`.
        open_browser: True to open the page.
    """
    host, port = listener.getsockname()[:2]
    warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # such large images are refused
    if host not in ('127.0.0.1', '::1'):
        _logger.warning('listening on %s: anyone who reaches this port by one of the names %s can use the models and see '
                        'the test images', host, ', '.join([*LOCAL_HOSTS, *allowed_hosts]))
    tests = Gallery(dataset)
    spaces = [Space(model, tests) for model in models]
    # Unlike a name, an address cannot be redirected to another machine.
    application = Application(spaces, tests, data_flags, [*allowed_hosts, _shown(host)])
    ended = threading.Event()
    # Even if a shell has told its background jobs to ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server = Server(application, listener)
    threads = [threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.1}, daemon=True),
               threading.Thread(target=prepare, args=(spaces, ended), daemon=True)]
    for thread in threads:
        thread.start()
    url = f'http://{_shown(host)}:{port}/'
    print(f'acai_explore at {url} (Ctrl-C ends it)', flush=True)
    if open_browser and not webbrowser.open(url):
        _logger.warning('cannot open a browser; open %s yourself', url)
    ended.wait()
    for space in spaces:
        space.stop()
    server.shutdown()
    server.server_close()
    application.finish(_SECONDS_TO_END)
    for thread in threads:
        thread.join(_SECONDS_TO_END)


def _shown(host):
    """Returns the host in the address to open."""
    if host in ('0.0.0.0', '::'):
        return 'localhost'
    return f'[{host}]' if ':' in host else host


def prepare(spaces, ended):
    """Does the slow computations until the Event `ended`, and retries failed ones when they are requested."""
    while not ended.is_set():
        for find in (Space.find_axes, Space.find_the_rest):
            for space in spaces:
                find(space)
        ended.wait(_SECONDS_BETWEEN)
