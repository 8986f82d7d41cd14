"""Which files are images, and which files systems leave in folders."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from scorekit.datasets._decode import ENDINGS

__all__ = ["HEAD", "is_system_file", "looks_like_image", "named_as_image"]

HEAD = 32
"""The number of first bytes that show what a file is."""

_SYSTEM = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "lost+found"})
_STARTS = re.compile(
    rb"\x89PNG\r\n\x1a\n"
    rb"|\xff\xd8\xff"
    rb"|GIF8[79]a"
    rb"|RIFF....WEBP"
    rb"|BM.{12}[\x0c\x28\x34\x38\x6c\x7c]\x00\x00\x00"
    rb"|P[1-6]\s+[\d#]",
    re.DOTALL,
)
_TIFF = (b"II*\x00", b"MM\x00*")


def is_system_file(name: str) -> bool:
    """Whether a file is hidden, or one that an operating system or an archiver adds."""
    return any(part.startswith(".") or part.lower() in _SYSTEM for part in PurePosixPath(name).parts)


def named_as_image(name: str) -> bool:
    """Whether a name ends like an image file."""
    return name.lower().endswith(ENDINGS)


def looks_like_image(name: str, head: bytes) -> bool:
    """Whether the first bytes of a file are those of an image that can be read.

    Raw photographs of cameras are TIFF files, of which Pillow reads the thumbnail. So a file with another ending, such
    as ``.dng``, is not taken for TIFF.
    """
    if head.startswith(_TIFF):
        return not PurePosixPath(name).suffix
    return _STARTS.match(head) is not None
