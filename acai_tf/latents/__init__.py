"""Reads latents of images (reading.py), and has tools for latents: a mixture, a projection, neighbors, manifolds."""
