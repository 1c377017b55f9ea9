"""Runs every code block of docs/adding.md, as a reader would."""

import json
import os
import re
import subprocess
import sys

import tensorflow as tf
from programs import ROOT


class AddingTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.blocks = re.findall(r'^```(\w+)\n(.*?)^```$', (ROOT / 'docs' / 'adding.md').read_text(), re.M | re.S)

    def test_each_example_has_less_than_40_lines(self):
        self.assertNotEmpty(self.blocks)
        for _, text in self.blocks:
            self.assertLess(text.count('\n'), 40, text[:40])

    def test_every_block_runs(self):
        directory = self.create_tempdir().full_path
        os.makedirs(os.path.join(directory, 'bin'))
        for name in os.listdir(ROOT / 'bin'):
            os.symlink(ROOT / 'bin' / name, os.path.join(directory, 'bin', name))
        environment = {**os.environ, 'PYTHONPATH': str(ROOT),
                       'PATH': os.pathsep.join([os.path.join(directory, 'bin'), os.path.dirname(sys.executable),
                                                os.environ['PATH']])}
        files = {re.match(r'# (\w+\.py)\n', text)[1]: text for language, text in self.blocks if language == 'python'}
        for name, text in files.items():
            with open(os.path.join(directory, name), 'w') as file:
                file.write(text)
        scripts = [text for language, text in self.blocks if language == 'bash']
        outputs = []
        for command in [*(['bash', '-euo', 'pipefail', '-c', text] for text in scripts),
                        *([sys.executable, name] for name in files)]:
            done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f'{command}\n{done.stderr}')
            outputs.append(done.stdout)
        networks, system, data, metric = outputs[:len(scripts)]
        for output in (networks, system, data):
            self.assertIn('final metrics', output)
        self.assertRegex(system, r'loss_sparse .*\n(.*\n)*.*--sparsity: weight of the mean')
        self.assertCountEqual(json.loads(metric), ['asymmetry', 'mse', 'rmse'])
        live, exported = re.findall(r"{'asymmetry': ([\d.e-]+)}", outputs[-1])
        self.assertNear(float(live), float(exported), 1e-5)
        self.assertGreater(float(live), 0)


if __name__ == '__main__':
    tf.test.main()
