"""Animated GIFs of walks through a latent space."""

import io

import numpy as np
from PIL import Image

from acai_tf import images

_MILLISECONDS = 80
_HELD = 480  # at both ends of a walk
_LEAST_SIDE = 128
_GAP = 4


def gif(walks):
    """Makes an endless animation, as the bytes of a GIF file: walk after walk, then everything backward.

    Small images are enlarged by a whole factor. Gray images keep every shade; color frames are quantized to 256 colors.

    Args:
        walks: list of decoded walks [rows, steps, h, w, c] in [-1, 1], one for each model, shown below each other.
    """
    rows, steps, height, width, _ = walks[0].shape
    factor = -(-_LEAST_SIDE // max(height, width))
    frames = [_frame([walk[row, step] for walk in walks], factor) for row in range(rows) for step in range(steps)]
    milliseconds = [_HELD if step in (0, steps - 1) else _MILLISECONDS for _ in range(rows) for step in range(steps)]
    content = io.BytesIO()
    frames[0].save(content, 'GIF', save_all=True, append_images=frames[1:] + frames[-2:0:-1], loop=0,
                   duration=milliseconds + milliseconds[-2:0:-1])
    return content.getvalue()


def _frame(shown, factor):
    parts = [images.to_uint8(image).repeat(factor, axis=0).repeat(factor, axis=1) for image in shown]
    space = np.full([_GAP, *parts[0].shape[1:]], 255, np.uint8)
    pixels = np.concatenate([part for block in parts for part in (space, block)][1:])
    if pixels.shape[2] == 1:
        return Image.fromarray(pixels[..., 0])
    return Image.fromarray(pixels).quantize(256)
