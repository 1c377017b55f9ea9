import gzip
import os
import struct
import tarfile
import zipfile

import numpy as np
import published_files
import tensorflow as tf
from absl.testing import parameterized
from published_files import idx, write_mnist_layout
from scipy import io as scipy_io

from acai_tf.errors import DataError
from data_prep import readers


def contents(split):
    """Returns (list of bytes, list of labels) of a Split, after checking its count."""
    encoded, labels = zip(*split.examples())
    assert split.count == len(labels)
    return list(encoded), list(labels)


def images_of(split):
    return [tf.io.decode_image(content).numpy() for content in contents(split)[0]]


class LayoutTest(parameterized.TestCase, tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    @parameterized.parameters(
        (published_files.write_mnist_layout, {}, readers.read_mnist_layout, (28, 28, 1)),
        (published_files.write_mnist_layout, {'zipped': False}, readers.read_mnist_layout, (28, 28, 1)),
        (published_files.write_svhn, {}, readers.read_svhn, (32, 32, 3)),
        (published_files.write_cifar10, {'kind': 'bin'}, readers.read_cifar10, (32, 32, 3)),
        (published_files.write_cifar10, {'kind': 'mat'}, readers.read_cifar10, (32, 32, 3)))
    def test_images_and_labels(self, write, options, read, shape):
        expected = write(self.directory, **options)
        splits = read(self.directory)
        self.assertCountEqual(splits, expected)
        for name, split in splits.items():
            images, labels = expected[name]
            self.assertEqual(split.image_shape, shape)
            self.assertAllEqual(images_of(split), images)
            self.assertAllEqual(contents(split)[1], labels)
            self.assertNotEmpty(split.checksums)

    def test_celeba_stays_jpeg_in_the_official_split(self):
        expected = published_files.write_celeba(self.directory)
        splits = readers.read_celeba(self.directory)
        self.assertCountEqual(splits, expected)
        for name, split in splits.items():
            self.assertEqual(contents(split), (expected[name], [0] * len(expected[name])))

    def test_coil100_is_in_order_of_object_and_angle(self):
        expected = published_files.write_coil100(self.directory)
        split, = readers.read_coil100(self.directory).values()
        keys = sorted(expected)
        self.assertEqual(list(split.examples()),
                         [(expected[key], key[0] - 1, {'angle': key[1]}) for key in keys])


class IdxTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path
        self.path = os.path.join(self.directory, 'file')

    def read(self, content):
        with open(self.path, 'wb') as file:
            file.write(content)
        return readers.read_idx(self.path)

    def test_plain_and_gzipped(self):
        array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
        self.assertAllEqual(self.read(idx(array)), array)
        self.assertAllEqual(self.read(gzip.compress(idx(array))), array)

    def test_hostile_content_is_refused_with_the_files_name(self):
        content = idx(np.arange(24, dtype=np.uint8))
        for bad in (b'', b'\0\0', b'<html>', b'\0\0\x0d\x01' + content[4:], content[:-1], content + b'x',
                    gzip.compress(content)[:-9], gzip.compress(content)[:30], b'\x1f\x8bgarbage',
                    struct.pack('>HBB3I', 0, 8, 3, 2**31, 2**31, 2**31)):
            with self.assertRaisesRegex(DataError, self.path):
                self.read(bad)

    def test_files_that_do_not_fit_together(self):
        write_mnist_layout(self.directory, zipped=False)
        labels = os.path.join(self.directory, 'train-labels-idx1-ubyte')
        for array, reason in ((np.zeros(11, np.uint8), '11 labels for the 12 images'),
                              (np.full(12, 10, np.uint8), 'label 10')):
            with open(labels, 'wb') as file:
                file.write(idx(array))
            with self.assertRaisesRegex(DataError, reason):
                readers.read_mnist_layout(self.directory)
        os.remove(labels)
        with self.assertRaisesRegex(DataError, 'train-labels-idx1-ubyte.* is missing'):
            readers.read_mnist_layout(self.directory)


class HostileTest(parameterized.TestCase, tf.test.TestCase):
    """Every file is refused with its name and a reason, before or while its images are read."""

    def setUp(self):
        super().setUp()
        self.directory = self.create_tempdir().full_path

    def path(self, name):
        return os.path.join(self.directory, name)

    def assert_refused(self, read, message):
        with self.assertRaisesRegex(DataError, message) as raised:
            for split in read(self.directory).values():
                list(split.examples())
        self.assertLen(str(raised.exception).splitlines(), 1)
        self.assertNotRegex(str(raised.exception), 'cannot be read .*is refused')

    def change(self, name, content):
        with open(self.path(name), 'wb') as file:
            file.write(content)

    def content(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()

    @parameterized.parameters(
        ({'y': np.ones([4, 1])}, 'has no variable X'),
        ({'X': np.zeros([32, 32, 3, 4], np.uint8)}, 'has no variable y'),
        ({'X': np.zeros([32, 32, 3, 4]), 'y': np.ones([4, 1])}, 'X is double of 32x32x3x4'),
        ({'X': np.zeros([28, 32, 3, 4], np.uint8), 'y': np.ones([4, 1])}, 'X is uint8 of 28x32x3x4'),
        ({'X': np.zeros([32, 32, 3, 4], np.uint8), 'y': np.ones([5, 1])}, 'y is of 5x1 for the 4 images'),
        ({'X': np.zeros([32, 32, 3, 4], np.uint8), 'y': np.zeros([4, 1])}, 'label outside 1..10'))
    def test_svhn_variables(self, variables, reason):
        published_files.write_svhn(self.directory)
        scipy_io.savemat(self.path('extra_32x32.mat'), variables)
        self.assert_refused(readers.read_svhn, f'extra_32x32.mat.*{reason}')

    def test_svhn_files(self):
        published_files.write_svhn(self.directory)
        sound = self.content('extra_32x32.mat')
        flipped = bytearray(sound)
        flipped[len(sound) // 2] ^= 0xff
        hdf5 = b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM' + sound[128:]
        for content, reason in ((b'', 'not a MATLAB file'), (b'<html>quota</html>', 'not a MATLAB file'),
                                (sound[:-9], ''), (sound + b'more', 'not a MATLAB file'), (bytes(flipped), ''),
                                (sound + b'\x0e\0\0\0\1\0\0\0', 'bytes, but its elements end at'), (hdf5, 'MATLAB 7.3')):
            self.change('extra_32x32.mat', content)
            self.assert_refused(readers.read_svhn, f'extra_32x32.mat .*{reason}')
        os.remove(self.path('extra_32x32.mat'))
        self.assert_refused(readers.read_svhn, 'extra_32x32.mat is missing')

    @parameterized.parameters('bin', 'mat')
    def test_cifar10_members(self, kind):
        members, _ = published_files.cifar_members(kind)
        name = {'bin': 'cifar-10-binary.tar.gz', 'mat': 'cifar-10-matlab.tar.gz'}[kind]
        batch = f'cifar-10-batches-{kind}/data_batch_3.{kind}'

        def refused(reason, changed=(), others=()):
            published_files.write_tar_gz(self.path(name), {**members, **dict(changed)}, others)
            self.assert_refused(readers.read_cifar10, f'{name}.*{reason}|{batch} .*{name}.*{reason}')
        for bad in ('../escaped', '/tmp/escaped', 'a/../../escaped'):
            refused('points outside', {bad: b'x'})
        for type_ in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo('cifar-10-batches-bin/more')
            info.type, info.linkname = type_, '/etc/passwd'
            refused('link or a device', others=[info])
        large = tarfile.TarInfo('large')
        large.size = 10 * 2**30
        refused('claims 10,737,418,240 bytes', others=[large])
        twice = tarfile.TarInfo(batch)
        refused('twice', others=[twice])
        refused('', {batch: members[batch][:-1]})
        refused('', {batch: b''})
        published_files.write_tar_gz(self.path(name), {key: value for key, value in members.items() if key != batch})
        self.assert_refused(readers.read_cifar10, f'{name} has no member {batch}')

    def test_cifar10_labels(self):
        members, _ = published_files.cifar_members('bin')
        batch = 'cifar-10-batches-bin/test_batch.bin'
        published_files.write_tar_gz(self.path('cifar-10-binary.tar.gz'), {**members, batch: b'\x0a' + members[batch][1:]})
        self.assert_refused(readers.read_cifar10, 'cifar-10-binary.tar.gz has the label 10')

    def test_cifar10_archive(self):
        name = 'cifar-10-binary.tar.gz'
        published_files.write_cifar10(self.directory)
        sound = self.content(name)
        plain = gzip.decompress(sound)
        for content, reason in ((b'', ''), (sound[:len(sound) // 2], ''), (sound[:-4], ''), (b'<html>quota', 'web page'),
                                (gzip.compress(plain + b'more'), 'bytes follow the end'), (b'\x1f\x8bgarbage', '')):
            self.change(name, content)
            self.assert_refused(readers.read_cifar10, f'{name} .*{reason}')

    def test_pickles_are_never_read(self):
        self.change('cifar-10-python.tar.gz', b'whatever')
        self.assert_refused(readers.read_cifar10, 'cifar-10-python.tar.gz is refused: it holds Python pickles')
        os.remove(self.path('cifar-10-python.tar.gz'))
        self.assert_refused(readers.read_cifar10, 'cifar-10-binary.tar.gz is missing')

    def zip(self, name, members):
        with zipfile.ZipFile(self.path(name), 'w') as archive:
            for member, content in members:
                archive.writestr(member, content)

    def test_zip_archives(self):
        published_files.write_coil100(self.directory)
        sound = self.content('coil-100.zip')
        image = np.zeros([128, 128, 3], np.uint8)
        png, small = (tf.io.encode_png(array).numpy() for array in (image, image[:9]))
        flipped = bytearray(sound)
        flipped[sound.index(b'IDAT') + 9] ^= 1
        for content, reason in ((b'', 'zip archive'), (b'<!DOCTYPE html>', 'web page'), (sound[:-30], 'zip archive'),
                                (sound[:200], 'zip archive'), (bytes(flipped), 'damaged')):
            self.change('coil-100.zip', content)
            self.assert_refused(readers.read_coil100, f'coil-100.zip .*{reason}')
        first = 'coil-100/obj1__0.png'
        for members, reason in (([('../escaped', png)], "'../escaped' points outside"),
                                ([('/escaped', png)], "'/escaped' points outside"),
                                ([('readme', png)], 'holds no images'),
                                ([('coil-100/obj101__0.png', png)], 'obj101__0.png is not an object'),
                                ([('coil-100/obj1__7.png', png)], 'obj1__7.png is not an object'),
                                ([(first, bytes(2**20 + 1))], 'claims 1,048,577 bytes')):
            self.zip('coil-100.zip', members)
            self.assert_refused(readers.read_coil100, f'coil-100.zip.*{reason}')
        others = [(f'coil-100/obj1__{angle}.png', png) for angle in range(5, 360, 5)]
        for content, reason in ((b'no image', 'does not decode'), (png[:-40], 'does not decode'),
                                (small, 'is an image of 9x128x3, not 128x128x3')):
            self.zip('coil-100.zip', [(first, content), *others])
            self.assert_refused(readers.read_coil100, f'{first} {reason}|{first} in .*coil-100.zip {reason}')
        self.zip('coil-100.zip', [(first, png), *others[1:]])
        self.assert_refused(readers.read_coil100, 'coil-100.zip: object 1 lacks 1 of its 72 angles, such as 5; fetch')
        with self.assertWarns(UserWarning):
            self.zip('coil-100.zip', [(first, png), (first, png)])
        self.assert_refused(readers.read_coil100, 'coil-100.zip is refused: it holds .* twice')

    def test_a_zip_that_claims_ten_gigabytes(self):
        self.zip('coil-100.zip', [('coil-100/obj1__0.png', b'small')])
        content = self.content('coil-100.zip')
        entry = content.index(b'PK\1\2')
        claimed = content[:entry + 24] + struct.pack('<I', 4 * 2**30 - 2) + content[entry + 28:]
        self.change('coil-100.zip', claimed)
        self.assert_refused(readers.read_coil100, 'coil-100.zip is refused: .* claims 4,294,967,294 bytes')
        with zipfile.ZipFile(self.path('coil-100.zip'), 'w') as archive:
            info = zipfile.ZipInfo('coil-100/obj1__0.png')
            with archive.open(info, 'w', force_zip64=True) as file:
                file.write(b'small')
            info.file_size = 10 * 2**30
        self.assert_refused(readers.read_coil100, 'coil-100.zip is refused: .* claims 10,737,418,240 bytes')

    @parameterized.parameters(
        ('000001.jpg 0\n000009.jpg 1\n', 'line 2: 000009.jpg is not in .*img_align_celeba.zip'),
        ('000001.jpg 0\n000001.jpg 1\n', 'line 2: expected an image name, not listed before'),
        ('000001.jpg 3\n', "line 1: expected .*found '000001.jpg 3'"),
        ('../000001.jpg 0\n', 'line 1: expected'),
        ('<html>', 'line 1: expected'),
        ('', 'lists no images of the part train'),
        ('000001.jpg 0\n000002.jpg 1\n', 'lists no images of the part test'))
    def test_celeba_lists(self, content, reason):
        published_files.write_celeba(self.directory)
        self.change('list_eval_partition.txt', content.encode())
        self.assert_refused(readers.read_celeba, f'list_eval_partition.txt,? {reason}')

    def test_celeba_without_its_files(self):
        for name in ('list_eval_partition.txt', 'img_align_celeba.zip'):
            published_files.write_celeba(self.directory)
            os.remove(self.path(name))
            self.assert_refused(readers.read_celeba, f'{name} is missing')


if __name__ == '__main__':
    tf.test.main()
