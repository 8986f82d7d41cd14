"""What two sets of images or features can be read from."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import scorekit as sk
from scorekit._checks import check_path
from scorekit._numerics import row_blocks
from scorekit._reading import open_regular
from scorekit.errors import DatasetError, InvalidTypeError, InvalidValueError, ShapeError, describe
from scorekit.experiments.sampling import newest_samples, read_samples
from scorekit.metrics import Moments
from scorekit.metrics._moments import as_moments

__all__ = ["Source", "read_source"]

_CHANNELS = (1, 3, 4)


class Source(NamedTuple):
    """Exactly one of ``images (n, c, h, w)`` in [0, 1], ``features (n, d)`` and ``moments``, and a text about them."""

    about: str
    images: Any = None
    features: Any = None
    moments: Moments | None = None


def read_source(value: Any, name: str) -> Source:
    """The content of an argument of :func:`compare`; ``name`` is the name of the argument.

    Raises:
        ValueError: the file or folder does not exist, or has no images, features or moments that can be read.
        TypeError: the argument is of another type.
    """
    if isinstance(value, tuple):
        return _of_moments(as_moments(value, name), name)
    if isinstance(value, (str, os.PathLike)):
        return _read(check_path(value, name), name)
    if isinstance(value, sk.datasets.ImageData):
        return Source(_counted(value.images, value.name), images=value.images)
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise InvalidTypeError(
            f"{name} is a {describe(value)}: expected a path, an array of images (n, c, h, w) or features (n, d), "
            "or moments (mean, covariance, n)."
        )
    return _of_array(_as_numpy(value), name, name)


def _as_numpy(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else sk.backend_of(value).to_numpy(value)


def _read(path: Path, name: str) -> Source:
    if not path.exists():
        raise InvalidValueError(
            f"{name} is {str(path)!r}, and this does not exist: expected a run, a folder of samples or images, a zip "
            "of images, or an .npy or .npz file."
        )
    ending = path.suffix.lower()
    if path.is_dir():
        return _read_folder(path, name)
    if ending in (".npy", ".npz"):
        return _read_arrays(path, name)
    if ending in (".pkl", ".pickle", ".pt", ".pth"):
        raise InvalidValueError(
            f"{name} is {path}, a pickle, which can execute code when it is read: expected an .npy or .npz file. If "
            "you trust the file, load it yourself and save the array with numpy.save, or mu and sigma with numpy.savez."
        )
    if not (path.is_file() and zipfile.is_zipfile(path)):
        raise InvalidValueError(
            f"{name} is {path}, which is no folder, no zip of images and no .npy or .npz file: expected one of these."
        )
    return _read_images(path, name)


def _read_folder(path: Path, name: str) -> Source:
    for content, inner in (("runs", "run.json"), ("folders of samples", "block-*.npy")):
        found = sorted({entry.parent.name for entry in path.glob(f"*/{inner}")})
        if found:
            listed = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
            raise InvalidValueError(f"{name} is {path}, which contains {content} ({listed}): pass one of them.")
    place = newest_samples(path) if (path / "run.json").exists() else path
    if any(place.glob("block-*.npy")):
        images = read_samples(place)
        return Source(_counted(images, place), images=images)
    return _read_images(path, name)


def _read_images(path: Path, name: str) -> Source:
    try:
        data = sk.datasets.image_folder(path)
    except DatasetError as error:
        raise DatasetError(f"{name}: {error}") from error
    notes = f"; {'; '.join(data.notes)}" if data.notes else ""
    return Source(_counted(data.images, path) + notes, images=data.images)


def _read_arrays(path: Path, name: str) -> Source:
    try:
        with open_regular(path) as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return _of_array(loaded, name, path)
            if {"mu", "sigma"} <= set(loaded.files):
                return _of_moments(as_moments(path, name), path)
            return _of_array(loaded[_only_array(loaded, path, name)], name, path)
    except (InvalidValueError, InvalidTypeError):
        raise
    except Exception as error:  # NumPy's reader raises many exception types for damaged files
        raise InvalidValueError(f"{name} is {path}, which cannot be read as arrays ({error}).") from error


def _only_array(loaded: Any, path: Path, name: str) -> str:
    """The name of the array of images or features: the only one, or the first of an unnamed series."""
    names = list(loaded.files)
    if len(names) == 1 or "arr_0" in names:  # the second array of a published sample file has its labels
        return "arr_0" if "arr_0" in names else names[0]
    raise InvalidValueError(
        f"{name} is {path} with the arrays {', '.join(names) or 'none'}: expected one array of images or features, or "
        "mu and sigma. Save the one that you mean with numpy.save."
    )


def _of_moments(found: Moments, where: Any) -> Source:
    n = "unknown" if found.n is None else found.n
    return Source(f"{where}: moments of {found.mean.size} features, n {n}", moments=found)


def _of_array(values: Any, name: str, where: Any) -> Source:
    if values.size == 0 or values.ndim not in (2, 3, 4):
        raise ShapeError(
            f"{name} has shape {values.shape}: expected images (n, c, h, w), (n, h, w, c) or (n, h, w), or features "
            "(n, d)."
        )
    if values.ndim == 2:
        if values.dtype.kind != "f":
            raise InvalidTypeError(f"{name} has features of dtype {values.dtype}: expected float32 or float64.")
        _check_finite(values, name)
        return Source(f"{where}: {len(values)} rows of {values.shape[1]} features", features=values)
    images = _as_images(values, name)
    return Source(_counted(images, where), images=images)


def _as_images(values: Any, name: str) -> Any:
    """Images as float32 ``(n, c, h, w)`` in [0, 1]."""
    if values.ndim == 3:
        values = values[:, None]
    first, last = (values.shape[axis] in _CHANNELS for axis in (1, 3))
    if first == last:
        raise ShapeError(
            f"{name} has shape {values.shape}: "
            + ("both axis 1 and axis 3 may be" if first else "neither axis 1 nor axis 3 can be")
            + " the channels (1, 3 or 4): expected (n, c, h, w) or (n, h, w, c)."
        )
    values = values if first else np.moveaxis(values, 3, 1)
    if values.dtype == np.uint8:
        return np.divide(values, 255, dtype=np.float32)
    if values.dtype.kind != "f":
        raise InvalidTypeError(f"{name} has dtype {values.dtype}: expected images of uint8, or of floats in [0, 1].")
    _check_finite(values, name)
    low, high = float(np.min(values)), float(np.max(values))
    if low < 0 or high > 1:
        remedy = "(images + 1) / 2" if low < 0 else "images / 255"
        raise InvalidValueError(f"{name} has values from {low:.3g} to {high:.3g}: expected [0, 1]. Try {remedy}.")
    return values.astype(np.float32, copy=False)


def _check_finite(values: Any, name: str) -> None:
    if not all(np.all(np.isfinite(values[rows])) for rows in row_blocks(len(values), 1024)):
        raise InvalidValueError(f"{name} holds NaN or infinity: expected finite numbers.")


def _counted(images: Any, where: Any) -> str:
    return f"{where}: {len(images)} images of {'×'.join(map(str, images.shape[1:]))}"
