"""Functions that take sigma as an array of shape ``(n,)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from scorekit._arrays import as_sigma, check_batch, per_row
from scorekit._score import evaluate, score_function
from scorekit.learning.views import View
from scorekit.protocols import Array, Sigma

__all__ = ["per_sample"]


@dataclass(frozen=True, repr=False)
class PerSample(View):
    """``f`` with sigma always of shape ``(n,)``; made by :func:`per_sample`."""

    _inner: ClassVar[str] = "function"
    per_sample: ClassVar[bool] = True
    uses_sigma: ClassVar[bool] = False
    function: Callable[..., Array]

    def __post_init__(self) -> None:
        self.check_inner()

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` of shape ``(n, *event)``."""
        check_batch(x, finite=False)
        return evaluate(self.function, x, None if sigma is None else per_row(as_sigma(sigma, x), x), condition)


def per_sample(f: Callable[..., Array]) -> Any:
    """A score model that always gets sigma as an array ``(n,)`` like ``x``, as a network does.

    A plain function gets a float if the whole batch has one level. Use this view for a lambda around a network, or for
    a formula that indexes sigma.

    Args:
        f: a function of ``(x, sigma)`` or ``(x, sigma, condition)``.

    Returns:
        A score model.

    Raises:
        TypeError: ``f`` is not callable.

    >>> import numpy as np
    >>> model = per_sample(lambda x, sigma: -x / (1 + sigma[:, None] ** 2))
    >>> model(np.array([[2.0, 4.0]]), 1.0).tolist()
    [[-1.0, -2.0]]
    """
    score_function(f, "f")
    return PerSample(f)
