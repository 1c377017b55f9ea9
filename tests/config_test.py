import json

import tensorflow as tf

from acai_tf import datasets
from acai_tf.errors import UsageError
from acai_tf.training.config import TrainConfig


def content(config):
    """Its content of config.json."""
    return json.loads(config.to_json())


class TrainConfigTest(tf.test.TestCase):

    def test_released_defaults(self):
        config = TrainConfig()
        self.assertEqual((config.train_dir, config.lr, config.batch, config.dataset, config.total_kimg),
                         ('./experiments', 0.0001, 64, 'lines32', 16384))
        self.assertEqual((config.depth, config.latent, config.latent_width), (64, 16, 4))

    def test_json_round_trip_keeps_every_option(self):
        config = TrainConfig(lr=0.5, seed=3, reg=0.75, dataset='pole64', resolution=32, architecture='vgg', gain=2).resolve()
        config.fingerprint = {'nclass': 1}
        again = TrainConfig.from_dict(content(config)).resolve()
        self.assertEqual(content(again), content(config))
        self.assertEqual((again.model_options['reg'], again.architecture_options['gain'], again.dataset_options),
                         (0.75, 2.0, {'resolution': 32}))
        self.assertEqual((again.data.image_shape, again.run_path), ((32, 32, 1), config.run_path))
        self.assertIn('tensorflow', content(config)['versions'])

    def test_unknown_options_in_json_are_refused(self):
        with self.assertRaisesRegex(UsageError, 'unknown options depht'):
            TrainConfig.from_dict({'depht': 3})
        with self.assertRaisesRegex(UsageError, 'the model acai has no option rge'):
            TrainConfig.from_dict({'model_options': {'rge': 3}}).resolve()

    def test_values_of_another_type_in_json_are_refused(self):
        for values, message in (({'depth': 'x'}, "depth='x' is not of type int"), ({'depth': [3]}, 'not of type int'),
                                ({'depth': None}, 'depth=None is not of type int'),
                                ({'lr': True}, 'lr=True is not of type float'),
                                ({'deterministic': 'maybe'}, "deterministic='maybe' is not of type bool")):
            with self.assertRaisesRegex(UsageError, message):
                TrainConfig.from_dict(values)
        self.assertEqual(TrainConfig.from_dict({'lr': 1}).lr, 1)

    def test_a_batch_of_one_where_images_are_compared(self):
        for model in ('lrae', 'dracai', 'midrae'):
            with self.assertRaisesRegex(UsageError, f'--batch=1: {model} needs at least 2'):
                TrainConfig(model=model, batch=1).resolve()
        TrainConfig(model='acai', batch=1).resolve()

    def test_an_odd_batch_where_its_halves_are_mixed(self):
        with self.assertRaisesRegex(UsageError, '--batch=63: gaia needs a multiple of 2.*choose 64'):
            TrainConfig(model='gaia', batch=63).resolve()
        TrainConfig(model='acai', batch=63).resolve()

    def test_a_base_s_batch_and_options(self):
        own = self.create_tempfile('own.py', '''
from acai_tf.models.baseline import AEBaseline
from acai_tf.options import Option
class Pairs(AEBaseline):
    smallest_batch, batch_multiple = 6, 3
class Same(AEBaseline):
    reg = Option(0.5, 'an option of acai too')
''').full_path
        for batch, message in ((3, '--batch=3: acai needs at least 6'),
                               (8, '--batch=8: acai needs a multiple of 3.*choose 9')):
            with self.assertRaisesRegex(UsageError, message):
                TrainConfig(base=f'{own}:Pairs', batch=batch).resolve()
        with self.assertRaisesRegex(UsageError, '^base=acai cannot be a base; choose baseline'):
            TrainConfig(base='acai').resolve()
        with self.assertRaisesRegex(UsageError, 'both the model acai and the base .*:Same have an option reg; rename one'):
            TrainConfig(base=f'{own}:Same').resolve()

    def test_values_outside_their_range(self):
        for name, value in (('total_kimg', -1), ('total_kimg', 0), ('batch', 0), ('seed', -1), ('depth', -2),
                            ('strategy', 'tpu'), ('precision', 'float16'), ('lr', float('nan')), ('keep_checkpoints', 0)):
            with self.assertRaisesRegex(UsageError, f'^{name}='):
                TrainConfig(**{name: value})

    def test_an_option_that_nothing_has(self):
        with self.assertRaisesRegex(UsageError, 'the model acai has no option beta, and neither do architecture and data '
                                    'set; they have advweight, advdepth, critic_lr, critic_beta_2, reg; '
                                    'beta is an option of vae, vqvae$'):
            TrainConfig(beta=2).resolve()
        with self.assertRaisesRegex(UsageError, 'they have none; resolution is an option of pole64, coil100, records:DIR$'):
            TrainConfig(model='baseline', resolution=16).resolve()
        with self.assertRaisesRegex(UsageError, 'they have none$'):
            TrainConfig(model='baseline', charm=1).resolve()

    def test_options_of_the_data_reach_it(self):
        dataset = TrainConfig(dataset='coil100', data_dir='/d', coil_object=7, resolution=64, cache_gib=0.5).resolve().data
        self.assertEqual((dataset.directory, dataset.image_shape), ('/d', (64, 64, 3)))
        self.assertEqual((dataset.options, dataset._cache_bytes), ({'coil_object': 7, 'resolution': 64}, 2**29))
        for options, message in (({'dataset': 'lines32', 'coil_object': 7}, 'has no option coil_object'),
                                 ({'dataset': 'coil100', 'coil_object': 101}, 'coil_object=101')):
            with self.assertRaisesRegex(UsageError, message):
                TrainConfig(**options).resolve()
        with self.assertRaisesRegex(UsageError, 'the data set lines32 has no option coil_object; it has none'):
            datasets.get('lines32', coil_object=7)

    def test_options_of_the_model_are_filled_in(self):
        config = TrainConfig(depth=24, reg='0.5').resolve()
        self.assertEqual(config.model_options, {'advweight': 0.5, 'advdepth': 24, 'critic_lr': 0.0, 'critic_beta_2': 0.999,
                                                'reg': 0.5})

    def test_resolving_twice_changes_nothing(self):
        config = TrainConfig(reg=0.5).resolve()
        before, data = content(config), config.data
        self.assertIs(config.resolve(), config)
        self.assertEqual(content(config), before)
        self.assertIs(config.data, data)

    def test_what_may_change_on_resume(self):
        def difference(**change):
            return TrainConfig(**{'total_kimg': 10, **change}).resolve().difference(before)
        config = TrainConfig(total_kimg=10).resolve()
        before = content(config)
        for change in ({'total_kimg': 20}, {'report_kimg': 1}, {'strategy': 'one'}, {'jit': 'off'}, {'data_dir': 'x'},
                       {'keep_checkpoints': 9}, {'checkpoint_steps': 5}, {'train_dir': 'elsewhere'}, {'cache_gib': 1},
                       {'report_metrics': 'rank'}):
            self.assertEqual(difference(**change), [], change)
        for change in ({'total_kimg': 5}, {'lr': 1.0}, {'seed': 1}, {'batch': 32}, {'precision': 'mixed_bfloat16'},
                       {'deterministic': True}):
            (name, value), = change.items()
            self.assertEqual(difference(**change), [(name, getattr(config, name), value)])
        self.assertEqual(difference(reg=0.9), [('reg', 0.2, 0.9)])
        self.assertEqual(difference(model='baseline'), [
            ('model', 'acai', 'baseline'), ('advdepth', 64, None), ('advweight', 0.5, None),
            ('critic_beta_2', 0.999, None), ('critic_lr', 0.0, None), ('reg', 0.2, None)])


if __name__ == '__main__':
    tf.test.main()
