"""Features of images: a function of the user, or principal components of the pixels."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scorekit._arrays import host
from scorekit._numerics import row_blocks
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe

__all__ = ["PixelFeatures", "chosen_rows", "features_of", "function_in"]

_AT_ONCE = 500
"""Images in one call of a feature function."""

_REPEATED = 8
"""Images that are given to a feature function twice."""

_FITTED = 2000
"""Images from which the principal components are computed."""

_MOST = 64
"""Largest number of principal components."""


@dataclass(frozen=True)
class PixelFeatures:
    """Principal components of pixels: ``mean (d,)`` and orthonormal ``axes (d, q)``, in order of their variance."""

    mean: Any
    axes: Any

    @classmethod
    def of(cls, *sets: Any) -> PixelFeatures:
        """The components of images ``(n, c, h, w)``, at most 64, of at most 2,000 random images.

        The variance of these images along the components is larger than that of new ones. So a set may be compared with
        another one only if both were passed, or neither.
        """
        ends = np.cumsum([0, *map(len, sets)])
        chosen = chosen_rows(int(ends[-1]), _FITTED)
        parts = [
            each[chosen[(chosen >= low) & (chosen < high)] - low]
            for each, low, high in zip(sets, ends[:-1], ends[1:], strict=True)
        ]
        rows = np.concatenate(parts).astype(np.float64).reshape(len(chosen), -1)
        mean = np.mean(rows, axis=0)
        centered = rows - mean
        wide = centered.shape[1] > len(centered)
        values, vectors = np.linalg.eigh(centered @ centered.T if wide else centered.T @ centered)
        kept = np.flatnonzero(values > 1e-10 * max(values[-1], 1e-300))[::-1][:_MOST]
        axes = centered.T @ vectors[:, kept] / np.sqrt(values[kept]) if wide else vectors[:, kept]
        return cls(mean, axes)

    def first(self, q: int) -> PixelFeatures:
        """The first ``q`` components."""
        return PixelFeatures(self.mean, self.axes[:, :q])

    def __call__(self, images: Any) -> Any:
        """The features ``(n, q)`` of images ``(n, c, h, w)``."""
        return (np.asarray(images, np.float64).reshape(len(images), -1) - self.mean) @ self.axes

    def __str__(self) -> str:
        return f"{self.axes.shape[1]} principal components of the pixels"


def chosen_rows(n: int, most: int) -> Any:
    """Sorted indices of ``most`` of ``n`` rows, chosen at random with a fixed seed; all rows if there are fewer."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def features_of(images: Any, function: Callable[[Any], Any], where: str) -> Any:
    """The features ``(n, d)`` of images ``(n, c, h, w)``, computed in blocks. ``where`` begins error messages.

    Raises:
        ValueError: the function returns no finite array with one row for each image.
    """
    blocks = list(row_blocks(len(images), _AT_ONCE))
    parts = [_checked(function(np.array(images[rows])), rows, where) for rows in blocks]
    some = slice(0, min(_REPEATED, len(images)))
    _check_repeatable(parts[0][some], _checked(function(np.array(images[some])), some, where), where)
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1:
        raise ShapeError(f"{where} returned {' and '.join(map(str, sorted(widths)))} features: expected equal numbers.")
    return np.concatenate(parts)


def _check_repeatable(first: Any, again: Any, where: str) -> None:
    """Check that the first images have the same features when they are alone in a batch."""
    if first.shape == again.shape and np.max(np.abs(first - again)) > 0.01 * np.max(np.abs(first)):
        raise InvalidValueError(
            f"{where} returned other features for the same {len(first)} images in another batch: expected features "
            "that depend on nothing but the image. Make the network once, outside of the function, and put it into "
            "evaluation mode, network.eval()."
        )


def _checked(answer: Any, rows: slice, where: str) -> Any:
    n, shape = rows.stop - rows.start, getattr(answer, "shape", None)
    if shape is None:
        raise InvalidTypeError(f"{where} returned a {describe(answer)}: expected an array of features (n, d).")
    if len(shape) < 2 or shape[0] != n or 0 in tuple(shape):
        raise ShapeError(f"{where} returned shape {tuple(shape)} for {n} images: expected features ({n}, d).")
    values = host(answer).reshape(n, -1)
    if not np.all(np.isfinite(values)):
        raise InvalidValueError(f"{where} returned NaN or infinity: expected finite features.")
    return values


def function_in(text: str, option: str) -> Callable[[Any], Any]:
    """The function NAME of the file FILE.py, which is executed. Error messages name the ``option`` and the file."""
    file, colon, name = text.rpartition(":")
    path = Path(file).expanduser()
    spec = importlib.util.spec_from_file_location(path.stem, path) if colon and path.is_file() else None
    if spec is None or spec.loader is None:
        raise InvalidValueError(f"{option} {text!r}: expected FILE.py:NAME, a function in a Python file that exists.")
    module = importlib.util.module_from_spec(spec)
    with _blamed(option, text):
        spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        raise InvalidValueError(f"{option} {text!r}: {path} has no function {name!r}.")

    def called(images: Any) -> Any:
        with _blamed(option, text):
            return found(images)

    return called


@contextmanager
def _blamed(option: str, text: str) -> Iterator[None]:
    """A context that names the option and the file of the user in error messages."""
    try:
        yield
    except Exception as error:
        raise InvalidValueError(f"{option} {text}: {type(error).__name__}: {error}") from error
