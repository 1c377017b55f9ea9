"""Regularizers on bases other than the baseline."""

import itertools
import os
import re

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from by_hand import network
from programs import code_blocks

from acai_tf import models
from acai_tf.errors import UsageError
from acai_tf.models.base import Autoencoder
from acai_tf.models.baseline import AEBaseline
from acai_tf.models.regularizer import Regularizer
from acai_tf.options import Option
from acai_tf.training.config import TrainConfig

BASES = models.BASES.split(', ')
REGULARIZERS = [name for name in models.names() if issubclass(models.REGISTRY.get(name), Regularizer)]
OPTIONS = {'depth': 2, 'latent': 2, 'latent_width': 4}
WITHOUT_WEIGHT = {'acai': {'advweight': 0}, 'flat': {'wgt_flat': 0}}
# Every regularizer on the bases with another scale and with a critic of their own, and acai on all; with time, all pairs.
PAIRS = [(name, base) for name, base in itertools.product(REGULARIZERS, BASES) if base != 'baseline' and (
    'ACAI_LONG_TESTS' in os.environ or name == 'acai' or base in ('vae', 'aae'))]
SMALL = {'vqvae': {'z_log_size': 3, 'num_latents': 2}}


def create(name, base=None, lr=1e-3, shape=(8, 8, 1), **options):
    small = SMALL.get(base or name, {})
    model = models.create(name, shape, 3, **{**OPTIONS, **small, **({'base': base} if base else {}), **options})
    model.compile(lr=lr)
    return model


def batch(size=4, seed=0, shape=(8, 8, 1)):
    random = np.random.default_rng(seed)
    return (tf.constant(random.uniform(-1, 1, [size, *shape]), tf.float32),
            tf.constant(random.integers(0, 3, size)))


