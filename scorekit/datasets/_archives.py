"""The files of a folder or of a zip archive, by name. Archives are read directly and never unpacked."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from scorekit._reading import read_bytes
from scorekit.errors import DatasetError

__all__ = ["Files", "open_files"]

_FILE_AT_MOST = 1 << 28
_RATIO_AT_MOST = 100
_NEVER_A_BOMB = 1 << 20
_DRIVE = re.compile("[A-Za-z]:")


class Files(Protocol):
    """Sorted file names relative to the root, with ``/`` between folders; and the content of each file."""

    names: list[str]

    def read(self, name: str) -> bytes:
        """The content of one file. Raises ``OSError`` if it is damaged."""
        ...


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of a folder or of a zip archive. All members of an archive are checked before any is read."""
    if path.is_dir():
        yield _Folder(path)
    elif not path.exists():
        raise DatasetError(f"{path} does not exist: expected a folder of images, or a zip archive of one.")
    elif not path.is_file() or not zipfile.is_zipfile(path):
        raise DatasetError(f"{path} is neither a folder nor a complete zip archive. Download it again.")
    else:
        with _opened(path) as archive:
            yield _Zip(path, archive)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises many exception types for damaged archives
        raise DatasetError(f"{path} is a damaged zip archive ({error}). Download it again.") from error


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        found = (Path(place, name) for place, _, names in os.walk(root) for name in names)
        self.names = sorted(file.relative_to(root).as_posix() for file in found)

    def read(self, name: str) -> bytes:
        return read_bytes(self._root / name, _FILE_AT_MOST)


class _Zip:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        for member in members:
            _check_member(path, member)
        _check_total(path, members)
        self._archive = archive
        self.names = sorted(member.filename for member in members)

    def read(self, name: str) -> bytes:
        try:
            with self._archive.open(name) as file:  # .read(name) could decompress more than is declared
                return file.read(self._archive.getinfo(name).file_size + 1)
        except Exception as error:  # zipfile raises many exception types for damaged archives
            raise OSError(str(error) or type(error).__name__) from error


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    """Raise an error for members that no valid image archive has. Nothing is unpacked, so they could do no harm."""
    name = member.filename
    if not PurePosixPath(name).parts:
        raise DatasetError(f"{path} is damaged: it has a member without a name. Download it again.")
    if name.startswith("/") or "\\" in name or _DRIVE.match(name) or ".." in PurePosixPath(name).parts:
        raise DatasetError(f"{path} is not safe: its member {name!r} has a path outside the archive.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DatasetError(f"{path} is not safe: its member {name!r} is a symbolic link.")
    if member.flag_bits & 1:
        raise DatasetError(f"{path} cannot be read: its member {name!r} is encrypted. Unpack it with its password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DatasetError(f"{path} cannot be read: its member {name!r} is not packed by deflate. Unpack it first.")
    if member.file_size > max(_NEVER_A_BOMB, _RATIO_AT_MOST * member.compress_size) or member.file_size > _FILE_AT_MOST:
        raise DatasetError(
            f"{path} is not safe: its member {name!r} declares {member.file_size:,} bytes in {member.compress_size:,}, "
            f"which looks like a zip bomb. If you trust it, unpack it and pass the folder."
        )


def _check_total(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Check all members together: overlapping members, or many small ones, can form a zip bomb too."""
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise DatasetError(f"{path} is not safe: {len(members) - len(names)} of its members repeat a name.")
    total, size = sum(member.file_size for member in members), path.stat().st_size
    if total > max(_NEVER_A_BOMB, _RATIO_AT_MOST * size):
        raise DatasetError(
            f"{path} is not safe: its members declare {total:,} bytes in an archive of {size:,}, which looks like a "
            f"zip bomb. If you trust it, unpack it and pass the folder."
        )
