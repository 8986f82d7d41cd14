"""CelebA, cropped and resized as in the papers."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from scorekit._checks import check_count, check_option
from scorekit.datasets._archives import open_files
from scorekit.datasets._collect import collect
from scorekit.datasets._files import check_folder, find, read_text, some
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._image_folder import Reader, as_fit, image_names, passed_over
from scorekit.errors import DatasetError, InvalidValueError

__all__ = ["celeba"]

_SPLITS = {"train": "0", "valid": "1", "test": "2"}
_HINT = (
    "Download img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (you may unpack it), for "
    "labels also list_attr_celeba.txt or .csv, for split= also list_eval_partition.txt or .csv, and put them into this "
    "folder or its subfolders Img, Anno and Eval."
)
_INSIDE = ("Img", "Anno", "Eval", "celeba", "CelebA", "CelebA/Img", "CelebA/Anno", "CelebA/Eval")
_PICTURES = ("img_align_celeba", "img_align_celeba.zip", "img_align_celeba_png")


def celeba(
    folder: str | os.PathLike[str] | None = None,
    *,
    size: int = 64,
    crop: int = 140,
    split: str = "all",
    attribute: str | None = None,
    limit: int | None = None,
    progress: bool = False,
) -> ImageData:
    """CelebA: 202,599 color photographs of faces, cropped to the center ``crop`` pixels and scaled to ``size``.

    Args:
        folder: the folder that contains ``img_align_celeba.zip``, or the folder ``img_align_celeba`` of image files.
            They and the lists may also be in its subfolders ``Img``, ``Anno`` and ``Eval``, as they are distributed.
        size: side of the result in pixels; Song and Ermon (2019, arXiv:1907.05600) use 32, with ``crop`` 140.
        crop: side of the center square in pixels; a photograph has 218×178.
        split: "train", "valid" or "test" as in ``list_eval_partition.txt`` or ``.csv``; "all" does not need that file.
        attribute: one of the 40 attributes in ``list_attr_celeba.txt`` or ``.csv``, for instance "Smiling". It gives
            the labels: 1 with the attribute, 0 without. None for no labels.
        limit: read only the first ``limit`` images. All images at size 64 take 2.5 GB.
        progress: show a progress bar.

    Returns:
        An :class:`ImageData` of shape ``(n, 3, size, size)``.

    Raises:
        DatasetError: a file is missing, damaged, or has another content than expected.
        ValueError: ``split`` or ``attribute`` is unknown; a size, crop or limit is not positive.
        MissingBackendError: Pillow is not installed.

    Reference: Liu, Luo, Wang, Tang, "Deep learning face attributes in the wild" (2015), arXiv:1411.7766.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as place:
    ...     photographs = pathlib.Path(place, "img_align_celeba")
    ...     photographs.mkdir()
    ...     Image.new("RGB", (178, 218), "red").save(photographs / "000001.jpg")
    ...     celeba(place, size=32, split="all").images.shape
    (1, 3, 32, 32)
    """
    check_option(split, "split", ("all", *_SPLITS))
    check_option(progress, "progress", (True, False))
    fit, most = as_fit(size, crop, 3), None if limit is None else check_count(limit, "limit")
    root = check_folder(folder, _HINT)
    root = root.parent if root.name == _PICTURES[0] else root
    place = _pictures(root)
    part = None if split == "all" else _parts(_list(root, "list_eval_partition"))
    marks = None if attribute is None else _marks(_list(root, "list_attr_celeba"), attribute)
    with open_files(place) as files:
        names = image_names(files)
        if part is not None:
            names = [name for name in names if _of(part, name, place) == [_SPLITS[split]]]
        if not names:
            raise DatasetError(f"{place} holds no image of the split {split!r}. {_HINT}")
        names = names[:most]
        labels = None if marks is None else np.array([_of(marks, name, place) for name in names], np.int64)
        reader = Reader(files, fit)
        found = collect(names, reader.read, str(place), skip_corrupt=False, progress=progress)
        notes = passed_over(files) + reader.notes()
    classes = () if attribute is None else (f"not {attribute}", attribute)
    terms = "non-commercial research only"
    return ImageData(found.images, labels, classes, "celeba", str(place), terms, levels=found.levels, notes=notes)


def _pictures(root: Path) -> Path:
    """The folder or the archive of photographs."""
    for place in (root, *(root / below for below in _INSIDE)):
        for name in _PICTURES:
            if (place / name).exists():
                return place / name
    return find(root, ["img_align_celeba.zip"], (), _HINT)  # raises the error


def _list(root: Path, name: str) -> Path:
    return find(root, [f"{name}.txt", f"{name}.csv"], _INSIDE, _HINT)


def _rows(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The header, and the values of each photograph by its name without ending.

    The lists of the authors have spaces between values, and their header is the line above the first photograph. Lists
    with the ending ``.csv`` have commas, and a column ``image_id``.
    """
    lines = read_text(path).splitlines()
    comma = "," if path.suffix == ".csv" else None
    words = [[word.strip() for word in line.split(comma)] for line in lines if line.strip()]
    first = next((i for i, row in enumerate(words) if _ENDING.search(row[0])), len(words))
    header = words[first - 1][comma is not None :] if first else []
    rows = {PurePosixPath(name).stem: values for name, *values in words[first:]}
    return header, rows


_ENDING = re.compile(r"\.(jpg|png)$")


def _parts(path: Path) -> dict[str, list[str]]:
    """0, 1 or 2 for each photograph: the part of the data that it belongs to."""
    rows = _rows(path)[1]
    _check(path, rows, 1, _SPLITS.values(), "one value 0, 1 or 2")
    return rows


def _marks(path: Path, attribute: str) -> dict[str, int]:
    """1 or 0 for each photograph: 1 or -1 in the column of the attribute."""
    known, rows = _rows(path)
    if attribute not in known:
        raise InvalidValueError(f"unknown attribute {attribute!r}: {path} has {some(known, 40)}.")
    _check(path, rows, len(known), ("1", "-1"), f"{len(known)} values 1 or -1")
    return {name: int(values[known.index(attribute)] == "1") for name, values in rows.items()}


def _check(path: Path, rows: dict[str, list[str]], count: int, allowed: Collection[str], expected: str) -> None:
    odd = [name for name, values in rows.items() if len(values) != count or not set(values) <= set(allowed)]
    if odd:
        raise DatasetError(f"{path} is damaged: expected {expected} for {some(odd)}.")


def _of(table: dict[str, Any], name: str, place: Path) -> Any:
    key = PurePosixPath(name).stem
    if key not in table:
        raise DatasetError(f"{PurePosixPath(name).name} of {place} is missing from the list of photographs. {_HINT}")
    return table[key]
