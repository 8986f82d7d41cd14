"""Step by step, with the noise written down: the chains are exact functions of it."""

from __future__ import annotations

import numpy as np
import pytest

from samplers.laws import Gaussian, TapedRng
from scorekit.noise import Geometric
from scorekit.samplers import AnnealedLangevin, Langevin

EXACT = {"rtol": 0, "atol": 1e-12}
SHAPES = [(7, 1), (7, 2), (5, 16), (5, 17), (5, 2, 3), (4, 3, 8, 8), (1, 2)]


def _start(shape, seed=5):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_langevin_is_its_formula(shape):
    rng, x0, step = TapedRng(), _start(shape), 0.3
    samples = Langevin(step, 4).sample(Gaussian(2.0, 0.7), x0, rng=rng, keep_every=1)
    x, draws = x0, rng.outer(shape)
    assert len(draws) == 4
    for k, z in enumerate(draws):
        x = x + step / 2 * (2.0 - x) / 0.7 + np.sqrt(step) * z
        assert np.allclose(samples.trajectory[k], x, **EXACT)
    assert np.allclose(samples.x, x, **EXACT)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("denoise", [True, False])
def test_annealed_langevin_is_its_formula(shape, denoise):
    rng, x0 = TapedRng(), _start(shape)
    sampler = AnnealedLangevin(Geometric(2.0, 0.5, 3), steps_per_level=2, step_size=0.1, denoise=denoise)
    samples = sampler.sample(Gaussian(2.0, 0.7), x0, rng=rng)
    x, draws = x0, iter(rng.outer(shape))
    assert len(rng.draws) == 6  # none for the denoising step
    for sigma in (2.0, 1.0, 0.5):
        alpha = 0.1 * sigma**2 / 0.25
        for _ in range(2):
            x = x + alpha / 2 * (2.0 - x) / (0.7 + sigma**2) + np.sqrt(alpha) * next(draws)
    if denoise:
        x = x + 0.25 * (2.0 - x) / (0.7 + 0.25)
    assert np.allclose(samples.x, x, **EXACT)


def test_each_step_draws_fresh_noise():
    rng = TapedRng()
    Langevin(0.1, 5).sample(Gaussian(), np.zeros((6, 2)), rng=rng)
    assert np.unique(np.stack(rng.draws)).size == 5 * 6 * 2


def test_what_the_model_is_asked():
    model = Gaussian()
    Langevin(0.1, 3).sample(model, np.ones((5, 2)), rng=0)
    assert model.sigmas == [None] * 3
    assert all(p.shape == (5, 2) for p in model.points)
    assert (model.points[0] == 1.0).all()
    model = Gaussian()
    AnnealedLangevin(np.array([2.0, 0.5], np.float32), 2, 0.1).sample(model, np.ones((5, 2)), rng=0)
    assert model.sigmas == [2.0, 2.0, 0.5, 0.5, 0.5]
    assert {type(sigma) for sigma in model.sigmas} == {float}


def test_the_model_is_asked_at_the_states_of_the_chain():
    model, x0 = Gaussian(), np.ones((5, 2))
    samples = AnnealedLangevin([2.0, 0.5], 2, 0.1).sample(model, x0, rng=0, keep_every=1)
    asked = np.stack(model.points)  # kept by the model: no buffer behind them was reused
    assert np.array_equal(asked[0], x0)
    assert np.array_equal(asked[1:], samples.trajectory[:-1])


def test_a_noise_levels_and_its_levels_are_the_same():
    levels = Geometric(2.0, 0.5, 3)
    a = AnnealedLangevin(levels, 2, 0.1).sample(Gaussian(), np.ones((5, 2)), rng=0).x
    b = AnnealedLangevin(list(levels.sigmas), 2, 0.1).sample(Gaussian(), np.ones((5, 2)), rng=0).x
    assert np.array_equal(a, b)
