"""Consistent annealed sampling: the noise that is left is at every step what the ladder says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scorekit._arrays import check_count, check_number, check_option
from scorekit.errors import InvalidValueError
from scorekit.noise import Geometric, Ladder, as_ladder
from scorekit.protocols import Array
from scorekit.samplers.chain import ChainSampler
from scorekit.samplers.divergence import Autopsy
from scorekit.samplers.kernels import Denoise, Moved, Stage
from scorekit.samplers.walk import Walk

__all__ = ["Consistent", "ConsistentAnnealed"]

_ROUNDING = 1e-12  # relative to target²: what eta = 1 − gamma, written as a float, may miss the edge of its range by


@dataclass(frozen=True)
class Consistent:
    """The step from level ``source`` to level ``target``, x + eta · source² · s(x, sigma) + spread · z, z ~ N(0, I).

    On one-point data the first two terms shrink the noise to |1 − eta| · source; ``spread`` makes it ``target`` again.

    >>> Consistent(eta=1.0, source=2.0, target=0.5).spread
    0.5
    """

    eta: float
    source: float
    target: float

    @property
    def step_size(self) -> float:
        """That of the Langevin step with the same drift, step/2 · s: 2 · eta · source²."""
        return 2 * self.eta * self.source**2

    @property
    def spread(self) -> float:
        """Sqrt(target² − (1 − eta)² · source²), the published beta · target; 0 at the ends of the range of eta."""
        variance = self.target**2 - ((1 - self.eta) * self.source) ** 2
        return math.sqrt(variance) if variance > _ROUNDING * self.target**2 else 0.0

    def init(self, x: Array, sigma: float | None, walk: Walk) -> None:  # noqa: ARG002
        """Nothing is carried."""
        return

    def step(self, x: Array, carry: None, sigma: float | None, walk: Walk) -> Moved:  # noqa: ARG002
        """One step for every chain; without spread no noise is drawn."""
        score = walk.score(x, sigma)
        new = x + (self.eta * self.source**2) * score
        if self.spread:
            new += self.spread * walk.normal()
        return Moved(new, score)


@dataclass(frozen=True)
class ConsistentAnnealed(ChainSampler):
    """Consistent annealed sampling: from level to level with exactly the noise that the next level has.

    With gamma = sigma' / sigma the ratio of a level to the one before,
    x ← x + eta · sigma² · s(x, sigma) + beta · sigma' · z with beta = sqrt(1 − (1 − eta)² / gamma²); at the end, unless
    ``denoise=False``, one step without noise to the posterior mean. For data in one point x has the standard deviation
    sigma' after each step, exactly, when it started with that of the largest level: start from :func:`initial`.
    Annealed Langevin dynamics, which adds noise without regard to what is left, only tends to a larger one.

    Three of its members have other names: eta = 1 − gamma is the Euler step of the probability flow, without noise;
    eta = 1 − gamma², the default, is ancestral sampling; eta = 1 draws each level anew around the posterior mean.

    Args:
        noise: a ladder of at least two levels, or a descending sequence of them. It is kept as a ladder.
        eta: in [1 − gamma, 1 + gamma] for the smallest gamma on the way; None for 1 − gamma² at each step.
        steps_per_level: n >= 1 steps from a level to the next, by way of n − 1 levels of constant ratio between the
            two, at which the model is called as well. A geometric ladder is then a finer one.
        denoise: whether to end with the denoising step; what it does is told at :class:`AnnealedLangevin`.

    A state's ``sigma`` is the level at which its step began: its own noise is that of the next.

    Raises:
        ValueError, TypeError: a value outside its range (for ``eta`` with the range that this ladder admits), or of the
            wrong kind.

    Reference: Jolicoeur-Martineau, Piché-Taillefer, Tachet des Combes and Mitliagkas, Adversarial score matching and
    improved sampling for image generation (2020), Algorithm 2; eta is epsilon / sigma_L² there.

    >>> import numpy as np, scorekit as sk
    >>> sampler = ConsistentAnnealed(sk.noise.Geometric(5.0, 0.1, 40))
    >>> x0 = sk.samplers.initial(sampler.noise, (500, 2), rng=1, mean=3.0, std=1.0)
    >>> samples = sampler.sample(lambda x, sigma: (3.0 - x) / (1.0 + sigma**2), x0, rng=0)
    >>> samples.x.shape, bool(abs(samples.x.mean() - 3.0) < 0.2)
    ((500, 2), True)
    """

    noise: Geometric | Ladder | Sequence[float]
    eta: float | None = None
    steps_per_level: int = 1
    denoise: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", as_ladder(self.noise))
        object.__setattr__(self, "steps_per_level", check_count(self.steps_per_level, "steps_per_level"))
        check_option(self.denoise, "denoise", (True, False))
        if len(as_ladder(self.noise)) < 2:
            raise InvalidValueError(
                f"noise has the one level {as_ladder(self.noise).largest:g}: expected at least two, this sampler steps "
                "from one to the next."
            )
        if self.eta is not None:
            object.__setattr__(self, "eta", self._check_eta(check_number(self.eta, "eta")))

    def _check_eta(self, eta: float) -> float:
        gamma = min(target / source for _, source, target in self._way())
        if not (1 - eta) ** 2 <= gamma**2 * (1 + _ROUNDING):
            raise InvalidValueError(
                f"eta must lie in [1 - gamma, 1 + gamma] = [{1 - gamma:.6g}, {1 + gamma:.6g}], got {eta:g}: gamma = "
                f"{gamma:.6g} is the smallest ratio of neighbouring levels here. More levels, or more steps_per_level, "
                "widen the range; eta=None takes 1 - gamma**2 at each step."
            )
        return eta

    def _way(self) -> list[tuple[int, float, float]]:
        """Each step: the index of the level that it belongs to, where it begins and where it ends."""
        sigmas, n = as_ladder(self.noise).sigmas, self.steps_per_level
        index = [i for i in range(len(sigmas) - 1) for _ in range(n)]
        fine = [float(sigmas[i] * (sigmas[i + 1] / sigmas[i]) ** ((k % n) / n)) for k, i in enumerate(index)]
        return list(zip(index, fine, [*fine[1:], float(sigmas[-1])], strict=True))

    def plan(self) -> tuple[Stage, ...]:
        """A stage a step, then the denoising step."""
        stages = [Stage(self._kernel(source, target), 1, source, i) for i, source, target in self._way()]
        ladder = as_ladder(self.noise)
        end = [Stage(Denoise(), 1, ladder.smallest, len(ladder) - 1)] if self.denoise else []
        return (*stages, *end)

    def _kernel(self, source: float, target: float) -> Consistent:
        eta = 1 - (target / source) ** 2 if self.eta is None else self.eta
        return Consistent(eta, source, target)

    def advice(self, autopsy: Autopsy) -> str:
        """No step size can be to blame: the score is."""
        sigma = autopsy.stage.sigma
        assert sigma is not None
        steep = "" if autopsy.curvature is None else f" (about {autopsy.curvature * sigma**2:.3g} times that here)"
        return (
            f"This sampler is stable for a score that is nowhere steeper than 1/sigma^2, as that of smoothed data is"
            f"{steep}: look at the model at sigma = {sigma:.4g}, and whether it was trained for the levels of this "
            "ladder."
        )
