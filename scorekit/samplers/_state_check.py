"""Check that the arrays in a kernel's state keep their shapes and dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scorekit.errors import InvalidTypeError, ShapeError
from scorekit.samplers._kernel import Kernel

__all__ = ["check_state"]


def check_state(before: Any, after: Any, kernel: Kernel) -> None:
    """Raise an error if the arrays in the state changed in number, shape or dtype.

    Raises:
        ShapeError: the shape of an array changed.
        TypeError: the dtype of an array changed, or arrays were added or removed.
    """
    old, new, name = dict(_arrays(before)), dict(_arrays(after)), type(kernel).__name__
    if old.keys() != new.keys():
        was, became = (", ".join(places) or "none" for places in (old, new))
        raise InvalidTypeError(
            f"the arrays of {name}'s state were {was} before a step and {became} after it: expected the same arrays. "
            "Make all of them in init; start a buffer that fills up with zeros and a count."
        )
    for place, array in new.items():
        then = old[place]
        if tuple(array.shape) != tuple(then.shape):
            raise ShapeError(
                f"{place} of {name} had shape {tuple(then.shape)} before a step and {tuple(array.shape)} after it: "
                "expected the shape from init."
            )
        if array.dtype != then.dtype:
            raise InvalidTypeError(
                f"{place} of {name} had dtype {then.dtype} before a step and {array.dtype} after it: expected the "
                "dtype from init."
            )


def _arrays(state: Any, place: str = "the state") -> Iterator[tuple[str, Any]]:
    """The arrays with at least one axis in a state, and their places; scalars are not checked."""
    if getattr(state, "ndim", 0):
        yield place, state
        return
    parts: Any = ()
    if isinstance(state, Mapping):
        parts = state.items()
    elif isinstance(state, (tuple, list)):
        parts = zip(getattr(state, "_fields", range(len(state))), state, strict=True)
    for name, part in parts:
        yield from _arrays(part, f"{place}[{name!r}]")
