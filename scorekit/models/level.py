"""A noise-conditional model at one level, and the denoiser of a score model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from scorekit._arrays import as_sigma, check_batch, expand, own, readable
from scorekit._checks import check_positive
from scorekit._conditions import check_condition
from scorekit._score import evaluate
from scorekit.errors import InvalidValueError
from scorekit.learning.isotropic import isotropic_noise
from scorekit.learning.views import View, units_of, without_units
from scorekit.models.tweedie import required_sigma
from scorekit.protocols import Array, ScoreModel, Sigma
from scorekit.registry import array_namespace

__all__ = ["at", "denoise"]


@dataclass(frozen=True, repr=False)
class AtLevel(View):
    """``x ↦ model(x, level)``; made by :func:`at`."""

    _inner: ClassVar[str] = "model"
    model: ScoreModel
    level: float

    def __post_init__(self) -> None:
        self.check_inner()
        object.__setattr__(self, "level", check_positive(self.level, "sigma"))

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` at the fixed level; another ``sigma`` raises ``ValueError``."""
        check_batch(x, finite=False)
        given = as_sigma(sigma, x)
        if given is not None and not self._is_level(given, x):
            raise InvalidValueError(
                f"this model is fixed at sigma = {self.level:g}, got {sigma}: pass the same level or none, or use the "
                "model inside."
            )
        return evaluate(self.model, x, self.level, condition)

    @property
    def log_prob(self) -> Callable[..., Array]:
        """The log-density at the fixed level, ``x ↦ (n,)``, if the model inside has one."""
        inner: Callable[..., Array] = self.inner.log_prob
        return lambda x, *condition: inner(x, self.level, *condition)

    def _is_level(self, sigma: Sigma, x: Array) -> bool:
        if not isinstance(sigma, float) and not readable(sigma):
            return True
        xp = array_namespace(x)
        off = abs(sigma - self.level) if isinstance(sigma, float) else xp.max(xp.abs(sigma - self.level))
        return bool(off <= 1e-6 * self.level)


def at(model: ScoreModel, sigma: float) -> Any:
    """The score ``x ↦ model(x, sigma)`` of the data smoothed at one noise level.

    Args:
        model: a noise-conditional score model.
        sigma: the noise level, positive.

    Returns:
        A score model of ``x``.

    Raises:
        ValueError: ``sigma`` is not positive and finite; when called, another level is passed.
        TypeError: ``model`` is not callable.

    >>> import numpy as np
    >>> at(lambda x, sigma: -x / (1 + sigma**2), 1.0)(np.array([[2.0]])).tolist()
    [[-1.0]]
    """
    return AtLevel(model, sigma)


def denoise(model: ScoreModel, x: Array, sigma: Sigma, condition: Array | None = None) -> Array:
    """Denoise ``x``: ``x + sigma² s(x, sigma)``, equal to E[clean | x] if the score is exact (Tweedie's formula).

    Args:
        model: a score model. For one of ``sk.models.standardized``, the noise of ``x`` is sigma · scale.
        x: noisy samples, shape ``(n, *event)``.
        sigma: their noise level, a positive scalar or shape ``(n,)``.
        condition: the condition of each sample, first axis n; None for an unconditional model.

    Returns:
        The denoised samples, shaped like ``x``.

    Raises:
        ValueError: ``x`` is not finite, or ``sigma`` is None or not positive.
        ShapeError: ``sigma`` or the model's output does not fit ``x``.

    Reference: Efron, Tweedie's Formula and Selection Bias, 2011, doi:10.1198/jasa.2011.tm11181.

    >>> import numpy as np
    >>> denoise(lambda x, sigma: -x / (1 + sigma**2), np.array([[2.0]]), 1.0).tolist()
    [[1.0]]
    """
    check_batch(x)
    units = units_of(model)
    if units is not None:
        return units.from_standard(denoise(without_units(model), units.to_standard(x), sigma, condition))
    level = expand(required_sigma(sigma, x, "denoising"), x)
    with isotropic_noise():
        return x + level**2 * evaluate(model, own(x), sigma, check_condition(condition, x))
