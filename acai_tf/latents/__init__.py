"""Latents of images (reading.py), and tools that work on latents: a mixture, a projection, neighbors, manifolds."""
