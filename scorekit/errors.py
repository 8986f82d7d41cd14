"""The exceptions that scorekit raises.

Every error is a :class:`ScorekitError`. It also derives from the matching built-in exception, so ``except ValueError``
works as usual.
"""

from __future__ import annotations

import re

__all__ = [
    "CheckpointError",
    "DatasetError",
    "DivergedError",
    "InvalidTypeError",
    "InvalidValueError",
    "MissingBackendError",
    "NonFiniteError",
    "RunError",
    "ScorekitError",
    "ShapeError",
    "describe",
    "readable",
    "reason_of",
]


class ScorekitError(Exception):
    r"""The base class of all errors that scorekit raises.

    The text of an error fits on a screen and holds no terminal codes, whatever the values and the errors of other
    libraries that it quotes; ``args`` has all of it.

    >>> str(ScorekitError("\x1b[31mwrong\x1b[0m"))
    'wrong'
    """

    def __str__(self) -> str:
        return readable(super().__str__())


class InvalidValueError(ScorekitError, ValueError):
    """An argument has a value outside its range."""


class ShapeError(InvalidValueError):
    """An array does not have the expected shape."""


class DatasetError(InvalidValueError):
    """A data file is missing, damaged, or has another content than expected."""


class InvalidTypeError(ScorekitError, TypeError):
    """An argument has the wrong type or dtype."""


class MissingBackendError(ScorekitError, ImportError):
    """A backend, its framework, or a package for an optional feature is not installed."""


class DivergedError(ScorekitError, RuntimeError):
    """A Markov chain has diverged: it holds NaN or infinity."""


class NonFiniteError(ScorekitError, RuntimeError):
    """A loss or a gradient is NaN or infinite."""


class RunError(ScorekitError, RuntimeError):
    """A training run ends because another of its processes has an error."""


class CheckpointError(ScorekitError, RuntimeError):
    """A checkpoint is damaged, missing, or belongs to another run or model."""


_LONGEST = 1500
_TERMINAL_CODES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")


def readable(text: str, longest: int = _LONGEST) -> str:
    """``text`` without terminal codes and control characters; a long text is shortened in the middle.

    >>> readable("a" * 20 + "b" * 20, 11)
    'aaaaa … bbb'
    """
    clean = _TERMINAL_CODES.sub("", text)
    clean = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in clean)
    if len(clean) <= longest:
        return clean
    ending = longest * 3 // 10
    return f"{clean[: longest - ending - 3]} … {clean[-ending:]}"


def reason_of(error: BaseException) -> str:
    r"""The type and the whole message of an error of another library, in one line.

    >>> reason_of(ValueError("first\n  second"))
    'ValueError: first second'
    """
    said = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {readable(' '.join(said.split()), 600)}"


def describe(x: object) -> str:
    """A short description of a value for error messages: type, shape and dtype.

    >>> describe(3), describe(None)
    ('int', 'NoneType')
    """
    if isinstance(x, type):
        return f"class {x.__name__}"
    package = type(x).__module__.partition(".")[0]
    kind = type(x).__name__ if package == "builtins" else f"{package}.{type(x).__name__}"
    try:
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    except RuntimeError:  # ragged arrays have no shape
        return kind
    if shape is None or callable(shape):
        return kind
    return f"{kind} of shape {tuple(shape)}" + ("" if dtype is None else f" and dtype {dtype}")
