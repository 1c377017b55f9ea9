"""The latents of the test images in one exported model: principal axes, maps, and a mixture of Gaussians."""

import contextlib
import hashlib
import itertools
import json
import logging
import multiprocessing
import os
import signal
import time

import numpy as np

from acai_tf import files
from acai_tf.datasets.described import Described
from acai_tf.errors import AcaiError, DataError, UsageError, short_message
from acai_tf.explorer import background
from acai_tf.latents import reading
from acai_tf.runs import Run

_logger = logging.getLogger(__name__)

MOST_AXES = 32
_SECONDS_OF_TROUBLE = 10
_BATCH = 64  # encoded at a time in the background, so that requests need not wait long


class NotYet(AcaiError):
    """The answer is still being computed; the message names it."""


class Gallery:
    """The test images of a data set in memory: the first 10,000, or as many as fit in 512 MiB; none if it is `Described`.

    Attributes:
        images: float32 [n, h, w, c] in [-1, 1]; labels: int64 [n]; total: number of test images, read or not.
    """

    _MOST, _MOST_VALUES = 10_000, 2**27

    def __init__(self, dataset):
        self.dataset, most = dataset, min(self._MOST, self._MOST_VALUES // int(np.prod(dataset.image_shape)))
        parts, self.total = [(np.zeros([0, *dataset.image_shape], np.float32), np.zeros(0, np.int64))], 0
        for images, labels in [] if isinstance(dataset, Described) else dataset.test(500):
            if self.total < most:  # a copy, so that the rest is freed
                room = most - self.total
                parts.append((images.numpy()[:room].copy(), labels.numpy()[:room]))
            self.total += len(labels)
        self.images, self.labels = map(np.concatenate, zip(*parts))

    def __len__(self):
        return len(self.labels)


class Space:
    """An export.LoadedModel on the images of a Gallery. Methods raise NotYet until `find_axes` and `find_the_rest` are done.

    After a failure, requests get the error for a few seconds. The next request starts the computation again, except after
    wrong usage.
    """

    def __init__(self, loaded, tests):
        self.loaded, self._tests = loaded, tests
        self._latents = self._pca = self._mixture = None
        self._maps, self._process, self._stopped = {}, None, False
        self._trouble = self._failed_at = None

    # ---- in the background

    def find_axes(self):
        """Encodes the test images and finds the principal axes of their latents. Takes seconds."""
        if self._pca is not None or self._trouble:
            return
        with self._kept_trouble():
            self._tests.dataset.check()
            images = self._tests.images
            if self._latents is None:
                self._latents = self._encode_all(images[start:start + _BATCH] for start in range(0, len(images), _BATCH))
            if self._latents is not None:
                if not np.isfinite(self._latents).all():
                    raise DataError('the model encodes test images to values that are not finite; train it again')
                self._find_axes(self._latents.reshape(len(images), -1))

    def find_the_rest(self):
        """Fits the mixture of Gaussians, and computes t-SNE or reads it from the cache. Takes a minute."""
        if self._pca is None or self._trouble or self._stopped or (self._mixture and 'tsne' in self._maps):
            return
        with self._kept_trouble():
            cached = self._read_tsne()
            if cached is not None:
                self._maps['tsne'] = cached
            training = self._encode_all(itertools.islice(reading.batches(self._tests.dataset, 'train', _BATCH),
                                                         -(-reading.MOST_FITTED // _BATCH)))
            if training is None:
                return
            training = training[:reading.MOST_FITTED]
            for name, answer in self._in_a_process(self._latents, training, cached is None):
                if isinstance(answer, Exception):
                    raise answer
                if name == 'mixture':
                    self._mixture = answer
                else:
                    self._maps['tsne'] = answer
                    self._write_tsne(answer)

    @contextlib.contextmanager
    def _kept_trouble(self):
        """Keeps an error in the background for the requests that need the result."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, (AcaiError, OSError, MemoryError)) and not self._stopped:
                _logger.exception('%s', self.loaded)
            self._failed_at = time.monotonic()
            self._trouble = error if isinstance(error, AcaiError) else DataError(f'this failed ({short_message(error)})')

    def stop(self):
        """Ends the background computations soon."""
        self._stopped = True
        if self._process:
            self._process.kill()

    def _encode_all(self, batches):
        """Returns the latents of batches of images; None if stopped."""
        parts = []
        for images in batches:
            if self._stopped:
                return None
            parts.append(self.loaded.encode(images))
        return np.concatenate(parts)

    def _find_axes(self, flat):
        from sklearn.decomposition import PCA
        if len(np.unique(flat, axis=0)) < 3:
            raise DataError('the model encodes all test images to the same one or two latents; train it longer')
        pca = PCA(min(MOST_AXES, *flat.shape), random_state=0)
        points = pca.fit_transform(flat.astype(np.float64))
        if flat.shape[1] > 1:
            self._maps['pca'] = points[:, :2]
        self._pca = pca  # last, because requests take it as a sign that the map exists

    def _read_tsne(self):
        for path in self._cache_files():
            with contextlib.suppress(OSError, ValueError, EOFError):
                points = np.load(path, allow_pickle=False)
                if points.shape == (len(self._tests), 2) and np.isfinite(points).all():
                    return points
        return None

    def _write_tsne(self, points):
        for path in self._cache_files():
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with files.atomic_write(path, 'wb') as file:
                    np.save(file, points.astype(np.float32))
                return
            except OSError as error:
                _logger.warning('%s was not written (%s)', path, error.strerror)

    def _cache_files(self):
        """Returns the places of the map of these weights and images: in the run, if the export is in one, and the user's."""
        config, dataset, run = self.loaded.config, self._tests.dataset, Run.of_export(self.loaded.path)
        what = [config['sha256'], config['step'], dataset.name, dataset.options,
                hashlib.sha256(np.ascontiguousarray(self._tests.images)).hexdigest()]
        name = f'tsne-{hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]}.npy'
        own = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'acai_tf')
        return [os.path.join(folder, name) for folder in [*([run.results_dir(config['step'])] if run else []), own]]

    def _in_a_process(self, *args):
        """Yields what `background.compute` sends from a separate process, which delays no pictures and can be killed."""
        context = multiprocessing.get_context('spawn')
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=background.compute, args=(sender, *args), daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited: the parent handles Ctrl-C
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._process = process
        sender.close()
        if self._stopped:
            process.kill()
        with contextlib.suppress(EOFError):
            while True:
                yield receiver.recv()
        process.join()
        if process.exitcode:
            raise DataError(f'this ended early (exit code {process.exitcode}), perhaps out of memory')

    # ---- for requests

    def _ready(self, value, what):
        if value is not None:
            return value
        trouble = self._trouble
        if isinstance(trouble, UsageError) or trouble and time.monotonic() < self._failed_at + _SECONDS_OF_TROUBLE:
            raise trouble
        self._trouble = None  # the background tries again
        raise NotYet(f'{what} is being computed')

    def latents_of_test_image(self, number):
        """Returns latents [*latent_shape]."""
        if self._latents is not None:
            return self._latents[number]
        return self.loaded.encode(self._tests.images[number:number + 1])[0]

    def map_points(self, name):
        """Returns points [n, 2] of the test images on the map 'pca' or 'tsne'."""
        if name == 'pca' and self._pca is not None and 'pca' not in self._maps:
            raise DataError('latents with one dimension have no map')
        return self._ready(self._maps.get(name), 'the map')

    def shares(self):
        """Returns the share of the variance along each principal axis [axes]."""
        return self._axes.explained_variance_ratio_

    def deviations(self):
        """Returns the standard deviation along each principal axis [axes]."""
        return np.sqrt(self._axes.explained_variance_)

    @property
    def _axes(self):
        return self._ready(self._pca, 'the principal axes')

    def along_axes(self, base, values):
        """Moves latents [*latent_shape] (None: the mean of the test latents) along the first principal axes, by values in
        standard deviations."""
        base = self._axes.mean_ if base is None else np.asarray(base, np.float64).ravel()
        return self._moved(base, np.asarray(values, np.float64) * self.deviations()[:len(values)])

    def at(self, point):
        """Returns the latent at a point (x, y) of the map 'pca'."""
        return self._moved(self._axes.mean_, np.asarray(point))

    def _moved(self, base, steps):
        moved = base + steps @ self._axes.components_[:len(steps)]
        return moved.astype(np.float32).reshape(self.loaded.latent_shape)

    def points_of(self, latents):
        """Returns points [n, 2] of latents [n, ...] on the map 'pca'."""
        return (latents.reshape(len(latents), -1) - self._axes.mean_) @ self._axes.components_[:2].T

    def mixture(self):
        """Returns the latents.mixture.Mixture of the training latents."""
        return self._ready(self._mixture, 'the mixture of Gaussians')
