"""SavedModels that need neither acai_tf nor Keras to run, and a loader for them.

The layout is TensorFlow Serving's, `<base>/<integer>/`; a version appears whole or not at all.
"""

import contextlib
import json
import os
import re
import shutil
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from acai_tf import architectures, files, images, interpolation, model_card, models
from acai_tf.errors import DataError, StorageError, UsageError, short_message
from acai_tf.tracing import traced

CONFIG_NAME = 'acai_config.json'
# What TensorFlow raises for a checkpoint that is damaged or of another model.
UNREADABLE = (tf.errors.OpError, AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
_EXISTS = '{} exists and is not overwritten; choose another --export_dir or delete it'
_BYTES_RULE = ('PNG or JPEG of any size is converted to {colors} color channel(s); an image of {raw[0]}x{raw[1]} goes '
               'through the pipeline of the data set, any other is resized (bilinear, antialias) to '
               '{shape[0]}x{shape[1]}; values are scaled to [-1, 1]')


def _float32_copy(model):
    """The same model with the same weights, computing in float32 and outside any distribution strategy."""
    copy = type(model).from_config({**model.get_config(), 'dtype': 'float32'})
    for name, network in model.networks.items():
        getattr(copy, name).set_weights(network.get_weights())
    return copy


def bytes_reader(dataset):
    """Function: string [n] of PNG or JPEG bytes -> images float32 [n, h, w, c] in [-1, 1]."""
    def read_one(content):
        pixels = images.decode_bytes(content, dataset.image_shape[-1])
        pixels.set_shape([None, None, dataset.image_shape[-1]])
        return dataset.fit(pixels)

    def read(contents):
        return tf.map_fn(read_one, contents, fn_output_signature=tf.float32)
    return read


def _endpoints(model, dataset):
    """{signature: (function, input signature)}; inputs and outputs are named."""
    image_spec = tf.TensorSpec([None, *model.image_shape], tf.float32, 'images')
    latents = tf.TensorSpec([None, *model.latent_shape], tf.float32, 'latents')
    read_bytes = bytes_reader(dataset)

    def encode(images):
        return {'latents': model.encode(images)}

    def interpolate(images_a, images_b, alpha):
        mixed = interpolation.lerp(
            model.encode(images_a), model.encode(images_b), tf.reshape(alpha, [-1, 1, 1, 1]))
        return {'images': model.decode(mixed)}

    def classify(images):
        probabilities = tf.nn.softmax(model.logits(images))
        return {'probabilities': probabilities, 'classes': tf.argmax(probabilities, axis=-1)}
    return {
        'serving_default': (encode, [image_spec]),
        'encode': (encode, [image_spec]),
        'encode_bytes': (lambda image_bytes: {'latents': model.encode(read_bytes(image_bytes))},
                         [tf.TensorSpec([None], tf.string, 'image_bytes')]),
        'decode': (lambda latents: {'images': model.decode(latents)}, [latents]),
        'reconstruct': (lambda images: {'images': model(images)}, [image_spec]),
        'interpolate': (interpolate, [tf.TensorSpec(image_spec.shape, tf.float32, 'images_a'),
                                      tf.TensorSpec(image_spec.shape, tf.float32, 'images_b'),
                                      tf.TensorSpec([None], tf.float32, 'alpha')]),
        'classify': (classify, [image_spec]),
    }


def export_model(model, dataset, step, export_dir, run=None):
    """Writes `<export_dir>/<step>/`, with a model card in it.

    Args:
        model: a trained `Autoencoder`.
        dataset: the `datasets.base.Dataset` it was trained on, whose pipeline `encode_bytes` applies.
        step: int, the version's number.
        export_dir: directory of the versions.
        run: `model_card.Run`, what the card tells of the training; None: nothing.

    Returns:
        Path of the version.

    Raises:
        UsageError: the version exists; it is never overwritten.
    """
    path = _new_version(export_dir, step)
    model = _float32_copy(model)
    module = tf.Module()
    module.weights = exported_variables(model)
    signatures = {name: traced(function, input_signature=signature)
                  for name, (function, signature) in _endpoints(model, dataset).items()}
    config = {
        'model': models.name_of(model), 'dataset': dataset.name, 'dataset_options': dataset.options, 'step': int(step),
        'image_shape': list(model.image_shape),
        'latent_shape': list(model.latent_shape), 'nclass': model.nclass, 'class_names': dataset.class_names,
        'value_range': [-1.0, 1.0],
        'architecture': architectures.name_of(model.architecture), 'depth': model.depth, 'latent_width': model.latent_width,
        'hyperparameters': model.hyperparameters(),
        'encode_bytes': _BYTES_RULE.format(
            colors=model.image_shape[-1], raw=dataset.raw_shape, shape=model.image_shape)}
    with _appearing(path) as beside:
        tf.saved_model.save(module, beside, signatures=signatures)
        extra = os.path.join(beside, 'assets.extra')
        os.makedirs(extra)
        _write_config(extra, config)
        _write_warm_up(os.path.join(extra, 'tf_serving_warmup_requests'), model)
        model_card.write(beside, config, run)
    return path


def exported_variables(model):
    """The variables of the networks that an export holds, in its order."""
    # The plain variables: Keras's own would be saved a second time.
    return [variable.value for name, network in model.networks.items() if name not in model.training_only
            for variable in network.variables]


def export_copy(version_dir, checkpoint, step, export_dir, run=None):
    """Writes `<export_dir>/<step>/`: an earlier export with the weights of a checkpoint. No model code is used.

    Args:
        version_dir: the earlier export.
        checkpoint: path of a checkpoint that holds `exported_variables` under `exported`.
        run: as for `export_model`.

    Returns:
        Path of the version.

    Raises:
        UsageError: the version exists; it is never overwritten.
        StorageError: the checkpoint cannot be read.
    """
    path = _new_version(export_dir, step)
    module, config = tf.saved_model.load(version_dir), {**read_config(version_dir), 'step': int(step)}
    try:
        tf.train.Checkpoint(exported=module.weights).restore(
            checkpoint).assert_existing_objects_matched().expect_partial()
    except UNREADABLE as error:
        raise StorageError(f'{checkpoint} cannot be read ({short_message(error)}); choose another --step') from None
    with _appearing(path) as beside:
        tf.saved_model.save(module, beside, signatures=dict(module.signatures))
        extra = os.path.join(beside, 'assets.extra')
        shutil.copytree(os.path.join(version_dir, 'assets.extra'), extra)
        _write_config(extra, config)
        model_card.write(beside, config, run)
    return path


def _new_version(export_dir, step):
    path = os.path.join(export_dir, str(int(step)))
    if os.path.exists(path):
        raise UsageError(_EXISTS.format(path))
    return path


@contextlib.contextmanager
def _appearing(path):
    try:
        with files.atomic_directory(path) as beside:
            yield beside
    except FileExistsError:
        raise UsageError(_EXISTS.format(path)) from None


def check_whole(path):
    """Raises StorageError if an exported version lacks a file, or if one has another checksum than it was written with."""
    try:
        _check_sums(path, read_config(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f'{path} is damaged ({short_message(error)}); delete it, and the same command makes it '
                           'again') from None


def _sums(path):
    """{file: sha256} of what TensorFlow wrote."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return {os.path.relpath(file, path): files.sha256(file) for file in sorted(found) if 'assets.extra' not in file}


def _check_sums(path, config):
    # Earlier versions did not keep the checksums, but these files there must be.
    for name, checksum in config.get('sha256', dict.fromkeys(('saved_model.pb', 'variables/variables.index'))).items():
        if files.sha256(os.path.join(path, name)) != checksum and checksum is not None:
            raise ValueError(f'{name} has another checksum')


def _write_config(extra, config):
    config = {**config, 'sha256': _sums(os.path.dirname(extra))}
    with open(os.path.join(extra, CONFIG_NAME), 'w', encoding='utf-8') as file:
        json.dump(config, file, indent=2)
        file.write('\n')


def read_config(version_dir):
    """The content of an exported version's acai_config.json."""
    with open(os.path.join(version_dir, 'assets.extra', CONFIG_NAME), encoding='utf-8') as file:
        return json.load(file)


def _write_warm_up(path, model):
    """One request for each signature, which TensorFlow Serving sends to itself when it starts; needs the extra `serving`."""
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return
    image, latent = (np.zeros([1, *shape], np.float32) for shape in (model.image_shape, model.latent_shape))
    black = tf.io.encode_png(np.zeros(model.image_shape, np.uint8)).numpy()
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


def load(path):
    """Loads an exported model; no model code is used.

    Only load SavedModels that you trust: they can run any TensorFlow operation, including those that write files.

    Args:
        path: a version directory, or the directory of versions, of which the newest is taken.

    Raises:
        DataError: not a SavedModel of acai_tf.
    """
    return LoadedModel(path)


class Classification(NamedTuple):
    """Answer of `LoadedModel.classify`."""
    probabilities: np.ndarray
    classes: np.ndarray


def in_batches(function, *arrays, batch=512):
    """Applies a function of tensors [n, ...] to some rows of arrays at a time; returns one array."""
    answers = [function(*(tf.constant(array[i:i + batch], tf.float32) for array in arrays)).numpy()
               for i in range(0, len(arrays[0]), batch)]
    return np.concatenate(answers)


def forward_products(function):
    """The compiled function (x, v) -> J v, where J is the Jacobian of a function of tensors at x, by forward-mode
    differentiation: exact, of a loaded function too."""
    @traced
    def products(x, v):
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            values = function(x)
        return accumulator.jvp(values, tf.UnconnectedGradients.ZERO)
    return products


class LoadedModel:
    """An exported autoencoder on numpy arrays.

    Attributes:
        config: dict, the content of acai_config.json (model, dataset, shapes, step).
        class_names: list of str; None where the data set's classes are known by number alone.
        path: str, the version directory.
        image_shape, latent_shape: (height, width, channels).
    """

    def __init__(self, path):
        self.path = _version_directory(os.fspath(path))
        try:
            self.config = read_config(self.path)
            _check_sums(self.path, self.config)
            self._module = tf.saved_model.load(self.path)  # holds the variables
            self._signatures = self._module.signatures
            self._decoder_products = forward_products(
                lambda latents, decode=self._signatures['decode']: decode(latents=latents)['images'])
            self.class_names = self.config.get('class_names')  # earlier versions did not keep them
            self.image_shape, self.latent_shape = (tuple(self.config[f'{what}_shape']) for what in ('image', 'latent'))
        except Exception as error:  # TensorFlow raises almost anything for a damaged file
            raise DataError(f'{path} is not a SavedModel of acai_tf ({type(error).__name__}: {short_message(error)}'
                            ')') from None

    def __str__(self):
        return self.path

    def encode(self, images):
        """Images float [n, h, w, c] in [-1, 1] -> latents [n, *latent_shape]."""
        return self._call('encode', self.latent_shape, images=(images, self.image_shape))['latents']

    def encode_bytes(self, contents):
        """PNG or JPEG bytes, [n] of any size -> latents [n, *latent_shape]. Raises ValueError if one does not decode.
        """
        if not len(contents):
            return np.zeros([0, *self.latent_shape], np.float32)
        try:
            return self._signatures['encode_bytes'](image_bytes=tf.constant(list(contents), tf.string))['latents'].numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(short_message(error)) from None

    def decode(self, latents):
        """Latents [n, *latent_shape] -> images [n, h, w, c], not clipped."""
        return self._call('decode', self.image_shape, latents=(latents, self.latent_shape))['images']

    def decoder_products(self, latents, directions):
        """J v of the decoder's Jacobian J at latents, and directions v [n, *latent_shape]: [n, h, w, c]."""
        return in_batches(self._decoder_products, latents, directions)

    def reconstruct(self, images):
        """Images -> images."""
        return self._call('reconstruct', self.image_shape, images=(images, self.image_shape))['images']

    def interpolate(self, images_a, images_b, alpha):
        """Decoded mixes of the latents of a (alpha 0) and b (alpha 1); alpha is a number or [n]."""
        alpha = np.broadcast_to(np.asarray(alpha, np.float32), [len(images_a)])
        return self._call('interpolate', self.image_shape, images_a=(images_a, self.image_shape),
                          images_b=(images_b, self.image_shape), alpha=(alpha, ()))['images']

    def classify(self, images):
        """Images -> Classification(probabilities [n, nclass], classes int64 [n]) of the single-layer classifier."""
        answer = self._call('classify', (self.config['nclass'],), images=(images, self.image_shape))
        return Classification(answer['probabilities'], answer['classes'])

    def _call(self, signature, empty_shape, batch=512, **inputs):
        arrays = {}
        for name, (value, shape) in inputs.items():
            value = np.asarray(value)
            if value.dtype.kind not in 'f' and name.startswith('images'):
                raise ValueError(f'{name} are {value.dtype}; {signature} takes float images in [-1, 1], which are '
                                 'pixels * (2 / 255) - 1')
            arrays[name] = value.astype(np.float32)
            if arrays[name].shape[1:] != shape or arrays[name].ndim != 1 + len(shape):
                raise ValueError(f'{name} has shape {list(arrays[name].shape)}; {signature} takes [n, *{list(shape)}]')
        sizes = {len(value) for value in arrays.values()}
        if len(sizes) > 1:
            raise ValueError(f'{", ".join(arrays)} differ in their number of rows: {sorted(sizes)}')
        size = sizes.pop()
        if not size:  # oneDNN's fused convolutions refuse an empty batch
            empty = np.zeros([0, *empty_shape], np.float32)
            return {'latents': empty, 'images': empty, 'probabilities': empty, 'classes': np.zeros([0], np.int64)}
        answers = [self._signatures[signature](**{k: tf.constant(v[i:i + batch]) for k, v in arrays.items()})
                   for i in range(0, size, batch)]
        return {key: np.concatenate([answer[key] for answer in answers]) for key in answers[0]}


def _version_directory(path):
    if os.path.isfile(os.path.join(path, 'saved_model.pb')):
        return path
    entries = os.scandir(path) if os.path.isdir(path) else ()
    versions = [entry.name for entry in entries if re.fullmatch('[0-9]+', entry.name) and entry.is_dir()]
    if not versions:
        raise DataError(f'{path} is not a SavedModel: it holds neither saved_model.pb nor a numbered version')
    return os.path.join(path, max(versions, key=int))
