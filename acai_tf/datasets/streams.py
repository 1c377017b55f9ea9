"""Streams of records that do not fit into memory."""

import numpy as np
import tensorflow as tf

from acai_tf.datasets.base import permuted
from acai_tf.tracing import no_autograph


def shuffled_records(files, sizes, buffer, key, start):
    """Endless serialized records of several files, in a new order at every epoch.

    Each file is read in order, but the files are mixed as if every record came from a random place in the whole set. The
    records then pass through a shuffle buffer.

    Args:
        files: tf.data.Datasets of serialized records.
        sizes, buffer: number of records in each, and in the shuffle buffer.
        key: int64 [2] (see `randomness.key`).
        start: number of the first record. Earlier records of the same epoch are read but not decoded.
    """
    ends = np.cumsum(sizes)
    size = int(ends[-1])
    first_epoch, offset = divmod(start, size)

    def of_epoch(epoch):
        def file_of(index):
            place = permuted(index[None], tf.concat([key, epoch[None]], 0)[None], size)[0]
            return tf.searchsorted(ends, place[None], side='right', out_type=tf.int64)[0]
        mixed = tf.data.Dataset.choose_from_datasets(files, tf.data.Dataset.range(size).map(no_autograph(file_of)),
                                                     stop_on_empty_dataset=False)
        seed = tf.random.stateless_uniform([], tf.stack([key[0] + epoch, key[1]]), None, None, tf.int64)
        records = mixed.shuffle(buffer, seed, reshuffle_each_iteration=False)
        return records.skip(tf.where(epoch == first_epoch, tf.constant(offset, tf.int64), 0))
    return tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(no_autograph(of_epoch))
