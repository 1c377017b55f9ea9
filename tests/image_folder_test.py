import os
import re
import unicodedata

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from acai_tf.errors import DataError
from data_prep import image_folder

ENCODE = {'.png': tf.io.encode_png, '.jpg': tf.io.encode_jpeg, '.JPEG': tf.io.encode_jpeg}


class ImageFolderTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def add(self, name, shape=(8, 8, 3), value=0, content=None):
        """Writes an image of one value; returns the bytes."""
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if content is None:
            content = ENCODE[os.path.splitext(name)[1]](np.full(shape, value, np.uint8)).numpy()
        with open(path, 'wb') as file:
            file.write(content)
        return content

    def read(self, resolution=0, test_fraction=0.25):
        return image_folder.read_images(self.directory, resolution, test_fraction)

    def examples(self, **kwargs):
        return [example for split in self.read(**kwargs).values() for example in split.examples()]

    def test_classes_are_the_subfolders_and_each_is_split(self):
        expected = []
        for label, name in enumerate(('ant', 'bee', 'cat')):
            for i in range(8):
                end = ('.png', '.jpg', '.JPEG')[i % 3]
                self.add(f'{name}/deeper/{i}{end}', value=10 * label + i)
                expected.append((10 * label + i, label))
        self.add('.hidden/x.png')
        self.add('ant/notes.txt', content=b'no image')
        splits = self.read()
        self.assertEqual({name: split.count for name, split in splits.items()}, {'train': 18, 'test': 6})
        examples = {name: list(split.examples()) for name, split in splits.items()}
        shades = [(tf.io.decode_png(png)[0, 0, 0].numpy(), label) for png, label in examples['train'] + examples['test']]
        self.assertCountEqual(shades, expected)
        self.assertAllEqual(np.bincount([label for _, label in examples['test']]), [2, 2, 2])
        self.assertEqual(splits['train'].classes, ['ant', 'bee', 'cat'])
        self.assertEqual({name: list(split.examples()) for name, split in self.read().items()}, examples)

    def test_without_subfolders_there_is_one_class(self):
        for i in range(5):
            self.add(f'{i}.png', value=i)
        splits = self.read(test_fraction=0.01)
        self.assertEqual((splits['train'].count, splits['test'].count, splits['test'].classes), (4, 1, []))
        self.assertEqual({label for split in splits.values() for _, label in split.examples()}, {0})

    def test_other_sizes_are_resized(self):
        self.add('a.png', (16, 16, 3), 50)
        self.add('b.jpg', (31, 9, 3), 100)
        self.add('c.png', (2, 2, 1), 150)
        self.add('d.png', (16, 16, 4), 100)  # 100 / 255 opaque, on black: 39
        contents = {int(tf.io.decode_image(content)[0, 0, 0]): content for content, _ in self.examples(resolution=16)}
        self.assertCountEqual(contents, [50, 100, 150, 39])
        for value, content in contents.items():
            self.assertAllEqual(tf.io.decode_image(content, channels=3), np.full([16, 16, 3], value))
        self.assertEqual(self.read(resolution=16)['train'].image_shape, (16, 16, 3))

    def test_pixels_are_what_a_person_sees(self):
        picture = Image.new('P', (16, 16), 0)
        picture.putpalette([255, 0, 0, 255, 255, 255])
        picture.paste(1, (4, 4, 8, 8))
        for name in ('a.bmp', 'b.bmp'):
            picture.save(os.path.join(self.directory, name))
        expected = np.full([16, 16, 3], [255, 0, 0], np.uint8)
        expected[4:8, 4:8] = 255
        for content, _ in self.examples():
            self.assertAllEqual(tf.io.decode_png(content), expected)

    def test_folders_that_are_links(self):
        elsewhere = self.create_tempdir().full_path
        for i in range(3):
            Image.new('L', (8, 8)).save(os.path.join(elsewhere, f'{i}.png'))
            self.add(f'ant/{i}.png', (8, 8, 1))
        os.symlink(elsewhere, os.path.join(self.directory, 'bee'))
        splits = self.read()
        self.assertEqual((splits['train'].count + splits['test'].count, splits['train'].classes), (6, ['ant', 'bee']))

    @parameterized.parameters(
        (['train', 'test'], [0], 'in train, test images in test'),
        (['Train', 'Test'], [0], 'in Train, test images in Test'),
        (['training', 'TESTING'], [0], 'in training, test images in TESTING'),
        (['train', 'val'], [0], 'in train, test images in val'),
        (['Train', 'Validation'], [0], 'in Train, test images in Validation'),
        (['train', 'test', 'val'], [0, 2], 'in train and val, test images in test'))
    def test_folders_are_splits(self, names, training, said):
        """Folder i has i + 1 images of each class."""
        for i, folder in enumerate(names):
            for name in ('ant', 'bee'):
                for j in range(i + 1):
                    self.add(f'{folder}/{name}/{j}.png')
        with self.assertLogs('acai_tf', 'INFO') as logs:
            splits = self.read()
        self.assertIn(f'training images are {said}', '\n'.join(logs.output))
        train = 2 * sum(i + 1 for i in training)
        test = 2 * sum(i + 1 for i in range(len(names)) if i not in training)
        self.assertEqual({name: (split.count, split.classes) for name, split in splits.items()},
                         {'train': (train, ['ant', 'bee']), 'test': (test, ['ant', 'bee'])})

    def test_a_class_that_one_split_lacks_is_named(self):
        for path in ('train/ant/0.png', 'train/bee/0.png', 'test/bee/0.png', 'test/cat/0.png', 'test/dog/0.png'):
            self.add(path)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            splits = self.read()
        self.assertEqual([(split.count, split.classes) for split in splits.values()],
                         [(2, ['ant', 'bee', 'cat', 'dog']), (3, ['ant', 'bee', 'cat', 'dog'])])
        self.assertLen(logs.output, 2)
        self.assertRegex(logs.output[0], 'the train split has no images of cat, dog$')
        self.assertRegex(logs.output[1], 'the test split has no images of ant$')

    @parameterized.parameters(['train/a.png', 'other/b.png'], ['test/a.png', 'val/b.png'],
                              ['train/ant/a.png', 'train/bee/b.png'])
    def test_split_names_that_are_taken_for_classes(self, *paths):
        for path in paths:
            self.add(path)
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            folders = [path.partition('/')[0] for path in paths]
            self.assertEqual(self.read()['train'].classes, sorted({*folders}))
        self.assertRegex('\n'.join(logs.output), f'the folder {folders[0]} is treated as a class; for splits, make')

    def test_a_split_without_images(self):
        self.add('train/ant/0.png')
        self.add('Test/ant/0.txt', content=b'no image')
        with self.assertRaisesRegex(DataError, 'Test holds no images .*; put images there, or remove the folder'):
            self.read()
        self.add('Test/0.png')
        with self.assertRaisesRegex(DataError, r'holds images \(Test/0.png\) next to folders of images \(ant\)'):
            self.read()

    def test_folders_without_images_are_named(self):
        for path in ('ant/0.png', 'ant/1.png', 'cat/0.png'):
            self.add(path)
        self.add('bee/notes.txt', content=b'no image')
        for name in ('dog', '.hidden'):
            os.makedirs(os.path.join(self.directory, name))
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.assertEqual(self.read()['train'].classes, ['ant', 'cat'])
        said = [line for line in logs.output if 'so it is not a class; with images it would be, and labels would' in line]
        self.assertLen(said, 2)
        self.assertRegex(said[0], 'bee holds no images')
        self.assertRegex(said[1], 'dog holds no images')

    def test_names_that_look_the_same(self):
        for name in (unicodedata.normalize('NFC', 'caf\xe9'), unicodedata.normalize('NFD', 'caf\xe9'), 'Ant', 'ant', 'bee'):
            self.add(f'{name}/0.png')
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.assertLen(self.read()['train'].classes, 5)
        self.assertLen(logs.output, 2)
        self.assertIn("'Ant' and 'ant' are different classes", logs.output[0])
        self.assertIn(r"'cafe\u0301' and 'caf\xe9' are different classes", logs.output[1])

    def test_every_class_is_in_the_test_split(self):
        for name in range(6):
            for i in range(4):
                self.add(f'{name}/{i}.png')
        self.add('single/0.png')
        splits = self.read(test_fraction=0.1)
        counts = {name: np.bincount([label for _, label in split.examples()], minlength=7) for name, split in splits.items()}
        self.assertAllEqual(counts['test'], [1] * 6 + [0])
        self.assertAllEqual(counts['train'], [3] * 6 + [1])
        # 25 images: 0.5 of them are 12, two of each class of four.
        self.assertEqual(self.read(test_fraction=0.5)['test'].count, 12)

    def test_gray_only_where_all_are(self):
        self.add('a.png', (8, 8, 1), 3)
        self.add('b.jpg', (8, 8, 1), 3)
        self.assertEqual(self.read()['train'].image_shape, (8, 8, 1))
        self.add('c.png', (8, 8, 3), 3)
        self.assertEqual(self.read()['train'].image_shape, (8, 8, 3))

    def test_sixteen_bits_and_animations_become_one_plain_image(self):
        self.add('a.png', content=tf.io.encode_png(np.full([8, 8, 1], 0x8080, np.uint16)).numpy())
        frames = [Image.new('L', (8, 8), value) for value in (128, 0)]
        frames[0].save(os.path.join(self.directory, 'b.gif'), save_all=True, append_images=frames[1:])
        for content, _ in self.examples():
            self.assertAllClose(tf.io.decode_image(content, channels=1, expand_animations=False), np.full([8, 8, 1], 128))

    def test_what_is_transparent_is_black_also_in_sixteen_bits(self):
        deep = np.full([8, 8], 65535, np.uint16)
        deep[0] = 1000
        for name in ('a.png', 'b.png'):
            Image.fromarray(deep).save(os.path.join(self.directory, name), transparency=65535)
        for content, _ in self.examples():
            shades = tf.io.decode_png(content)[..., 0].numpy()
            self.assertAllEqual(np.unique(shades), [0, 4])
            self.assertAllEqual(shades[0], np.full(8, 4))

    def test_files_beside_the_images(self):
        self.add('a.png')
        self.add('b.png')
        for row, message in (('b.png,,5', 'b.png lacks its azimuth or altitude'), ('a.png,0,5', 'a.png already has a pose')):
            with open(os.path.join(self.directory, 'poses.csv'), 'w') as file:
                file.write(f'file,azimuth,altitude\na.png,0,0\n{row}\n')
            with self.assertNoLogs('acai_tf', 'WARNING'), self.assertRaisesRegex(
                    DataError, f'^{self.directory}/poses.csv, line 3: {message}$'):
                self.read()
        os.remove(os.path.join(self.directory, 'poses.csv'))
        self.add('notes.txt', content=b'no image')
        os.mkfifo(os.path.join(self.directory, 'pipe.png'))
        with self.assertLogs('acai_tf', 'WARNING') as logs:
            self.assertLen(self.examples(), 2)
        self.assertRegex(logs.output[0], r'left out, because not an image \(.*notes.txt$')

    def test_wrong_folders(self):
        with self.assertRaisesRegex(DataError, 'holds no images'):
            self.read()
        with self.assertRaisesRegex(DataError, '/nowhere is not a folder'):
            image_folder.read_images('/nowhere', 0, 0.1)
        self.add('a.png')
        with self.assertRaisesRegex(DataError, 'only one image; at least two'):
            self.read()
        self.add('z.png')
        self.assertEqual(self.read(test_fraction=0.9)['train'].count, 1)
        os.remove(os.path.join(self.directory, 'z.png'))
        self.add('b.png', (8, 9, 3))
        with self.assertRaisesRegex(DataError, 'b.png is 9x8 but .*a.png is 8x8; give --resolution'):
            self.read()
        self.add('folder/c.png')
        with self.assertRaisesRegex(DataError, r'images \(a.png\) next to folders of images \(folder\)'):
            self.read()

    def test_all_images_that_do_not_decode_are_named_together(self):
        sound = [self.add(f'{i:02}.png', value=i) for i in range(60)]
        for bad in ((3, 40, 41), range(10, 50)):
            for i, content in enumerate(sound):
                self.add(f'{i:02}.png', content=content[:-30] if i in bad else content)
            count = '3' if len(bad) == 3 else 'at least 20'
            with self.assertRaisesRegex(DataError, f'^{count} images cannot be used: ') as caught:
                list(self.read(test_fraction=0.01)['train'].examples())
            named = [int(name) for name in re.findall(r'/(\d\d)\.png does not decode', str(caught.exception))]
            self.assertContainsSubset(named, [*bad])
            self.assertLen(set(named), min(len(bad), 20))

    def test_a_link_to_nowhere_is_named(self):
        paths = [os.path.join(self.directory, name) for name in ('a.png', 'b.png')]
        for path in paths:
            os.symlink('/nowhere', path)
        self.assertEqual(image_folder.listing(self.directory, paths)['images'], 2)
        with self.assertRaisesRegex(DataError, '^2 images cannot be used: .*/a.png .*/b.png '):
            self.read()

    def test_images_that_cannot_be_read_are_named(self):
        png = self.add('a.png')
        self.add('b.png')
        large = bytearray(png)
        large[16:24] = (60000).to_bytes(4, 'big') * 2
        for content in (b'', b'no image', png[:20], png[:-30], bytes(large)):
            self.add('c.png', content=content)
            with self.assertRaisesRegex(DataError, 'c.png (does not|claims)'):
                self.examples(resolution=8)
        Image.new('CMYK', (8, 8)).save(os.path.join(self.directory, 'c.jpg'))
        os.remove(os.path.join(self.directory, 'c.png'))
        self.assertLen(self.examples(resolution=8), 3)


if __name__ == '__main__':
    tf.test.main()
