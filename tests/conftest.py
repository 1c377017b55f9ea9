import gc
import os
import pathlib
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pytest  # noqa: E402
from absl import flags  # noqa: E402

from acai_tf import command_line  # noqa: E402

with command_line.without_import_noise():  # pytest would hold it back and print it after its closing line
    import two_cpus  # noqa: E402,F401
flags.FLAGS(['pytest'])  # absl's create_tempdir wants its flags parsed


@pytest.fixture(autouse=True, scope='module')
def _frozen_heap():
    """What imports and the traced functions of earlier modules hold is millions of objects: no collection walks them."""
    gc.collect()
    gc.freeze()
