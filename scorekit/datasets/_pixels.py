"""Pixels as files store them, integers or float32, and as the methods need them, float32 in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError, InvalidValueError, ShapeError, describe

__all__ = ["check_pixels", "floats", "levels_of"]

_LEVELS = {np.dtype(np.uint8): 256, np.dtype(np.uint16): 65536}
_AT_ONCE = 1 << 24  # bytes of float32 that are made at a time


def check_pixels(stored: Any, levels: int | None, *, bounded: bool) -> int | None:
    """Check stored images, and return their number of levels: that of the dtype if ``levels`` is None."""
    if not isinstance(stored, np.ndarray) or stored.dtype not in (np.float32, *_LEVELS):
        raise InvalidTypeError(
            f"images are a {describe(stored)}: expected a NumPy array of uint8 or uint16 as in files, or of float32 "
            f"in [0, 1]."
        )
    if stored.ndim != 4 or not 1 <= stored.shape[1] <= 4 or stored.size == 0:
        raise ShapeError(f"images have shape {stored.shape}: expected (n, c, h, w) with 1 to 4 channels, not empty.")
    if stored.dtype == np.float32:
        _check_floats(stored, bounded)
        return levels
    levels = _LEVELS[stored.dtype] if levels is None else check_count(levels, "levels", minimum=2)
    if levels < _LEVELS[stored.dtype] and stored.max() >= levels:
        raise InvalidValueError(
            f"images hold the value {stored.max()}, and levels is {levels}: expected 0 to {levels - 1}."
        )
    return levels


def levels_of(dtype: Any) -> int | None:
    """The number of values of uint8 or uint16; None for float32."""
    return _LEVELS.get(dtype)


def _check_floats(stored: Any, bounded: bool) -> None:
    low, high = float(stored.min()), float(stored.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidValueError("images hold NaN or infinity: expected finite numbers.")
    if bounded and not (low >= 0 and high <= 1):
        raise InvalidValueError(
            f"images hold values from {low:g} to {high:g}: expected [0, 1]. For 8-bit pixels pass them as uint8, or "
            "write images / 255."
        )


def floats(stored: Any, levels: int | None, rows: Any = None) -> Any:
    """The images, or those of some ``rows``, as float32: k / (levels − 1) for integers."""
    if stored.dtype == np.float32:
        return stored if rows is None else stored[rows]
    n = len(stored) if rows is None else len(rows)
    made = np.empty((n, *stored.shape[1:]), np.float32)
    step = max(1, _AT_ONCE // max(1, made[:1].nbytes))
    for start in range(0, n, step):
        part = slice(start, start + step)
        np.divide(stored[part if rows is None else rows[part]], (levels or 256) - 1, out=made[part], dtype=np.float32)
    return made
