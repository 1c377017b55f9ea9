"""Layers of the package: a module imports only from its own layer and from those above it.

Imports within functions count too.
"""

import ast

import tensorflow as tf
from programs import ROOT

# From the ground floor up. A layer is a module, a package, or several of them.
LAYERS = [
    {'errors', 'files', 'images', 'interpolation', 'losses', 'quiet', 'randomness', 'stopping',
     'tracing', 'values'},
    {'options'}, {'registry'}, {'versions'}, {'runs'}, {'architectures'}, {'datasets'}, {'models'}, {'latents'}, {'export'},
    {'pretrained'}, {'clusterers'}, {'metrics'}, {'training'}, {'figures'}, {'studies'}, {'explorer'}, {'data_prep'},
    {'benchmark'}, {'cli'}]
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules():
    """Returns {dotted name: syntax tree} of all modules of acai_tf and data_prep."""
    paths = [path for package in ('acai_tf', 'data_prep') for path in sorted((ROOT / package).rglob('*.py'))]
    return {'.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__'): ast.parse(path.read_text())
            for path in paths}


def imported(tree):
    """Yields (line, dotted name) of all imports anywhere in a module; the name may be a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f'{"." * node.level}{node.module or ""}.{alias.name}') for alias in node.names)


def layer(name):
    """Returns the layer of a module, or of a name in it; None for other packages and for acai_tf itself."""
    if name == 'data_prep.create_datasets':
        return 'cli'  # the same program at its released path
    package, _, rest = name.partition('.')
    if package == 'acai_tf':
        first = rest.partition('.')[0]
        return None if first in ('', '__version__') else first
    return package if package in LEVELS else None


class ImportsTest(tf.test.TestCase):

    def test_every_module_has_a_layer(self):
        self.assertEqual({name for name in modules() if name != 'acai_tf' and layer(name) not in LEVELS}, set())

    def test_imports_come_from_above(self):
        wrong = [f'{name}, line {line}: imports {other}' for name, tree in modules().items() if layer(name)
                 for line, other in imported(tree)
                 if other.startswith('.') or layer(other) and LEVELS[layer(other)] > LEVELS[layer(name)]]
        self.assertEqual(wrong, [])

    def test_flags_are_for_programs_alone(self):
        wrong = [f'{name}, line {line}' for name, tree in modules().items() if layer(name) != 'cli'
                 for line, other in imported(tree) if other.partition('.')[0] == 'absl']
        self.assertEqual(wrong, [])

    def test_a_violation_would_be_found(self):
        tree = ast.parse('def f():\n  from acai_tf import metrics\n  import acai_tf.options as o')
        self.assertEqual([(line, layer(name)) for line, name in imported(tree)], [(2, 'metrics'), (3, 'options')])


if __name__ == '__main__':
    tf.test.main()
