"""Keeps the messages that TensorFlow and Pillow print on their own off stderr."""

import contextlib
import ctypes
import logging
import os
import re
import sys
import tempfile
import warnings

# TensorFlow's C++ code prints these at import, before any log level takes effect.
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
            with contextlib.suppress(BrokenPipeError):  # nobody reads
                os.write(2, b''.join(line for line in held if not _NOISE.match(line)))
            os.close(original)


def silence_pillow():
    """Keeps Pillow from printing about broken image files; its exceptions say the same."""
    from PIL import Image
    warnings.filterwarnings('ignore', module='PIL')
    logging.getLogger('PIL').setLevel(logging.CRITICAL)
    libraries = ctypes.CDLL(Image.core.__file__)  # includes libtiff's symbols, if Pillow was built with it
    for setter in ('TIFFSetErrorHandler', 'TIFFSetWarningHandler'):
        with contextlib.suppress(AttributeError):
            getattr(libraries, setter)(None)
