"""Consistent annealed sampling: the noise that is left is exactly that of the sequence of levels; other samplers are
among it."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import (
    CHAINS,
    SEED,
    Gaussian,
    TapedRng,
    assert_law,
    consistent_moments,
    denoised_moments,
)
from scorekit.noise import Geometric
from scorekit.samplers import ConsistentAnnealed

SIGMAS = [3.0, 1.8, 0.9, 0.6]  # ratios 0.6, 0.5 and 0.667
EXACT = {"rtol": 0, "atol": 1e-12}


def start(m=0.0, v=0.0, shape=(CHAINS, 2)):
    return m + np.sqrt(v + SIGMAS[0] ** 2) * sk.rng([SEED, 9]).normal(shape)


@pytest.mark.parametrize("eta", [None, 0.55, 1.0, 1.3])
def test_one_point_data_have_exactly_the_noise_of_the_levels_after_every_step(eta):
    # N = 60,000: 5.6 % of variance are seen; neighboring levels differ by factors of 2.2 to 4
    samples = ConsistentAnnealed(SIGMAS, eta, denoise=False).sample(Gaussian(4.0, 0.0), start(4.0), SEED, keep_every=1)
    assert samples.trajectory.shape == (3, CHAINS, 2)
    for sigma, x in zip(SIGMAS[1:], samples.trajectory, strict=True):
        assert_law(x, 4.0, sigma**2, f"at {sigma}")


@pytest.mark.parametrize("eta", [None, 0.5, 0.7, 1.5])
@pytest.mark.parametrize("denoise", [True, False])
def test_moments_on_gaussian_data_at_every_level(eta, denoise):
    m, v = 2.0, 0.7
    x0 = 5.0 * sk.rng([SEED, 4]).normal((CHAINS, 2))  # not the law of the first level
    samples = ConsistentAnnealed(SIGMAS, eta, denoise=denoise).sample(Gaussian(m, v), x0, rng=SEED, keep_every=1)
    rows = consistent_moments(0.0, 25.0, m, v, SIGMAS, eta)
    rows += [denoised_moments(*rows[-1], m, v, SIGMAS[-1])] if denoise else []
    assert len(samples.trajectory) == len(rows)
    for x, row in zip(samples.trajectory, rows, strict=True):
        assert_law(x, *row)


def test_steps_between_levels_and_one_kept_state_a_level():
    n, fine = 3, [3.0, 3.0 * 0.6 ** (1 / 3), 3.0 * 0.6 ** (2 / 3), 1.8, 1.8 * 0.5 ** (1 / 3), 1.8 * 0.5 ** (2 / 3), 0.9]
    model = Gaussian(1.0, 0.4)
    samples = ConsistentAnnealed(SIGMAS[:3], 1.2, n).sample(model, start(), rng=SEED, keep_every=n)
    assert np.allclose(model.sigmas, [*fine[:-1], 0.9], rtol=1e-14)
    assert {type(sigma) for sigma in model.sigmas} == {float}
    rows = consistent_moments(0.0, 9.0, 1.0, 0.4, fine, 1.2)
    last = denoised_moments(*rows[-1], 1.0, 0.4, 0.9)
    for x, row in zip(samples.trajectory, [rows[2], rows[5], last], strict=True):
        assert_law(x, *row)
    assert samples.stats["level"].tolist() == [0, 1, 2]


def test_a_geometric_levels_with_steps_between_is_the_finer_levels():
    a = ConsistentAnnealed(Geometric(3.0, 0.3, 4), 0.6, 5).sample(Gaussian(), start(shape=(6, 2)), rng=0).x
    b = ConsistentAnnealed(Geometric(3.0, 0.3, 16), 0.6).sample(Gaussian(), start(shape=(6, 2)), rng=0).x
    assert np.allclose(a, b, **EXACT)


@pytest.mark.parametrize("shape", [(7, 1), (7, 2), (5, 17), (4, 3, 8, 8)])
def test_the_steps_are_the_published_formula(shape):
    """x + eta sigma² s + beta sigma' z, beta = sqrt(1 - (1 - eta)² / gamma²), gamma = sigma' / sigma."""
    rng, eta, x0 = TapedRng(), 0.8, start(shape=shape)
    samples = ConsistentAnnealed(SIGMAS, eta).sample(Gaussian(2.0, 0.7), x0, rng=rng)
    x, draws = x0, rng.outer(shape)
    assert len(draws) == 3
    for sigma, after, z in zip(SIGMAS[:-1], SIGMAS[1:], draws, strict=True):
        gamma = after / sigma
        x = x + eta * sigma**2 * (2.0 - x) / (0.7 + sigma**2) + np.sqrt(1 - (1 - eta) ** 2 / gamma**2) * after * z
    x = x + SIGMAS[-1] ** 2 * (2.0 - x) / (0.7 + SIGMAS[-1] ** 2)
    assert np.allclose(samples.x, x, **EXACT)


class TestMembers:
    """What other samplers are, written down on their own."""

    def test_the_smallest_eta_is_the_euler_step_of_the_probability_flow(self):
        """dx/d sigma = -sigma s: no noise is drawn, not even by rounding."""
        noise_levels, rng, x0 = Geometric(5.0, 0.5, 6), TapedRng(), start(shape=(9, 2))
        gamma = 0.1 ** (1 / 5)
        samples = ConsistentAnnealed(noise_levels, 1 - gamma, denoise=False).sample(Gaussian(1.0, 0.3), x0, rng=rng)
        assert rng.draws == []
        x = x0
        for sigma, after in zip(noise_levels.sigmas[:-1], noise_levels.sigmas[1:], strict=True):
            x = x + (after - sigma) * -sigma * (1.0 - x) / (0.3 + sigma**2)
        assert np.allclose(samples.x, x, **EXACT)

    def test_it_converges_with_order_one_to_the_exact_flow(self):
        """On N(m, v): x - m is multiplied by sqrt((v + sigma_L²) / (v + sigma_1²))."""
        x0, m, v = start(shape=(9, 2)), 1.0, 0.3
        exact = m + (x0 - m) * np.sqrt((v + 0.25) / (v + 25.0))
        errors = []
        for levels in (200, 400, 800):
            eta = 1 - 0.1 ** (1 / (levels - 1))
            x = ConsistentAnnealed(Geometric(5.0, 0.5, levels), eta, denoise=False).sample(Gaussian(m, v), x0).x
            errors.append(np.abs(x - exact).max())
        orders = np.log2(np.array(errors[:-1]) / errors[1:])
        assert np.allclose(orders, 1.0, atol=0.05)

    def test_the_default_is_ancestral_sampling(self):
        """The law of x' given x and the clean point E[x_0 | x]: mean x0 + (sigma'/sigma)² (x - x0)."""
        rng, x0 = TapedRng(), start(shape=(9, 2))
        samples = ConsistentAnnealed(SIGMAS, denoise=False).sample(Gaussian(2.0, 0.7), x0, rng=rng)
        x = x0
        for sigma, after, z in zip(SIGMAS[:-1], SIGMAS[1:], rng.outer((9, 2)), strict=True):
            clean = x + sigma**2 * (2.0 - x) / (0.7 + sigma**2)
            variance = after**2 * (sigma**2 - after**2) / sigma**2
            x = clean + (after / sigma) ** 2 * (x - clean) + np.sqrt(variance) * z
        assert np.allclose(samples.x, x, **EXACT)

    def test_eta_one_draws_each_level_anew_around_the_posterior_mean(self):
        rng, x0 = TapedRng(), start(shape=(9, 2))
        samples = ConsistentAnnealed(SIGMAS, 1.0, denoise=False).sample(Gaussian(2.0, 0.0), x0, rng=rng)
        assert np.allclose(samples.x, 2.0 + SIGMAS[-1] * rng.outer((9, 2))[-1], **EXACT)

    def test_the_largest_eta_mirrors_the_noise(self):
        x0 = start(shape=(9, 2))
        samples = ConsistentAnnealed([3.0, 1.5], 1.5, denoise=False).sample(Gaussian(2.0, 0.0), x0, rng=0)
        assert np.allclose(samples.x, 2.0 - 0.5 * (x0 - 2.0), **EXACT)


def test_the_denoising_step_ends_one_point_data_on_the_point():
    x = ConsistentAnnealed(SIGMAS).sample(Gaussian(4.0, 0.0), np.zeros((50, 2)), rng=SEED).x
    assert np.allclose(x, 4.0, **EXACT)


@pytest.mark.parametrize("eta", [0.49, 1.51, 0.0, -1.0, 3.0, float("nan"), float("inf")])
def test_an_eta_outside_the_range_of_the_levels(eta):
    with pytest.raises(ValueError, match=r"\[1 - gamma, 1 \+ gamma\] = \[0.5, 1.5\], got .*gamma = 0.5.*eta=None") as e:
        ConsistentAnnealed(SIGMAS, eta)
    assert isinstance(e.value, sk.ScorekitError)


def test_more_steps_widen_the_range():
    gamma = 0.5 ** (1 / 3)
    for eta in (1 - gamma, 1 + gamma, 0.3):
        assert ConsistentAnnealed(SIGMAS, eta, 3).eta == eta
    with pytest.raises(ValueError, match=r"= \[0.206299, 1.7937\], got 0.2"):
        ConsistentAnnealed(SIGMAS, 0.2, 3)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: ConsistentAnnealed([2.0]), ValueError, "noise has the one level 2: expected at least two"),
        (lambda: ConsistentAnnealed([1.0, 2.0]), ValueError, "levels must descend"),
        (lambda: ConsistentAnnealed(SIGMAS, "0.7"), TypeError, "eta must be a number"),
        (lambda: ConsistentAnnealed(SIGMAS, True), TypeError, "eta must be a number"),
        (lambda: ConsistentAnnealed(SIGMAS, steps_per_level=0), ValueError, "steps_per_level must be at least 1"),
        (lambda: ConsistentAnnealed(SIGMAS, denoise=None), ValueError, "denoise None: expected one of True"),
    ],
)
def test_bad_configuration(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_score_that_is_too_steep():
    with pytest.raises(
        sk.DivergedError, match=r"nowhere steeper than 1/sigma\^2.*about 1e\+03 times that.*look at the model"
    ):
        ConsistentAnnealed(Geometric(5.0, 0.1, 600)).sample(lambda x, s: -1000 * x / s**2, start(shape=(9, 2)), rng=0)


def test_step_sizes_are_those_of_langevin_with_the_same_drift():
    stats = ConsistentAnnealed(SIGMAS, 0.8).sample(Gaussian(), start(shape=(9, 2)), rng=0, keep_every=1).stats
    assert np.allclose(stats["step_size"], [1.6 * 9.0, 1.6 * 3.24, 1.6 * 0.81, np.nan], equal_nan=True)
    assert stats["sigma"].tolist() == [3.0, 1.8, 0.9, 0.6]
