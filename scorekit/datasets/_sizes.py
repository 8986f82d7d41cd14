"""Sizes of images as arguments."""

from __future__ import annotations

from typing import Any

from scorekit._checks import check_count
from scorekit.errors import InvalidTypeError

__all__ = ["height_and_width"]


def height_and_width(value: Any, name: str) -> tuple[int, int]:
    """A number of pixels, or a pair, as (height, width).

    >>> height_and_width(32, "size"), height_and_width((20, 30), "size")
    ((32, 32), (20, 30))
    """
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise InvalidTypeError(f"{name} is {value!r}: expected a number of pixels, or (height, width).")
    return check_count(pair[0], name), check_count(pair[1], name)
