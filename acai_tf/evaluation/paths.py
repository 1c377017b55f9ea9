"""How evenly an interpolation moves, by the images alone, whatever they show."""

import numpy as np

# Frames in [-1, 1] that differ by less differ by rounding.
_STILL = 1e-6


def evaluate(frames):
    """The steps of paths through the space of images; a step is the RMS difference of neighbouring frames.

    Args:
        frames: [n, steps, ...].

    Returns:
        {figure: number}, means over the paths: `step_variation`, the deviation of a path's steps over their mean (0: even);
        `largest_step` over the mean (1: even; steps - 1: one jump); `length`, the sum of the steps over the RMS distance of
        the ends (1: straight). The paths that stand still are left out and counted in `still`. NaN where all do, or where a
        frame is not finite.
    """
    steps, spans = (np.stack([_rms(part) for part in parts]) for parts in (
        (np.diff(path, axis=0) for path in frames), (path[-1:] - path[:1] for path in frames)))
    still = (steps.max(axis=1) < _STILL) | (spans[:, 0] < _STILL)
    steps, spans = steps[~still], spans[~still, 0]
    mean = steps.mean(axis=1)
    figures = {'step_variation': steps.std(axis=1) / mean, 'largest_step': steps.max(axis=1) / mean,
               'length': steps.sum(axis=1) / spans}
    return {**{name: float(values.mean()) if len(values) else float('nan') for name, values in figures.items()},
            'still': int(still.sum())}


def _rms(differences):
    """[k, ...] -> [k], float64."""
    return np.sqrt(np.square(differences.reshape(len(differences), -1)).mean(axis=1, dtype=np.float64))
