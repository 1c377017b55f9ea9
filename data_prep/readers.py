"""Readers for the original files of the data sets, one per data set.

Each takes the directory of the files and returns {split: splits.Split}, or raises DataError with the file's name. Cheap
checks come first; large arrays are read when their split is written.
"""

import gzip
import io
import math
import os
import re
import struct
import zlib

import numpy as np

from acai_tf.errors import DataError, short_message
from data_prep import archives
from data_prep.splits import Split, checksums

_IDX_UINT8 = 0x08
_CHUNK = 64
# The largest set has 531,131 images; a file that claims far more is damaged or hostile.
_MOST_IMAGES = 10**6
COIL_ANGLES = range(0, 360, 5)


def read_idx(path):
    """Reads the array in an IDX file of bytes, gzipped or not; DataError if it is no such file, truncated, or longer than
    its header states."""
    try:
        with open(path, 'rb') as file:
            zipped = file.read(2) == b'\x1f\x8b'
        with (gzip.open if zipped else open)(path, 'rb') as file:
            zeros, kind, rank = struct.unpack('>HBB', file.read(4))
            if zeros or kind != _IDX_UINT8 or not 1 <= rank <= 4:
                raise DataError(f'{path} is not an IDX file of bytes (wrong magic number)')
            shape = struct.unpack(f'>{rank}I', file.read(4 * rank))
            size = math.prod(shape)
            # Reading one extra byte detects a longer file without reading all of a hostile one.
            content = file.read(size + 1)
    except (OSError, EOFError, struct.error, zlib.error, MemoryError, OverflowError) as error:
        raise DataError(f'{path} cannot be read ({error}); fetch it again') from None
    if len(content) != size:
        relation = 'more' if len(content) > size else f'{size - len(content)} fewer'
        raise DataError(f'{path} has {relation} bytes than its header says ({"x".join(map(str, shape))}); fetch it again')
    return np.frombuffer(content, np.uint8).reshape(shape)


def _idx_path(source_dir, stem):
    """Returns the path of a file in source_dir, gzipped or not, with a dash or a dot before `idx`."""
    path = archives.present(source_dir, *(name + end for name in (stem, stem.replace('-idx', '.idx'))
                                          for end in ('', '.gz')))
    if not path:
        raise DataError(f'{os.path.join(source_dir, stem)}[.gz] is missing')
    return path


def read_mnist_layout(source_dir):
    """MNIST and sets with its layout: {train, t10k}-{images-idx3, labels-idx1}-ubyte, gzipped or not."""
    splits = {}
    for split, prefix in (('train', 'train'), ('test', 't10k')):
        paths = [_idx_path(source_dir, f'{prefix}-{part}-ubyte') for part in ('images-idx3', 'labels-idx1')]
        images, labels = map(read_idx, paths)
        if images.ndim != 3 or images.shape[1:] != (28, 28) or not len(images):
            raise DataError(f'{paths[0]} holds an array of {"x".join(map(str, images.shape))}, not nx28x28')
        if labels.shape != images.shape[:1]:
            raise DataError(f'{paths[1]} holds {labels.size} labels for the {len(images)} images of {paths[0]}')
        if labels.max() > 9:
            raise DataError(f'{paths[1]} has the label {labels.max()}; labels are 0..9')
        splits[split] = Split.from_arrays(images[..., None], labels, checksums=checksums(*paths))
    return splits


def _mat_shapes(file, name):
    """Returns {variable: (shape, class)} of a MATLAB 5 file without reading its data; `name` is for messages."""
    from scipy import io as scipy_io
    try:
        _check_mat_length(file, name)
        return {variable: (shape, kind) for variable, shape, kind in scipy_io.whosmat(file)}
    except DataError:
        raise
    except Exception as error:  # scipy's reader raises almost anything for other files
        raise DataError(f'{name} is not a MATLAB file ({short_message(error)}); fetch it again') from None


