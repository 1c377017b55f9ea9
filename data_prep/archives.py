"""Reads members of zip and tar archives by name, without extracting to disk, and refuses hostile archives."""

import gzip
import os
import posixpath
import tarfile
import zipfile
import zlib

from acai_tf.errors import DataError

_UNREADABLE = (OSError, EOFError, ValueError, zlib.error, tarfile.TarError, zipfile.BadZipFile, NotImplementedError,
               RuntimeError)
_MOST_ZIPPED_BYTES, _MOST_TARRED_BYTES = 2**20, 64 * 2**20  # of a member
_MOST_PADDING = 2**20


def _check_member(path, name, size, most_bytes):
    """Raises DataError if a member's name points outside the archive, or if it claims to be too large."""
    if posixpath.isabs(name) or '\\' in name or '..' in name.split('/') or '\0' in name:
        raise DataError(f'{path} is refused: its member {name!r} points outside the archive')
    if size > most_bytes:
        raise DataError(f'{path} is refused: its member {name!r} claims {size:,} bytes')


def _unreadable(path, kind, error):
    with open(path, 'rb') as file:
        start = file.read(256).lstrip().lower()
    if start.startswith((b'<!doctype', b'<html')):
        return DataError(f'{path} is a web page, not a {kind}, perhaps a notice of a download limit; fetch it again')
    return DataError(f'{path} cannot be read as a {kind} ({str(error) or type(error).__name__}); fetch it again')


class Zip:
    """A zip archive for reading members by name.

    Raises:
        DataError: not a zip archive, or an archive with names that point outside, duplicate names, or members that are
            too large. Names the file.
    """

    def __init__(self, path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise DataError(f'{path} is missing') from None
        except _UNREADABLE as error:
            raise _unreadable(path, 'zip archive', error) from None
        self.members = {}  # {name: zipfile.ZipInfo}, in the archive's order
        for info in self._zip.infolist():
            _check_member(path, info.filename, info.file_size, _MOST_ZIPPED_BYTES)
            if info.filename in self.members:
                raise DataError(f'{path} is refused: it holds {info.filename!r} twice')
            self.members[info.filename] = info

    def read(self, name):
        """Returns the bytes of a member; raises DataError if it is damaged. Thread-safe."""
        try:
            return self._zip.read(self.members[name])
        except _UNREADABLE as error:
            raise DataError(f'{name} in {self.path} is damaged ({error}); fetch the archive again') from None


def read_tar_gz(path, wanted):
    """Returns {name: bytes} of the members of a gzipped tar archive that `wanted` names.

    Raises:
        DataError: not a gzipped tar archive, truncated, with bytes after its end, without one of the members, or with a
            link, a device, a name that points outside, a duplicate name or a member that is too large. Names the file.
    """
    contents = {}
    try:
        with gzip.open(path) as unzipped:
            with tarfile.open(fileobj=unzipped, mode='r|') as archive:
                for member in archive:
                    _check_member(path, member.name, member.size, _MOST_TARRED_BYTES)
                    if not (member.isreg() or member.isdir()):
                        raise DataError(f'{path} is refused: its member {member.name!r} is a link or a device')
                    if member.name in wanted and member.isreg():
                        if member.name in contents:
                            raise DataError(f'{path} is refused: it holds {member.name!r} twice')
                        contents[member.name] = archive.extractfile(member).read()
                        if len(contents[member.name]) != member.size:
                            raise EOFError(f'it ends within {member.name}')
            # Only padding may follow the archive's end; reading it also checks gzip's checksum.
            if unzipped.read(_MOST_PADDING).strip(b'\0') or unzipped.read(1):
                raise DataError(f'{path} is refused: bytes follow the end of the archive')
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f'{path} is missing') from None
    except _UNREADABLE as error:
        raise _unreadable(path, 'gzipped tar archive', error) from None
    for name in wanted:
        if name not in contents:
            raise DataError(f'{path} has no member {name}')
    return contents


def present(source_dir, *names):
    """Returns the path of the first of `names` that is in source_dir, or None."""
    return next((path for path in (os.path.join(source_dir, name) for name in names) if os.path.isfile(path)), None)
