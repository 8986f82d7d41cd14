"""Annealed Langevin dynamics: Langevin steps at noise levels from the largest to the smallest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scorekit._checks import check_count, check_option, check_positive
from scorekit.noise import Geometric, Levels, as_levels
from scorekit.samplers._divergence import Diagnosis
from scorekit.samplers._driver import ChainSampler
from scorekit.samplers._kernel import Rows, Schedule
from scorekit.samplers._langevin_limit import langevin_advice
from scorekit.samplers._linear import denoising_row, langevin_row, linear_schedule

__all__ = ["AnnealedLangevin"]


@dataclass(frozen=True)
class AnnealedLangevin(ChainSampler):
    """Annealed Langevin dynamics: ``steps_per_level`` unadjusted steps at each level, from the largest to the smallest.

    At level i, x ← x + alpha_i/2 · s(x, sigma_i) + sqrt(alpha_i) · z with alpha_i = step_size · sigma_i² / sigma_L²,
    sigma_L the smallest level; at the end, unless ``denoise=False``, one step without noise to the posterior mean,
    x + sigma_L² · s(x, sigma_L). The model is called with ``sigma_i`` as a float.

    Args:
        noise: noise levels, or a descending sequence of numbers.
        steps_per_level: T >= 1.
        step_size: epsilon > 0, the step at the smallest level. Where the score is as steep as 1/sigma² the chain is
            stable below 4 · sigma_L².
        denoise: whether to end with the denoising step. It removes the noise of the last level and more: samples come
            out narrower than the data where sigma_L is not small beside their scale (for N(0, v) by the factor
            v / (v + sigma_L²) on the standard deviation of the noisy law), so let the levels go down far enough.

    The model must take sigma: a function of ``x`` alone is refused.

    Start from :func:`initial`, a draw from the noisiest level.

    Raises:
        ValueError, TypeError: a value outside its range, or of the wrong kind.

    Reference: Song and Ermon, Generative modeling by estimating gradients of the data distribution (2019), Algorithm
    1; the denoising step: Jolicoeur-Martineau et al., Adversarial score matching and improved sampling (2020).

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

    def schedule(self) -> Schedule:
        """The row of each level as often as there are steps at it, then that of the denoising step."""
        sigmas = [float(sigma) for sigma in as_levels(self.noise).sigmas]
        last, per_level = sigmas[-1], self.steps_per_level
        rows = [langevin_row(self.step_size * sigma**2 / last**2, sigma, i) for i, sigma in enumerate(sigmas)]
        if self.denoise:
            rows.append(denoising_row(last, len(sigmas) - 1))
        return linear_schedule(Rows(len(sigmas) * per_level + self.denoise, lambda k: rows[k // per_level]))

    def advice(self, diagnosis: Diagnosis) -> str:
        """A step size below the limit of stability at the level where it happened."""
        return langevin_advice(diagnosis, self.step_size)
