"""Images in array files: NumPy's .npy and .npz, and HDF5."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._checks import check_count, check_option, check_path
from scorekit.datasets._array_files import Stored, open_arrays
from scorekit.datasets._files import some
from scorekit.datasets._image_data import ImageData
from scorekit.datasets._labels import LABEL_WORDS, spread
from scorekit.datasets._splits import SPLITS, has_word, split_of
from scorekit.errors import DatasetError, InvalidValueError

__all__ = ["arrays"]

_LAYOUTS = {"nchw": (0, 1, 2, 3), "nhwc": (0, 3, 1, 2), "nhw": (0, 1, 2)}
_CLASSES_AT_MOST = 10_000
_HALF = 1 << 15


def arrays(
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    label_key: str | None = None,
    split: str | None = None,
    layout: str | None = None,
    levels: int | None = None,
    classes: Sequence[str] | None = None,
    limit: int | None = None,
) -> ImageData:
    """Images in a ``.npy``, ``.npz`` or HDF5 file, such as those of MedMNIST.

    The images are the only array with 3 or 4 axes, or the only one whose name contains the ``split``. The labels are
    the only array of integers ``(n,)`` whose name contains a word such as ``label`` or ``y``.

    Args:
        path: the file. HDF5 needs the package h5py.
        key: the name of the array of images; None to choose it as above.
        label_key: the name of the array of labels; None to choose it as above, ``"none"`` for no labels. Labels are
            integers from 0, one-hot rows or text.
        split: "train", "val" or "test", for files that contain several parts; None for "train" in such files.
        layout: the order of the axes: "nhwc", "nchw" or "nhw" (gray). None to infer it from the number of channels, 1
            to 4; an error if both are possible.
        levels: the number of values that a pixel of an integer array can have, such as 4096 for 12 bits in uint16. None
            for 256 if values are at most 255, and for 65,536 for uint16.
        classes: the names of the classes; None for their numbers.
        limit: read only ``limit`` images: the first of each class in the proportions of the classes.

    Returns:
        An :class:`ImageData` of shape ``(n, c, h, w)``. Arrays of real numbers must lie in [0, 1].

    Raises:
        DatasetError: the file is damaged, holds Python objects, or has no array of images.
        ValueError: several arrays or layouts are possible; an argument is invalid; integers are 0 and 1, without
            ``levels=2``.
        MissingBackendError: the file is HDF5 and h5py is not installed.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = pathlib.Path(place, "two.npz")
    ...     np.savez(file, images=np.zeros((2, 28, 28, 3), np.uint8), labels=np.array([1, 0]))
    ...     data = arrays(file)
    >>> data.shape, data.labels.tolist()
    ((2, 3, 28, 28), [1, 0])
    """
    check_option(split, "split", (None, *SPLITS))
    check_option(layout, "layout", (None, *_LAYOUTS))
    place, most = check_path(path, "path"), None if limit is None else check_count(limit, "limit")
    with open_arrays(place) as found:
        name = _images_key(found, key, split, place)
        stored = _as_pixels(_as_nchw(found[name].read(), layout, name, place), levels, name, place)
        label_name = _label_key(found, label_key, name, len(stored), place)
        labels, names = (None, ()) if label_name is None else _as_labels(found[label_name].read(), label_name, place)
    if labels is not None and len(labels) != len(stored):
        raise DatasetError(f"{place} has {len(labels)} labels in {label_name} for {len(stored)} images in {name}.")
    names = names if classes is None or labels is None else tuple(map(str, classes))
    if most is not None and most < len(stored):
        chosen = spread(labels, len(stored), most)
        stored, labels = stored[chosen], None if labels is None else labels[chosen]
    notes = _dark(stored, name, place) if levels is None else ()
    return ImageData(stored, labels, names, place.stem, str(place), levels=levels, notes=notes)


def _dark(stored: Any, name: str, place: Path) -> tuple[str, ...]:
    """A note on images of fewer than 16 bits in uint16, which would be almost black; an error for one bit."""
    if stored.dtype != np.float32 and stored.max() == 1:
        raise InvalidValueError(
            f"{name} of {place} is {stored.dtype} with the values 0 and 1, which would be almost black: for images of "
            "two values pass levels=2."
        )
    high = int(stored.max()) if stored.dtype == np.uint16 else _HALF
    if high >= _HALF:
        return ()
    return (f"the largest value is {high} of 65535: for {high.bit_length()} bits pass levels={1 << high.bit_length()}",)


# ---------------------------------------------------------------- which arrays


def _images_key(found: dict[str, Stored], key: str | None, split: str | None, place: Path) -> str:
    listed = ", ".join(f"{name} {stored.shape}" for name, stored in found.items()) or "none"
    if key is not None:
        if key not in found:
            raise InvalidValueError(f"{place} has no array {key!r}: expected one of {listed}.")
        return key
    possible = [name for name, stored in found.items() if len(stored.shape) in (3, 4) and stored.kind in "buif"]
    parts = [name for name in possible if split_of(name)]
    if parts:
        possible = [name for name in parts if has_word(name, SPLITS[split or "train"])]
    elif split is not None:
        raise InvalidValueError(
            f"split is {split!r}, and no array of {place} is named so: it has {listed}. Omit split."
        )
    if not possible:
        raise DatasetError(
            f"{place} has no array of images: expected (n, h, w), (n, h, w, c) or (n, c, h, w), got {listed}."
        )
    if len(possible) > 1:
        raise InvalidValueError(
            f"{place} has several arrays of images ({listed}): pass key={possible[0]!r} or another."
        )
    return possible[0]


def _label_key(found: dict[str, Stored], key: str | None, images: str, n: int, place: Path) -> str | None:
    if key == "none":
        return None
    if key is not None and key not in found:
        raise InvalidValueError(f"{place} has no array {key!r}: expected one of {some(found)}, or 'none'.")
    if key is not None:
        return key
    named = [
        name
        for name, stored in found.items()
        if name != images and stored.kind in "buifSUO" and has_word(name, LABEL_WORDS)
    ]
    possible = [name for name in named if split_of(name) in (split_of(images), [])]
    fitting = [name for name in possible if found[name].shape[:1] == (n,)]
    possible = fitting or [name for name in possible if found[name].kind in "iu"]  # of another length: an error later
    if len(possible) > 1:
        raise InvalidValueError(
            f"{place} has several arrays of labels ({', '.join(possible)}): pass one as label_key, for instance "
            f"label_key={possible[0]!r}, or label_key='none'."
        )
    return possible[0] if possible else None


# ---------------------------------------------------------------- what is in them


def _as_nchw(values: Any, layout: str | None, name: str, place: Path) -> Any:
    """A view ``(n, c, h, w)``."""
    if layout is None:
        layout = _layout_of(values.shape, name, place)
    order = _LAYOUTS[layout]
    if values.ndim != len(order):
        raise InvalidValueError(f"layout is {layout!r} for {name} of {place}, which has shape {values.shape}.")
    moved = np.transpose(values, order)
    return moved[:, None] if layout == "nhw" else moved


def _layout_of(shape: tuple[int, ...], name: str, place: Path) -> str:
    where = f"{name} of {place} has shape {shape}"
    if len(shape) == 3:
        if shape[2] <= 4:
            raise InvalidValueError(
                f"{where}, which could be one color image (h, w, c): expected (n, h, w). Save it as image[None], or "
                "pass layout='nhw'."
            )
        return "nhw"
    fitting = [] if len(shape) != 4 else [name for name, axis in (("nhwc", 3), ("nchw", 1)) if 1 <= shape[axis] <= 4]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InvalidValueError(f"{where}: channels may be the second or the last axis. Pass layout='nhwc' or 'nchw'.")
    raise DatasetError(
        f"{where}: expected images (n, h, w), (n, h, w, c) or (n, c, h, w) with 1 to 4 channels. Rows of pixels (n, "
        "h·w) must be reshaped first."
    )


def _as_pixels(values: Any, levels: int | None, name: str, place: Path) -> Any:
    """The values in a dtype of :class:`ImageData`, without a copy where possible."""
    if values.dtype in (np.uint8, np.uint16, np.float32):
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    low, high = int(values.min()), int(values.max())
    if values.dtype.kind not in "iu" or low < 0 or high > (255 if levels is None else min(levels, 65536) - 1):
        raise DatasetError(
            f"{name} of {place} is {values.dtype} with values from {low} to {high}: expected 0 to 255, or 0 to levels "
            "− 1 with levels=…, at most 65536."
        )
    return values.astype(np.uint8 if high < 256 else np.uint16)


def _as_labels(values: Any, name: str, place: Path) -> tuple[Any, tuple[str, ...]]:
    """Labels int64 ``(n,)`` and the names of the classes."""
    n = len(values)
    if values.size == n:
        values = values.reshape(n)
    elif values.ndim == 2 and values.dtype.kind in "buif" and set(np.unique(values)) <= {0, 1} and _all_one(values):
        values = values.argmax(axis=1)
    if values.dtype.kind in "SUO":
        words = [word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in values.tolist()]
        names, labels = np.unique(words, return_inverse=True)
        return labels.astype(np.int64), tuple(map(str, names))
    if values.ndim != 1 or (values % 1).any() or values.min() < 0 or values.max() >= _CLASSES_AT_MOST:
        raise DatasetError(
            f"{name} of {place} has shape {values.shape} and values from {values.min()} to {values.max()}: expected "
            "one class per image, an integer from 0. For no labels pass label_key='none'."
        )
    labels = values.astype(np.int64)
    return labels, tuple(str(i) for i in range(int(labels.max()) + 1))


def _all_one(values: Any) -> bool:
    return bool((values.sum(axis=1) == 1).all())
