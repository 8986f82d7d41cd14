"""The labels of image files: from their folders, or from the file dataset.json of StyleGAN and EDM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from scorekit._reading import parse_json
from scorekit.datasets._archives import Files
from scorekit.datasets._files import some
from scorekit.datasets._splits import split_of
from scorekit.errors import DatasetError, InvalidValueError

__all__ = ["LABEL_WORDS", "Labels", "labels_of", "spread"]

_LIST = "dataset.json"
_CLASSES_AT_MOST = 1_000_000
LABEL_WORDS = frozenset({"y", "label", "labels", "target", "targets", "class", "classes"})
_LIST_AT_MOST, _ENTRY_AT_MOST = 1 << 20, 1 << 13  # bytes: parsed JSON can take forty times the memory of its text
_EXPECTED = 'expected {"labels": [["name.png", 0], …]} with a class for each image, or {"labels": null}'


class Labels(NamedTuple):
    """The label of each image, int64 ``(n,)`` or None, and the names of the classes."""

    values: Any
    classes: tuple[str, ...]

    def at(self, places: Sequence[int]) -> Labels:
        """The labels of some images, with all classes."""
        return self if self.values is None else Labels(self.values[list(places)], self.classes)


def labels_of(names: list[str], files: Files, where: str) -> Labels:
    """The labels of these image files: those of ``dataset.json`` if there is one, else the outermost folders."""
    lists = [name for name in files.names if PurePosixPath(name).name == _LIST]
    if not lists:
        return _folders(names, where)
    place = min(lists, key=lambda name: name.count("/"))
    try:
        content = files.read(place)
    except OSError as error:
        raise DatasetError(f"{place} of {where} cannot be read ({error}): {_EXPECTED}.") from error
    return _listed(names, content, PurePosixPath(place).parent, f"{place} of {where}")


def _listed(names: list[str], content: bytes, below: PurePosixPath, where: str) -> Labels:
    try:
        if len(content) > _LIST_AT_MOST + _ENTRY_AT_MOST * len(names):
            raise ValueError(f"it has {len(content):,} bytes for {len(names)} images")
        found = parse_json(content)["labels"]  # type: ignore[index]
        pairs = None if found is None else {str(PurePosixPath(below, name)): label for name, label in found}
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{where} cannot be read ({type(error).__name__}: {error}): {_EXPECTED}. Rename a file of another kind."
        ) from error
    if not pairs:  # EDM and StyleGAN write null for data without labels
        return Labels(None, ())
    missing = [name for name in names if name not in pairs]
    if missing:
        raise DatasetError(f"{where} has no label for {some(missing)}: {_EXPECTED}.")
    labels = [_class(pairs[name]) for name in names]
    odd = [name for name, label in zip(names, labels, strict=True) if not 0 <= label < _CLASSES_AT_MOST]
    if odd:
        raise DatasetError(
            f"{where} has the label {pairs[odd[0]]!r} for {odd[0]}: expected a class, an integer from 0, or a list of "
            "0 with one 1."
        )
    return Labels(np.array(labels, np.int64), tuple(str(i) for i in range(max(labels) + 1)))


def _class(label: Any) -> int:
    """The class of a label, an integer or a one-hot list; −1 for others."""
    if isinstance(label, list) and sorted(label, key=str) == [0] * (len(label) - 1) + [1]:
        return label.index(1)
    return label if type(label) is int else -1


def _folders(names: list[str], where: str) -> Labels:
    """Labels and classes from the outermost subfolders; a folder that contains all images is not a class."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    if len(set(folders)) == 1:
        return Labels(None, ())
    shared = 0
    while len({parts[: shared + 1] for parts in folders}) == 1:
        shared += 1
    tops = [parts[shared] if len(parts) > shared else None for parts in folders]
    classes = sorted({top for top in tops if top is not None})
    if None in tops:
        return Labels(None, ())
    if all(split_of(name) for name in classes):
        below = "/".join((*folders[0][:shared], classes[0]))
        raise InvalidValueError(
            f"the folders {', '.join(classes)} of {where} are parts of a data set, not classes: pass one of them, for "
            f"instance {where}/{below} (unpack an archive first)."
        )
    place = {name: i for i, name in enumerate(classes)}
    return Labels(np.array([place[top] for top in tops if top is not None], np.int64), tuple(classes))


def spread(labels: Any, n: int, limit: int | None) -> list[int]:
    """The first ``limit`` of ``n`` images; with labels, the first of each class in the proportions of the classes.

    Proportions are rounded by the largest remainder method, and a class has at least one image if ``limit`` allows.

    >>> spread(None, 4, 2), spread(np.array([0, 0, 0, 0, 1, 1, 2, 2]), 8, 4)
    ([0, 1], [0, 1, 4, 6])
    """
    if limit is None or limit >= n:
        return list(range(n))
    if labels is None:
        return list(range(limit))
    present, counts = np.unique(labels, return_counts=True)
    exact = limit * counts / n
    taken = np.floor(exact).astype(int)
    taken[np.argsort(taken - exact, kind="stable")[: limit - taken.sum()]] += 1
    for empty in np.flatnonzero(taken == 0):
        if taken.max() > 1:
            taken[taken.argmax()] -= 1
            taken[empty] = 1
    chosen = [np.flatnonzero(labels == label)[:most] for label, most in zip(present, taken, strict=True)]
    return sorted(int(i) for part in chosen for i in part)
