"""Annealed Langevin dynamics: Langevin steps at decreasing noise levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scorekit._checks import check_count, check_option, check_positive, warn
from scorekit.errors import InvalidValueError
from scorekit.noise import Geometric, Levels, as_levels
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._driver import ChainSampler
from scorekit.samplers._kernel import Rows, Schedule
from scorekit.samplers._langevin_limit import langevin_advice
from scorekit.samplers._linear import denoising_row, langevin_row, linear_schedule

__all__ = ["AnnealedLangevin"]

_UNSTABLE, _WIDE = 4.0, 2.0  # step_size / sigma_L²; at 2 the noise has twice its variance


@dataclass(frozen=True)
class AnnealedLangevin(ChainSampler):
    """Annealed Langevin dynamics: ``steps_per_level`` unadjusted steps at each level, from the largest to the smallest.

    At level i, x ← x + alpha_i/2 · s(x, sigma_i) + sqrt(alpha_i) · z with alpha_i = step_size · sigma_i² / sigma_L²,
    sigma_L the smallest level. With ``denoise``, the last step goes to the posterior mean without noise,
    x + sigma_L² · s(x, sigma_L). The model is called with ``sigma_i`` as a float. Start from :func:`initial`.

    Args:
        noise: noise levels, or a descending sequence of numbers.
        steps_per_level: T >= 1.
        step_size: epsilon in (0, 4 · sigma_L²), the step size at the smallest level, in units of x². For a score with
            curvature 1/sigma² the chain is stable below 4 · sigma_L², and its variance at level i tends to sigma_i² /
            (1 − epsilon / (4 sigma_L²)).
        denoise: whether to end with the denoising step. Samples are then narrower than the data if sigma_L is not
            small: for N(0, v) the standard deviation of the noisy samples is multiplied by v / (v + sigma_L²). Use
            small enough levels.

    Raises:
        ValueError: ``noise`` is not positive and descending, ``steps_per_level`` is below 1, or ``step_size`` is not
            positive and below 4 · sigma_L².
        TypeError: ``noise`` is not a sequence of levels, or ``step_size`` is not a number. :meth:`sample` raises it for
            a model that takes no sigma.

    Warns:
        RuntimeWarning: ``step_size`` is more than 2 · sigma_L²: the noise has more than twice its variance.

    References: Song and Ermon, Generative modeling by estimating gradients of the data distribution (2019), Algorithm
    1, arXiv:1907.05600. The denoising step: Jolicoeur-Martineau et al., Adversarial score matching and improved
    sampling for image generation (2020), arXiv:2009.05475.

    >>> import numpy as np
    >>> sampler = AnnealedLangevin([3.0, 1.0, 0.1], steps_per_level=50, step_size=0.01)
    >>> samples = sampler.sample(lambda x, sigma: (5.0 - x) / (1.0 + sigma**2), np.zeros((500, 2)), rng=0)
    >>> samples.x.shape, bool(abs(samples.x.mean() - 5.0) < 0.2)
    ((500, 2), True)
    """

    noise: Geometric | Levels | Sequence[float]
    steps_per_level: int
    step_size: float
    denoise: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", as_levels(self.noise))
        object.__setattr__(self, "steps_per_level", check_count(self.steps_per_level, "steps_per_level"))
        object.__setattr__(self, "step_size", check_positive(self.step_size, "step_size"))
        check_option(self.denoise, "denoise", (True, False))
        self._check_stability()

    def _check_stability(self) -> None:
        smallest = as_levels(self.noise).smallest
        relative = self.step_size / smallest**2
        if relative >= _UNSTABLE * (1 - 1e-9):  # 4 * 0.1**2 is 0.04 but for rounding
            raise InvalidValueError(
                f"step_size={self.step_size:g} is {relative:.3g} times the squared smallest level ({smallest:g}): "
                f"expected less than {_UNSTABLE:g} times, because the curvature of the score at level sigma is up to "
                f"1/sigma^2 and larger steps diverge. Try step_size={0.2 * smallest**2:.2g}."
            )
        if relative > _WIDE:
            warn(
                f"step_size={self.step_size:g} is {relative:.3g} times the squared smallest level ({smallest:g}): with "
                f"many steps per level the variance of the noise tends to 1 / (1 - {relative:.3g}/4) = "
                f"{1 / (1 - relative / _UNSTABLE):.3g} times sigma^2 at each level. Try "
                f"step_size={0.2 * smallest**2:.2g}, with {1 / (1 - 0.2 / _UNSTABLE):.3g} times."
            )

    def schedule(self) -> Schedule:
        """``steps_per_level`` equal rows for each level, then the row of the denoising step."""
        sigmas = [float(sigma) for sigma in as_levels(self.noise).sigmas]
        last, per_level = sigmas[-1], self.steps_per_level
        rows = [langevin_row(self.step_size * sigma**2 / last**2, sigma, i) for i, sigma in enumerate(sigmas)]
        if self.denoise:
            rows.append(denoising_row(last, len(sigmas) - 1))
        return linear_schedule(Rows(len(sigmas) * per_level + self.denoise, lambda k: rows[k // per_level]))

    def advice(self, diagnosis: Diagnosis) -> str:
        """Suggest a step size below the stability limit at the level of the divergence."""
        return langevin_advice(diagnosis, self.step_size)
