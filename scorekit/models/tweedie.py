"""Denoisers as score models, by Tweedie's formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from scorekit._arrays import as_sigma, check_batch, expand
from scorekit._score import evaluate
from scorekit.errors import InvalidValueError
from scorekit.learning.views import View
from scorekit.protocols import Array, Sigma

__all__ = ["DenoiserModel", "required_sigma"]


def required_sigma(sigma: Sigma, x: Array, who: str) -> Sigma:
    """``sigma``, checked for ``x``; None raises ``ValueError``, because ``who`` needs a noise level."""
    if sigma is None:
        raise InvalidValueError(
            f"{who} needs a noise level, got sigma=None: call model(x, sigma), fix one with sk.models.at(model, 0.1), "
            "or use NoiseConditional, DenoisingScoreMatching or AnnealedLangevin, which pass sigma themselves."
        )
    return as_sigma(sigma, x)


@dataclass(frozen=True, repr=False)
class DenoiserModel(View):
    """The score of a denoiser: ``s(x, sigma) = (D(x, sigma) − x) / sigma²``.

    It is exact if D(x, sigma) = E[clean | x], the least-squares denoiser (Tweedie's formula).

    Args:
        denoise: ``D(x, sigma)``, shaped like ``x``.

    Raises:
        TypeError: ``denoise`` is not callable.
        ValueError: when called, sigma is None.

    Reference: Efron, Tweedie's Formula and Selection Bias, 2011, doi:10.1198/jasa.2011.tm11181.

    >>> import numpy as np
    >>> shrink = DenoiserModel(lambda x, sigma: x / (1 + sigma**2))  # data N(0, 1)
    >>> shrink(np.array([[2.0]]), 1.0).tolist()
    [[-1.0]]
    """

    _inner: ClassVar[str] = "denoise"
    denoise: Callable[..., Array]

    def __post_init__(self) -> None:
        self.check_inner(a_score=False)

    def __call__(self, x: Array, sigma: Sigma = None, condition: Array | None = None) -> Array:
        """The score at ``x`` of shape ``(n, *event)``, shaped like ``x``."""
        check_batch(x, finite=False)
        level = required_sigma(sigma, x, "a denoiser")
        return (evaluate(self.denoise, x, level, condition, "denoise") - x) / expand(level, x) ** 2
