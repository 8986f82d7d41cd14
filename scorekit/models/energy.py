"""Energies as score models. The sign change between an energy and its score is only in this module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from scorekit._arrays import as_sigma, check_batch
from scorekit._score import score_function
from scorekit.errors import ShapeError, describe
from scorekit.learning.views import View
from scorekit.protocols import Array, Sigma
from scorekit.registry import backend_of

__all__ = ["EnergyModel"]


@dataclass(frozen=True, repr=False)
class EnergyModel(View):
    """The score of p(x) ∝ exp(−U(x)): ``s(x, sigma) = −∇ₓ U(x, sigma)``.

    Args:
        energy: ``U(x, sigma)``, ``U(x)`` or ``U(x, sigma, condition)``, one value per sample, shape ``(n,)``. For a
            log-density write ``EnergyModel(lambda x: -log_p(x))``. A constant added to U does not change the score.

    Raises:
        TypeError: ``energy`` is not callable.
        ShapeError: when called, ``energy`` does not return shape ``(n,)``.

    Reference: LeCun, Chopra, Hadsell, Ranzato, Huang, A Tutorial on Energy-Based Learning, 2006.

    >>> import numpy as np
    >>> model = EnergyModel(lambda x: 0.5 * (x**2).sum(axis=1))
    >>> model(np.array([[1.0, -2.0]])).tolist()
    [[-1.0, 2.0]]
    """

    _inner: ClassVar[str] = "energy"
    uses_sigma: ClassVar[bool] = False
    energy: Callable[..., Array]

    def __post_init__(self) -> None:
        self.check_inner(a_score=False)

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """−∇ₓ U at ``x`` of shape ``(n, *event)``, shaped like ``x``."""
        energy = self._checked(x, sigma, condition)
        return -backend_of(x).grad(energy, x)[1]

    def log_prob(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The unnormalized log-density −U at ``x`` of shape ``(n, *event)``; shape ``(n,)``.

        >>> import numpy as np
        >>> EnergyModel(lambda x: 0.5 * (x**2).sum(axis=1)).log_prob(np.array([[1.0, -2.0]])).tolist()
        [-2.5]
        """
        return -self._checked(x, sigma, condition)(x)

    def _checked(self, x: Array, sigma: Sigma, condition: Array | None) -> Callable[[Array], Array]:
        """The energy as a function of points like ``x``; the shape of its values is checked."""
        check_batch(x, finite=False)
        level, energy = as_sigma(sigma, x), score_function(self.energy, "energy")

        def checked(y: Array) -> Array:
            value = energy(y, level, condition)
            if getattr(value, "shape", None) != (x.shape[0],):
                came = f"shape {tuple(value.shape)}" if hasattr(value, "shape") else f"a {describe(value)}"
                raise ShapeError(
                    f"energy returned {came} for x of shape {tuple(x.shape)}: expected "
                    f"({x.shape[0]},), one value per sample. Sum over the axes of each sample."
                )
            return value

        return checked
