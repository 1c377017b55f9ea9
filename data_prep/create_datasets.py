#!/usr/bin/env python3
"""The program acai_create_datasets, under its name in the released code."""

import sys

from acai_tf.cli.create_datasets import main

if __name__ == '__main__':
    sys.exit(main())
