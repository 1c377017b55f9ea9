"""Encodes a data set, or a folder of images, with an exported model: latents in an .npz file.

  acai_encode --saved_model=experiments/.../export --split=test --output=latents.npz
  acai_encode --saved_model=experiments/.../export --images_dir=photos --output=latents.npz

The file holds `latents` float32 [n, h, w, channels] and `labels` int64 [n]; for a folder `paths` instead of labels.
"""

from acai_tf import files
from acai_tf.cli import program


def define_flags(flags):
    from acai_tf.cli.flags import define_data_flags
    flags.string('saved_model', None, 'the exported model', is_path=True)
    flags.string('images_dir', '', 'a folder of images, instead of --dataset', is_path=True)
    flags.enum('split', 'test', ('train', 'test'), 'which images of the data set')
    flags.integer('batch', 512, 'images encoded at a time', lower_bound=1)
    flags.string('output', None, 'the file to write', is_path=True)
    define_data_flags(flags)


def run(flags):
    import numpy as np

    from acai_tf import export, images
    from acai_tf.cli.flags import open_dataset
    from acai_tf.latents import reading
    from acai_tf.metrics.base import check_fits
    loaded = export.load(flags.required('saved_model'))
    output = flags.output(needed=True)
    if flags.images_dir:
        flags.refuse('with --images_dir', 'dataset', 'split', 'data_dir', 'cache_gib', 'coil_object', 'resolution')
        paths = images.find(flags.images_dir)
        arrays = {'latents': reading.of_files(paths, loaded, flags.batch), 'paths': np.array(paths)}
    else:
        dataset = open_dataset(flags, loaded.config)
        check_fits(loaded, dataset)
        arrays = dict(zip(('latents', 'labels'), reading.of_dataset(loaded, dataset, flags.split, batch=flags.batch)))
    with files.atomic_write(output, 'wb') as file:
        np.savez(file, **arrays)
    print(f'{output}: {len(arrays["latents"]):,} latents of {"x".join(map(str, arrays["latents"].shape[1:]))}')


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
