"""Denoising score matching: the score of the smoothed data, learned from the noise that was added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from scorekit._arrays import align, check_option, check_positive, event_dot, event_size, own
from scorekit.objectives._base import CheckedScore, ScoreObjective
from scorekit.protocols import Array, Rng

__all__ = ["DenoisingScoreMatching", "VarianceReduction", "scaled_denoising_losses"]

VarianceReduction = Literal["control", "antithetic"] | None
VARIANCE_REDUCTIONS: tuple[VarianceReduction, ...] = (None, "control", "antithetic")


def scaled_denoising_losses(
    score: CheckedScore, x: Array, z: Array, sigma: Any, variance_reduction: VarianceReduction
) -> Array:
    """sigma² times the DSM loss of each sample, for given standard normal ``z`` and sigma a scalar or ``(n,)``.

    Everything is written in ``t = sigma · s``: ``½|t(x + sigma z) + z|²`` never forms ``(x̃ − x)/sigma²``, which
    loses its digits where sigma is small beside ``x``.
    """
    level = align(sigma, x)
    t = level * score(x + level * z, sigma)
    if variance_reduction == "control":
        at_data = level * score(own(x), sigma)
        return 0.5 * event_dot(t, t) + event_dot(t - at_data, z) + 0.5 * event_size(x)
    if variance_reduction == "antithetic":
        mirrored = level * score(x - level * z, sigma)
        return 0.25 * (event_dot(t + z, t + z) + event_dot(mirrored - z, mirrored - z))
    return 0.5 * event_dot(t + z, t + z)


@dataclass(frozen=True)
class DenoisingScoreMatching(ScoreObjective):
    """``DSM = ½ E|s(x̃, sigma) + (x̃ − x)/sigma²|²`` with ``x̃ = x + sigma z``, z ~ N(0, I).

    It equals ESM against the score of the data smoothed by N(0, sigma² I), up to a constant that does not depend
    on the model. As sigma → 0 its variance grows like 1/sigma²; ``variance_reduction`` mends that without
    touching the expectation, at the price of one more evaluation of the model:

    - ``"control"`` subtracts ``s(x, sigma)·z/sigma + (|z|² − d)/(2 sigma²)``, whose mean is zero. What is left,
      ``½|s(x̃)|² + (s(x̃) − s(x))·z/sigma + d/(2 sigma²)``, tends to SSM-VR (and its constant) as sigma → 0.
    - ``"antithetic"`` averages the losses of z and −z.

    Args:
        sigma: the noise level, positive.
        variance_reduction: None, ``"control"`` or ``"antithetic"``.

    References: Vincent, A Connection Between Score Matching and Denoising Autoencoders, 2011. The control variate:
    Wang, Cheng, Li, Zhu, Zhang, A Wasserstein Minimum Velocity Approach to Learning Unnormalized Models, 2020.

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

    def _losses(self, score: CheckedScore, x: Array, rng: Rng | None) -> Array:
        assert rng is not None
        z = rng.normal(x.shape, like=x)
        return scaled_denoising_losses(score, x, z, self.sigma, self.variance_reduction) / self.sigma**2
