"""Anti-aliased circles, squares, triangles and rings, used by ``sk.datasets`` and ``sk.distributions``.

A shape is defined by its signed distance from the edge in pixels, negative inside. The coverage of a pixel is
½ − distance, clipped to [0, 1]. Coordinates are in pixels; the center of a pixel is at a half.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scorekit._checks import check_count, check_number
from scorekit.errors import InvalidTypeError, InvalidValueError

__all__ = ["KINDS", "RADII", "check_kinds", "check_proportions", "check_size", "coverage", "grid", "margin"]

Distance = Callable[[Any, Any, Any], Any]


def _circle(x: Any, y: Any, radius: Any) -> Any:
    return np.hypot(x, y) - radius


def _square(x: Any, y: Any, radius: Any) -> Any:
    """A square with the area of the circle."""
    return np.maximum(np.abs(x), np.abs(y)) - math.sqrt(math.pi) / 2 * radius


def _triangle(x: Any, y: Any, radius: Any) -> Any:
    """Equilateral, pointing up, with its corners 1.3 radii from the center."""
    slope = math.sqrt(3) / 2
    return np.maximum(np.maximum(slope * x, -slope * x) - y / 2, y) - 0.65 * radius


def _rings(x: Any, y: Any, radius: Any) -> Any:
    """Two concentric circles, drawn as lines."""
    distance = np.hypot(x, y)
    outer = np.abs(distance - 0.85 * radius) - 0.15 * radius
    return np.minimum(outer, np.abs(distance - 0.35 * radius) - 0.15 * radius)


KINDS: dict[str, Distance] = {"circle": _circle, "square": _square, "triangle": _triangle, "rings": _rings}
RADII = (0.22, 0.36)
"""The smallest and the largest radius, as proportions of the image's size."""

_REACH = {"circle": 1.0, "square": math.sqrt(math.pi) / 2, "triangle": 1.3, "rings": 1.0}


def coverage(kind: str, size: int, x: Any, y: Any, radius: Any) -> Any:
    """The covered fraction of each pixel, float32 ``(n, size, size)``, for centers and radii ``(n,)``."""
    middle = np.arange(size, dtype=np.float32) + np.float32(0.5)
    x, y, radius = (np.asarray(value, np.float32)[:, None, None] for value in (x, y, radius))
    distance = KINDS[kind](middle[None, None, :] - x, middle[None, :, None] - y, radius)
    return np.clip(np.float32(0.5) - distance, 0, 1)


def margin(kind: str, radius: Any) -> Any:
    """The smallest distance of the center from the edge of the image, in pixels."""
    return _REACH[kind] * radius


def check_kinds(kinds: Any) -> tuple[str, ...]:
    """``kinds`` as a tuple of known names without repetition."""
    if isinstance(kinds, str) or not isinstance(kinds, (tuple, list)) or not kinds:
        raise InvalidTypeError(f"kinds is {kinds!r}: expected a tuple of some of {', '.join(map(repr, KINDS))}.")
    for kind in kinds:
        if not isinstance(kind, str) or kind not in KINDS:
            raise InvalidValueError(f"unknown kind {kind!r}: expected one of {', '.join(map(repr, KINDS))} in kinds.")
    if len(set(kinds)) < len(kinds):
        raise InvalidValueError(f"kinds is {tuple(kinds)}: expected each kind once.")
    return tuple(kinds)


def check_size(size: Any) -> int:
    """The side of an image in pixels, at least 8: smaller shapes cannot be distinguished."""
    return check_count(size, "size", minimum=8)


def check_proportions(proportions: Any, kinds: tuple[str, ...], n: int | None = None) -> Any:
    """The proportions ``(k,)`` of kinds, from proportions that sum to 1 or counts that sum to ``n``; None: equal."""
    if proportions is None:
        return np.full(len(kinds), 1 / len(kinds))
    if isinstance(proportions, Mapping):
        if set(proportions) != set(kinds):
            raise InvalidValueError(f"proportions name {list(proportions)}: expected each of {list(kinds)} once.")
        proportions = [proportions[kind] for kind in kinds]
    elif not isinstance(proportions, (tuple, list, np.ndarray)) or len(proportions) != len(kinds):
        raise InvalidTypeError(
            f"proportions is {proportions!r}: expected {len(kinds)} numbers, one for each of {', '.join(kinds)}, "
            "or a dict of them."
        )
    values = np.array([check_number(value, "proportions") for value in proportions])
    total = float(values.sum())
    counted = n is not None and total == n and bool((values == np.floor(values)).all())
    if not (values >= 0).all() or not (counted or abs(total - 1) < 1e-6):
        counts = "" if n is None else f", or whole numbers that sum to n = {n}"
        raise InvalidValueError(
            f"proportions {values.tolist()} sum to {total:g}: expected non-negative numbers that sum to 1{counts}."
        )
    return values / total


def grid(kind: str, size: int, steps: int, radii: int) -> Any:
    """The shape at ``radii`` radii, with centers at most ``size / steps`` apart, float32 ``(m, size, size)``."""
    drawn = []
    for radius in size * np.linspace(*RADII, radii):
        first, last = margin(kind, radius), size - margin(kind, radius)
        line = np.linspace(first, last, math.ceil((last - first) * steps / size) + 1)
        x, y = (axis.ravel() for axis in np.meshgrid(line, line))
        drawn.append(coverage(kind, size, x, y, np.full(x.size, radius)))
    return np.concatenate(drawn)
