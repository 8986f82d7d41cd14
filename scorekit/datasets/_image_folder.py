"""Pictures of one's own: a folder, or a zip archive of one."""

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
    """The images in a folder or a zip archive, with those of the folders within it.

    Where all images lie in folders, the outermost folder of each is its class. Palettes become colors, 16-bit gray
    is divided by 65,535, and images are turned upright as their EXIF says. Files that are no images are left out and
    counted in ``notes``. An archive is read where it lies; one with members outside of it, or a bomb, is refused.

    Args:
        path: a folder or a zip file.
        size: pixels, one number or (height, width): each image is scaled (bilinear, antialiased) so that it covers
            this size, and what stands out at the sides is cut off equally. None to take them as they are, when all
            are of one size.
        crop: pixels, cut out of the middle before scaling.
        channels: 1 (gray), 3 (colors) or 4 (colors and alpha) to convert; None to take them as they are, when all
            have as many. Images with an alpha channel are refused unless channels is 4.
        limit: only the first so many, in the order of their names.
        skip_corrupt: leave damaged files out and list them in ``notes``; by default they are an error.
        progress: show a bar.

    Returns:
        An :class:`ImageData`; ``labels`` is None when images lie outside of folders.

    Raises:
        DatasetError: files are damaged, differ in size or channels, or there are none; the archive is not safe.
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
                f"{given} holds no image and {ignored} other files: expected files that end in {', '.join(ENDINGS)}."
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
    notes = found.notes + ((f"{ignored} files that are no images left out",) if ignored else ())
    return ImageData(found.images, labels, classes, given.stem, str(given), levels=found.levels, notes=notes)


def is_image(name: str) -> bool:
    """By its ending; files that macOS and others hide are none."""
    parts = PurePosixPath(name).parts
    return parts[-1].lower().endswith(ENDINGS) and not any(part.startswith((".", "__MACOSX")) for part in parts)


def as_fit(size: Any, crop: Any, channels: Any) -> Fit:
    """The arguments of a reader, checked."""
    if channels is not None and check_count(channels, "channels") not in (1, 3, 4):
        raise InvalidValueError(f"channels must be 1, 3 or 4, or None for what the files have, got {channels}.")
    return Fit(_height_and_width(crop, "crop"), _height_and_width(size, "size"), channels)


def _height_and_width(value: Any, name: str) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise InvalidTypeError(f"{name} is {value!r}: expected a number of pixels, or (height, width).")
    return check_count(pair[0], name), check_count(pair[1], name)


def _classes(names: list[str]) -> tuple[Any, tuple[str, ...]]:
    """Labels (n,) and the classes, from the outermost folders; a folder that holds all the others says nothing."""
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
