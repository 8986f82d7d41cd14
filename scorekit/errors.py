"""The exceptions that users meet.

Every error raised by scorekit is a :class:`ScorekitError`; it is also the built-in exception
that fits, so that ``except ValueError`` works as it does everywhere else.
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
    "ScorekitError",
    "ShapeError",
    "describe",
]


class ScorekitError(Exception):
    """The base of every error that scorekit raises."""


class InvalidValueError(ScorekitError, ValueError):
    """A value outside its range."""


class ShapeError(InvalidValueError):
    """An array whose shape is not the one that was asked for."""


class DatasetError(InvalidValueError):
    """A file of data that is missing, damaged, or not what its name says."""


class InvalidTypeError(ScorekitError, TypeError):
    """An argument, or a dtype, of the wrong kind."""


class MissingBackendError(ScorekitError, ImportError):
    """A backend, the framework beneath it, or a package that an optional feature needs is not installed."""


class DivergedError(ScorekitError, RuntimeError):
    """A Markov chain has left the finite numbers."""


class NonFiniteError(ScorekitError, RuntimeError):
    """A loss or a gradient is NaN or infinite."""


class CheckpointError(ScorekitError, RuntimeError):
    """A checkpoint is damaged, missing, or belongs to something else."""


def describe(x: object) -> str:
    """A short name for what came, for error messages: type, shape and dtype.

    >>> describe(3), describe(None)
    ('int', 'NoneType')
    """
    package = type(x).__module__.partition(".")[0]
    kind = type(x).__name__ if package == "builtins" else f"{package}.{type(x).__name__}"
    try:
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    except RuntimeError:  # ragged arrays have none
        return kind
    return kind if shape is None else f"{kind} of shape {tuple(shape)} and dtype {dtype}"
