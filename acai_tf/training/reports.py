"""What a run writes at each report: metrics.jsonl, TensorBoard summaries, pictures."""

import logging
import math
import os

import tensorflow as tf

from acai_tf import files, interpolation, measures, randomness
from acai_tf.config import common_options
from acai_tf.images import grid

_logger = logging.getLogger(__name__)

_ROWS, _STEPS = 8, 16


class Reporter:
    """Measures a model and writes what it finds into the run directory.

    Args:
        directory: RunDirectory.
        model: Autoencoder.
        dataset: datasets.base.Dataset.
        more_measures: names of measures to log besides the classifier's accuracy and, where it applies, `lines`.

    Raises:
        UsageError: one of the measures does not exist or does not apply.
    """

    def __init__(self, directory, model, dataset, more_measures=()):
        self._directory, self._dataset, self._model = directory, dataset, measures.subject(model)
        self._measures = [measures.create('accuracy')]
        if not measures.create('lines').unfit(dataset):
            self._measures.append(measures.create('lines'))
        usual = [measure.name for measure in self._measures]
        self._measures += [measures.create(name) for name in more_measures if name not in usual]
        for measure in self._measures:
            measure.check(self._model, dataset)

    def begin(self):
        """Opens what is written to."""
        os.makedirs(self._directory.file('images'), exist_ok=True)
        try:
            # tf.summary needs TensorBoard too, and does not say so until the first scalar.
            from tensorboard.plugins.hparams import api, api_pb2, summary
            self._session = {'start': api.hparams_pb, 'end': lambda: summary.session_end_pb(api_pb2.STATUS_SUCCESS)}
            self._writer = tf.summary.create_file_writer(self._directory.file('summaries'))
        except ImportError:
            _logger.warning('tensorboard is not installed: no summaries are written')
            self._writer, self._session = tf.summary.create_noop_writer(), None

    def write_config(self, config):
        """Shows the config in TensorBoard: as text, and in its HParams plugin what may not change when a run is resumed."""
        with self._writer.as_default():
            tf.summary.text('config', f'```\n{config.to_json()}```', step=0)
        fixed = {field.name: getattr(config, field.name) for field in common_options() if not field.metadata['may_change']}
        values = {name: value for name, value in {**fixed, **config.hyperparameters}.items() if value is not None}
        self._write_session('start', values)

    def finish(self):
        """Marks the run as finished in TensorBoard's HParams plugin."""
        self._write_session('end')

    def _write_session(self, which, *values):
        if self._session:
            with self._writer.as_default():
                tf.summary.experimental.write_raw_pb(self._session[which](*values).SerializeToString(), step=0)
            self._writer.flush()

    def report(self, step, kimg, img_per_s, terms):
        """Evaluates, writes everything, and returns the record added to metrics.jsonl."""
        record = {'kimg': kimg, 'step': step, 'img_per_s': round(img_per_s, 1), **terms}
        for measure in self._measures:
            figures = measure.summary(measure(self._model, self._dataset))
            if measure.program != 'acai_evaluate':  # several measures share these names
                figures = {f'{measure.name}_{key}': value for key, value in figures.items()}
            record.update(figures)
        self._directory.append_metrics(record)
        pictures = self._pictures()
        with self._writer.as_default():
            for tag, value in record.items():
                if tag not in ('kimg', 'step') and not math.isnan(value):
                    tf.summary.scalar(tag, value, step=step)
            for name, picture in pictures.items():
                tf.summary.image(name, picture[None], step=step)
        self._writer.flush()
        for name, picture in pictures.items():
            with files.atomic_write(self._directory.file('images', f'{name}-{step:08d}.png'), 'wb') as file:
                file.write(tf.io.encode_png(picture).numpy())
        return record

    def _pictures(self):
        images, _ = next(iter(self._dataset.test(_ROWS * _STEPS // 2)))
        images = tf.concat([images] * math.ceil(_ROWS * _STEPS / 2 / len(images)), axis=0)[:_ROWS * _STEPS // 2]
        latents = tf.constant(self._model.encode(images))
        pairs = tf.stack([images, self._model.decode(latents)], axis=1)
        normal = randomness.normal([_ROWS * _STEPS, *self._model.latent_shape], randomness.key(0, 'pictures'))
        starts, ends = latents[:_ROWS], latents[_ROWS:2 * _ROWS]
        return {'reconstruction': _grid(pairs),
                'interpolation': self._decoded_grid(interpolation.path(starts, ends, _STEPS)),
                'slerp': self._decoded_grid(interpolation.path(starts, ends, _STEPS, interpolation.slerp)),
                'samples': self._decoded_grid(normal)}

    def _decoded_grid(self, latents):
        return _grid(self._model.decode(tf.reshape(latents, [-1, *self._model.latent_shape])))


def _grid(images):
    return grid(tf.reshape(images, [_ROWS, _STEPS, *images.shape[-3:]]))
