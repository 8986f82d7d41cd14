"""The mixture of the sampling contest in the words of each framework, and what makes a chain on it right.

The textbook's score takes differences over (n, 8, 2), the fast one of benchmarks/langevin.py runs along memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.langevin import MEANS, RADIUS, STEP, VARIANCE, plain_score

Chains = np.ndarray
SIGNIFICANT = 6.0
"""Standard errors. With some 400 statistics a run, a right contestant is called wrong once in a million runs."""


class Way(NamedTuple):
    """A sampler of (start, steps, seed) that gives the last states; its step is x + drift · s(x) + sqrt(noise) · z."""

    run: Callable[[Chains, int, int], Chains]
    drift: float = STEP / 2
    noise: float = STEP


def start(chains: int, seed: int = 10) -> Chains:
    """Not with the seed of a run: some contestants would draw the same numbers again, as their noise."""
    return RADIUS * np.random.default_rng(seed).standard_normal((chains, 2))


def energy(x: torch.Tensor) -> torch.Tensor:
    """−log p up to a constant, as it is written for autograd."""
    means = torch.tensor(MEANS, dtype=x.dtype)
    return -torch.logsumexp(-0.5 * (x[:, None, :] - means).square().sum(-1) / VARIANCE, dim=1)


def expected_mean(x: torch.Tensor) -> torch.Tensor:
    """The mean of the component that x came from, the textbook's way."""
    means = torch.tensor(MEANS, dtype=x.dtype)
    return torch.softmax(-0.5 * (x[:, None, :] - means).square().sum(-1) / VARIANCE, dim=1) @ means


def textbook_score(x: torch.Tensor) -> torch.Tensor:
    return (expected_mean(x) - x) / VARIANCE


# ---------------------------------------------------------------- right first


def judge(way: Way, chains: int = 200_000, walkers: int = 10_000, steps: int = 200) -> str | None:
    """None, or which statistic is off: of the exact law of one step, then of the states after many.

    With these sizes one step shows a drift that is off by 3 % and a noise whose size is off by 1 %.
    """
    found = _one_step(way, chains) | _after_many(way, walkers, steps)
    if not all(np.isfinite(list(found.values()))):
        return "gives numbers that are not finite"
    name, worst = max(found.items(), key=lambda item: abs(item[1]))
    return None if abs(worst) < SIGNIFICANT else f"{name} is off by {worst:+.1f} standard errors"


def _one_step(way: Way, chains: int) -> dict[str, float]:
    x = start(chains, seed=11)
    s = plain_score(x)
    z = (np.asarray(way.run(x, 1, 1), dtype=float) - x - way.drift * s) / np.sqrt(way.noise)
    n = z.size
    return {
        "the mean of one step's noise": z.sum() / np.sqrt(n),
        "the variance of one step's noise": (z * z - 1).sum() / np.sqrt(2 * n),
        "the drift of one step": (z * s).sum() / np.sqrt((s * s).sum()),
        "the correlation of one step's noise": (z[:, 0] * z[:, 1]).sum() / np.sqrt(chains),
        "the correlation of one step's noise between chains": (z[1:] * z[:-1]).sum() / np.sqrt(n),
    }


def _after_many(way: Way, walkers: int, steps: int) -> dict[str, float]:
    """Against the textbook's loop with the same drift and noise, from a start and noise of its own."""
    theirs = _statistics(np.asarray(way.run(start(walkers, seed=12), steps, 2), dtype=float))
    right = _reference(way.drift, way.noise, walkers, steps)
    error = np.sqrt((theirs.var(axis=1) + right.var(axis=1)) / walkers)
    names = ("x", "y", "x²", "xy", "y²", "log p")
    gaps = (theirs.mean(axis=1) - right.mean(axis=1)) / error
    return {f"the mean of {name} after {steps} steps": float(gap) for name, gap in zip(names, gaps, strict=True)}


@cache
def _reference(drift: float, noise: float, walkers: int, steps: int) -> np.ndarray:
    rng, x = np.random.default_rng(3), start(walkers, seed=13)
    for _ in range(steps):
        x = x + drift * plain_score(x) + np.sqrt(noise) * rng.standard_normal(x.shape)
    return _statistics(x)


def _statistics(x: Chains) -> np.ndarray:
    """Shape (6, n)."""
    log_p = np.log(np.exp(-0.5 * ((x[:, None, :] - MEANS) ** 2).sum(-1) / VARIANCE).sum(axis=1))
    return np.stack([x[:, 0], x[:, 1], x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2, log_p])
