"""Packaging of acai_tf."""

import glob
import pathlib
import re

import setuptools

_HERE = pathlib.Path(__file__).parent


def _version():
    text = (_HERE / 'acai_tf' / '__init__.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '(.+)'$", text, re.MULTILINE).group(1)


setuptools.setup(
    name='acai_tf',
    version=_version(),
    description='Autoencoders whose latent space interpolates well: ACAI and what followed it, in TensorFlow and Keras',
    long_description=(_HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=setuptools.find_packages(include=['acai_tf', 'acai_tf.*', 'data_prep', 'data_prep.*']),
    package_data={'acai_tf.explorer': ['static/*']},
    scripts=sorted(glob.glob('bin/*')),
    python_requires='>=3.11',
    install_requires=(_HERE / 'requirements.txt').read_text(encoding='utf-8').splitlines(),
    extras_require={'test': ['pytest>=8', 'pytest-xdist>=3.6', 'ruff==0.17.6', 'hypothesis>=6.100,<7'],
                    'browser': ['selenium>=4.20,<5'],
                    'serving': ['tensorflow-serving-api>=2.21,<2.22']},
)
