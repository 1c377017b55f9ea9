"""Lets the workers of a run, listed in TF_CONFIG, wait for each other before TensorFlow starts.

If a worker is missing, TensorFlow itself waits silently with Python's lock held, and ignores signals.
"""

import contextlib
import ipaddress
import json
import logging
import re
import socket
import time
import zlib

from acai_tf.errors import UsageError, WorkerLost

_logger = logging.getLogger(__name__)

_POLL_SECONDS, _SECONDS_BEFORE_NOTICE, _SECONDS_BETWEEN_NOTICES = 0.5, 5, 60
_SECONDS_TO_REFUSE = 20
_STRATEGY = '--strategy=multi_worker: '
_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'
_LABEL = r'[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'  # of a host's name
# A worker reports its number, the checksum of its list of addresses, and `taken` if its port is. The number is enough.
_REPORT = re.compile(rb'(\d{1,5})(?: ([0-9a-f]{8})( taken)?)?')
# The chief's answers, and the errors that they mean.
_BEGIN, _DIFFERENT, _NOT_FREE, _LOST = b'begin', b'different', b'not free', b'lost'
_REFUSALS = {
    _DIFFERENT: (UsageError, 'a worker has a different cluster in its TF_CONFIG than the chief; here it is {all}; give all '
                             'workers the same cluster'),
    _NOT_FREE: (UsageError, 'another worker already runs as {own}; give each worker its own index in TF_CONFIG'),
    _LOST: (WorkerLost, 'another worker cannot open its port; see its output for the reason; start all again')}


def cluster_of(text):
    """(addresses of all workers, chief first; this one's number) from the text of TF_CONFIG; UsageError if it is invalid."""
    try:
        values = json.loads(text)
        tasks, own = _tasks(values['cluster']), _own_task(values['task'])
        if own not in tasks:
            raise UsageError(f'has no {own[0]} {own[1]} in its cluster; correct the task')
        return [*tasks.values()], [*tasks].index(own)
    except UsageError as error:
        reason = error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f'cannot be used ({type(error).__name__}: {error})' if text else 'is not set'
    raise UsageError(f"{_STRATEGY}the environment variable TF_CONFIG {reason}; it should be like '{_EXAMPLE}', with a "
                     'different index for each worker')


def _tasks(cluster):
    """{(kind, index): address}, the chief first."""
    for kind, addresses in cluster.items():
        if kind not in ('chief', 'worker') or not addresses:
            raise UsageError(f'lists {len(addresses)} {kind}, but only a chief and workers take part; leave it out')
    if len(cluster.get('chief', [])) > 1:
        raise UsageError(f'lists {len(cluster["chief"])} chiefs; keep one')
    tasks = {(kind, index): address for kind in ('chief', 'worker') for index, address in enumerate(cluster.get(kind, []))}
    places = [host_and_port(address) for address in tasks.values()]
    for address, place in zip(tasks.values(), places):
        if places.count(place) > 1:
            raise UsageError(f'lists {address} twice; give each worker its own address')
    return tasks


def _own_task(task):
    """(kind, index) of this process."""
    kind, index = task['type'], task['index']
    if type(index) is not int and not (isinstance(index, str) and re.fullmatch('[0-9]+', index)):
        raise UsageError(f'has the index {json.dumps(index)}, which is not a whole number')
    return kind, int(index)


def host_and_port(address):
    """(host, port) of an address 'host:port', the host without brackets; UsageError if it is not an address."""
    host, _, port = str(address).lower().rpartition(':')
    if not (isinstance(address, str) and _is_host(host) and re.fullmatch('[0-9]{1,5}', port) and 0 < int(port) < 65536):
        raise UsageError(f'lists the address {json.dumps(address)}, which is not a host and a port of 1 to 65535')
    return host.strip('[]'), int(port)


def _is_host(host):
    """Returns True for a host name, an IPv4 address, or an IPv6 address in brackets."""
    try:
        if host.startswith('[') and host.endswith(']'):
            return bool(ipaddress.IPv6Address(host[1:-1]))
        if re.fullmatch('[0-9.]+', host):
            return bool(ipaddress.IPv4Address(host))
    except ValueError:
        return False
    return len(host) < 254 and bool(re.fullmatch(rf'({_LABEL}\.)*{_LABEL}\.?', host))


def meet(addresses, number):
    """Returns when all workers are present; until then SIGTERM and SIGINT work. Takes the 'host:port' of every worker, the
    chief's first, and the number of this one; TensorFlow will use the same ports.

    Raises:
        UsageError: the port cannot be opened, the workers have different addresses, or another worker has this number.
        WorkerLost: another worker cannot take part.
    """
    if number == 0:
        _gather(addresses)
    else:
        _report(addresses, number)


