"""Checks of arguments other than arrays: counts, numbers, options, paths."""

from __future__ import annotations

import difflib
import inspect
import math
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from scorekit.errors import InvalidTypeError, InvalidValueError, describe

__all__ = [
    "as_shape",
    "check_arguments",
    "check_bounds",
    "check_count",
    "check_number",
    "check_option",
    "check_path",
    "check_positive",
    "did_you_mean",
    "warn",
]


_MOST = 1 << 48  # above any realistic count; sizes computed from it still fit into 64 bits
_SMALLEST = 1e-150
_LONGEST_NAME = 255
_LISTED = 16  # names that a message lists


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """``value`` as an int that is at least ``minimum``.

    >>> check_count(0, "steps")
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: steps must be at least 1, got 0.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InvalidTypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}).")
    if value < minimum:
        raise InvalidValueError(f"{name} must be at least {minimum}, got {value}.")
    if value > _MOST:
        raise InvalidValueError(f"{name} must be at most {_MOST}, got a number of {int(value).bit_length()} bits.")
    return int(value)


def as_shape(shape: Any) -> tuple[int, ...]:
    """The shape of a draw as a tuple of counts.

    >>> as_shape([3, 2])
    (3, 2)
    """
    if type(shape) is tuple and all(type(n) is int and n >= 0 for n in shape):  # the most frequent case
        return shape
    if not isinstance(shape, (tuple, list)) or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
        raise InvalidTypeError(f"shape is {shape!r}: expected a tuple of counts, for instance (100, 2).")
    return tuple(int(n) for n in shape)


def check_bounds(low: Any, high: Any) -> None:
    """Check the bounds of integers in [low, high).

    >>> check_bounds(0, 10)
    """
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InvalidTypeError(f"{name} is a {describe(value)}: expected an integer.")
    if not low < high:
        raise InvalidValueError(f"low is {low} and high is {high}: expected low < high, for integers in [low, high).")


def check_number(value: Any, name: str, kind: str = "number") -> float:
    """``value`` as a float. It must be one real number; booleans and strings are not accepted.

    >>> check_number(2, "ema")
    2.0
    """
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise InvalidTypeError(f"{name} must be a {kind}, got {value!r} ({type(value).__name__}).")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{name} must be a {kind}, got {describe(value)}.") from error


def check_positive(value: Any, name: str, hint: str = "") -> float:
    """``value`` as a positive, finite float whose square is positive and finite too.

    >>> check_positive(-1, "std")
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: std must be positive and finite, got -1.0.
    """
    number = check_number(value, name, "positive number")
    if not _SMALLEST <= number <= 1 / _SMALLEST:
        if 0 < number < math.inf:
            hint = f"Its square must be positive and finite too: use a value from {_SMALLEST:g} to {1 / _SMALLEST:g}."
        raise InvalidValueError(f"{name} must be positive and finite, got {number}.{' ' + hint if hint else ''}")
    return number


def check_arguments(function: Any, name: str, arguments: tuple[str, ...]) -> None:
    """Raise an error if ``function`` is not a function that can be called with these ``arguments`` by position.

    >>> check_arguments(lambda: None, "callback", ("state",))
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidTypeError: callback cannot be called with (state) (too many positional arguments): ...
    """
    wanted = f"expected a function of ({', '.join(arguments)})."
    if not callable(function):
        raise InvalidTypeError(f"{name} is a {describe(function)}: {wanted}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some callables written in C have no signature
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise InvalidTypeError(f"{name} cannot be called with ({', '.join(arguments)}) ({error}): {wanted}") from error


def check_path(value: Any, name: str) -> Path:
    """``value`` as a path; ``~`` and ``~user`` at its start become the home folder, as in a shell.

    Variables of the environment are not expanded. An empty name raises an error: it would be the working folder.

    >>> check_path("runs/first", "folder").name
    'first'
    """
    try:
        given = os.fspath(value)
    except TypeError as error:
        raise InvalidTypeError(
            f"{name} is a {describe(value)}: expected a path, as a str or a pathlib.Path."
        ) from error
    if not isinstance(given, str):
        raise InvalidTypeError(f"{name} is {value!r}: expected a path, as a str or a pathlib.Path.")
    if not given or "\0" in given:
        raise InvalidValueError(f"{name} is {value!r}: expected the name of a file or folder.")
    longest = max(len(os.fsencode(part)) for part in given.split(os.sep))
    if longest > _LONGEST_NAME:
        raise InvalidValueError(
            f"{name} has a name of {longest} bytes, and file systems allow {_LONGEST_NAME}: expected a path, got "
            f"{value!r:.100}."
        )
    return Path(os.path.expanduser(given))


def check_option(value: Any, name: str, known: tuple[Any, ...]) -> None:
    """Raise an error that lists the ``known`` options (names, True, False, None) if ``value`` is not one of them.

    >>> check_option("left", "side", ("top", "bottom"))
    Traceback (most recent call last):
        ...
    scorekit.errors.InvalidValueError: unknown side 'left': expected one of 'top', 'bottom'.
    """
    if not isinstance(value, (str, bool, np.bool_, type(None))) or value not in known:
        listed = ", ".join(repr(k) for k in known[:_LISTED])
        listed += f", … ({len(known)} in all)" if len(known) > _LISTED else ""
        raise InvalidValueError(f"unknown {name} {value!r}: expected one of {listed}.{did_you_mean(value, known)}")


def did_you_mean(value: Any, known: Iterable[Any]) -> str:
    """A sentence that suggests the closest known name; empty if none is close.

    >>> did_you_mean("stesp", ["steps", "size"])
    " Did you mean 'steps'?"
    """
    if not isinstance(value, str):
        return ""
    names = {name.lower(): name for name in known if isinstance(name, str)}
    near = difflib.get_close_matches(value.lower(), names, 1, cutoff=0.7)
    return f" Did you mean {names[near[0]]!r}?" if near else ""


_BETWEEN = ("scorekit", "autograd", "contextlib", "functools", "torch", "tqdm")


def warn(message: str) -> None:
    """Give a ``RuntimeWarning`` that points to the line outside of the library from which it was called.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("the step is too large.")
    >>> str(caught[0].message)
    'the step is too large.'
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RuntimeWarning, stacklevel=level + 1)


def _is_between(module: str) -> bool:
    package = module.partition(".")[0]
    return package in _BETWEEN or package.startswith("scorekit_")
