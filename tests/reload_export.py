"""A program that runs exports where acai_tf and keras cannot be imported; see export_test.py.

  reload_export.py INPUTS.npz OUTPUTS.npz EXPORT...
"""

import sys

for name in ('acai_tf', 'keras'):
    sys.modules[name] = None
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

answers, inputs = {}, np.load(sys.argv[1], allow_pickle=False)
images, alpha, latents = (inputs[name] for name in ('images', 'alpha', 'latents'))
calls = {name: dict(images=images) for name in ('serving_default', 'encode', 'reconstruct', 'classify')}
calls['decode'] = dict(latents=latents)
calls['interpolate'] = dict(images_a=images, images_b=images[::-1], alpha=alpha)

def by_saved_model_load(path):
    signatures = tf.saved_model.load(path).signatures
    for name, arguments in calls.items():
        for key, value in signatures[name](**{k: tf.constant(v) for k, v in arguments.items()}).items():
            yield name, key, value.numpy()


def by_session(path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signatures = tf.compat.v1.saved_model.load(session, ['serve'], path).signature_def
        for name, arguments in calls.items():
            outputs = session.run({key: info.name for key, info in signatures[name].outputs.items()},
                                  {signatures[name].inputs[key].name: value for key, value in arguments.items()})
            for key, value in outputs.items():
                yield name, key, value


for path in sys.argv[3:]:
    for way in (by_saved_model_load, by_session):
        for name, key, value in way(path):
            answers['|'.join([way.__name__, path, name, key])] = value
np.savez(sys.argv[2], **answers)
