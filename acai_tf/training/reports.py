"""Writes a run's reports: metrics.jsonl, TensorBoard summaries, pictures."""

import logging
import math
import os

import numpy as np
import tensorflow as tf

from acai_tf import files, interpolation, metrics, randomness
from acai_tf.errors import UsageError
from acai_tf.images import grid
from acai_tf.latents import reading
from acai_tf.options import declared
from acai_tf.training.config import TrainConfig
from acai_tf.values import combine, defined

_logger = logging.getLogger(__name__)

_ROWS, _STEPS = 8, 16


class Reporter:
    """Computes metrics of a model and writes them into the run directory; `more_metrics` names metrics to log in addition to
    the usual ones. UsageError if a metric does not exist or does not apply."""

    def __init__(self, directory, model, dataset, more_metrics=()):
        self._directory, self._dataset, self._model = directory, dataset, model
        self._metrics = [metric for metric in map(metrics.create, ('explained_variance', 'accuracy', 'lines'))
                         if not metric.unsupported_reason(dataset)]
        usual = [metric.name for metric in self._metrics]
        self._metrics += [metrics.create(name) for name in more_metrics if name not in usual]
        for metric in self._metrics:
            metric.check(self._model, dataset)

    def begin(self):
        """Opens the outputs."""
        os.makedirs(self._directory.file('images'), exist_ok=True)
        self._writer = tf.summary.create_file_writer(self._directory.summaries_dir)

    def write_config(self, config):
        """Shows the config in TensorBoard: as text, and in its HParams plugin the options that cannot change on resume."""
        from tensorboard.plugins.hparams import api
        with self._writer.as_default():
            tf.summary.text('config', f'```\n{config.to_json()}```', step=0)
        fixed = {name: getattr(config, name) for name, option in declared(TrainConfig).items() if not option.may_change}
        options = {**fixed, **config.model_options, **config.base_options}
        self._write_session(api.hparams_pb({name: value for name, value in options.items() if value is not None}))

    def finish(self):
        """Marks the run as finished in TensorBoard's HParams plugin."""
        from tensorboard.plugins.hparams import api_pb2, summary
        self._write_session(summary.session_end_pb(api_pb2.STATUS_SUCCESS))

    def _write_session(self, message):
        with self._writer.as_default():
            tf.summary.experimental.write_raw_pb(message.SerializeToString(), step=0)
        self._writer.flush()

    def report(self, step, kimg, img_per_s, terms):
        """Evaluates, writes everything, and returns the record that was added to metrics.jsonl."""
        record = {'kimg': kimg, 'step': step, 'img_per_s': round(img_per_s, 1), **terms,
                  'learning_rate': self._model.optimizer.learning_rate}
        values = combine({metric.name: self._values(metric) for metric in self._metrics})
        record |= {f'test_{name}' if name in record else name: value for name, value in values.items()}
        self._directory.append_report(record)
        pictures = self._pictures()
        with self._writer.as_default():
            for name, value in record.items():
                if name not in ('kimg', 'step') and not math.isnan(value):
                    tf.summary.scalar(name, value, step=step)
            for name, picture in pictures.items():
                tf.summary.image(name, picture[None], step=step)
        self._writer.flush()
        for name, picture in pictures.items():
            files.write(tf.io.encode_png(picture).numpy(), self._directory.picture(name, step))
        return record

    def _values(self, metric):
        """{name: value}; empty, with a warning, if a user's metric fails, because the training continues without it."""
        try:
            return metric.summary(defined(metric(self._model, self._dataset)))
        except UsageError as error:
            _logger.warning('%s; its values are missing in this report', error)
            return {}

    def _pictures(self):
        images, _ = next(iter(self._dataset.test(_ROWS * _STEPS // 2)))
        images = np.concatenate([images] * math.ceil(_ROWS * _STEPS / 2 / len(images)))[:_ROWS * _STEPS // 2]
        latents = self._model.encode(images)
        pairs = np.stack([images, self._model.decode(latents)], axis=1)
        normal = randomness.normal([_ROWS, _STEPS, *self._model.latent_shape], randomness.key(0, 'pictures')).numpy()
        return {'reconstruction': grid(pairs.reshape(_ROWS, _STEPS, *images.shape[1:])),
                'interpolation': grid(reading.walks(self._model, latents[:2 * _ROWS], _STEPS)),
                'slerp': grid(reading.walks(self._model, latents[:2 * _ROWS], _STEPS, interpolation.slerp)),
                'samples': grid(reading.decoded(self._model, normal))}