class BasesTest(parameterized.TestCase, tf.test.TestCase):

    def test_the_list_of_bases_is_all_that_define_a_pass(self):
        self.assertEqual(BASES, [name for name in models.names() if name not in REGULARIZERS and name != 'gaia'])

    @parameterized.parameters(*PAIRS)
    def test_a_step_has_the_terms_and_changes_the_networks_of_both(self, name, base):
        model, alone = create(name, base), create(base)
        self.assertLen(model.networks, len(set(map(id, model.networks.values()))))
        before = {key: network.get_weights() for key, network in model.networks.items()}
        for seed in range(2):
            terms = model.train_step(batch(seed=seed))
        self.assertEqual(set(terms), {*model.loss_names, 'loss'})
        self.assertTrue(all(np.isfinite(value) for value in terms.values()), terms)
        prefixed = {f'base_{name}' for name in alone.loss_names if name not in ('rmse', 'classify_latent')}
        self.assertContainsSubset(prefixed, terms)
        changed = {key for key, network in model.networks.items()
                   if any(np.any(a != b) for a, b in zip(before[key], network.get_weights()))}
        self.assertEqual(changed, set(model.networks))
        owned = [network for networks in model.optimizer_networks.values() for network in networks]
        self.assertLen(owned, len(set(owned)))

    @parameterized.parameters(*itertools.product(WITHOUT_WEIGHT, BASES))
    def test_without_weight_the_base_trains_as_it_does_alone(self, name, base):
        model, alone = create(name, base, **WITHOUT_WEIGHT[name]), create(base)
        for seed in range(3):
            for each in (model, alone):
                each.train_step(batch(seed=seed))
        for key, expected in alone.networks.items():
            for ours, theirs in zip(model.base.networks[key].get_weights(), expected.get_weights()):
                self.assertAllClose(ours, theirs, rtol=1e-5, atol=1e-6, msg=key)

    def test_the_weight_of_a_term_counts_means_over_pixels_whatever_the_base_s_loss(self):
        # vae's loss is a sum over the 8 * 8 * 3 values of an image; the others' are means.
        for base, scale in (('baseline', 1), ('denoising', 1), ('vae', 8 * 8 * 3)):
            model = create('acai', base, advweight=.5, shape=(8, 8, 3))
            self.assertEqual(model.loss_scale, scale)
            terms = model.loss_terms(*self.inputs(model, shape=(8, 8, 3)))
            of_base = {'baseline': 'loss_ae', 'denoising': 'base_loss', 'vae': 'base_elbo'}[base]
            expected = {'vae': -1}.get(base, 1) * terms[of_base] + scale * .5 * terms['loss_ae_disc']
            self.assertAllClose(model.objectives(terms)['autoencoder'], expected, rtol=1e-6)

    def inputs(self, model, shape=(8, 8, 1)):
        images, _ = batch(shape=shape)
        return images, model.random_inputs(images)

    def test_systems_with_a_reconstruction_of_their_own_give_its_weight_to_the_base_s(self):
        for name, options, weight in (('aeai', {'objective': 'rescaled'}, 8 * 8 / 4),
                                      ('aeai', {'objective': 'paper'}, 1 / 2), ('amr', {'lamb': 10.0}, 10)):
            free = {'wgt_adv': 0, 'wgt_cycle': 0, 'wgt_smooth': 0} if name == 'aeai' else {}
            model = create(name, 'vae', **options, **free)
            terms = model.loss_terms(*self.inputs(model))
            others = 0 if name == 'aeai' else terms['disc_g_recon'] + terms['disc_g_mix']
            self.assertAllClose(model.objectives(terms)['autoencoder'] - others, -terms['base_elbo'] / 64 * weight,
                                rtol=1e-4)

    def test_the_latents_that_are_mixed_are_those_that_were_decoded(self):
        images, random_inputs = self.inputs(create('acai', 'vae'))
        model = create('acai', 'vae')
        passed = model.base.forward(images, {'eps': random_inputs['base_eps']})
        mean = model.encode(images)
        self.assertNotAllClose(passed.latents, mean)  # a sample of the posterior
        self.assertAllClose(model.base.decode(passed.latents), passed.reconstruction, atol=1e-5)

    @parameterized.parameters(*(base for base in BASES if base != 'baseline'))
    def test_files_of_keras_and_configs_keep_the_base(self, base):
        model = create('acai', base)
        model.train_step(batch())
        path = os.path.join(self.create_tempdir().full_path, 'model.keras')
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(type(loaded.base), type(model.base))
        self.assertEqual(loaded.get_config(), model.get_config())
        model.train_step(batch(seed=1))
        loaded.train_step(batch(seed=1))
        for ours, theirs in zip(model.get_weights(), loaded.get_weights()):
            self.assertAllClose(ours, theirs, rtol=1e-5, atol=1e-7)

    def test_one_s_own_base_is_kept_too_and_a_file_that_a_config_names_is_never_run(self):
        @keras.saving.register_keras_serializable('bases_test')
        class Own(AEBaseline):
            wgt_own = Option(1.0, 'an option')
        path = os.path.join(self.create_tempdir().full_path, 'model.keras')
        model = create('acai', Own, wgt_own=2.0)
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual((type(loaded.base), loaded.base.wgt_own), (Own, 2.0))
        self.assertAllEqual(loaded.encode(batch()[0]), model.encode(batch()[0]))
        self.assertEqual(create('acai', models.REGISTRY.get('vae')).get_config()['base'], 'vae')
        evil = self.create_tempfile('evil.py', 'raise SystemExit("run")').full_path
        with self.assertRaisesRegex(UsageError, 'code in a file that a saved model names is never run'):
            type(model).from_config({**model.get_config(), 'base': f'{evil}:Own'})

    def test_the_base_s_optimizers_are_its_own_under_any_regularizer(self):
        model = create('amr', 'aae', adversary_lr=.25)
        critic = model.optimizers['base_critic']
        self.assertEqual((float(critic.learning_rate), critic.beta_1), (.25, .9))

        class Resting(models.REGISTRY.get('aae')):
            def due(self, step):
                return {'critic': tf.equal(step % 2, 0), 'autoencoder': step < 1}
        for name, expected in (('acai', {'autoencoder': 1, 'critic': 3, 'classifier': 3, 'base_critic': 2}),
                               ('amr', {'autoencoder': 1, 'critic': 3, 'classifier': 3, 'base_critic': 2})):
            model = create(name, Resting)
            for seed in range(3):
                model.train_step(batch(seed=seed))
            self.assertEqual({key: int(each.iterations.numpy()) for key, each in model.optimizers.items()}, expected)

    def test_a_base_with_a_second_optimizer_for_the_encoder(self):
        class Second(AEBaseline):
            optimizer_networks = {'autoencoder': ('encoder', 'decoder', 'classifier'), 'prior': ('encoder',)}

            def objectives(self, terms):
                return {'autoencoder': terms['loss'], 'prior': terms['loss']}
        model = create('acai', Second)
        self.assertEqual(model.optimizer_networks['base_prior'], ('encoder',))
        model.train_step(batch())

        class Apart(Second):
            optimizer_networks = {'autoencoder': ('decoder', 'classifier'), 'prior': ('encoder',)}
        with self.assertRaisesRegex(UsageError, 'base=Apart: one optimizer, .* must update both encoder and decoder'):
            create('acai', Apart)

    def test_a_base_that_logs_no_rmse(self):
        class Quiet(AEBaseline):
            loss_names = ('loss', 'classify_latent')

            def forward(self, *args, **kwargs):
                passed = super().forward(*args, **kwargs)
                return passed._replace(terms={name: passed.terms[name] for name in self.loss_names if name in passed.terms})
        model = create('acai', Quiet)
        self.assertEqual(set(model.train_step(batch())), {*model.loss_names, 'loss'})

    def test_options_of_both_and_refusals(self):
        model = create('acai', 'vae', beta=.25, advweight=.75)
        self.assertEqual((model.base.beta, model.advweight), (.25, .75))
        own = {'advweight': .75, 'advdepth': 2, 'critic_lr': 0, 'critic_beta_2': .999, 'reg': .2}
        self.assertEqual(model.options(), {**model.base.options(), **own})
        with self.assertRaisesRegex(UsageError, 'the model acai has no option beta'):
            create('acai', beta=1)
        with self.assertRaisesRegex(UsageError, 'base=acai cannot be a base; choose baseline'):
            create('acai', 'acai')
        with self.assertRaisesRegex(UsageError, 'base=vae: gaia takes no base, because its loss never compares'):
            create('gaia', 'vae')
        with self.assertRaisesRegex(UsageError, 'base=aae: vae takes no base; leave base out'):
            create('vae', 'aae')

        class OnlyTerms(Autoencoder):
            pass
        with self.assertRaisesRegex(UsageError, 'or your own subclass of Autoencoder that defines `forward`'):
            create('acai', OnlyTerms)

        class SameOption(AEBaseline):
            reg = Option(1.0, 'an option of acai too')
        with self.assertRaisesRegex(UsageError, 'both SameOption and ACAI have an option reg; rename one'):
            create('acai', SameOption)

    def test_one_s_own_base(self):
        class Halved(AEBaseline):
            def forward(self, images, random_inputs, labels=None, training=False):
                return super().forward(images / 2, random_inputs, labels, training)
        model = create('acai', Halved, advweight=0)
        images, random_inputs = self.inputs(model)
        self.assertAllClose(model.loss_terms(images, random_inputs)['base_loss'],
                            create('baseline').loss_terms(images / 2, {})['loss'])


