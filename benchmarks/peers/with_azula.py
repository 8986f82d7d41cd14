"""azula: its predictor-corrector sampler at one noise level, where the corrector is Langevin; its denoising loss."""

from __future__ import annotations

import math

import torch

from benchmarks.langevin import STEP, VARIANCE
from benchmarks.peers.mixture import Way, expected_mean
from benchmarks.peers.training import HIGHEST, LOWEST, Loop

LEVEL = 0.7
"""The noise level: 0.49 of the mixture's variance of 0.5 is noise, the rest belongs to what azula denoises."""


def sampler(score=None) -> Way:
    """The posterior mean from the textbook's formula, or from a given score.

    The corrector x ← D + sqrt(1 − δ)(x − D) + sqrt(δ) σ z, with D = x + σ² s, is Langevin of the step δσ² whose drift
    is larger by 3 %. One predictor step, which leaves everything in its place at a constant level, ends the run.
    """
    from azula import denoise, noise, sample

    class Constant(noise.Schedule):
        def __call__(self, t):
            return torch.ones_like(t), torch.full_like(t, LEVEL)

    class Exact(denoise.Denoiser):
        schedule = Constant()

        def forward(self, x_t, t, **options):
            if score is not None:
                return denoise.DiracPosterior(x_t + LEVEL**2 * score(x_t))
            return denoise.DiracPosterior(torch.lerp(x_t, expected_mean(x_t), LEVEL**2 / VARIANCE))

    delta, exact = STEP / LEVEL**2, Exact()

    def run(x, steps, seed):
        torch.manual_seed(seed)  # it takes no generator
        corrector = sample.PCSampler(exact, corrections=steps, delta=delta, steps=1, silent=True)
        return corrector(torch.tensor(x, dtype=torch.float32)).numpy()

    return Way(run, drift=LEVEL**2 * (1 - math.sqrt(1 - delta)))


def karras(module) -> Loop:
    """The loss of the denoiser with EDM's preconditioning, in the loop of the README."""
    from azula import denoise, noise

    denoiser = denoise.KarrasDenoiser(module, noise.VESchedule(LOWEST, HIGHEST))

    def loss(x):
        return denoiser.loss(x, torch.rand((x.shape[0],)))

    return Loop(module, loss, scale=lambda d: 2 / d)  # a mean over coordinates, without the half
