"""Ending by a signal, in good order."""

import contextlib
import logging
import signal

_logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop:
    signal = 0


@contextlib.contextmanager
def answering(handler):
    """Gives SIGTERM, SIGINT and SIGHUP a handler until the block ends, in the main thread; elsewhere nothing changes.

    A SIGHUP that is ignored, as `nohup` asks, stays so.
    """
    ignores_hangup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    numbers = [number for number in SIGNALS if number != signal.SIGHUP or not ignores_hangup]
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
    """Yields an object whose `signal` becomes the number of the first SIGTERM, SIGINT or SIGHUP; a second one ends the
    process.

    Args:
        meanwhile: what is done after the first, for the log.
    """
    stop = _Stop()

    def note(number, _):
        stop.signal = number
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        _logger.info('%s: %s; repeat to end at once', signal.Signals(number).name, meanwhile)
    with answering(note) as numbers:
        yield stop