def _check_mat_length(file, name):
    """Checks that a MATLAB 5 file is a header of 128 bytes and elements that state their length, and nothing else."""
    header, size = file.read(128), file.seek(0, os.SEEK_END)
    if not header.startswith(b'MATLAB') or len(header) < 128:
        raise ValueError('its header is wrong')
    if 2 in header[124:126]:
        raise DataError(f'{name} is a MATLAB 7.3 file; fetch the published file, which has version 5')
    order, position = '<' if header[126:] == b'IM' else '>', 128
    while position < size:
        file.seek(position)
        position += 8 + struct.unpack(f'{order}II', file.read(8))[1]
    if position != size:
        raise DataError(f'{name} has {size} bytes, but its elements end at {position}; fetch it again')
    file.seek(0)


def _mat(file, variable, name):
    """Reads the array of one variable."""
    from scipy import io as scipy_io
    try:
        return scipy_io.loadmat(file, variable_names=[variable])[variable]
    except Exception as error:
        raise DataError(f'{name} is damaged at {variable} ({short_message(error)}); fetch it again') from None


def read_svhn(source_dir):
    """SVHN, cropped digits: {train, extra, test}_32x32.mat. The label is the digit; label 10 in the files becomes 0."""
    return {split: _svhn_split(os.path.join(source_dir, f'{split}_32x32.mat')) for split in ('train', 'extra', 'test')}


def _svhn_split(path):
    if not os.path.isfile(path):
        raise DataError(f'{path} is missing')
    with open(path, 'rb') as file:
        variables = _mat_shapes(file, path)
    for variable in ('X', 'y'):
        if variable not in variables:
            raise DataError(f'{path} has no variable {variable}')
    (shape, kind), (labels_shape, _) = variables['X'], variables['y']
    if len(shape) != 4 or shape[:3] != (32, 32, 3) or kind != 'uint8' or not 0 < shape[3] <= _MOST_IMAGES:
        raise DataError(f'{path}: X is {kind} of {"x".join(map(str, shape))}, not uint8 of 32x32x3xn')
    count = shape[3]
    if labels_shape not in ((count, 1), (1, count)):
        raise DataError(f'{path}: y is of {"x".join(map(str, labels_shape))} for the {count} images of X')
    labels = _mat(path, 'y', path).ravel()
    if not np.isin(labels, np.arange(1, 11)).all():
        raise DataError(f'{path} has a label outside 1..10')

    def chunks():
        images = _mat(path, 'X', path)  # 1.5 GiB for `extra`, so only while its file is written
        for start in range(0, count, _CHUNK):
            chunk = np.ascontiguousarray(np.moveaxis(images[..., start:start + _CHUNK], 3, 0))
            yield chunk, labels[start:start + _CHUNK] % 10
    return Split.from_chunks(count, (32, 32, 3), chunks, checksums=checksums(path))


_CIFAR_BATCHES = {'train': [f'data_batch_{i}' for i in range(1, 6)], 'test': ['test_batch']}


def read_cifar10(source_dir):
    """CIFAR-10: cifar-10-binary.tar.gz, else cifar-10-matlab.tar.gz. The archive of pickles is refused, because unpickling
    can run any code."""
    path = archives.present(source_dir, 'cifar-10-binary.tar.gz', 'cifar-10-matlab.tar.gz')
    if not path:
        if pickled := archives.present(source_dir, 'cifar-10-python.tar.gz'):
            raise DataError(f'{pickled} is refused: it holds Python pickles, which can run any code; fetch '
                            'cifar-10-binary.tar.gz')
        raise DataError(f'{os.path.join(source_dir, "cifar-10-binary.tar.gz")} is missing')
    folder, end, read_batch = (('cifar-10-batches-bin', 'bin', _cifar_binary) if path.endswith('binary.tar.gz') else
                               ('cifar-10-batches-mat', 'mat', _cifar_matlab))
    members = {split: [f'{folder}/{batch}.{end}' for batch in batches] for split, batches in _CIFAR_BATCHES.items()}
    contents = archives.read_tar_gz(path, sum(members.values(), []))
    splits = {}
    for split, names in members.items():
        parts = [read_batch(contents[name], f'{name} in {path}') for name in names]
        labels, pixels = (np.concatenate(column) for column in zip(*parts))
        if labels.max() > 9:
            raise DataError(f'{path} has the label {labels.max()}; labels are 0..9')
        images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        splits[split] = Split.from_arrays(images, labels, checksums=checksums(path))
    return splits


