"""Small files in the exact layouts of the published data sets."""

import gzip
import io
import os
import struct
import tarfile
import zipfile

import numpy as np
import tensorflow as tf
from scipy import io as scipy_io


def idx(array):
    return struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist_layout(directory, train=12, test=5, zipped=True):
    """Files in MNIST's layout; returns {split: (images, labels)}."""
    random, splits = np.random.default_rng(0), {}
    for split, prefix, count in (('train', 'train', train), ('test', 't10k', test)):
        images = random.integers(0, 256, [count, 28, 28], np.uint8)
        labels = random.integers(0, 10, count).astype(np.uint8)
        write_idx(directory, prefix, images, labels, zipped)
        splits[split] = images[..., None], labels
    return splits


def write_idx(directory, prefix, images, labels, zipped=True):
    for name, array in (('images-idx3', images), ('labels-idx1', labels)):
        path = os.path.join(directory, f'{prefix}-{name}-ubyte' + ('.gz' if zipped else ''))
        with (gzip.open if zipped else open)(path, 'wb') as file:
            file.write(idx(array))


def write_svhn(directory):
    """Returns {split: (images, digits)}."""
    random, splits = np.random.default_rng(0), {}
    for split, count in (('train', 130), ('extra', 70), ('test', 5)):
        images = random.integers(0, 256, [count, 32, 32, 3], np.uint8)
        labels = 1 + np.arange(count) % 10
        scipy_io.savemat(os.path.join(directory, f'{split}_32x32.mat'), {
            'X': images.transpose(1, 2, 3, 0), 'y': labels[:, None].astype(np.uint8)}, do_compression=True)
        splits[split] = images, np.where(labels == 10, 0, labels)
    return splits


def cifar_members(kind):
    """Returns ({member: bytes}, {split: (images, labels)}) of the `bin` or `mat` archive."""
    random, members, count = np.random.default_rng(0), {}, 4
    splits = {'train': ([], []), 'test': ([], [])}
    for batch in [*(f'data_batch_{i}' for i in range(1, 6)), 'test_batch']:
        images = random.integers(0, 256, [count, 32, 32, 3], np.uint8)
        labels = random.integers(0, 10, count).astype(np.uint8)
        planes = images.transpose(0, 3, 1, 2).reshape(count, 3072)
        if kind == 'bin':
            content = np.concatenate([labels[:, None], planes], axis=1).tobytes()
        else:
            file = io.BytesIO()
            scipy_io.savemat(file, {'data': planes, 'labels': labels[:, None], 'batch_label': 'a batch'})
            content = file.getvalue()
        members[f'cifar-10-batches-{kind}/{batch}.{kind}'] = content
        split = splits['test' if batch == 'test_batch' else 'train']
        split[0].append(images), split[1].append(labels)
    return members, {split: tuple(map(np.concatenate, parts)) for split, parts in splits.items()}


def write_tar_gz(path, members, others=()):
    """Writes a gzipped tar archive of {name: bytes}, and of TarInfos without content."""
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in others:
            archive.addfile(info)


def write_cifar10(directory, kind='bin'):
    members, splits = cifar_members(kind)
    name = {'bin': 'cifar-10-binary.tar.gz', 'mat': 'cifar-10-matlab.tar.gz'}[kind]
    write_tar_gz(os.path.join(directory, name), {**members, f'cifar-10-batches-{kind}/readme.html': b'<html>'})
    return splits


def write_celeba(directory):
    """Returns {split: JPEG files}."""
    random, splits = np.random.default_rng(0), {'train': [], 'validation': [], 'test': []}
    with (zipfile.ZipFile(os.path.join(directory, 'img_align_celeba.zip'), 'w') as archive,
          open(os.path.join(directory, 'list_eval_partition.txt'), 'w') as listing):
        archive.mkdir('img_align_celeba')
        for number, part in enumerate((0, 0, 1, 0, 2, 2), 1):
            image = random.integers(0, 256, [218, 178, 3], np.uint8)
            content = tf.io.encode_jpeg(image).numpy()
            archive.writestr(f'img_align_celeba/{number:06}.jpg', content)
            listing.write(f'{number:06}.jpg {part}\n')
            list(splits.values())[part].append(content)
    return splits


def write_coil100(directory):
    """Returns {(object, angle): PNG file}."""
    images = {}
    with zipfile.ZipFile(os.path.join(directory, 'coil-100.zip'), 'w') as archive:
        archive.writestr('coil-100/convertGroupppm2png.pl', 'not an image')
        for number in (2, 1, 100):
            for angle in (355, *range(0, 355, 5)):
                image = np.full([128, 128, 3], number + angle // 5, np.uint8)
                images[number, angle] = tf.io.encode_png(image).numpy()
                archive.writestr(f'coil-100/obj{number}__{angle}.png', images[number, angle])
    return images
