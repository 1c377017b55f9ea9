"""Makes TensorFlow's joining of the workers respond to signals and a time limit."""

import contextlib
import ctypes
import signal
import threading
import time
from unittest import mock

import tensorflow as tf
from tensorflow.python import _pywrap_tfe, pywrap_tfe

from acai_tf.stopping import SIGNALS

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def interruptible(seconds):
    """Within the block, TensorFlow's joining of the workers responds to signals, and gives up after `seconds`.

    TensorFlow joins in one call, which holds Python's lock until the last worker has joined, and installs its own SIGTERM
    handler. Here the call is made without the lock, in a thread that the main thread waits for.

    Raises:
        tf.errors.DeadlineExceededError: (while joining) the time is up.
    """
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def join(context, server):
        errors = []
        thread = threading.Thread(target=lambda: errors.append(_join(context, server)), daemon=True)
        deadline = time.monotonic() + seconds
        thread.start()
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            with contextlib.suppress(ValueError):  # not in the main thread
                for number, handler in handlers.items():
                    signal.signal(number, handler)
            if time.monotonic() > deadline:
                raise tf.errors.DeadlineExceededError(None, None, 'not all have joined')
        if errors[0]:
            raise errors[0]
    with mock.patch.object(pywrap_tfe, 'TFE_EnableCollectiveOps', join):
        yield


def _join(context, server):
    """Joins the workers, given a TFE_Context's capsule and a ServerDef's bytes. Returns TensorFlow's error, or None."""
    library = ctypes.CDLL(_pywrap_tfe.__file__)
    library.TF_NewStatus.restype, library.TF_Message.restype = ctypes.c_void_p, ctypes.c_char_p
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ('PyCapsule_GetPointer', ctypes.pythonapi))
    status = ctypes.c_void_p(library.TF_NewStatus())
    library.TFE_EnableCollectiveOps(ctypes.c_void_p(pointer_of(context, None)), server, ctypes.c_size_t(len(server)), status)
    code, message = library.TF_GetCode(status), library.TF_Message(status).decode(errors='replace')
    library.TF_DeleteStatus(status)
    return tf.compat.v1.errors.exception_type_from_error_code(code)(None, None, message) if code else None
