"""Image files of the user, in a folder or a zip archive."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from scorekit._checks import check_count, check_option, check_path
from scorekit.datasets._archives import open_files
from scorekit.datasets._collect import collect
from scorekit.datasets._decode import ENDINGS, Fit, decode, need_pillow
from scorekit.datasets._image_data import ImageData
from scorekit.errors import DatasetError, InvalidTypeError, InvalidValueError

__all__ = ["image_folder"]


def image_folder(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    limit: int | None = None,
    skip_corrupt: bool = False,
    progress: bool = False,
) -> ImageData:
    """The images in a folder or a zip archive and its subfolders.

    If all images are in subfolders, the outermost subfolder of each image is its class. Palette images become color
    images, 16-bit gray is divided by 65,535, and images are rotated according to their EXIF orientation. Other files
    are ignored and counted in ``notes``. Archives are read without unpacking. An archive with paths outside it, or a
    zip bomb, raises an error.

    Args:
        path: a folder or a zip file.
        size: pixels, a number or (height, width): each image is scaled (bilinear, antialiased) to cover this size, and
            its center is kept. None keeps the sizes, which must then be equal.
        crop: pixels, a number or (height, width): the center crop before scaling.
        channels: 1 (gray), 3 (color) or 4 (color and alpha) to convert; None keeps the channels, whose number must
            then be equal. Images with an alpha channel need 4.
        limit: read only the first ``limit`` images, in the order of their names.
        skip_corrupt: skip damaged files and list them in ``notes``; by default they raise an error.
        progress: show a progress bar.

    Returns:
        An :class:`ImageData` of shape ``(n, c, h, w)``; ``labels`` is None if an image is not in a subfolder.

    Raises:
        DatasetError: files are damaged, differ in size or channels, or there are none; the archive is not safe.
        ValueError: ``size``, ``crop`` or ``limit`` is not positive; ``channels`` is not 1, 3, 4 or None.
        MissingBackendError: Pillow is not installed.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for name in ("cats", "dogs"):
    ...         pathlib.Path(place, name).mkdir()
    ...         Image.new("L", (20, 10), 255).save(pathlib.Path(place, name, "1.png"))
    ...     data = image_folder(place, size=8)
    >>> data.images.shape, data.classes
    ((2, 1, 8, 8), ('cats', 'dogs'))
    """
    given, need = check_path(path, "path"), None if limit is None else check_count(limit, "limit")
    check_option(skip_corrupt, "skip_corrupt", (True, False))
    check_option(progress, "progress", (True, False))
    fit = as_fit(size, crop, channels)
    need_pillow()
    with open_files(given) as files:
        names = [name for name in files.names if is_image(name)]
        ignored = len(files.names) - len(names)
        if not names:
            raise DatasetError(
                f"{given} contains no image and {ignored} other files: expected files that end in {', '.join(ENDINGS)}."
            )
        chosen = names[:need]
        found = collect(
            chosen,
            lambda name: decode(files.read(name), fit),
            str(given),
            skip_corrupt=skip_corrupt,
            progress=progress,
        )
    labels, classes = _classes([chosen[i] for i in found.kept])
    notes = found.notes + ((f"{ignored} files that are not images ignored",) if ignored else ())
    return ImageData(found.images, labels, classes, given.stem, str(given), levels=found.levels, notes=notes)


def is_image(name: str) -> bool:
    """Whether a name ends like an image file; hidden files are not images."""
    parts = PurePosixPath(name).parts
    return parts[-1].lower().endswith(ENDINGS) and not any(part.startswith((".", "__MACOSX")) for part in parts)


def as_fit(size: Any, crop: Any, channels: Any) -> Fit:
    """Check the arguments of a reader."""
    if channels is not None and check_count(channels, "channels") not in (1, 3, 4):
        raise InvalidValueError(f"channels must be 1, 3 or 4, or None to keep those of the files, got {channels}.")
    return Fit(_height_and_width(crop, "crop"), _height_and_width(size, "size"), channels)


def _height_and_width(value: Any, name: str) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise InvalidTypeError(f"{name} is {value!r}: expected a number of pixels, or (height, width).")
    return check_count(pair[0], name), check_count(pair[1], name)


def _classes(names: list[str]) -> tuple[Any, tuple[str, ...]]:
    """Labels (n,) and classes from the outermost subfolders; a folder that contains all images is not a class."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    if len(set(folders)) == 1:
        return None, ()
    shared = 0
    while len({parts[: shared + 1] for parts in folders}) == 1:
        shared += 1
    tops = [parts[shared] if len(parts) > shared else None for parts in folders]
    classes = sorted({top for top in tops if top is not None})
    if None in tops:
        return None, ()
    place = {name: i for i, name in enumerate(classes)}
    return np.array([place[top] for top in tops if top is not None], dtype=np.int64), tuple(classes)
