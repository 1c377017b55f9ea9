"""Runs the code blocks of docs/python.md as one script, as a reader would."""

import contextlib
import os
import runpy

import tensorflow as tf
from programs import code_blocks


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


if __name__ == '__main__':
    tf.test.main()
