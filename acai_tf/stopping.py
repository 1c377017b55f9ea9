"""Stops cleanly on a signal."""

import contextlib
import logging
import signal
import types

_logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def answering(handler):
    """Installs a handler for SIGTERM, SIGINT and SIGHUP until the block ends. Outside the main thread it does nothing. If
    SIGHUP is ignored, as under `nohup`, it stays ignored. Yields the numbers of the signals that it answers."""
    numbers = [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    previous = {}
    with contextlib.suppress(ValueError):  # not in the main thread
        previous.update({number: signal.signal(number, handler) for number in numbers})
    try:
        yield [*previous]
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def stop_signals(meanwhile):
    """Yields an object whose `signal` becomes the number of the first SIGTERM, SIGINT or SIGHUP. A second signal ends the
    process. `meanwhile`, what the process does after the first signal, is logged."""
    stop = types.SimpleNamespace(signal=0)

    def note(number, _):
        stop.signal = number
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        _logger.info('%s: %s; send it again to quit immediately', signal.Signals(number).name, meanwhile)
    with answering(note) as numbers:
        yield stop
