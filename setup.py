"""Shim for tools that look for a setup.py; the package's metadata is in pyproject.toml."""

import setuptools

setuptools.setup()
