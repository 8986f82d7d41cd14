"""Are other libraries' numbers right? The cases of docs/comparison.md, each beside its closed form and beside ours.

    python -m pip install --no-deps -r benchmarks/peers/requirements.txt
    python benchmarks/peers/correctness.py

Prints one line a case: what it is, their value, ours where there is one, and the truth. A library that is not there is
passed over by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch

import scorekit as sk

D, N = 8, 4096


def row(case: str, theirs: float, truth: float, ours: float | None = None) -> None:
    mine = "" if ours is None else f"{ours:10.5g}"
    print(f"{case:58} theirs {theirs:10.5g}   ours {mine:>10}   truth {truth:10.5g}")


def torchebm_losses() -> None:
    """Losses of the energy |x|², score −2x, on samples of N(0, 4 I): the implicit loss is −2d + 2|x|² on average."""
    from torchebm.core import BaseModel
    from torchebm.losses import ScoreMatching, SlicedScoreMatching

    class Square(BaseModel):
        def forward(self, x, **options):
            return (x**2).flatten(1).sum(1)

    options = {"dtype": torch.float64, "device": "cpu"}
    energy = Square(**options)
    x = torch.from_numpy(2 * np.random.default_rng(0).normal(size=(N, D)))
    truth = float(-2 * D + 2 * (x**2).sum(1).mean())
    image = x.reshape(N, 2, 2, 2)
    ours = sk.objectives.ImplicitScoreMatching()
    hutchinson = sk.objectives.ImplicitScoreMatching("hutchinson")
    sliced = sk.objectives.SlicedScoreMatching(50, variance_reduced=False)
    generator = torch.Generator().manual_seed(0)

    def score(x):
        return -2 * x

    def theirs(loss, x):
        return loss(x, generator=generator).item()

    row("torchebm, implicit, exact", theirs(ScoreMatching(energy, "exact", **options), x), truth, float(ours(score, x)))
    approximate = theirs(ScoreMatching(energy, "approx", **options), x)
    row("torchebm, implicit, approx", approximate, truth, float(hutchinson(score, x, rng=0)))
    slices = SlicedScoreMatching(energy, n_projections=50, **options)
    row("torchebm, sliced, (n, 8)", theirs(slices, x), truth, float(sliced(score, x, rng=0)))
    row("torchebm, sliced, (n, 2, 2, 2)", theirs(slices, image), truth, float(sliced(score, image, rng=0)))


def azula_orders() -> None:
    """The order of convergence on N(0, 2): the flow's end has a closed form; half the step, the error over 2^order."""
    from azula import noise, sample

    v = 2.0

    class Exact(torch.nn.Module):
        schedule = noise.VESchedule(1e-2, 1e2)

        def forward(self, x, t, **options):
            _, sigma = self.schedule(t)
            posterior = torch.nn.Module()
            posterior.mean = x * v / (v + sigma**2)
            return posterior

    model = Exact()

    def error(kind, steps):
        sampler = kind(model, steps=steps, silent=True)
        (_, first), (_, last) = (model.schedule(sampler.timesteps[i]) for i in (0, -1))
        end = 3.0 * torch.sqrt((v + last**2) / (v + first**2))
        return abs(float(sampler(torch.tensor([3.0], dtype=torch.float64)) - end))

    for kind, order in ((sample.HeunSampler, 2), (sample.xEABSampler, 2), (sample.REABSampler, 2)):
        row(f"azula, {kind.__name__}, order", float(np.log2(error(kind, 64) / error(kind, 128))), order)


def score_models_diffusion() -> None:
    """g² of a variance-exploding process is d sigma²/dt, whatever unit time has."""
    from score_models.sde import VESDE

    for horizon in (1.0, 2.0):
        process, step = VESDE(1e-2, 10.0, T=horizon), 1e-3
        t = torch.tensor([horizon / 2])
        slope = (process.sigma(t + step) ** 2 - process.sigma(t - step) ** 2) / (2 * step)
        row(
            f"score_models, VESDE(T={horizon:g}), g²", float(process.diffusion(t, torch.zeros(1, 1)) ** 2), float(slope)
        )


def passing_over(case: Callable[[], None]) -> None:
    try:
        case()
    except ImportError as error:
        print(f"{case.__name__}: passed over, {error}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for each in (torchebm_losses, azula_orders, score_models_diffusion):
        passing_over(each)
