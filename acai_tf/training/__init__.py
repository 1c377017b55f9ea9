"""Training: the loop (loop.py), its run directory, checkpoints and reports, and how devices and machines take part.

    train(config)          trains a run, or resumes it, and exports the result
    export_run(run_dir)    exports a checkpoint of a run
"""

from acai_tf.training.exports import export_run
from acai_tf.training.loop import step_function, total_steps, train

__all__ = ['export_run', 'step_function', 'total_steps', 'train']
