"""Writes SavedModels that run without acai_tf and Keras.

The layout is TensorFlow Serving's, `<base>/<integer>/`. Versions are written atomically.
"""

import itertools
import os
import shutil

import numpy as np
import tensorflow as tf

from acai_tf import architectures, files, images, models
from acai_tf.datasets.base import as_dataset
from acai_tf.errors import StorageError, UsageError, short_message
from acai_tf.export import card
from acai_tf.export.load import CONFIG_NAME, read_config
from acai_tf.tracing import traced
from acai_tf.versions import FORMAT, versions

# Errors that TensorFlow raises for a checkpoint that is damaged or belongs to another model.
UNREADABLE = (tf.errors.OpError, AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
_EXISTS = '{} exists and is not overwritten; choose another --export_dir or delete it'
_BYTES_RULE = ('PNG or JPEG of any size is converted to {channels} color channel(s); an image of {raw[0]}x{raw[1]} goes '
               'through the pipeline of the data set, other images are resized (bilinear, antialias, {fit}) to '
               '{shape[0]}x{shape[1]}; values are scaled to [-1, 1]')


def _float32_copy(model):
    """Returns a float32 copy of the model with its weights, or their moving averages, outside any distribution strategy. Its
    `encode` and `decode` for tensors are traced once for all signatures."""
    copy = type(model).from_config({**model.get_config(), 'dtype': 'float32'})
    with model.averaged():
        for name, network in model.networks.items():
            getattr(copy, name).set_weights(network.get_weights())
    for name in ('encode', 'decode'):
        object.__setattr__(copy, name, traced(getattr(copy, name)))  # not tracked by Keras
    return copy


def _endpoints(model, dataset):
    """Returns {signature: (function, input signature)}; inputs and outputs are named."""
    def spec(shape, name):
        return tf.TensorSpec([None, *shape], tf.float32, name)
    images_spec = spec(model.image_shape, 'images')

    def read(content):
        pixels = images.decode_bytes(content, dataset.image_shape[-1])
        pixels.set_shape([None, None, dataset.image_shape[-1]])
        return dataset.fit(pixels)

    def encode_bytes(image_bytes):
        return {'latents': model.encode(tf.map_fn(read, image_bytes, fn_output_signature=tf.float32))}
    return {
        'encode': (lambda images: {'latents': model.encode(images)}, [images_spec]),
        'encode_bytes': (encode_bytes, [tf.TensorSpec([None], tf.string, 'image_bytes')]),
        'decode': (lambda latents: {'images': model.decode(latents)}, [spec(model.latent_shape, 'latents')]),
        'reconstruct': (lambda images: {'images': model.reconstruct(images)}, [images_spec]),
        'interpolate': (lambda images_a, images_b, alpha: {'images': model.interpolate(images_a, images_b, alpha)},
                        [spec(model.image_shape, 'images_a'), spec(model.image_shape, 'images_b'), spec([], 'alpha')]),
        'classify': (lambda images: model.classify(images)._asdict(), [images_spec]),
    }


def export_model(model, dataset, step: int, export_dir: str | os.PathLike, run=None) -> str:
    """Writes `<export_dir>/<step>/`, including a model card, and returns its path.

    Args:
        model: a trained `Autoencoder`.
        dataset: the `datasets.base.Dataset` it was trained on, with the pipeline for `encode_bytes`; or a tf.data.Dataset.
        run: `card.Training`, facts about the training for the card; None: no such facts.

    Raises:
        UsageError: the version exists; versions are never overwritten.
    """
    path = _new_version(export_dir, step)
    dataset = as_dataset(dataset, model.nclass)
    model = _float32_copy(model)
    module = tf.Module()
    module.weights = exported_variables(model)
    signatures = {name: traced(function, input_signature=signature)
                  for name, (function, signature) in _endpoints(model, dataset).items()}
    signatures['serving_default'] = signatures['encode']
    config = {
        'format': FORMAT, 'versions': versions(),
        'model': models.name_of(model), 'base': models.base_of(model),
        'dataset': dataset.name, 'dataset_options': dataset.options, 'step': int(step),
        'image_shape': list(model.image_shape), 'latent_shape': list(model.latent_shape),
        'nclass': model.nclass, 'class_names': dataset.class_names,
        'value_range': [-1.0, 1.0], 'fit': dataset.aspect,
        'architecture': architectures.name_of(model.architecture), 'depth': model.depth, 'latent_width': model.latent_width,
        'model_options': model.options(), 'reported': run.reported if run else {},
        'encode_bytes': _BYTES_RULE.format(
            channels=model.image_shape[-1], raw=dataset.raw_shape, shape=model.image_shape,
            fit={'stretch': 'stretched', 'crop': 'cropped in the middle', 'pad': 'padded with black'}[dataset.aspect])}
    return _write(path, module, signatures, config, run)


def exported_variables(model, averaged=False):
    """Returns the network variables of an export, in its order; or their moving averages, if they have any."""
    # TensorFlow variables, because Keras variables would be saved twice.
    pairs = itertools.chain(*model.averages.values()) if averaged else ()
    averages = {id(variable): average for variable, average in pairs}
    return [averages.get(id(variable), variable).value for name, network in model.networks.items()
            if name not in model.training_only for variable in network.variables]


def export_copy(version_dir, checkpoint, step, export_dir, run=None):
    """Writes `<export_dir>/<step>/` like `export_model`: an earlier export with the weights of a checkpoint. Needs no model
    code.

    Args:
        version_dir: the earlier export.
        checkpoint: path of a checkpoint that holds `exported_variables` under `exported`.

    Raises:
        StorageError: the checkpoint cannot be read.
    """
    path = _new_version(export_dir, step)
    module = tf.saved_model.load(version_dir)
    config = {**read_config(version_dir), 'step': int(step), 'reported': run.reported if run else {}}
    try:
        tf.train.Checkpoint(exported=module.weights).restore(
            checkpoint).assert_existing_objects_matched().expect_partial()
    except UNREADABLE as error:
        raise StorageError(f'{checkpoint} cannot be read ({short_message(error)}); choose another --step') from None
    return _write(path, module, dict(module.signatures), config, run, os.path.join(version_dir, 'assets.extra'))


def _new_version(export_dir, step):
    path = os.path.join(export_dir, str(int(step)))
    if os.path.exists(path):
        raise UsageError(_EXISTS.format(path))
    return path


def _write(path, module, signatures, config, run, template=None):
    """Writes a version with its config, requests and card; returns its path. `template` is an earlier version's
    assets.extra, whose requests are kept if they cannot be made here."""
    with files.atomic_directory(path, _EXISTS) as beside:
        tf.saved_model.save(module, beside, signatures=signatures)
        written = sorted(os.path.join(folder, name) for folder, _, names in os.walk(beside) for name in names)
        config = {**config, 'sha256': {os.path.relpath(file, beside): files.sha256(file) for file in written}}
        extra = os.path.join(beside, 'assets.extra')
        if template:
            shutil.copytree(template, extra)
        os.makedirs(extra, exist_ok=True)
        files.write_json(config, os.path.join(extra, CONFIG_NAME))
        _write_warm_up(os.path.join(extra, 'tf_serving_warmup_requests'), config)
        card.write(beside, config, run)
    return path


def _write_warm_up(path, config):
    """Writes one request for each signature, for TensorFlow Serving's warm-up at start; needs the extra `serving`."""
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return
    image, latent = (np.zeros([1, *config[f'{what}_shape']], np.float32) for what in ('image', 'latent'))
    black = tf.io.encode_png(np.zeros(config['image_shape'], np.uint8)).numpy()
    requests = {'encode': {'images': image}, 'encode_bytes': {'image_bytes': [black]}, 'decode': {'latents': latent},
                'reconstruct': {'images': image}, 'classify': {'images': image},
                'interpolate': {'images_a': image, 'images_b': image, 'alpha': np.zeros([1], np.float32)}}
    with tf.io.TFRecordWriter(path) as writer:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
