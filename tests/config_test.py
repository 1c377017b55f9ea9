import dataclasses
import json

import tensorflow as tf

from acai_tf.config import TrainConfig
from acai_tf.errors import UsageError


class TrainConfigTest(tf.test.TestCase):

    def test_released_defaults(self):
        config = TrainConfig()
        self.assertEqual((config.train_dir, config.lr, config.batch, config.dataset, config.total_kimg),
                         ('./experiments', 0.0001, 64, 'lines32', 16384))
        self.assertEqual((config.depth, config.latent, config.latent_width), (64, 16, 4))

    def test_json_round_trip_keeps_every_option(self):
        config = TrainConfig(lr=0.5, seed=3, hyperparameters={'reg': 0.75}).validate()
        self.assertEqual(TrainConfig.from_json(config.to_json()), config)
        self.assertIn('tensorflow', json.loads(config.to_json())['versions'])

    def test_unknown_options_in_json_are_refused(self):
        with self.assertRaisesRegex(ValueError, 'unknown options depht'):
            TrainConfig.from_json('{"depht": 3}')

    def test_values_of_another_type_in_json_are_refused(self):
        for text, message in (('[]', 'not a JSON object'), ('{"depth": "3"}', "depth is '3', not of type int"),
                              ('{"lr": true}', 'lr is True, not of type float'), ('{"hyperparameters": 1}', 'of type dict')):
            with self.assertRaisesRegex(ValueError, message):
                TrainConfig.from_json(text)
        self.assertEqual(TrainConfig.from_json('{"lr": 1}').lr, 1)

    def test_a_batch_of_one_where_images_are_compared(self):
        for model in ('lrae', 'dracai', 'midrae'):
            with self.assertRaisesRegex(UsageError, f'--batch=1: {model} needs at least 2'):
                TrainConfig(model=model, batch=1).validate()
        TrainConfig(model='acai', batch=1).validate()

    def test_an_odd_batch_where_its_halves_are_mixed(self):
        with self.assertRaisesRegex(UsageError, '--batch=63: gaia needs a multiple of 2.*choose 64'):
            TrainConfig(model='gaia', batch=63).validate()
        TrainConfig(model='acai', batch=63).validate()

    def test_values_outside_their_range(self):
        for name, value in (('total_kimg', -1), ('total_kimg', 0), ('batch', 0), ('depth', -2), ('strategy', 'tpu'),
                            ('precision', 'float16'), ('lr', float('nan')), ('keep_checkpoints', 0)):
            with self.assertRaisesRegex(UsageError, f'--{name}='):
                TrainConfig(**{name: value}).validate()

    def test_options_of_the_data_reach_it(self):
        dataset = TrainConfig(dataset='coil100', data_dir='/d', coil_object=7, resolution=64, cache_gib=0.5).open_dataset()
        self.assertEqual((dataset.directory, dataset.image_shape), ('/d', (64, 64, 3)))
        for options, message in (({'dataset': 'lines32', 'coil_object': 7}, 'coil_object does not apply to lines32'),
                                 ({'dataset': 'coil100', 'coil_object': 101}, 'coil_object=101')):
            with self.assertRaisesRegex(UsageError, message):
                TrainConfig(**options).open_dataset()

    def test_hyperparameters_are_filled_in(self):
        config = TrainConfig(depth=24, hyperparameters={'reg': '0.5'}).validate()
        self.assertEqual(config.hyperparameters, {'advweight': 0.5, 'advdepth': 24, 'reg': 0.5})

    def test_what_may_change_on_resume(self):
        config = TrainConfig(total_kimg=10).validate()
        for change in ({'total_kimg': 20}, {'report_kimg': 1}, {'strategy': 'one'}, {'jit': 'off'}, {'data_dir': 'x'},
                       {'keep_checkpoints': 9}, {'checkpoint_steps': 5}, {'train_dir': 'elsewhere'}):
            self.assertEqual(config.difference(dataclasses.replace(config, **change)), [], change)
        for change in ({'total_kimg': 5}, {'lr': 1.0}, {'seed': 1}, {'batch': 32}, {'precision': 'mixed_bfloat16'},
                       {'deterministic': True}):
            (name, value), = change.items()
            self.assertEqual(config.difference(dataclasses.replace(config, **change)),
                             [(name, getattr(config, name), value)])
        other = TrainConfig(total_kimg=10, hyperparameters={'reg': 0.9}).validate()
        self.assertEqual(config.difference(other), [('reg', 0.2, 0.9)])


if __name__ == '__main__':
    tf.test.main()
