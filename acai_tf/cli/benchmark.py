"""Measures how fast this machine trains, reads data, evaluates, encodes and clusters, compared with its rate of matrix
multiplications.

  acai_benchmark --what=train,input,line_eval,encode,kmeans --output=speed.json

Prints a table, then the same results as one line of JSON, which is also written to --output.
"""

import json

from acai_tf import files
from acai_tf.cli import program


def define_flags(flags):
    flags.under('measurements')
    flags.list('what', ['train', 'input', 'line_eval'], 'what to measure, separated by commas')
    flags.under('output')
    flags.string('output', None, 'the JSON file to write', is_path=True)


def run(flags):
    from acai_tf import benchmark
    output = flags.output()
    results = benchmark.run(flags.what)
    print(benchmark.table(results))
    print(json.dumps(results), flush=True)
    if output:
        files.write_json(results, output)


def main(argv=None):
    return program.main(__doc__, define_flags, run, argv)
