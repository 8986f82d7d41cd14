"""Find data files, and read at most the size that they declare."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from scorekit._checks import check_path
from scorekit._reading import open_regular, read_bytes
from scorekit.errors import DatasetError, InvalidTypeError

__all__ = ["check_folder", "find", "open_payload", "possible_payload", "read_text", "some"]

_TEXT_AT_MOST = 64 << 20  # the attributes of CelebA have 27 million
_GZIP = b"\x1f\x8b"
_RATIO_AT_MOST, _NEVER_A_BOMB = 100, 1 << 20
"""Images compress by a factor of about five, and deflate at most by 1,032: see :mod:`scorekit.datasets._archives`."""


def check_folder(folder: str | os.PathLike[str] | None, hint: str) -> Path:
    """``folder`` as a path; None raises an error with the ``hint``."""
    if folder is None:
        raise InvalidTypeError(f"folder is None: expected the folder that contains the files. {hint}")
    return check_path(folder, "folder")


def find(folder: str | os.PathLike[str] | None, names: Iterable[str], inside: Iterable[str], hint: str) -> Path:
    """The path of the first of ``names`` in ``folder`` or its subfolders ``inside``; errors end with ``hint``."""
    root, names = check_folder(folder, hint), tuple(names)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder: expected one that contains {' or '.join(names)}. {hint}")
    for place in (root, *(root / below for below in inside)):
        for name in names:
            if (place / name).is_file():
                return place / name
    raise DatasetError(f"{root} contains {some(os.listdir(root))}: expected {' or '.join(names)}. {hint}")


def some(names: Iterable[str], shown: int = 5) -> str:
    """The first few names, and their total number."""
    listed = sorted(names)
    if not listed:
        return "nothing"
    return ", ".join(listed[:shown]) + (f", … ({len(listed)} in all)" if len(listed) > shown else "")


@contextmanager
def open_payload(path: Path) -> Iterator[IO[bytes]]:
    """The content of a file, decompressed if it is gzip. A file that cannot be read raises ``DatasetError``."""
    try:
        with open_regular(path) as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file) if packed else file)
    except EOFError as error:
        raise DatasetError(f"{path} is truncated: its gzip stream ends too early. Download it again.") from error
    except (zlib.error, OSError) as error:  # gzip.BadGzipFile is an OSError
        raise DatasetError(f"{path} cannot be read ({error}). Download it again.") from error


def read_text(path: Path) -> str:
    """The content of a text file in ASCII, of at most 64 MB."""
    try:
        return read_bytes(path, _TEXT_AT_MOST).decode("ascii")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not text: expected letters and numbers in ASCII. Download it again.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}). Download it again.") from error


def possible_payload(path: Path) -> int:
    """The largest number of bytes that a file of numbers decompresses to, if it is no decompression bomb."""
    size = path.stat().st_size
    with open_regular(path) as file:
        return max(_NEVER_A_BOMB, size * _RATIO_AT_MOST) if file.read(2) == _GZIP else size
