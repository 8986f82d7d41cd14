"""Annealed Langevin on Gaussian data: moments at the end of every level, and after the denoising step."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import (
    CHAINS,
    SEED,
    Gaussian,
    annealed_moments,
    assert_law,
    assert_normal,
    denoised_moments,
    langevin_moments,
)
from scorekit.samplers import AnnealedLangevin

SIGMAS = [3.0, 1.5, 0.6, 0.3]


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("denoise", [True, False])
def test_moments_at_every_level(steps, denoise):
    # N = 60,000: 0.04 sd and 5.6 % are seen. The variances at the levels differ by factors of 1.3 and more,
    # so a level off by one, one step more or less, or levels in the wrong order cannot hide.
    m, v, step_size = 2.0, 0.2, 0.12
    sampler = AnnealedLangevin(SIGMAS, steps, step_size, denoise)
    x0 = 5.0 * sk.rng([SEED, 4]).normal((CHAINS, 2))
    samples = sampler.sample(Gaussian(m, v), x0, rng=SEED, keep_every=steps)
    rows = annealed_moments(0.0, 25.0, m, v, SIGMAS, steps, step_size)
    if denoise:
        rows.append(denoised_moments(*rows[-1], m, v, SIGMAS[-1]))
    assert samples.trajectory.shape == (len(rows), CHAINS, 2)
    for k, row in enumerate(rows):
        assert_law(samples.trajectory[k], *row, f"after stage {k}")
    assert_normal(samples.x, *rows[-1])


def test_one_point_data_tends_to_the_known_law_at_every_level():
    """Level i tends to variance sigma_i² / (1 − e/(4 sigma_L²)): the same proportion of bias at each."""
    step_size, steps = 0.6 * SIGMAS[-1] ** 2, 80
    sampler = AnnealedLangevin(SIGMAS, steps, step_size, denoise=False)
    x0 = sk.samplers.initial(SIGMAS, (CHAINS, 2), rng=SEED + 5)
    samples = sampler.sample(Gaussian(4.0, 0.0), x0, rng=SEED, keep_every=steps)
    for sigma, x in zip(SIGMAS, samples.trajectory, strict=True):
        assert_law(x, 4.0, sigma**2 / (1 - 0.6 / 4), f"sigma {sigma}")


def test_the_denoising_step_ends_one_point_data_on_the_point():
    sampler = AnnealedLangevin(SIGMAS, 5, 0.05)
    x = sampler.sample(Gaussian(4.0, 0.0), np.zeros((50, 2)), rng=SEED).x
    assert np.allclose(x, 4.0, rtol=0, atol=1e-12)
    noisy = AnnealedLangevin(SIGMAS, 5, 0.05, denoise=False).sample(Gaussian(4.0, 0.0), np.zeros((50, 2)), rng=SEED).x
    assert noisy.std() > 0.1


def test_the_denoising_step_is_the_last_noisy_state_plus_sigma_squared_score():
    model, x0 = Gaussian(1.0, 0.5), np.zeros((40, 2))
    noisy = AnnealedLangevin(SIGMAS, 3, 0.05, denoise=False).sample(model, x0, rng=3).x
    clean = AnnealedLangevin(SIGMAS, 3, 0.05).sample(model, x0, rng=3).x
    assert np.allclose(clean, noisy + 0.09 * model(noisy, 0.3), rtol=0, atol=1e-13)


def test_image_events_have_the_same_law():
    x = AnnealedLangevin(SIGMAS, 2, 0.1).sample(Gaussian(1.0, 0.5), np.zeros((400, 3, 8, 8)), rng=SEED).x
    row = annealed_moments(0.0, 0.0, 1.0, 0.5, SIGMAS, 2, 0.1)[-1]
    assert_normal(x, *denoised_moments(*row, 1.0, 0.5, SIGMAS[-1]))


def test_one_level_is_plain_langevin_at_that_level():
    x = AnnealedLangevin([0.7], 6, 0.2, denoise=False).sample(Gaussian(1.0, 0.3), np.zeros((CHAINS, 2)), rng=SEED).x
    assert_law(x, *langevin_moments(0.0, 0.0, 1.0, 0.3 + 0.49, 0.2, 6))
