import gc
import os
import pathlib
import signal
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
# Several tests run at a time; threads of each would spin while they wait for each other.
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS'):
    os.environ.setdefault(name, '1')
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pytest  # noqa: E402
from absl import flags  # noqa: E402

from acai_tf.cli import program  # noqa: E402

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have the tests, and the programs that they start, ignore it
with program.without_import_noise():  # pytest would hold it back and print it after its closing line
    import two_cpus  # noqa: E402,F401
flags.FLAGS(['pytest'])  # absl's create_tempdir wants its flags parsed


@pytest.fixture(autouse=True, scope='module')
def _frozen_heap():
    """What imports and the traced functions of earlier modules hold is millions of objects: no collection walks them."""
    gc.collect()
    gc.freeze()
