"""Checked, read-only parameters of densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scorekit._arrays import host
from scorekit.errors import InvalidTypeError, InvalidValueError, describe

__all__ = ["numbers", "read_only"]


def numbers(value: Any, name: str) -> npt.NDArray[np.float64]:
    """A constructor argument as a finite NumPy float64 array, copied."""
    refused = InvalidTypeError(f"{name} must hold real numbers in a rectangular array, got {describe(value)}.")
    if value is None:
        raise refused
    try:
        given = np.asarray(value) if not hasattr(value, "shape") else value
        if isinstance(value, np.ma.MaskedArray) or getattr(getattr(given, "dtype", None), "kind", "f") not in "fiubO":
            raise refused
        made = np.array(host(given), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise refused from error
    if not np.isfinite(made).all():
        bad = int((~np.isfinite(made)).sum())
        raise InvalidValueError(
            f"{name} holds NaN or infinity in {bad} of {made.size} entries: expected finite numbers."
        )
    return made


def read_only(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The array itself, made read-only."""
    value.flags.writeable = False
    return value
