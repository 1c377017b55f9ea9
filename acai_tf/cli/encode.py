"""Encodes a data set, or a folder of images, with an exported model.

  acai_encode --saved_model=experiments/.../export --split=test --output=latents.npz
  acai_encode --saved_model=experiments/.../export --images_dir=photos --output=latents.csv

An .npz file holds `latents` float32 [n, h, w, channels], `labels` int64 [n] and `class_names`. For a folder, it holds
`paths`, and labels only if all images are in class folders. If the model knows all the class names, labels are the model's;
otherwise classes are numbered in alphabetical order. A .npy file holds only the latents. A .csv or .parquet file has one row
for each image, with the columns path, label, class, latent_0, latent_1, ...
"""

from acai_tf.cli import program


def define_flags(flags):
    from acai_tf.cli.flags import define_data_flags
    from acai_tf.latents.reading import SPLITS
    flags.under('model')
    flags.string('saved_model', None, 'the exported model', is_path=True)
    flags.integer('batch', 512, 'images encoded at a time', lower_bound=1)
    define_data_flags(flags)
    flags.string('images_dir', '', 'a folder of images, instead of --dataset', is_path=True)
    flags.boolean('strict', False, 'with --images_dir: stop at an image that cannot be read, instead of skipping it')
    flags.enum('split', 'test', SPLITS, 'which images of the data set')
    flags.under('output')
    flags.string('output', None, 'the file to write: .npz, .npy, .csv or .parquet', is_path=True)


def run(flags):
    from acai_tf import export
    from acai_tf.images import by
    from acai_tf.latents import writing
    model = flags.required('saved_model')
    writing.check_output(flags.required('output'))
    output = flags.output()
    loaded = export.load(model)
    encoded = (_of_folder if flags.images_dir else _of_dataset)(flags, loaded)
    writing.write(output, **encoded)
    latents, names = encoded['latents'], encoded.get('class_names')
    print(f'{output}: {len(latents):,} latents of {by(latents.shape[1:])}'
          + (f', labels of {len(names):,} classes' if names else ''))


def _of_dataset(flags, loaded):
    from acai_tf.cli.flags import open_dataset
    from acai_tf.latents import reading
    from acai_tf.metrics.base import check_fits
    flags.refuse('without --images_dir', 'strict')
    dataset = open_dataset(flags, loaded.config)
    check_fits(loaded, dataset)
    latents, labels = reading.of_dataset(loaded, dataset, flags.split, batch=flags.batch)
    return {'latents': latents, 'labels': labels, 'class_names': dataset.class_names}


def _of_folder(flags, loaded):
    from acai_tf.latents import reading
    from data_prep import image_folder
    flags.refuse('with --images_dir', 'dataset', 'split', 'data_dir', 'cache_gib', 'coil_object', 'resolution')
    listed = image_folder.find_images(flags.images_dir)
    latents, paths = reading.of_files(listed.paths, loaded, flags.batch, flags.strict)
    class_of = dict(zip(listed.paths, listed.classes))
    if None in class_of.values():
        return {'latents': latents, 'paths': paths}
    found = set(class_of.values())
    names = loaded.class_names if found <= {*(loaded.class_names or ())} else sorted(found)
    numbers = {name: number for number, name in enumerate(names)}
    return {'latents': latents, 'paths': paths, 'labels': [numbers[class_of[path]] for path in paths], 'class_names': names}


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
