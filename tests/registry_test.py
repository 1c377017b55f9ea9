"""Registries of classes, and classes in users' files."""

import hashlib
import os
import sys

import tensorflow as tf

from acai_tf import architectures, clusterers, datasets, metrics, models, registry
from acai_tf.errors import UsageError
from acai_tf.options import declared
from acai_tf.registry import Registry


class FilesTestCase(tf.test.TestCase):
    """Writes files into a directory of the test."""

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'w') as file:
            file.write(text)
        return path


class RegistryTest(FilesTestCase):

    def setUp(self):
        super().setUp()
        package = os.path.join(self.directory, f'shapes_{id(self)}')
        os.makedirs(package)
        self.package = os.path.basename(package)
        self.write(f'{self.package}/__init__.py', '')
        self.write(f'{self.package}/base.py', 'class Shape:\n    pass\n')
        self.write(f'{self.package}/circle.py',
                   f'from {self.package}.base import Shape\n\n\nclass Circle(Shape):\n    pass\n')
        self.write(f'{self.package}/polygons.py', 'class Triangle:\n    pass\n')
        sys.path.insert(0, self.directory)
        self.addCleanup(sys.path.remove, self.directory)
        self.shapes = Registry('shape', self.package, {'circle': 'Circle', 'triangle': 'polygons:Triangle'},
                               base=f'{self.package}.base:Shape', others='sides:N')

    def test_a_module_is_imported_when_its_class_is_asked_for(self):
        self.assertEqual(self.shapes.names(), ['circle', 'triangle'])
        self.assertNotIn(f'{self.package}.circle', sys.modules)
        self.assertEqual(self.shapes.get('circle').__name__, 'Circle')
        self.assertIn(f'{self.package}.circle', sys.modules)
        self.assertNotIn(f'{self.package}.polygons', sys.modules)

    def test_names_of_classes(self):
        circle, triangle = map(self.shapes.get, self.shapes.names())
        own = type('Own', (circle,), {})
        self.assertEqual([self.shapes.name_of(cls) for cls in (circle, triangle, own)], ['circle', 'triangle', 'Own'])

    def test_unknown_names_are_refused_with_those_there_are(self):
        with self.assertRaisesRegex(UsageError, "^unknown shape 'square'; choose one of circle, triangle, sides:N, or "
                                    'path/to/file.py:Name for your own$'):
            self.shapes.get('square')

    def test_classes_of_files_must_derive_from_the_base(self):
        path = self.write('own.py', f'from {self.package}.base import Shape\n\n\nclass Oval(Shape):\n    pass\n\n\n'
                          'class Other:\n    pass\n')
        self.assertEqual(self.shapes.get(f'{path}:Oval').__name__, 'Oval')
        self.assertIs(self.shapes.get(f'{path}:Oval'), self.shapes.get(f'{path}:Oval'))
        message = f'^Other of {path}:Other does not derive from {self.package}.base.Shape$'
        with self.assertRaisesRegex(UsageError, message):
            self.shapes.get(f'{path}:Other')

    def test_every_registered_class_can_be_had_and_knows_its_name(self):
        for kind in (architectures, clusterers, datasets, metrics, models):
            for name in kind.REGISTRY.names():
                cls = kind.REGISTRY.get(name)
                self.assertEqual(kind.REGISTRY.name_of(cls), name)
                for key, option in declared(cls).items():
                    self.assertNotEmpty(option.help, f'{name} {key}')
                    self.assertEqual(option.parse(option.default), option.default)
            with self.assertRaisesRegex(UsageError, f'^unknown {kind.REGISTRY.kind} .nope.; choose one of '):
                kind.REGISTRY.get('nope')


class ReferenceTest(FilesTestCase):

    def test_what_is_a_reference(self):
        for text in ('file.py:Name', '/a b/c.py:X', '~/m.py:X', 'c:/d.py:X'):
            self.assertTrue(registry.is_reference(text), text)
        for text in ('acai', 'records:DIR', 'file.py', 'file.txt:Name', ''):
            self.assertFalse(registry.is_reference(text), text)

    def test_paths_and_checksums(self):
        path = self.write('a.py', 'X = 1\n')
        self.assertEqual(registry.absolute(f'{os.path.relpath(path)}:X'), f'{path}:X')
        self.assertEqual(registry.absolute('~/m.py:X'), os.path.expanduser('~/m.py:X'))
        self.assertEqual(registry.checksum(f'{path}:X'), hashlib.sha256(b'X = 1\n').hexdigest())

    def test_a_file_is_run_once(self):
        path = self.write('once.py', f'with open({self.directory!r} + "/runs", "a") as file:\n    file.write("x")\n\n\n'
                          'class A:\n    pass\n\n\nclass B:\n    pass\n')
        for reference in (f'{path}:A', f'{path}:B', f'{os.path.relpath(path)}:A'):
            registry.load(reference)
        with open(os.path.join(self.directory, 'runs')) as file:
            self.assertEqual(file.read(), 'x')

    def test_a_file_that_failed_is_run_again(self):
        path = self.write('mended.py', 'class A(:')
        with self.assertRaisesRegex(UsageError, 'mended.py cannot be run .invalid syntax, line 1 of .*mended.py'):
            registry.load(f'{path}:A')
        self.write('mended.py', 'class A:\n    pass\n')
        self.assertEqual(registry.load(f'{path}:A').__name__, 'A')

    def test_what_cannot_be_used(self):
        own = self.write('own.py', 'def function():\n    pass\n')
        failing = self.write('failing.py', '\n\nimport no_such_module')
        nested = self.write('nested.py', f'from acai_tf import registry\n\nregistry.load({failing!r} + ":A")\n')
        for reference, message in (
                (f'{self.directory}/nothing.py:A', 'nothing.py does not exist'), (f'{own}:Nothing', 'own.py has no Nothing'),
                (f'{own}:function', 'own.py:function is not a class'),
                (f'{failing}:A', 'failing.py fails .failing.py, line 3: ModuleNotFoundError: No module'),
                (f'{nested}:A', '^[^ ]*failing.py fails .failing.py, line 3: ModuleNotFoundError: No module')):
            with self.assertRaisesRegex(UsageError, message):
                models.REGISTRY.get(reference)
        with self.assertRaises(registry.MissingFile):
            registry.checksum(f'{self.directory}/nothing.py:A')
        os.makedirs(os.path.join(self.directory, 'folder.py'))
        with self.assertRaisesRegex(UsageError, 'folder.py cannot be read .Is a directory'):
            registry.load(f'{self.directory}/folder.py:A')


if __name__ == '__main__':
    tf.test.main()
