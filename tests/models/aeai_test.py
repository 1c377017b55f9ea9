import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from by_hand import column, network, softplus

from acai_tf import models
from acai_tf.errors import UsageError

X, ALPHA, ORDER = np.array([.1, -.2, .4]), np.array([.25, .5, 1.]), [1, 2, 0]


class AEAITest(parameterized.TestCase, tf.test.TestCase):

    def by_hand(self, decoder=lambda z: 3 * z, **kwargs):
        """Encoder 2x, decoder 3z, discriminator the image itself; images of one pixel, or of several."""
        model = models.create('aeai', (8, 8, 1), 2, depth=1, latent=1, **kwargs)
        model.encoder, model.decoder, model.critic = map(network, (lambda x: 2 * x, decoder, lambda x: x))
        return model

    def terms(self, alpha=ALPHA, **kwargs):
        return self.by_hand(**kwargs).loss_terms(column(X), {'alpha': column(alpha), 'permutation': tf.constant(ORDER)})

    def test_terms_of_linear_networks(self):
        terms = self.terms()
        mixed = 2 * ((1 - ALPHA) * X + ALPHA * X[ORDER])
        self.assertAllClose(terms, {
            'loss_ae': np.mean((5 * X / 2)**2), 'rmse': 127.5 * np.sqrt(np.mean((5 * X)**2)),
            'loss_adv': softplus(-3 * mixed), 'loss_disc': softplus(-X) + softplus(3 * mixed),
            'loss_cycle': np.mean((5 * mixed)**2),  # E(D(z)) is 6z
            'loss_smooth': np.mean((6 * (X[ORDER] - X) / 2)**2)}, rtol=1e-5)

    def test_the_derivative_of_a_decoder_that_is_not_linear(self):
        terms = self.terms(decoder=tf.sin)
        z = 2 * X
        mixed, direction = (1 - ALPHA) * z + ALPHA * z[ORDER], z[ORDER] - z
        self.assertAllClose(terms['loss_smooth'], np.mean((np.cos(mixed) * direction / 2)**2), rtol=1e-5)

    def test_the_papers_objective_counts_both_images_of_a_pair_and_sums_over_its_alphas(self):
        """Images of one pixel, where sums and means are the same; three alphas, 0, 1/2 and 1."""
        paper, rescaled = (self.terms(objective=objective, n_alphas=3) for objective in ('paper', 'rescaled'))
        pairs = [(x, y) for x, y in zip(X, X[ORDER])]
        mixed = np.array([[2 * ((1 - a) * x + a * y) for a in (0, .5, 1)] for x, y in pairs])
        expected = {'loss_ae': np.mean([(5 * x / 2)**2 + (5 * y / 2)**2 for x, y in pairs]),
                    'loss_adv': np.mean(np.sum(np.log1p(np.exp(-3 * mixed)), axis=1)),
                    'loss_cycle': np.mean(np.sum((5 * mixed)**2, axis=1)),
                    'loss_smooth': np.mean([3 * (6 * (y - x) / 2)**2 for x, y in pairs])}
        for name, times in (('loss_ae', 2), ('loss_adv', 3), ('loss_cycle', 3), ('loss_smooth', 3)):
            self.assertAllClose(paper[name], expected[name], rtol=1e-5, msg=name)
            self.assertAllClose(rescaled[name], expected[name] / times, rtol=1e-5, msg=name)
        self.assertAllClose(paper['loss_disc'], rescaled['loss_disc'])
        model = self.by_hand(objective='paper')
        self.assertAllClose(model.objectives(paper)['autoencoder'], expected['loss_ae'] + .01 * expected['loss_adv']
                            + .01 * expected['loss_cycle'] + .1 * expected['loss_smooth'], rtol=1e-5)

    def test_sums_of_the_one_objective_are_means_of_the_other(self):
        images = tf.random.stateless_uniform([4, 8, 8, 3], [0, 1], -1, 1)
        found = {}
        for objective in ('rescaled', 'paper'):
            model = models.create('aeai', (8, 8, 3), 2, depth=2, latent=5, latent_width=2, objective=objective)
            found[objective] = model.loss_terms(images, model.random_inputs(images))
        pixels, latent_size = 8 * 8 * 3, 5 * 2 * 2
        for tag, size in (('loss_ae', pixels / 2), ('loss_smooth', pixels), ('loss_cycle', latent_size), ('loss_adv', 1),
                          ('loss_disc', 1)):
            self.assertAllClose(found['rescaled'][tag], size * found['paper'][tag], rtol=1e-5, msg=tag)

    def test_several_alphas_are_a_grid(self):
        terms, singles = self.terms(n_alphas=3), [self.terms(alpha=np.full(3, a)) for a in (0, .5, 1)]
        for tag, value in terms.items():
            self.assertAllClose(value, np.mean([single[tag] for single in singles]), rtol=1e-5, msg=tag)

    def test_a_batch_of_one_is_its_own_partner(self):
        model = self.by_hand()
        terms = model.loss_terms(column([.3]), {'alpha': column([.2]), 'permutation': tf.constant([0])})
        self.assertAllClose(terms['loss_smooth'], 0)
        self.assertAllClose(terms['loss_adv'], softplus(np.array([-1.8])))

    def gradients(self, model, images, random_inputs):
        """Gradients of the autoencoder's and discriminator's variables, as in a training step."""
        taken = {}

        def update(tape, objectives):
            taken.update({name: tape.gradient(value, model.variables_of(name)) for name, value in objectives.items()
                          if value is not None})
        model.update, model.random_inputs = update, lambda images: random_inputs
        model.train_step((images, tf.zeros([len(images)], tf.int64)))
        return taken

    @parameterized.parameters('acai', 'vgg')
    def test_the_gradient_of_the_derivative_equals_that_of_double_backward(self, architecture):
        model = models.create('aeai', (16, 16, 1), 2, depth=3, latent=2, latent_width=2, architecture=architecture)
        latents, direction = (tf.random.stateless_normal([4, *model.latent_shape], [0, seed]) for seed in (1, 2))
        sources = model.decoder.trainable_variables

        def forward():
            return model.decode_along(latents, direction, training=True)[1]

        def double_backward():
            # u -> J^T u is linear in u, and its derivative in u, against v, is J v.
            with tf.GradientTape() as outer:
                u = tf.zeros([4, 16, 16, 1])
                outer.watch(u)
                with tf.GradientTape() as inner:
                    inner.watch(latents)
                    images = model.decode(latents, training=True)
                backward = inner.gradient(images, latents, output_gradients=u)
            return outer.gradient(backward, u, output_gradients=direction)

        found = []
        for derivative in (forward, double_backward):
            with tf.GradientTape() as tape:
                energy = tf.reduce_sum(tf.square(derivative()))
            # A linear decoder's last bias does not affect the derivative.
            gradients = [g for g in tape.gradient(energy, sources) if g is not None]
            self.assertGreaterEqual(len(gradients), len(sources) - 1)
            found.append([energy, *gradients])
        for a, b in zip(*found):
            self.assertLessEqual(tf.norm(a - b), 1e-5 * tf.norm(b))

    @parameterized.parameters('wgt_adv', 'wgt_cycle', 'wgt_smooth')
    def test_an_ablation_is_the_full_system_with_a_weight_of_zero(self, left_out):
        images = tf.random.stateless_uniform([4, 16, 16, 1], [0, 1], -1, 1)
        ablation, full = (models.create('aeai', (16, 16, 1), 2, depth=2, latent=2, **given) for given in ({left_out: 0}, {}))
        random_inputs = full.random_inputs(images)
        for model in (ablation, full):
            model.compile()
        weight = full.weight
        full.weight = lambda name: _Zero() if name == left_out else weight(name)  # computed, and multiplied by 0
        expected, gradients = self.gradients(full, images, random_inputs), self.gradients(ablation, images, random_inputs)
        self.assertEqual('critic' in gradients, left_out != 'wgt_adv')
        for name, values in gradients.items():
            for a, b in zip(values, expected[name]):
                self.assertAllClose(a, b, rtol=1e-5, atol=1e-7)

    def test_without_the_discriminator_it_is_neither_trained_nor_computed(self):
        model = models.create('aeai', (16, 16, 1), 2, depth=2, latent=2, wgt_adv=0)
        model.compile()
        model.critic_score = None  # a call would fail
        before = model.critic.get_weights()
        terms = model.train_step((tf.random.stateless_uniform([4, 16, 16, 1], [0, 1]), tf.zeros([4], tf.int64)))
        self.assertAllEqual([terms['loss_adv'], terms['loss_disc']], [0, 0])
        for a, b in zip(before, model.critic.get_weights()):
            self.assertAllEqual(a, b)

    def test_weights_are_the_objectives_unless_they_are_given(self):
        def weights(**kwargs):
            model = models.create('aeai', (16, 16, 1), 2, depth=1, latent=1, **kwargs)
            return [model.weight(f'wgt_{term}') for term in ('adv', 'cycle', 'smooth')]
        self.assertEqual(weights(), [.1, .01, .001])
        self.assertEqual(weights(objective='paper'), [.01, .01, .1])
        self.assertEqual(weights(objective='paper', wgt_cycle=0, wgt_smooth=.5), [.01, 0, .5])

    def test_the_discriminator_has_its_own_rate(self):
        model = models.create('aeai', (16, 16, 1), 2, depth=1, latent=1, disc_lr=0.003)
        model.compile(lr=0.01)
        self.assertAllClose({name: o.learning_rate.numpy() for name, o in model.optimizers.items()},
                            {'autoencoder': 0.01, 'critic': 0.003, 'classifier': 0.01})

    def test_mixed_precision_is_refused_where_the_decoder_is_differentiated(self):
        with self.assertRaisesRegex(UsageError, 'mixed_bfloat16.*use precision=float32, or wgt_smooth=0'):
            models.create('aeai', (16, 16, 1), 2, depth=1, dtype='mixed_bfloat16')
        models.create('aeai', (16, 16, 1), 2, depth=1, dtype='mixed_bfloat16', wgt_smooth=0)


class _Zero(float):
    """A zero that is treated as a nonzero weight."""

    def __bool__(self):
        return True


if __name__ == '__main__':
    tf.test.main()
