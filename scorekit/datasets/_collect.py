"""Decode many images into one array. Damaged images and images of different shapes raise different errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from scorekit._progress import progress_bar
from scorekit.datasets._decode import Picture
from scorekit.datasets._pixels import floats, levels_of
from scorekit.errors import DatasetError

__all__ = ["Collected", "collect"]

_SHOWN = 5


class Collected(NamedTuple):
    """The images ``(n, c, h, w)``, the indices of their names, their levels, and notes on skipped files."""

    images: Any
    kept: list[int]
    levels: int | None
    notes: tuple[str, ...]


def collect(
    names: Sequence[str], picture: Callable[[str], Picture], where: str, *, skip_corrupt: bool, progress: bool
) -> Collected:
    """The images of all ``names``.

    Raises:
        DatasetError: an image is damaged and ``skip_corrupt`` is False; no image can be read; the shapes differ.
    """
    shapes: Counter[tuple[int, int, int]] = Counter()
    faults: list[str] = []
    levels: set[int | None] = set()
    kept: list[int] = []
    images: Any = None
    for i, name in enumerate(_with_bar(names, where, progress)):
        try:
            pixels, depth = picture(name)
        except (DatasetError, OSError) as error:
            faults.append(f"{name}: {error}")
            continue
        shapes[pixels.shape] += 1
        if images is None:
            images = _room(len(names), pixels, where)
        if images.dtype != pixels.dtype and images.dtype != np.float32:  # 8 bits beside 16
            images = floats(images, levels_of(images.dtype))
        if len(shapes) == 1:
            if images.dtype != pixels.dtype:
                pixels = floats(pixels, depth)
            images[len(kept)] = pixels
            kept.append(i)
            levels.add(depth)
    _check_faults(faults, len(names), where, skip_corrupt)
    if len(shapes) > 1:
        raise DatasetError(_differ(shapes, where))
    notes = (f"{len(faults)} skipped ({_listed(faults)})",) if faults else ()
    return Collected(images[: len(kept)], kept, levels.pop() if len(levels) == 1 else None, notes)


def _with_bar(names: Sequence[str], where: str, progress: bool) -> Iterator[str]:
    """The names, with a progress bar if ``progress`` is True."""
    with progress_bar(len(names), where, "image", shown=progress) as bar:
        for name in names:
            yield name
            bar.update()


def _room(n: int, first: Any, where: str) -> Any:
    try:
        return np.empty((n, *first.shape), first.dtype)
    except MemoryError as error:
        raise DatasetError(
            f"the {n} images of {where} need {n * first.nbytes / 1e9:.1f} GB, more than the free memory: read fewer "
            "images with limit=, or smaller ones with size=."
        ) from error


def _check_faults(faults: list[str], n: int, where: str, skip_corrupt: bool) -> None:
    if len(faults) == n:
        raise DatasetError(f"none of the {n} images in {where} can be read: {_listed(faults)}.")
    if faults and not skip_corrupt:
        raise DatasetError(
            f"{len(faults)} of {n} images in {where} cannot be read: {_listed(faults)}. "
            "To skip these files pass skip_corrupt=True."
        )


def _listed(faults: list[str]) -> str:
    return "; ".join(faults[:_SHOWN]) + ("; …" if len(faults) > _SHOWN else "")


def _differ(shapes: Counter[tuple[int, int, int]], where: str) -> str:
    most = shapes.most_common()
    listed = ", ".join(f"{count} of {'×'.join(map(str, shape))}" for shape, count in most[:_SHOWN])
    more = f", … ({len(most)} shapes)" if len(most) > _SHOWN else ""
    arguments = []
    if len({(height, width) for _, height, width in shapes}) > 1:
        arguments.append(f"size={min(most[0][0][1:])}")
    if len({channels for channels, _, _ in shapes}) > 1:
        arguments.append("channels=3")
    return (
        f"the images in {where} differ in shape (channels×height×width): {listed}{more}. "
        f"To give them one shape pass {' and '.join(arguments)}."
    )
