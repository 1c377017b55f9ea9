"""Importing TensorFlow without the noise that it prints."""

import contextlib
import os
import re
import sys
import tempfile

# TensorFlow's C++ prints these at import, before any log level is in force.
_NOISE = re.compile(rb'^(WARNING: All log messages before absl|[IWE]\d{4,} .*(port|cudart_stub|cuda\w+)\.cc)')


@contextlib.contextmanager
def without_import_noise():
    """Holds back file descriptor 2, then passes on everything except known noise."""
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            held.seek(0)
            os.write(2, b''.join(line for line in held if not _NOISE.match(line)))
            os.close(original)
