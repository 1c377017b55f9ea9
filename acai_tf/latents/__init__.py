"""Reads latents of images (reading.py), and has tools for latents: a mixture, a projection, neighbors, manifolds."""

from acai_tf.latents import mixture  # noqa: F401
