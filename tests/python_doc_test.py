"""Runs the code blocks of docs/python.md as one script, as a reader would."""

import contextlib
import os
import re
import runpy
import subprocess
import sys

import tensorflow as tf
from programs import ROOT, code_blocks


class PythonDocTest(tf.test.TestCase):

    def test_the_blocks_run_in_order(self):
        blocks = [text for language, text in code_blocks('python.md') if language == 'python']
        with contextlib.chdir(self.create_tempdir().full_path):
            with open('page.py', 'w') as file:
                file.write('\n'.join(blocks))
            made = runpy.run_path('page.py')
            self.assertContainsSubset(['cycle.keras', 'exports', 'lerp.png', 'summaries'], os.listdir())
        trained, loaded, exported = (made[name].encode(made['images']) for name in ('model', 'loaded', 'exported'))
        self.assertAllEqual(trained, loaded)
        self.assertAllClose(trained, exported, atol=1e-4)
        self.assertGreater(made['errors']['cycle'], 0)

    def test_one_import_makes_all_names_of_the_pages_known(self):
        text = ''.join(path.read_text() for path in (ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')))
        names = sorted(set(re.findall(r'\bacai_tf(?:\.[a-z_]\w*)*\.[A-Za-z_]\w*(?=\()', text)))
        self.assertContainsSubset(['acai_tf.latents.mixture.Mixture', 'acai_tf.pretrained.load'], names)
        script = 'import operator, sys, acai_tf\nfor name in sys.argv[1:]: operator.attrgetter(name[8:])(acai_tf)'
        subprocess.run([sys.executable, '-c', script, *names], cwd=ROOT, check=True)


if __name__ == '__main__':
    tf.test.main()