def _open_port(address):
    """Opens a server at the port of an address, on all interfaces, like TensorFlow's."""
    port, dual = host_and_port(address)[1], socket.has_dualstack_ipv6()
    try:
        return socket.create_server(('', port), family=socket.AF_INET6 if dual else socket.AF_INET, dualstack_ipv6=dual)
    except OSError as error:
        raise UsageError(f'{_STRATEGY}port {port} of TF_CONFIG, for {address}, cannot be opened here ({error.strerror}); '
                         'free it or choose another') from None


def _gather(addresses):
    """On the chief: waits until all others have reported, then tells them to begin."""
    present, notice = {}, time.monotonic() + _SECONDS_BEFORE_NOTICE
    with _open_port(addresses[0]) as server, contextlib.ExitStack() as connections:
        server.settimeout(_POLL_SECONDS)
        while len(present) < len(addresses) - 1:
            report, connection = _next_report(server, connections)
            present = {other: connection for other, connection in present.items() if _is_open(connection)}
            try:
                _admit(present, addresses, report, connection)
            except (UsageError, WorkerLost) as error:
                _refuse({**present, int(report[1]): connection}, len(addresses), server, connections,
                        _LOST if isinstance(error, WorkerLost) else _DIFFERENT)
                raise
            missing = [address for number, address in enumerate(addresses) if number and number not in present]
            if missing:
                notice = _note(notice, 'waiting for the workers %s', ', '.join(missing))
        _tell(present.values(), _BEGIN)


def _next_report(server, connections):
    """Returns (match of _REPORT, connection) of the next worker that reports; the match is None if no worker reports."""
    report, connection = None, None
    with contextlib.suppress(OSError):
        connection = connections.enter_context(server.accept()[0])
        connection.settimeout(_POLL_SECONDS)
        report = _REPORT.fullmatch(connection.recv(32))
        connection.settimeout(None)
        # Keepalive drops a worker soon after its machine vanishes.
        for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return report, connection


def _admit(present, addresses, report, connection):
    """Adds a worker that has reported; UsageError if it has other addresses, WorkerLost if its port is taken."""
    if report is None:
        return
    number, checksum, taken = int(report[1]), report[2], report[3]
    if checksum not in (None, _checksum(addresses)):
        raise UsageError(f'{_STRATEGY}the TF_CONFIG of worker {number} has a different cluster than the chief\'s '
                         f'{", ".join(addresses)}; give all workers the same cluster')
    if taken:
        raise WorkerLost(f'{_STRATEGY}worker {number} cannot open its port; see its output for the reason; start all again')
    if number in present:
        _tell([connection], _NOT_FREE)
    elif 0 < number < len(addresses):
        present[number] = connection


def _refuse(present, count, server, connections, answer):
    """Sends an answer to the workers present, and for a while to workers that arrive."""
    _tell(present.values(), answer)
    told, deadline = set(present), time.monotonic() + _SECONDS_TO_REFUSE
    while not told.issuperset(range(1, count)) and time.monotonic() < deadline:
        report, connection = _next_report(server, connections)
        if report:
            _tell([connection], answer)
            told.add(int(report[1]))


def _checksum(addresses):
    return b'%08x' % zlib.crc32(' '.join(addresses).encode())


def _tell(connections, answer):
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.sendall(answer)


def _is_open(connection):
    try:
        return connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) != b''
    except BlockingIOError:
        return True
    except OSError:
        return False


def _report(addresses, number):
    """On any other worker: waits until the chief tells it to begin."""
    chief, report = addresses[0], b'%d %s' % (number, _checksum(addresses))
    notice = time.monotonic() + _SECONDS_BEFORE_NOTICE
    while True:
        reason = 'it left'
        try:
            with socket.create_connection(host_and_port(chief), _POLL_SECONDS) as connection, \
                    _own_port(addresses[number], connection, report):
                connection.sendall(report)
                answer = None
                while answer is None:
                    with contextlib.suppress(TimeoutError):
                        answer = connection.recv(16)
                    notice = _note(notice, 'the chief %s is waiting for other workers', chief)
                if answer == _BEGIN:
                    return
                if answer in _REFUSALS:  # a chief that left without an answer may come back
                    kind, message = _REFUSALS[answer]
                    raise kind(_STRATEGY + message.format(all=', '.join(addresses), own=addresses[number]))
        except OSError as error:
            reason = error.strerror or error
        notice = _note(notice, 'waiting for the chief %s (%s)', chief, reason)
        time.sleep(_POLL_SECONDS)


def _own_port(address, connection, report):
    """Opens this worker's port, or reports to the chief that it cannot."""
    try:
        return _open_port(address)
    except UsageError:
        _tell([connection], report + b' taken')
        raise


def _note(due, message, *values):
    """Logs a message if it is due; returns the time when it is due next."""
    if time.monotonic() < due:
        return due
    _logger.info(message, *values)
    return time.monotonic() + _SECONDS_BETWEEN_NOTICES
