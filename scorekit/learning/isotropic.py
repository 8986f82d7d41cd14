"""Calls of models by code that assumes noise of the same size in each entry of x."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["has_isotropic_noise", "isotropic_noise"]

_isotropic: ContextVar[bool] = ContextVar("isotropic", default=False)


@contextmanager
def isotropic_noise() -> Iterator[None]:
    """Inside, a model is called by code whose noise is sigma in each entry of x.

    A model of ``sk.models.standardized``, whose noise is sigma · scale, raises an error there: a function around it has
    hidden it.

    >>> with isotropic_noise():
    ...     has_isotropic_noise()
    True
    """
    token = _isotropic.set(True)
    try:
        yield
    finally:
        _isotropic.reset(token)


def has_isotropic_noise() -> bool:
    """Whether the call is inside of :func:`isotropic_noise`."""
    return _isotropic.get()
