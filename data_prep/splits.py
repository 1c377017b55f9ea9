"""The images of a data set, ready to be written: one Split for each file."""

import collections
import concurrent.futures
import dataclasses
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from acai_tf import files, images
from acai_tf.errors import DataError

_CHUNK, _AHEAD = 64, 32
_MOST_ERRORS = 20


def in_order(function, items):
    """Yields function(item) for each item, in order, computed in threads at most `_AHEAD` items in advance. Raises their
    DataErrors together at the end, or as soon as there are `_MOST_ERRORS`."""
    errors = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for future in _ahead(pool.submit(function, item) for item in items):
            if isinstance(error := future.exception(), DataError):
                errors.append(str(error))
                if len(errors) == _MOST_ERRORS:
                    break
            else:
                yield future.result()
    if errors:
        count = f'at least {len(errors)}' if len(errors) == _MOST_ERRORS else len(errors)
        raise DataError(f'{count} images cannot be used: {"; ".join(errors)}' if len(errors) > 1 else errors[0])


def _ahead(futures):
    waiting = collections.deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) >= _AHEAD:
            yield waiting.popleft()
    yield from waiting


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of one file."""
    count: int
    image_shape: tuple  # (height, width, channels)
    # Function without arguments -> iterator over (PNG or JPEG bytes, int label), or triples with {feature: int or float}.
    examples: Callable
    checksums: dict = dataclasses.field(default_factory=dict)  # {name of an original file: its sha256}
    classes: list | None = None  # names of the classes
    generator: str | None = None  # name of the generated data set that made the images
    fit: str | None = None  # how images of another aspect ratio were resized

    @classmethod
    def from_arrays(cls, pixels, labels, **kwargs):
        """Makes a Split from images uint8 [n, h, w, c] and labels int [n]."""
        def chunks():
            for start in range(0, len(labels), _CHUNK):
                yield pixels[start:start + _CHUNK], labels[start:start + _CHUNK]
        return cls.from_chunks(len(labels), pixels.shape[1:], chunks, **kwargs)

    @classmethod
    def from_chunks(cls, count, image_shape, chunks, **kwargs):
        """Makes a Split, encoded as PNG, from a function that yields (images uint8 [k, h, w, c], labels int [k]), or triples
        with {feature: [k]}."""
        def encode(chunk):
            pixels, labels, *features = chunk
            encoded = tf.io.encode_png(pixels).numpy().tolist()
            columns = {name: np.asarray(values).tolist() for name, values in (features[0] if features else {}).items()}
            return [(image, int(label), *([{name: values[i] for name, values in columns.items()}] if columns else []))
                    for i, (image, label) in enumerate(zip(encoded, labels))]

        def examples():
            for encoded in in_order(encode, chunks()):
                yield from encoded
        return cls(count, tuple(image_shape), examples, **kwargs)

    @classmethod
    def from_encoded(cls, image_shape, read, items, **kwargs):
        """Makes a Split from `items`: (name, int label) or (name, int label, {feature: value}). `read(name)` returns PNG or
        JPEG bytes, which stay unchanged. The examples raise DataError if an image does not decode or has another shape."""
        def checked(item):
            name, *rest = item
            content = read(name)
            try:  # with TensorFlow, which will read the same bytes later
                shape = tuple(images.decode_tensor(content, image_shape[-1]).shape)
            except (tf.errors.OpError, ValueError) as error:
                raise images.does_not_decode(name, error) from None
            if shape != tuple(image_shape):
                raise DataError(f'{name} is an image of {images.by(shape)}, not {images.by(image_shape)}')
            return content, *rest
        return cls(len(items), tuple(image_shape), lambda: in_order(checked, items), **kwargs)


def checksums(*paths):
    """Returns {name: sha256} of files."""
    return {os.path.basename(path): files.sha256(path) for path in paths}
