"""Shim for tools that need a setup.py; the package metadata is in pyproject.toml."""

import setuptools

setuptools.setup()
