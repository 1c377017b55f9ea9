"""Trains a single-layer classifier on the latents of an exported model, or on raw pixels, and tests it.

  acai_classify --saved_model=experiments/.../export --dataset=fashion32 --data_dir=data
  acai_classify --space=pixels --dataset=fashion32 --data_dir=data

Prints {"accuracy": percent of the test images, "train_accuracy": percent, "accuracy_by_class": {class: percent of its test
images}}, and writes it to --output.
"""

from acai_tf.cli import learned, program


def main(argv=None):
    return program.main(__doc__, lambda flags: learned.define_flags(flags, 'classify', 'class'),
                        lambda flags: learned.run(flags, 'classify'), argv)
