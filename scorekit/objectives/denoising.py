"""Denoising score matching: learn the score of the smoothed data from the added noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from scorekit._arrays import event_dot, event_size, expand, own
from scorekit._checks import check_option, check_positive
from scorekit._tables import displayed
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.protocols import Array, RngLike

__all__ = ["DenoisingNoise", "DenoisingScoreMatching", "VarianceReduction", "denoising_losses"]

VarianceReduction = Literal["control", "antithetic"] | None
VARIANCE_REDUCTIONS: tuple[VarianceReduction, ...] = (None, "control", "antithetic")


@displayed
class DenoisingNoise(NamedTuple):
    """``z``: standard normals, shaped like the batch."""

    z: Array


def denoising_losses(
    score: CheckedScore, x: Array, z: Array, sigma: Any, variance_reduction: VarianceReduction, *, scaled: bool
) -> Array:
    """The DSM loss of each sample for the noise ``z``, times sigma² if ``scaled``; sigma is a scalar or ``(n,)``.

    The loss is ``½|t(x + sigma z) + u|²`` with ``t = s``, ``u = z/sigma``; if scaled, ``t = sigma · s``, ``u = z``.
    This form avoids ``(x̃ − x)/sigma²``, which loses precision if sigma is small compared with ``x``.
    """
    level = expand(sigma, x)
    u = z if scaled else z / level

    def t(points: Array) -> Array:
        s = score(points, sigma)
        return level * s if scaled else s

    noisy = t(x + level * z)
    if variance_reduction == "control":
        mean = 0.5 * event_size(x) / (1.0 if scaled else sigma**2)
        return 0.5 * event_dot(noisy, noisy) + event_dot(noisy - t(own(x)), u) + mean
    off = noisy + u
    if variance_reduction == "antithetic":
        mirrored = t(x - level * z) - u
        return 0.25 * (event_dot(off, off) + event_dot(mirrored, mirrored))
    return 0.5 * event_dot(off, off)


@dataclass(frozen=True)
class DenoisingScoreMatching(ScoreObjective):
    """``DSM = ½ E|s(x̃, sigma) + (x̃ − x)/sigma²|²`` with ``x̃ = x + sigma z``, z ~ N(0, I).

    It equals ESM for the data smoothed by N(0, sigma² I), up to a constant that does not depend on the model. As
    sigma → 0 its variance grows like 1/sigma². ``variance_reduction`` avoids this with one more evaluation of the
    model and the same expectation:

    - ``"control"`` subtracts ``s(x, sigma)·z/sigma + (|z|² − d)/(2 sigma²)``, whose mean is zero. The remaining loss
      ``½|s(x̃)|² + (s(x̃) − s(x))·z/sigma + d/(2 sigma²)`` tends to SSM-VR (up to its constant) as sigma → 0.
    - ``"antithetic"`` averages the losses of z and −z.

    Args:
        sigma: the noise level, positive.
        variance_reduction: None, ``"control"`` or ``"antithetic"``.

    Raises:
        ValueError: ``sigma`` is not positive and finite, or ``variance_reduction`` is unknown.
        TypeError: ``sigma`` is not a number.

    References: Vincent, A Connection Between Score Matching and Denoising Autoencoders, 2011,
    doi:10.1162/NECO_a_00142. Control variate: Wang, Cheng, Li, Zhu, Zhang, A Wasserstein Minimum Velocity Approach to
    Learning Unnormalized Models, 2020, arXiv:2002.07501.

    >>> import numpy as np
    >>> loss = DenoisingScoreMatching(sigma=0.5)(lambda x, sigma: -x, np.zeros((4, 2)), rng=0)
    >>> loss.shape
    ()
    """

    sigma: float
    variance_reduction: VarianceReduction = None

    def __post_init__(self) -> None:
        hint = "For noiseless data use ImplicitScoreMatching or SlicedScoreMatching."
        object.__setattr__(self, "sigma", check_positive(self.sigma, "sigma", hint))
        check_option(self.variance_reduction, "variance_reduction", VARIANCE_REDUCTIONS)

    @property
    def sampling_levels(self) -> tuple[float | None, ...]:
        """The noise level."""
        return (self.sigma,)

    def draw(self, x: Array, rng: RngLike = None) -> DenoisingNoise:
        """Draw standard normals, shaped like ``x``."""
        return DenoisingNoise(self._stream(x, rng).normal(tuple(x.shape), like=x))

    def _losses(self, score: CheckedScore, x: Array, noise: DenoisingNoise) -> Array:
        return denoising_losses(score, x, noise.z, self.sigma, self.variance_reduction, scaled=False)
