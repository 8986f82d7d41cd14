"""The files below a folder. Symbolic links are followed, and no folder is read twice."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from scorekit.datasets._signatures import is_system_file
from scorekit.errors import DatasetError

__all__ = ["SYSTEM_FILES", "Found", "walk"]

SYSTEM_FILES = "hidden or system files"
_BROKEN, _KNOWN, _SPECIAL = "broken links", "links to folders that are read already", "not regular files"


class Found(NamedTuple):
    """The files ``names``, with ``/`` between folders; the names that are passed over by reason; links to folders."""

    names: list[str]
    passed: dict[str, list[str]]
    links: list[str]


def walk(root: Path) -> Found:
    """The sorted files below ``root``.

    Links to folders are followed after all folders that are not links, so that a class keeps the name of its folder. A
    link to a folder that is read already, or to one that contains ``root``, is passed over: it could be a cycle.
    """
    found = Found([], defaultdict(list), [""])
    seen = {_key(place) for place in root.resolve().parents}
    while found.links:
        waiting = [found.links.pop(0)]
        while waiting:
            below = waiting.pop()
            key = _key(root / below)
            if key in seen:
                found.passed[_KNOWN].append(below)
                continue
            seen.add(key)
            waiting += _sort_out(root, below, found)
    found.names.sort()
    return found


def _sort_out(root: Path, below: str, found: Found) -> list[str]:
    """Add the entries of a folder to what is ``found``, and return its subfolders that are not links."""
    folders: list[str] = []
    for entry in _entries(root / below):
        name = str(PurePosixPath(below, entry.name))
        if is_system_file(entry.name):
            found.passed[SYSTEM_FILES].append(name)
            continue
        try:
            mode = entry.stat().st_mode
        except OSError:
            found.passed[_BROKEN].append(name)
            continue
        if S_ISDIR(mode):
            (found.links if entry.is_symlink() else folders).append(name)
        elif S_ISREG(mode):
            found.names.append(name)
        else:
            found.passed[_SPECIAL].append(name)
    return folders


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"the folder {folder} cannot be read ({error.strerror}).") from error


def _key(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino
