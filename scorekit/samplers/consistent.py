"""Consistent annealed sampling: at every step the remaining noise equals the noise level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorekit._checks import check_count, check_number, check_option
from scorekit.errors import InvalidValueError
from scorekit.noise import Geometric, Levels, as_levels
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._driver import ChainSampler
from scorekit.samplers._kernel import Row, Rows, Schedule
from scorekit.samplers._linear import denoising_row, linear_row, linear_schedule

__all__ = ["ConsistentAnnealed"]

_ROUNDING = 1e-12  # relative to sigma'²: tolerance for the rounding error of eta = 1 − gamma


@dataclass(frozen=True)
class ConsistentAnnealed(ChainSampler):
    """Consistent annealed sampling: one step from each level to the next, with exactly the noise of the next level.

    With gamma = sigma' / sigma the ratio of a level to the previous one,
    x ← x + eta · sigma² · s(x, sigma) + beta · sigma' · z with beta = sqrt(1 − (1 − eta)² / gamma²). With ``denoise``,
    the last step goes to the posterior mean without noise. If the data are a single point and x0 has the standard
    deviation of the largest level, x has exactly the standard deviation sigma' after each step; start from
    :func:`initial`. Annealed Langevin dynamics tends to a larger standard deviation.

    Special cases: eta = 1 − gamma is the Euler step of the probability flow, without noise; eta = 1 − gamma², the
    default, is ancestral sampling; eta = 1 draws each level independently around the posterior mean.

    Args:
        noise: at least two noise levels, or a descending sequence of numbers.
        eta: in [1 − gamma, 1 + gamma] for the smallest gamma; None for 1 − gamma² at each step.
        steps_per_level: n >= 1 steps from a level to the next. The n − 1 levels in between have a constant ratio, and
            the model is called at them as well.
        denoise: whether to end with the denoising step, as in :class:`AnnealedLangevin`.

    The ``sigma`` of a state is the level before its step; its positions have the noise of the next level.

    Raises:
        ValueError: ``noise`` has one level or is not positive and descending, ``eta`` is outside its range, or
            ``steps_per_level`` is below 1.
        TypeError: ``noise`` is not a sequence of levels, or ``eta`` is not a number.

    Reference: Jolicoeur-Martineau, Piché-Taillefer, Tachet des Combes and Mitliagkas, Adversarial score matching and
    improved sampling for image generation (2020), Algorithm 2, arXiv:2009.05475; eta is epsilon / sigma_L² there.

    >>> import numpy as np, scorekit as sk
    >>> sampler = ConsistentAnnealed(sk.noise.Geometric(5.0, 0.1, 40))
    >>> x0 = sk.samplers.initial(sampler.noise, (500, 2), rng=1, mean=3.0, std=1.0)
    >>> samples = sampler.sample(lambda x, sigma: (3.0 - x) / (1.0 + sigma**2), x0, rng=0)
    >>> samples.x.shape, bool(abs(samples.x.mean() - 3.0) < 0.2)
    ((500, 2), True)
    """

    noise: Geometric | Levels | Sequence[float]
    eta: float | None = None
    steps_per_level: int = 1
    denoise: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", as_levels(self.noise))
        object.__setattr__(self, "steps_per_level", check_count(self.steps_per_level, "steps_per_level"))
        check_option(self.denoise, "denoise", (True, False))
        if len(as_levels(self.noise)) < 2:
            raise InvalidValueError(
                f"noise has the one level {as_levels(self.noise).largest:g}: expected at least two, this sampler steps "
                "from one level to the next."
            )
        if self.eta is not None:
            object.__setattr__(self, "eta", self._check_eta(check_number(self.eta, "eta")))

    def _check_eta(self, eta: float) -> float:
        sigmas = as_levels(self.noise).sigmas
        gamma = float(np.min(sigmas[1:] / sigmas[:-1]) ** (1 / self.steps_per_level))
        if not (1 - eta) ** 2 <= gamma**2 * (1 + _ROUNDING):
            raise InvalidValueError(
                f"eta must lie in [1 - gamma, 1 + gamma] = [{1 - gamma:.6g}, {1 + gamma:.6g}], got {eta:g}: gamma = "
                f"{gamma:.6g} is the smallest ratio of neighboring levels here. More levels, or more steps_per_level, "
                "widen the range; eta=None takes 1 - gamma**2 at each step."
            )
        return eta

    def schedule(self) -> Schedule:
        """One row per step, then the row of the denoising step."""
        return linear_schedule(Rows(self._steps + self.denoise, self._row))

    @property
    def _steps(self) -> int:
        return (len(as_levels(self.noise)) - 1) * self.steps_per_level

    def _level(self, k: int) -> float:
        """The level before step k; the steps from one level to the next have equal ratios."""
        sigmas = as_levels(self.noise).sigmas
        i, part = divmod(k, self.steps_per_level)
        return float(sigmas[i] * (sigmas[i + 1] / sigmas[i]) ** (part / self.steps_per_level) if part else sigmas[i])

    def _row(self, k: int) -> Row:
        level, sigma = k // self.steps_per_level, self._level(k)
        if k == self._steps:
            return denoising_row(sigma, level)
        after = self._level(k + 1)
        eta = 1 - (after / sigma) ** 2 if self.eta is None else self.eta
        drift, variance = eta * sigma**2, after**2 - ((1 - eta) * sigma) ** 2
        noise = math.sqrt(variance) if variance > _ROUNDING * after**2 else 0.0  # beta · sigma'
        return linear_row(1.0, drift, noise, sigma, after, level, step_size=2 * drift)

    def advice(self, diagnosis: Diagnosis) -> str:
        """Suggest to check the model: this sampler is unstable only if the score is too steep."""
        sigma = diagnosis.row.sigma
        assert sigma is not None
        known = diagnosis.curvature
        steep = "" if known is None else f" (about {known.size * sigma**2:.3g} times that here)"
        return (
            f"This sampler is stable for a score that is nowhere steeper than 1/sigma^2, as for smoothed data"
            f"{steep}: look at the model at sigma = {sigma:.4g}, and check that it was trained for these noise levels."
        )
