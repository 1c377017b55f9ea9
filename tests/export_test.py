import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings

import keras
import numpy as np
import programs
import tensorflow as tf
from PIL import Image

from acai_tf import datasets, export, models
from acai_tf.errors import DataError, UsageError

_RELOAD = str(programs.ROOT / 'tests' / 'reload_export.py')


def _png(image):
    return tf.io.encode_png(image).numpy()


def _exported(directory, name='acai', step=7, latent_width=4):
    """Returns (model, path of its export)."""
    dataset = datasets.get('mnist32')
    model = models.create(name, dataset.image_shape, 10, depth=2, latent=3, latent_width=latent_width)
    return model, export.export_model(model, dataset, step, directory)


def _die_in_mid_export(directory):
    save = tf.saved_model.save

    def save_and_die(module, path, **kwargs):
        save(module, path, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    tf.saved_model.save = save_and_die
    _exported(directory)


def _saved_model_cli(*arguments):
    from tensorflow.python.tools import saved_model_cli
    sys.argv = ['saved_model_cli', *arguments]
    saved_model_cli.main()


class ExportTest(tf.test.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.exports = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.model, cls.path = _exported(cls.exports)

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.images = np.random.default_rng(0).uniform(-1, 1, [5, 32, 32, 1]).astype(np.float32)

    def copy(self, step=7):
        """Returns the path of a copy of the export, for tests that change it."""
        return shutil.copytree(self.path, os.path.join(self.directory, str(step)))

    def fork(self, function, *args):
        """Returns the exit code of a process that calls a function."""
        process = programs.process(function, *args)
        process.start()
        process.join()
        return process.exitcode

    def test_a_process_without_acai_tf_and_keras_answers_the_same(self):
        inputs, outputs = (os.path.join(self.directory, f'{which}.npz') for which in ('inputs', 'outputs'))
        exports = {name: _exported(self.directory, name, step, latent_width=16)
                   for step, name in enumerate(models.names())}
        random = np.random.default_rng(1)
        images = random.uniform(-1, 1, [64, 32, 32, 1]).astype(np.float32)
        code, alpha = random.normal(size=[64, 16, 16, 3]).astype(np.float32), np.linspace(0, 1, 64, dtype=np.float32)
        np.savez(inputs, images=images, latents=code, alpha=alpha)
        done = subprocess.run([sys.executable, _RELOAD, inputs, outputs, *(path for _, path in exports.values())],
                              cwd='/', capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        answers = np.load(outputs, allow_pickle=False)
        weight, seen = alpha.reshape(-1, 1, 1, 1), set()
        for name, (model, path) in exports.items():
            latents = model.encode(images)
            probabilities = tf.nn.softmax(model.logits(images)).numpy()
            expected = {
                'serving_default|latents': latents, 'encode|latents': latents, 'reconstruct|images': model(images),
                'decode|images': model.decode(code), 'classify|probabilities': probabilities,
                'classify|classes': probabilities.argmax(axis=1),
                'interpolate|images': model.decode((1 - weight) * latents + weight * latents[::-1])}
            for key, value in expected.items():
                for way in ('by_saved_model_load', 'by_session'):
                    self.assertAllClose(answers[f'{way}|{path}|{key}'], value, rtol=1e-5, atol=1e-5, msg=f'{name} {key}')
                    seen.add(f'{way}|{path}|{key}')
        self.assertCountEqual(answers.files, seen)

    def test_saved_model_cli_answers_the_same(self):
        model, path = _exported(self.directory, 'vqvae')
        inputs, outputs = os.path.join(self.directory, 'images.npy'), os.path.join(self.directory, 'out')
        np.save(inputs, self.images)
        self.assertEqual(0, self.fork(
            _saved_model_cli, 'run', '--dir', path, '--tag_set', 'serve', '--signature_def', 'reconstruct', '--inputs',
            f'images={inputs}', '--outdir', outputs))
        self.assertAllClose(np.load(os.path.join(outputs, 'images.npy')), model(self.images), rtol=1e-5, atol=1e-5)

    def test_openvino_answers_the_same(self):
        try:
            import openvino
        except ImportError:
            self.skipTest('openvino is not installed')
        core = openvino.Core()
        for step, name in enumerate(models.names()):
            model, path = _exported(self.directory, name, step)
            encode = core.compile_model(core.read_model(path), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
            for size in (1, 5):
                latents, = encode([self.images[:size]]).values()
                self.assertAllClose(latents, model.encode(self.images[:size]), rtol=1e-5, atol=1e-5, msg=name)

    def test_tflite_answers_the_same(self):
        names = ['encode', 'decode', 'reconstruct', 'interpolate', 'classify']
        content = tf.lite.TFLiteConverter.from_saved_model(self.path, signature_keys=names).convert()
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # warns that the interpreter will move to another package
            interpreter = tf.lite.Interpreter(model_content=content)
        model, images, others = self.model, self.images, self.images[::-1].copy()
        latents, alpha = model.encode(images), np.linspace(0, 1, 5, dtype=np.float32)
        weight, probabilities = alpha.reshape(-1, 1, 1, 1), tf.nn.softmax(model.logits(images)).numpy()
        for name, inputs, expected in (
                ('encode', {'images': images}, {'latents': latents}),
                ('decode', {'latents': latents}, {'images': model.decode(latents)}),
                ('reconstruct', {'images': images}, {'images': model(images)}),
                ('interpolate', {'images_a': images, 'images_b': others, 'alpha': alpha},
                 {'images': model.decode((1 - weight) * latents + weight * latents[::-1])}),
                ('classify', {'images': images}, {'probabilities': probabilities, 'classes': probabilities.argmax(axis=1)})):
            answer = interpreter.get_signature_runner(name)(**inputs)
            self.assertEqual(set(answer), set(expected))
            for key, value in expected.items():  # an untrained decoder's images are small
                self.assertAllClose(answer[key], value, rtol=1e-5, atol=1e-5 * np.abs(value).max(), msg=f'{name} {key}')

    def test_a_layer_of_keras_answers_the_same(self):
        for name, inputs, expected in (('encode', self.images, {'latents': self.model.encode(self.images)}),
                                       ('reconstruct', self.images, {'images': self.model(self.images)})):
            answer = keras.layers.TFSMLayer(self.path, call_endpoint=name)(inputs)
            self.assertEqual(set(answer), set(expected))
            for key, value in expected.items():
                self.assertAllClose(answer[key], value, rtol=1e-5, atol=1e-5 * np.abs(value).max())

    def test_warm_up_requests_are_those_of_the_signatures(self):
        try:
            from tensorflow_serving.apis import prediction_log_pb2
        except ImportError:
            self.skipTest('tensorflow-serving-api is not installed')
        _, path = _exported(self.directory, 'vae')
        signatures = tf.saved_model.load(path).signatures
        records = tf.data.TFRecordDataset(os.path.join(path, 'assets.extra', 'tf_serving_warmup_requests'))
        asked = set()
        for record in records.as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            name = request.model_spec.signature_name
            signatures[name](**{key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()})
            asked.add(name)
        self.assertCountEqual(asked, set(signatures) - {'serving_default'})

    def test_killed_in_mid_export_leaves_no_version(self):
        self.assertEqual(self.fork(_die_in_mid_export, self.directory), -signal.SIGKILL)
        self.assertEqual([name for name in os.listdir(self.directory) if name.isdigit()], [])
        with self.assertRaisesRegex(DataError, 'neither saved_model.pb nor a numbered version'):
            export.load(self.directory)
        _exported(self.directory)
        self.assertEqual(export.load(self.directory).config['step'], 7)

    def test_the_loader_answers_as_the_model_in_batches_of_any_size(self):
        model, loaded = self.model, export.load(self.exports)
        with self.assertRaisesRegex(ValueError, '^Unknown image file format. One of '):
            loaded.encode_bytes([b'no image'])
        self.assertEqual(loaded.encode_bytes([]).shape, (0, 4, 4, 3))
        for size in (1, 5):
            self.assertAllClose(loaded.encode(self.images[:size]), model.encode(self.images[:size]), atol=1e-5)
        latents = loaded.encode(self.images)
        self.assertAllClose(loaded.decode(latents), model.decode(latents), atol=1e-5)
        self.assertAllClose(loaded.reconstruct(self.images), model(self.images), atol=1e-5)
        many = np.concatenate([self.images] * 205)  # more than one internal batch
        self.assertAllClose(loaded.encode(many), np.concatenate([latents] * 205), atol=1e-5)
        probabilities, classes = loaded.classify(self.images)
        self.assertAllClose(probabilities.sum(axis=1), np.ones(5))
        self.assertAllEqual(classes, probabilities.argmax(axis=1))
        a, b = self.images, self.images[::-1]
        self.assertAllClose(loaded.interpolate(a, b, 0), model(a), atol=1e-5)
        self.assertAllClose(loaded.interpolate(a, b, np.ones(5)), model(b), atol=1e-5)

    def test_an_empty_batch(self):
        loaded, empty = export.load(self.path), self.images[:0]
        self.assertEqual(loaded.encode(empty).shape, (0, 4, 4, 3))
        self.assertEqual(loaded.reconstruct(empty).shape, (0, 32, 32, 1))
        self.assertEqual([part.shape for part in loaded.classify(empty)], [(0, 10), (0,)])

    def test_a_row_depends_on_its_own_row_alone(self):
        loaded = export.load(self.path)
        self.assertAllClose(loaded.encode(self.images)[3:4], loaded.encode(self.images[3:4]), atol=1e-6)

    def test_bytes_of_the_raw_size_are_padded_and_others_resized(self):
        random = np.random.default_rng(1)
        raw = random.integers(0, 256, [28, 28, 1], np.uint8)
        color = random.integers(0, 256, [50, 40, 3], np.uint8)
        jpeg = tf.io.encode_jpeg(color, quality=100).numpy()
        contents = [_png(raw), _png(color), jpeg]
        encode = tf.saved_model.load(self.path).signatures['encode_bytes']
        latents = encode(image_bytes=tf.constant(contents))['latents']
        padded = np.pad(raw * np.float32(2 / 255) - 1, [(2, 2), (2, 2), (0, 0)], constant_values=-1)
        decoded = [color, np.asarray(Image.open(io.BytesIO(jpeg)))]
        grays = [np.rint(pixels @ [0.299, 0.587, 0.114])[..., None] for pixels in decoded]
        resized = [tf.image.resize(np.float32(gray), [32, 32], antialias=True) * 2 / 255 - 1 for gray in grays]
        self.assertAllClose(latents, self.model.encode(np.stack([padded, *resized])), atol=1e-5)

    def test_signatures_are_named_and_of_free_batch_size(self):
        specs = {name: ({k: (s.shape.as_list(), s.dtype) for k, s in f.structured_input_signature[1].items()},
                        {k: (s.shape.as_list(), s.dtype) for k, s in f.structured_outputs.items()})
                 for name, f in tf.saved_model.load(self.path).signatures.items()}
        image, latent = ([None, 32, 32, 1], tf.float32), ([None, 4, 4, 3], tf.float32)
        self.assertEqual(specs, {
            'serving_default': ({'images': image}, {'latents': latent}),
            'encode': ({'images': image}, {'latents': latent}),
            'encode_bytes': ({'image_bytes': ([None], tf.string)}, {'latents': latent}),
            'decode': ({'latents': latent}, {'images': image}),
            'reconstruct': ({'images': image}, {'images': image}),
            'interpolate': ({'images_a': image, 'images_b': image, 'alpha': ([None], tf.float32)}, {'images': image}),
            'classify': ({'images': image}, {'probabilities': ([None, 10], tf.float32), 'classes': ([None], tf.int64)})})

    def test_config(self):
        with open(os.path.join(self.path, 'assets.extra', 'acai_config.json')) as file:
            config = json.load(file)
        self.assertEqual(config, export.load(self.path).config)
        self.assertEqual({key: config[key] for key in ('model', 'dataset', 'step', 'image_shape', 'latent_shape')}, {
            'model': 'acai', 'dataset': 'mnist32', 'step': 7, 'image_shape': [32, 32, 1], 'latent_shape': [4, 4, 3]})
        self.assertIn('28x28', config['encode_bytes'])
        self.assertEqual(export.load(self.path).class_names, [str(digit) for digit in range(10)])

    def test_a_config_that_an_editor_gave_a_byte_order_mark(self):
        copy = self.copy()
        path = os.path.join(copy, 'assets.extra', 'acai_config.json')
        with open(path, encoding='utf-8') as file:
            content = file.read()
        with open(path, 'w', encoding='utf-8-sig') as file:
            file.write(content)
        self.assertEqual(export.load(copy).config, json.loads(content))

    def test_an_existing_version_is_never_overwritten(self):
        path = self.copy()
        before = os.stat(os.path.join(path, 'saved_model.pb')).st_mtime_ns
        with self.assertRaisesRegex(UsageError, 'exists and is not overwritten'):
            _exported(self.directory, 'baseline')
        self.assertEqual(os.stat(os.path.join(path, 'saved_model.pb')).st_mtime_ns, before)
        self.assertEqual(os.listdir(self.directory), ['7'])

    def test_the_newest_version_is_loaded(self):
        for step in (9, 10):
            self.copy(step)
        self.assertEqual(export.load(self.directory).path, os.path.join(self.directory, '10'))

    def test_what_is_not_a_savedmodel_of_ours(self):
        class Other(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None])])
            def __call__(self, x):
                return x
        other = os.path.join(self.directory, 'other')
        tf.saved_model.save(Other(), other)
        for path in (other, self.directory, '/nowhere'):
            with self.assertRaisesRegex(DataError, 'is not a SavedModel'):
                export.load(path)

    def test_pixels_in_place_of_images_are_refused(self):
        loaded = export.load(self.path)
        for dtype in (np.uint8, np.int64, bool):
            with self.assertRaisesRegex(ValueError, r'images are .*; give floats in \[-1, 1\], which are pix'):
                loaded.encode(np.zeros([2, 32, 32, 1], dtype))
        self.assertEqual(loaded.decode(np.zeros([2, 4, 4, 3], int)).shape, (2, 32, 32, 1))

    def test_damage(self):
        path = self.copy()
        for name in ('saved_model.pb', 'variables/variables.index', 'variables/variables.data-00000-of-00001'):
            file_path = os.path.join(path, name)
            with open(file_path, 'rb') as file:
                sound = file.read()
            changed = bytearray(sound)
            changed[len(sound) // 2] ^= 4
            for content in (bytes(changed), sound[:-5], b''):
                with open(file_path, 'wb') as file:
                    file.write(content)
                with self.assertRaisesRegex(DataError, 'is damaged .*; copy or export it again'):
                    export.load(path)
            with open(file_path, 'wb') as file:
                file.write(sound)
        export.load(path)

    def test_wrong_shapes(self):
        loaded = export.load(self.path)
        with self.assertRaisesRegex(ValueError, r'images has shape \[5, 28, 28, 1\]; must be \[n, 32, 32, 1\]'):
            loaded.encode(np.zeros([5, 28, 28, 1]))
        with self.assertRaisesRegex(ValueError, 'differ in their number of rows'):
            loaded.interpolate(self.images, self.images[:2], 0.5)

    def test_the_critic_is_not_exported_and_bfloat16_is_exported_in_float32(self):
        model = models.create('acai', (32, 32, 1), 10, depth=2, latent=3, dtype='mixed_bfloat16')
        path = export.export_model(model, datasets.get('mnist32'), 1, self.directory)
        values = tf.train.load_checkpoint(os.path.join(path, 'variables', 'variables'))
        count = sum(int(np.prod(shape)) for key, shape in values.get_variable_to_shape_map().items()
                    if 'VARIABLE_VALUE' in key)
        self.assertEqual(count, sum(n.count_params() for n in (model.encoder, model.decoder, model.classifier)))
        self.assertAllClose(export.load(path).encode(self.images), self.model.encode(self.images), atol=1e-5)


if __name__ == '__main__':
    tf.test.main()
