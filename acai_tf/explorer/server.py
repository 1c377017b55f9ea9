"""The explorer's socket and signals: from the start to a clean end."""

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
    timeout = _IDLE_SECONDS  # for a client that does not go on with its request
    disable_nagle_algorithm = True  # pictures are small, and waited for

    def parse_request(self):
        """Returns False, after an answer, for a request that cannot be read."""
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

    log_request = log  # which would read the URL

    def version_string(self):
        return 'acai_explore'


class Server(serving.ThreadedWSGIServer):
    """Serves every connection in a thread of its own, and waits while the machine has no room for more.

    Args:
        application: Application.
        listener: of `bind`; it is closed, since the server has its own.
    """
    _is_full = False

    def __init__(self, application, listener):
        super().__init__(*listener.getsockname()[:2], application, Handler, fd=listener.fileno())
        listener.close()

    def get_request(self):
        """Returns a connection; socketserver calls this again and again as long as one waits."""
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
        """Says in one line what socketserver would say in a traceback."""
        _logger.warning('a connection failed (%s)', short_message(sys.exception()))

    def log(self, *_):
        """Logs nothing: the application logs what fails."""


def bind(host, port=None):
    """A listening socket.

    Args:
        host: name or address.
        port: None: the first free one from 6007 on.

    Raises:
        UsageError: there is no such address here, or the port is taken.
    """
    for number in range(PORT, PORT + _PORTS_TRIED) if port is None else [port]:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM,
                                                             flags=socket.AI_PASSIVE)[0]
            listener = socket.socket(family, kind)
        except (OSError, UnicodeError) as error:
            raise UsageError(f'--host={host}: there is no such address ({_reason(error)})') from None
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
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
        dataset: datasets.base.Dataset of their shape.
        listener: of `bind`; it is closed at the end.
        allowed_hosts: names, in addition to the local ones, under which requests may come.
        data_flags: flags of acai_interpolate that name the data set.
        open_browser: whether to open the page.
    """
    host, port = listener.getsockname()[:2]
    warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # images this large are refused
    if host not in ('127.0.0.1', '::1'):
        _logger.warning('listening on %s: whoever reaches this port under one of the names %s can use the models and see '
                        'the test images', host, ', '.join([*LOCAL_HOSTS, *allowed_hosts]))
    tests = Gallery(dataset)
    spaces = [Space(model, tests) for model in models]
    # An address, unlike a name, cannot be made to mean another machine.
    application = Application(spaces, tests, data_flags, [*allowed_hosts, _shown(host)])
    ended = threading.Event()
    # Also where a shell has told its background jobs to ignore SIGINT.
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
        _logger.warning('no browser could be opened; open %s yourself', url)
    ended.wait()
    for space in spaces:
        space.stop()
    server.shutdown()
    server.server_close()
    application.finish(_SECONDS_TO_END)
    for thread in threads:
        thread.join(_SECONDS_TO_END)


def _shown(host):
    """The host of the address to open."""
    if host in ('0.0.0.0', '::'):
        return 'localhost'
    return f'[{host}]' if ':' in host else host


def prepare(spaces, ended):
    """Computes what is slow, and what failed again once it is asked for, until the Event `ended`."""
    while not ended.is_set():
        for find in (Space.find_axes, Space.find_the_rest):
            for space in spaces:
                find(space)
        ended.wait(_SECONDS_BETWEEN)
