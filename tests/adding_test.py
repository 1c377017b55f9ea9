"""Runs every code block of docs/adding.md, as a reader would."""

import contextlib
import io
import json
import os
import re
import runpy
import subprocess
import sys
from unittest import mock

import tensorflow as tf
from programs import ROOT, code_blocks, run


class AddingTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.blocks = code_blocks('adding.md')

    def test_each_example_has_less_than_40_lines(self):
        self.assertNotEmpty(self.blocks)
        for _, text in self.blocks:
            self.assertLess(text.count('\n'), 40, text[:40])

    def run_bash(self, text):
        """What a block prints; bash expands it, and the programs that it names run here."""
        programs = [path.name for path in (ROOT / 'bin').iterdir()]
        shown = ''.join(f"{name}() {{ printf '%s\\0' {name} \"$@\"; echo; }}\n" for name in programs)
        done = subprocess.run(['bash', '-euo', 'pipefail', '-c', shown + text], cwd=self.directory, capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        printed = ''
        for line in done.stdout.splitlines():
            program, *flags, _ = line.split('\0')
            code, out, err = run(program, *flags, cwd=self.directory)
            self.assertEqual(code, 0, f'{line}\n{err}')
            printed += out
        return printed

    def run_python(self, name):
        """What a file prints that runs as a script, next to the others."""
        with (contextlib.chdir(self.directory), mock.patch.object(sys, 'path', [self.directory, *sys.path]),
              contextlib.redirect_stdout(io.StringIO()) as out):
            runpy.run_path(name, run_name='__main__')
        return out.getvalue()

    def test_every_block_runs(self):
        self.directory = self.create_tempdir().full_path
        files = {re.match(r'# (\w+)\.py\n', text)[1]: text for language, text in self.blocks if language == 'python'}
        for name, text in files.items():
            self.assertNotIn(name, sys.modules)
            self.addCleanup(sys.modules.pop, name, None)
            with open(os.path.join(self.directory, f'{name}.py'), 'w') as file:
                file.write(text)
        networks, system, data, metric = [self.run_bash(text) for language, text in self.blocks if language == 'bash']
        printed = [self.run_python(f'{name}.py') for name in files]
        for output in (networks, system, data):
            self.assertIn('final metrics', output)
        self.assertRegex(system, r'loss_sparse .*\n(.*\n)*.*--sparsity: weight of the mean')
        self.assertCountEqual(json.loads(metric), ['asymmetry', 'mse', 'rmse'])
        live, exported = re.findall(r"{'asymmetry': ([\d.e-]+)}", printed[-1])
        self.assertNear(float(live), float(exported), 1e-5)
        self.assertGreater(float(live), 0)


if __name__ == '__main__':
    tf.test.main()
