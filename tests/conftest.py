import os
import pathlib
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from absl import flags  # noqa: E402

import two_cpus  # noqa: E402,F401

flags.FLAGS(['pytest'])  # absl's create_tempdir wants its flags parsed
