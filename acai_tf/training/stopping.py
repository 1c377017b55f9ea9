"""Ending by a signal, in good order."""

import contextlib
import logging
import signal

_logger = logging.getLogger(__name__)


class _Stop:
    signal = 0


@contextlib.contextmanager
def stop_signals(meanwhile):
    """Yields an object whose `signal` becomes the number of the first SIGTERM or SIGINT; a second one ends the process.

    Args:
        meanwhile: what is done after the first, for the log.
    """
    stop = _Stop()

    def note(number, _):
        stop.signal = number
        for either in previous:
            signal.signal(either, signal.SIG_DFL)
        _logger.info('%s: %s; repeat to end at once', signal.Signals(number).name, meanwhile)
    previous = {}
    with contextlib.suppress(ValueError):  # not in the main thread
        previous.update({number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)})
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
