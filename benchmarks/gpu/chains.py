"""A million chains on a mixture in the plane: the end of a short run, and the speed of a longer one."""

from __future__ import annotations

from collections.abc import Iterator

import torch

import scorekit as sk
from benchmarks.gpu.bench import Bench, Case, SharedNoise, exact_noise, products, relative
from benchmarks.gpu.table import Row, Times

SAMPLERS = {
    "Langevin": lambda steps: sk.samplers.Langevin(0.05, steps),
    "annealed Langevin": lambda steps: sk.samplers.AnnealedLangevin(
        sk.noise.Geometric(5.0, 0.3, 10), steps // 10, 0.1, denoise=False
    ),
}
SHORT = 10  # steps of the run that is compared


def chains(bench: Bench) -> Iterator[Case]:
    """Eight components around the origin."""
    for name in SAMPLERS:
        yield Case(f"{name} in the plane", "fp32", lambda n=name: _row(bench, n), seconds=25)


def mixture() -> sk.distributions.GaussianMixture:
    """Eight equal components on a circle."""
    angles = torch.arange(8, dtype=torch.float64) * torch.pi / 4
    means = 4 * torch.stack([angles.cos(), angles.sin()], dim=1)
    return sk.distributions.GaussianMixture([1 / 8] * 8, means.numpy(), 0.5)


def _row(bench: Bench, name: str) -> Row:
    score, make = mixture().score, SAMPLERS[name]
    count, compared, steps = (1000, 100, 20) if bench.quick else (1_000_000, 10_000, 1000)
    start = exact_noise((compared, 2), 2)
    with products(tf32=False):
        ends = [make(SHORT).sample(score, x, rng=SharedNoise(3)).x for x in (start, start.float().to(bench.device))]
        many = sk.rng(0, like=ends[1]).normal((count, 2), like=ends[1])
        peak = bench.peak_mib(lambda: make(SHORT).sample(score, many, rng=0))
        whole = bench.milliseconds(lambda: make(steps).sample(score, many, rng=0), seconds=4.0, idle=1, fewest=3)
    times = Times(*(spent / steps for spent in whole))
    rate = count / times.median * 1e3
    return Row(f"{name} in the plane", "fp32", relative(ends[1], ends[0]), 1e-4, times, rate, peak)
