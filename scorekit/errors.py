"""The exceptions that scorekit raises.

Every error is a :class:`ScorekitError`. It also derives from the matching built-in exception, so ``except ValueError``
works as usual.
"""

from __future__ import annotations

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
]


class ScorekitError(Exception):
    """The base class of all errors that scorekit raises."""


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


def describe(x: object) -> str:
    """A short description of a value for error messages: type, shape and dtype.

    >>> describe(3), describe(None)
    ('int', 'NoneType')
    """
    package = type(x).__module__.partition(".")[0]
    kind = type(x).__name__ if package == "builtins" else f"{package}.{type(x).__name__}"
    try:
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    except RuntimeError:  # ragged arrays have no shape
        return kind
    return kind if shape is None else f"{kind} of shape {tuple(shape)} and dtype {dtype}"
