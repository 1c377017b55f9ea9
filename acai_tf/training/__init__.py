"""Training: the loop (loop.py), its run directory, checkpoints and reports, and distribution over devices and machines.

    train(config)          trains a run, or resumes it, and exports the result
    export_run(run_dir)    exports a checkpoint of a run
    Run(path)              a run directory, for reading
"""

from acai_tf.runs import Run
from acai_tf.training.config import TrainConfig
from acai_tf.training.exports import export_run
from acai_tf.training.loop import step_function, train

__all__ = ['Run', 'TrainConfig', 'export_run', 'step_function', 'train']
