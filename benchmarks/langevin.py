"""Langevin on an 8-component mixture in the plane: scorekit's sampler compared with a plain loop.

``OPENBLAS_NUM_THREADS=1 python benchmarks/langevin.py`` prints nanoseconds per chain-step: one step of one chain,
including score and noise. Tensors use one thread. sampling.py has our samplers by backend, dtype, dimension and chains.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import scorekit as sk
from benchmarks.timing import spread, take_turns
from scorekit.samplers import Langevin

MODES, VARIANCE, RADIUS, STEP = 8, 0.5, 4.0, 0.05
SIZES = [(100, 1000), (1000, 1000), (10_000, 100), (10_000, 1000)]
ANGLES = 2 * np.pi * np.arange(MODES) / MODES
MEANS = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def library_score():
    """The score of scorekit's own mixture, with full covariances."""
    return sk.distributions.GaussianMixture(
        np.ones(MODES) / MODES, MEANS, np.stack([VARIANCE * np.eye(2)] * MODES)
    ).score


def closure_score(x, sigma=None):
    """The same score written for the occasion, along memory when ``x`` is a transposed view."""
    variance = VARIANCE + (0.0 if sigma is None else sigma**2)
    across = x.T
    logits = MEANS @ across
    logits -= 0.5 * np.sum(MEANS**2, axis=1)[:, None]
    logits *= 1 / variance
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    drift = MEANS.T @ logits
    drift /= logits.sum(axis=0)
    drift -= across
    drift *= 1 / variance
    return drift.T


def plain_score(x):
    """The textbook's: responsibilities over (n, 8), differences over (n, 8, 2)."""
    difference = MEANS - x[:, None, :]
    logits = -0.5 * np.sum(difference**2, axis=-1) / VARIANCE
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return (shares @ MEANS - x) / VARIANCE


def plain_loop(score, x, steps, rng):
    """The loop on (n, 2) arrays, with NumPy's default generator."""
    for _ in range(steps):
        x = x + STEP / 2 * score(x) + np.sqrt(STEP) * rng.standard_normal(x.shape)
    return x


def start(chains):
    return RADIUS * np.random.default_rng(0).standard_normal((chains, 2))


def run_ours(score, chains, steps, backend="numpy", dtype="float64"):
    x0 = sk.backend(backend, dtype=dtype).asarray(start(chains))
    return Langevin(STEP, steps).sample(score, x0, rng=0).x


def run_tensors(score, chains, steps):
    return run_ours(score, chains, steps, "torch")


def run_narrow_tensors(score, chains, steps):
    return run_ours(score, chains, steps, "torch", "float32")


def tensor_closure():
    """The closure's formula on tensors."""
    import torch

    torch.set_num_threads(1)
    means = torch.tensor(MEANS)

    def score(x, sigma=None):
        m = means.to(x.dtype)
        across = x.T
        logits = torch.addmm(-0.5 * (m * m).sum(1, keepdim=True), m, across).mul_(1 / VARIANCE)
        logits.sub_(logits.amax(0)).exp_()
        drift = torch.mm(m.T, logits).div_(logits.sum(0)).sub_(across).mul_(1 / VARIANCE)
        return drift.T

    return score


def run_plain_tensors(score, chains, steps):
    """The loop on float32 tensors of shape (n, 2), without a graph."""
    import torch

    generator, x = torch.Generator().manual_seed(0), torch.tensor(start(chains), dtype=torch.float32)
    with torch.no_grad():
        for _ in range(steps):
            x = x + STEP / 2 * score(x) + STEP**0.5 * torch.randn(x.shape, generator=generator)
    return x


def run_plain(score, chains, steps):
    return plain_loop(score, start(chains), steps, np.random.default_rng(0))


def cases():
    """Name, runner and score of each contestant."""
    found = {
        "scorekit, closure score": (run_ours, closure_score),
        "plain (n, 2) loop, textbook score": (run_plain, plain_score),
        "plain (n, 2) loop, closure score": (run_plain, closure_score),
    }
    library = library_score()
    found = {"scorekit, GaussianMixture": (run_ours, library), **found}
    return {**found, **_on_tensors(library)} if sk.backends()["torch"] else found


def _on_tensors(library):
    closure = tensor_closure()
    return {
        "scorekit, tensors, GaussianMixture": (run_tensors, library),
        "scorekit, float32 tensors, GaussianMixture": (run_narrow_tensors, library),
        "scorekit, tensors, closure score": (run_tensors, closure),
        "scorekit, float32 tensors, closure score": (run_narrow_tensors, closure),
        "plain (n, 2) loop on float32 tensors, closure score": (run_plain_tensors, closure),
    }


def runs(chains, steps, names=None):
    """The contestants as functions of nothing."""
    return {
        name: lambda run=run, score=score: run(score, chains, steps)
        for name, (run, score) in cases().items()
        if names is None or name in names
    }


class Mixture:
    """asv: nanoseconds a chain-step, by contestant and chains."""

    params = (list(cases()), [100, 10_000])
    param_names = ("way", "chains")

    def track_chain_step(self, way, chains):
        steps = 1000 if chains < 1000 else 50
        return float(np.median(take_turns(runs(chains, steps, [way]), 3)[way])) / (chains * steps) * 1e9

    track_chain_step.unit = "ns"


def main(repeats=5, *, sizes=SIZES):
    """Print min, median and max over interleaved repeats, after one run that does not count."""
    for chains, steps in sizes:
        print(f"{chains:,} chains x {steps:,} steps: ns a chain-step, min / median / max of {repeats}")
        for name, spent in take_turns(runs(chains, steps), repeats).items():
            print(f"  {name:52s} {spread(spent / (chains * steps) * 1e9, '7.1f')}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
