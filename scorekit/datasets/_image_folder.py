"""Image files of the user, in a folder or a zip archive."""

from __future__ import annotations

import hashlib
import os
from pathlib import PurePosixPath
from typing import Any

from scorekit._checks import check_count, check_option, check_path
from scorekit.datasets._archives import Files, open_files
from scorekit.datasets._collect import collect
from scorekit.datasets._decode import Fit, Picture, decode, need_pillow
from scorekit.datasets._files import some
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._labels import labels_of, spread
from scorekit.datasets._signatures import HEAD, looks_like_image, named_as_image
from scorekit.datasets._sizes import height_and_width
from scorekit.errors import DatasetError, InvalidTypeError, InvalidValueError

__all__ = ["Reader", "as_fit", "image_folder", "image_names", "passed_over"]


def image_folder(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    background: Any = None,
    limit: int | None = None,
    skip_corrupt: bool = False,
    progress: bool = False,
) -> ImageData:
    """The images in a folder or a zip archive and its subfolders.

    If there is a file ``dataset.json``, as in the data sets of StyleGAN and EDM, it has the labels. Otherwise, if all
    images are in subfolders, the outermost subfolder of each image is its class. Symbolic links are followed.

    A file is an image if its name ends like one, or if its first bytes are those of one. Palette images become color
    images, 16-bit gray is divided by 65,535, images are rotated according to their EXIF orientation, and an alpha
    channel that is opaque everywhere is dropped. Files that are passed over are counted and listed in ``notes``, and
    so are images that occur twice. Archives are read without unpacking. An archive with paths outside it, or a zip
    bomb, raises an error.

    Args:
        path: a folder or a zip file.
        size: pixels, a number or (height, width): each image is scaled (bilinear, antialiased) to cover this size, and
            its center is kept. None keeps the sizes, which must then be equal.
        crop: pixels, a number or (height, width): the center crop before scaling.
        channels: 1 (gray), 3 (color) or 4 (color and alpha) to convert; None keeps the channels, whose number must
            then be equal.
        background: the color under transparent pixels, such as ``"white"``, ``"#ff8000"`` or ``(255, 128, 0)``. None
            for no color: transparent images then need ``channels=4``.
        limit: read only ``limit`` images: the first of each class in the order of their names, in the proportions of
            the classes.
        skip_corrupt: skip damaged files and list them in ``notes``; by default they raise an error.
        progress: show a progress bar.

    Returns:
        An :class:`ImageData` of shape ``(n, c, h, w)``; ``labels`` is None if an image is not in a subfolder.

    Raises:
        DatasetError: files are damaged, differ in size or channels, or there are none; the archive is not safe.
        ValueError: ``size``, ``crop`` or ``limit`` is not positive; ``channels`` is not 1, 3, 4 or None; ``background``
            is not a color; the subfolders are named train and test.
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
    check_option(skip_corrupt, "skip_corrupt", (True, False))
    check_option(progress, "progress", (True, False))
    given, most = check_path(path, "path"), None if limit is None else check_count(limit, "limit")
    fit = as_fit(size, crop, channels, background)
    with open_files(given) as files:
        names = image_names(files)
        if not names:
            raise DatasetError(f"{given} contains no image: {'; '.join(passed_over(files)) or 'it is empty'}.")
        labels = labels_of(names, files, str(given))
        chosen, reader = spread(labels.values, len(names), most), Reader(files, fit)
        found = collect(
            [names[i] for i in chosen], reader.read, str(given), skip_corrupt=skip_corrupt, progress=progress
        )
        notes = found.notes + passed_over(files) + reader.notes()
    values, classes = labels.at([chosen[i] for i in found.kept])
    return ImageData(found.images, values, classes, given.stem, str(given), levels=found.levels, notes=notes)


def image_names(files: Files) -> list[str]:
    """The names of the image files. The others are added to the files that are passed over."""
    names, others = [], []
    for name in files.names:
        if named_as_image(name) or _starts_as_image(name, files):
            names.append(name)
        elif PurePosixPath(name).name != "dataset.json":
            others.append(name)
    if others:
        files.passed["not images"] = others
    return names


def _starts_as_image(name: str, files: Files) -> bool:
    try:
        return looks_like_image(name, files.read(name, HEAD))
    except OSError:
        return False


def passed_over(files: Files) -> tuple[str, ...]:
    """Notes on the files that are passed over, one for each reason."""
    return tuple(f"{len(names)} passed over, {reason}: {some(names)}" for reason, names in files.passed.items())


class Reader:
    """Decode image files, and count those with equal content."""

    def __init__(self, files: Files, fit: Fit) -> None:
        self._files, self._fit = files, fit
        self._known: dict[bytes, str] = {}
        self._again: list[str] = []

    def read(self, name: str) -> Picture:
        """The image in the file ``name``."""
        content = self._files.read(name)
        picture = decode(content, self._fit)
        first = self._known.setdefault(hashlib.blake2b(content, digest_size=16).digest(), name)
        if first != name:
            self._again.append(f"{name} is {first}")
        return picture

    def notes(self) -> tuple[str, ...]:
        """A note on the images that occurred before; they are kept."""
        return (f"{len(self._again)} images occur again ({some(self._again)})",) if self._again else ()


def as_fit(size: Any, crop: Any, channels: Any, background: Any = None) -> Fit:
    """Check the arguments of a reader. Pillow must be installed."""
    if channels is not None and check_count(channels, "channels") not in (1, 3, 4):
        raise InvalidValueError(f"channels must be 1, 3 or 4, or None to keep those of the files, got {channels}.")
    fit = Fit(_pair(crop, "crop"), _pair(size, "size"), channels)
    need_pillow()
    if background is None:
        return fit
    if channels == 4:
        raise InvalidValueError("background and channels=4 exclude each other: a background removes the alpha channel.")
    return fit._replace(background=_color(background))


def _color(given: Any) -> tuple[int, int, int]:
    """The color (red, green, blue) of a name, a hexadecimal code or three numbers."""
    from PIL import ImageColor

    expected = "expected a color, such as 'white', '#ff8000' or (255, 128, 0)"
    if isinstance(given, str):
        try:
            return ImageColor.getrgb(given)[:3]
        except ValueError as error:
            raise InvalidValueError(f"background is {given!r}: {expected}.") from error
    if not isinstance(given, (tuple, list)) or len(given) != 3:
        raise InvalidTypeError(f"background is {given!r}: {expected}.")
    red, green, blue = (check_count(value, "background", minimum=0) for value in given)
    if max(red, green, blue) > 255:
        raise InvalidValueError(f"background is {given!r}: expected numbers from 0 to 255.")
    return red, green, blue


def _pair(value: Any, name: str) -> tuple[int, int] | None:
    return None if value is None else height_and_width(value, name)
