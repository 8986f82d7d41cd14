"""The files of a folder or of a zip archive, by name. Archives are read directly and never unpacked."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from scorekit._reading import open_regular, read_bytes
from scorekit.datasets._signatures import is_system_file
from scorekit.datasets._walk import SYSTEM_FILES, walk
from scorekit.errors import DatasetError

__all__ = ["Files", "open_files"]

_FILE_AT_MOST = 1 << 28
_RATIO_AT_MOST = 100
_NEVER_A_BOMB = 1 << 20
_DRIVE = re.compile("[A-Za-z]:")


class Files(Protocol):
    """Sorted file names relative to the root, with ``/`` between folders; and the content of each file.

    ``passed`` has the names that are passed over, by reason.
    """

    names: list[str]
    passed: dict[str, list[str]]

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of one file, or its first bytes. Raises ``OSError`` if it is damaged."""
        ...


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of a folder or of a zip archive. All members of an archive are checked before any is read."""
    if path.is_dir():
        yield _Folder(path)
    elif not path.exists():
        raise DatasetError(f"{path} does not exist: expected a folder of images, or a zip archive of one.")
    elif not path.is_file() or not zipfile.is_zipfile(path):
        raise DatasetError(
            f"{path} is neither a folder nor a complete zip archive. Download a damaged archive again, unpack one of "
            "another kind, and put a single image into a folder."
        )
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
        self.names, self.passed, _ = walk(root)

    def read(self, name: str, most: int | None = None) -> bytes:
        file = self._root / name
        if most is None:
            return read_bytes(file, _FILE_AT_MOST)
        with open_regular(file) as content:
            return content.read(most)


class _Zip:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        for member in members:
            _check_member(path, member)
        _check_total(path, members)
        self._archive = archive
        names = sorted(member.filename for member in members)
        system = [name for name in names if is_system_file(name)]
        self.names = [name for name in names if not is_system_file(name)]
        self.passed = {SYSTEM_FILES: system} if system else {}

    def read(self, name: str, most: int | None = None) -> bytes:
        try:
            with self._archive.open(name) as file:  # .read(name) could decompress more than is declared
                return file.read(self._archive.getinfo(name).file_size + 1 if most is None else most)
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