class DocumentationTest(tf.test.TestCase):

    def test_its_base_and_its_regularizer_train(self):
        folder = self.create_tempdir().full_path
        paths = {}
        for text in (text for language, text in code_blocks('bases.md') if language == 'python'):
            name = re.search(r'^class (\w+)', text, re.M)[1]
            paths[name] = os.path.join(folder, f'{name.lower()}.py')
            with open(paths[name], 'w') as file:
                file.write(text)
        for options in ({'model': 'acai', 'base': f'{paths["Blurred"]}:Blurred', 'blur': 3},
                        {'model': f'{paths["Cycle"]}:Cycle', 'base': 'denoising', 'wgt_cycle': .5}):
            config = TrainConfig(dataset='digits32', depth=1, latent=2, latent_width=8, **options).resolve()
            model = config.create_model()
            terms = model.train_step(batch(shape=(32, 32, 1)))
            self.assertTrue(all(np.isfinite(value) for value in terms.values()), terms)
        self.assertIn('_baseBlurred_', TrainConfig(base=f'{paths["Blurred"]}:Blurred').resolve().run_path)
        self.assertIn('ACAI_advdepth64_advweight0.5_basevae_beta1.0_depth64', TrainConfig(base='vae').resolve().run_path)


class FlatTest(tf.test.TestCase):

    def measure(self, matrix, direction):
        """loss_flat of the linear decoder x = A z."""
        model = models.create('flat', (2, 2, 1), 2, depth=1, latent=4, latent_width=1)
        flat = lambda x: tf.reshape(x, [tf.shape(x)[0], -1])  # noqa: E731
        model.encoder = network(lambda x: tf.reshape(x, [-1, 1, 1, 4]))
        model.decoder = network(lambda z: tf.reshape(flat(z) @ tf.constant(matrix.T, tf.float32), [-1, 2, 2, 1]))
        count = len(direction)
        images = tf.random.stateless_uniform([count, 2, 2, 1], [0, 1])
        return float(model.loss_terms(images, {
            'alpha': tf.random.stateless_uniform([count, 1, 1, 1], [0, 2]), 'permutation': tf.range(count)[::-1],
            'direction': tf.constant(direction, tf.float32, [count, 1, 1, 4])})['loss_flat'])

    def test_a_linear_decoder_by_its_closed_form(self):
        random = np.random.default_rng(0)
        matrix = random.normal(size=[4, 4])
        gram = matrix.T @ matrix
        expected = np.trace(gram @ gram) / np.trace(gram)**2
        # With the four columns of 2 I as directions, the means over the batch are the exact traces.
        self.assertAllClose(self.measure(matrix, 2 * np.eye(4)), expected, rtol=1e-4)
        # With normal directions it is an estimate.
        self.assertAllClose(self.measure(matrix, random.normal(size=[20000, 4])), expected, rtol=.05)

    def test_a_scaled_isometry_has_the_least_value(self):
        rotation = np.linalg.qr(np.random.default_rng(1).normal(size=[4, 4]))[0]
        self.assertAllClose(self.measure(3 * rotation, 2 * np.eye(4)), 1 / 4, rtol=1e-4)

    def test_the_gradient_reaches_the_decoder_s_weights(self):
        """By finite differences, for the last kernel: the activations' slopes do not depend on it."""
        model = create('flat')
        images, _ = batch()
        random_inputs = model.random_inputs(images)
        kernel = model.decoder.trainable_variables[-2]
        with tf.GradientTape() as tape:
            loss = model.loss_terms(images, random_inputs, training=True)['loss_flat']
        gradient = tape.gradient(loss, kernel).numpy()
        direction = np.random.default_rng(0).normal(size=gradient.shape).astype(np.float32)
        direction /= np.linalg.norm(direction)
        start, values = kernel.numpy(), []
        for sign in (1, -1):
            kernel.assign(start + sign * 1e-3 * direction)
            values.append(float(model.loss_terms(images, random_inputs, training=True)['loss_flat']))
        self.assertAllClose((values[0] - values[1]) / 2e-3, np.sum(gradient * direction), rtol=.02)


if __name__ == '__main__':
    tf.test.main()
