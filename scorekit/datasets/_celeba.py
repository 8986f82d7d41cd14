"""CelebA, cropped and resized as in the papers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._checks import check_count, check_option
from scorekit.datasets._archives import open_files
from scorekit.datasets._collect import collect
from scorekit.datasets._decode import decode, need_pillow
from scorekit.datasets._files import check_folder, find, some
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._image_folder import as_fit, is_image
from scorekit.errors import DatasetError, InvalidValueError

__all__ = ["celeba"]

_SPLITS = {"train": "0", "valid": "1", "test": "2"}
_HINT = (
    "Download img_align_celeba.zip from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (you may unpack it), for "
    "labels also list_attr_celeba.txt, for split= also list_eval_partition.txt, and put them into this folder."
)


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
        folder: the folder that contains ``img_align_celeba.zip``, or the folder ``img_align_celeba`` of JPEG files.
        size: side of the result in pixels; Song and Ermon (2019, arXiv:1907.05600) use 32, with ``crop`` 140.
        crop: side of the center square in pixels; a photograph has 218×178.
        split: "train", "valid" or "test" as in ``list_eval_partition.txt``; "all" does not need that file.
        attribute: one of the 40 attributes in ``list_attr_celeba.txt``, for instance "Smiling". It gives the labels: 1
            with the attribute, 0 without. None for no labels.
        limit: read only the first ``limit`` images. All images at size 64 take 10 GB.
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
    need_pillow()
    place = _pictures(folder)
    part = None if split == "all" else _rows(find(folder, ["list_eval_partition.txt"], (), _HINT))
    marks = None if attribute is None else _marks(find(folder, ["list_attr_celeba.txt"], (), _HINT), attribute)
    with open_files(place) as files:
        names = [name for name in files.names if is_image(name)]
        if part is not None:
            names = [name for name in names if _of(part, name, place) == [_SPLITS[split]]]
        if not names:
            raise DatasetError(f"{place} holds no image of the split {split!r}. {_HINT}")
        names = names[:most]
        labels = None if marks is None else np.array([_of(marks, name, place) for name in names], np.int64)
        found = collect(
            names, lambda name: decode(files.read(name), fit), str(place), skip_corrupt=False, progress=progress
        )
    classes = () if attribute is None else (f"not {attribute}", attribute)
    terms = "non-commercial research only"
    return ImageData(found.images, labels, classes, "celeba", str(place), terms, levels=found.levels)


def _pictures(folder: str | os.PathLike[str] | None) -> Path:
    """The folder or the archive of photographs."""
    unpacked = check_folder(folder, _HINT) / "img_align_celeba"
    return unpacked if unpacked.is_dir() else find(folder, ["img_align_celeba.zip"], (), _HINT)


def _rows(path: Path, head: int = 0) -> dict[str, list[str]]:
    """The words after each name, in a text file that begins with ``head`` header lines."""
    try:
        lines = path.read_text("ascii").splitlines()[head:]
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not text: expected one line per photograph. Download it again.") from error
    return {name: words for name, *words in (line.split() for line in lines if line.strip())}


def _marks(path: Path, attribute: str) -> dict[str, int]:
    """1 or 0 for each photograph: 1 or -1 in the column of the attribute."""
    header = path.read_text("ascii", errors="replace").splitlines()[1:2]
    known = header[0].split() if header else []
    if attribute not in known:
        raise InvalidValueError(f"unknown attribute {attribute!r}: {path} has {some(known, 40)}.")
    column, rows = known.index(attribute), _rows(path, head=2)
    odd = [name for name, words in rows.items() if len(words) != len(known) or words[column] not in ("1", "-1")]
    if odd:
        raise DatasetError(f"{path} is damaged: expected {len(known)} values 1 or -1 for {some(odd)}.")
    return {name: int(words[column] == "1") for name, words in rows.items()}


def _of(table: dict[str, Any], name: str, place: Path) -> Any:
    key = name.rpartition("/")[2]
    if key not in table:
        raise DatasetError(f"{key} of {place} is missing from the list of photographs. {_HINT}")
    return table[key]
