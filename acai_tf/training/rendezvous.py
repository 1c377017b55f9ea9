"""Where the workers of a run meet before TensorFlow starts: TF_CONFIG says who they are; each waits for all others.

If a worker were missing, TensorFlow itself would wait with Python's lock held, deaf to signals and without a word.
"""

import contextlib
import json
import logging
import socket
import time

from acai_tf.errors import UsageError

_logger = logging.getLogger(__name__)

_POLL_SECONDS, _SECONDS_BEFORE_NOTICE, _SECONDS_BETWEEN_NOTICES = 0.5, 5, 60
_BEGIN = b'begin'
_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


def cluster_of(text):
    """(addresses of all workers, chief first; number of this one) from the text of TF_CONFIG.

    Raises:
        UsageError: it cannot be used.
    """
    try:
        values = json.loads(text)
        cluster, task = values['cluster'], values['task']
        tasks = [(kind, index) for kind in ('chief', 'worker') for index in range(len(cluster.get(kind, [])))]
        own = (task['type'], int(task['index']))
        addresses = [cluster[kind][index] for kind, index in tasks]
        for address in addresses:
            _host_and_port(address)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f'cannot be used ({type(error).__name__}: {error})' if text else 'is not set'
        raise UsageError(f'--strategy=multi_worker: the environment variable TF_CONFIG {reason}; it should be like '
                         f"'{_EXAMPLE}', with a different index for each worker") from None
    if own not in tasks:
        raise UsageError(f'--strategy=multi_worker: TF_CONFIG has no {own[0]} {own[1]} in its cluster; correct its '
                         'task')
    return addresses, tasks.index(own)


def _host_and_port(address):
    host, _, port = address.rpartition(':')
    return host.strip('[]'), int(port)


def meet(addresses, number):
    """Returns when all workers are here; SIGTERM and SIGINT work meanwhile.

    Args:
        addresses: 'host:port' of every worker, the chief's first; TensorFlow will use the same ports.
        number: this one's.

    Raises:
        UsageError: the chief's port cannot be opened.
    """
    if number == 0:
        _gather(addresses)
    else:
        _report(addresses[0], number)


def _gather(addresses):
    """On the chief: waits until all others have reported, then tells them to begin."""
    port = _host_and_port(addresses[0])[1]
    dual = socket.has_dualstack_ipv6()
    try:
        server = socket.create_server(('', port), family=socket.AF_INET6 if dual else socket.AF_INET, dualstack_ipv6=dual)
    except OSError as error:
        raise UsageError(f'--strategy=multi_worker: this is the chief, but port {port} of TF_CONFIG cannot be opened '
                         f'({error.strerror}); free it or choose another') from None
    present, notice = {}, time.monotonic() + _SECONDS_BEFORE_NOTICE
    with server, contextlib.ExitStack() as connections:
        server.settimeout(_POLL_SECONDS)
        while len(present) < len(addresses) - 1:
            with contextlib.suppress(OSError, ValueError):
                connection = connections.enter_context(server.accept()[0])
                connection.settimeout(_POLL_SECONDS)
                number = int(connection.recv(16))
                connection.settimeout(None)
                if 0 < number < len(addresses):
                    present[number] = connection
            present = {number: connection for number, connection in present.items() if _is_open(connection)}
            missing = [address for number, address in enumerate(addresses) if number and number not in present]
            notice = _note(notice, 'waiting for the workers %s', ', '.join(missing))
        for connection in present.values():
            with contextlib.suppress(OSError):
                connection.sendall(_BEGIN)


def _is_open(connection):
    try:
        return connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) != b''
    except BlockingIOError:
        return True
    except OSError:
        return False


def _report(chief, number):
    """On any other worker: waits until the chief tells it to begin."""
    notice = time.monotonic() + _SECONDS_BEFORE_NOTICE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(_host_and_port(chief), _POLL_SECONDS) as connection:
            connection.sendall(b'%d' % number)
            answer = None
            while answer is None:
                with contextlib.suppress(TimeoutError):
                    answer = connection.recv(16)
                notice = _note(notice, 'the chief %s is waiting for other workers', chief)
            if answer == _BEGIN:
                return
            # Nothing: the chief has gone, and may come back.
        notice = _note(notice, 'waiting for the chief %s', chief)
        time.sleep(_POLL_SECONDS)


def _note(due, message, *values):
    """Logs a message when it is due; returns when it is due next."""
    if time.monotonic() < due:
        return due
    _logger.info(message, *values)
    return time.monotonic() + _SECONDS_BETWEEN_NOTICES