def _cifar_binary(content, name):
    """Returns (labels [n], pixels [n, 3072]) of records: a label byte, then three planes of 32x32 bytes."""
    if not content or len(content) % 3073:
        raise DataError(f'{name} has {len(content)} bytes, which is not a multiple of the record size 3073')
    records = np.frombuffer(content, np.uint8).reshape(-1, 3073)
    return records[:, 0], records[:, 1:]


def _cifar_matlab(content, name):
    variables = _mat_shapes(io.BytesIO(content), name)
    (shape, kind), (labels_shape, labels_kind) = (variables.get(key, ((), 'missing')) for key in ('data', 'labels'))
    if len(shape) != 2 or shape[1] != 3072 or labels_shape != (shape[0], 1) or {kind, labels_kind} != {'uint8'}:
        raise DataError(f'{name} does not hold data (uint8 nx3072) and labels (uint8 nx1)')
    return _mat(io.BytesIO(content), 'labels', name).ravel(), _mat(io.BytesIO(content), 'data', name)


def read_celeba(source_dir):
    """CelebA, aligned and cropped: img_align_celeba.zip and the official split, list_eval_partition.txt."""
    list_path = os.path.join(source_dir, 'list_eval_partition.txt')
    archive = archives.Zip(os.path.join(source_dir, 'img_align_celeba.zip'))
    listed = {'train': [], 'validation': [], 'test': []}
    try:
        with open(list_path, encoding='ascii') as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        raise DataError(f'{list_path} is missing') from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{list_path} cannot be read ({short_message(error)}); fetch it again') from None
    seen = set()
    for number, line in enumerate(lines, 1):
        match = re.fullmatch(r'(\d+\.jpg)\s+([012])\s*', line)
        if not match or match[1] in seen:
            raise DataError(f'{list_path}, line {number}: expected an image name, not listed before, and a part 0, 1 or 2; '
                            f'found {line[:80]!r}')
        name = f'img_align_celeba/{match[1]}'
        if name not in archive.members:
            raise DataError(f'{list_path}, line {number}: {match[1]} is not in {archive.path}')
        seen.add(match[1])
        list(listed.values())[int(match[2])].append((name, 0))
    for split, items in listed.items():
        if not items:
            raise DataError(f'{list_path} lists no images of the part {split}')
    sums = checksums(archive.path, list_path)
    return {split: Split.from_encoded((218, 178, 3), archive.read, items, checksums=sums)
            for split, items in listed.items()}


def read_coil100(source_dir):
    """COIL-100: coil-100.zip with coil-100/obj<1..100>__<0, 5 .. 355>.png; sorted by object and angle. The label is
    the object, from 0; the angle is kept next to it."""
    archive = archives.Zip(os.path.join(source_dir, 'coil-100.zip'))
    members = []
    for name in archive.members:
        if match := re.fullmatch(r'coil-100/obj(\d+)__(\d+)\.png', name):
            number, angle = int(match[1]), int(match[2])
            if not 1 <= number <= 100 or angle not in COIL_ANGLES:
                raise DataError(f'{archive.path}: {name} is not an object of 1..100 at an angle of 0, 5 .. 355')
            members.append((number, angle, name))
    if not members:
        raise DataError(f'{archive.path} holds no images coil-100/obj1__0.png ..')
    check_turns(((number, angle) for number, angle, _ in members), f'{archive.path}: ')
    items = [(name, number - 1, {'angle': angle}) for number, angle, name in sorted(members)]
    return {'all': Split.from_encoded((128, 128, 3), archive.read, items, checksums=checksums(archive.path))}


def check_turns(views, prefix=''):
    """Raises DataError if an object of COIL-100 lacks one of its 72 angles; `views` are pairs (object, angle), `prefix`
    begins the message."""
    angles = {}
    for number, angle in views:
        angles.setdefault(number, set()).add(angle)
    for number, seen in sorted(angles.items()):
        missing = [angle for angle in COIL_ANGLES if angle not in seen]
        if missing:
            raise DataError(f'{prefix}object {number} lacks {len(missing)} of its {len(COIL_ANGLES)} angles, such as '
                            f'{missing[0]}; fetch it again')
