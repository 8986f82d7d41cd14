"""The weight of each level: what the mean over levels is then, against integrals and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

import scorekit as sk
from scorekit.noise import Geometric, Levels, LogNormal, LogUniform
from scorekit.objectives import NoiseConditional
from support import ScriptedRng

HIGH, LOW = 10.0, 0.1
MIXTURE = sk.distributions.GaussianMixture([0.3, 0.7], [[-1.5], [1.0]], 0.2)


def zero(x, sigma):
    return 0 * x


def mean_over_levels(noise, levels, model, x, z, weighting="likelihood"):
    """The mean of the losses when each level gets the sample ``x (d,)`` and the noise ``z (d,)`` once."""
    rng = ScriptedRng(normal=[np.tile(z, (levels, 1))], uniform=[np.array([0.5])], choice=[np.arange(levels)])
    return NoiseConditional(noise, weighting).losses(model, np.tile(x, (levels, 1)), rng=rng).mean()


def integral(model, x, z):
    """∫ |s(x + sigma z, sigma) + z/sigma|² sigma d sigma, over log sigma."""

    def integrand(log_sigma):
        sigma = math.exp(log_sigma)
        return float(np.sum((sigma * model((x + sigma * z)[None], sigma)[0] + z) ** 2))

    return integrate.quad(integrand, math.log(LOW), math.log(HIGH), epsabs=1e-12, limit=200)[0]


@pytest.mark.parametrize("levels", [2, 3, 10, 100])
@pytest.mark.parametrize("d", [1, 3])
def test_the_likelihood_of_a_zero_model_on_levels_is_its_integral(levels, d):
    """E|z/sigma|² sigma = d/sigma: the integral is d log(sigma_max/sigma_min), and constant on the log scale."""
    got = mean_over_levels(Geometric(HIGH, LOW, levels), levels, zero, np.zeros(d), np.ones(d))
    assert got == pytest.approx(d * math.log(HIGH / LOW), rel=1e-12)


def test_levels_of_uneven_ratio_are_the_same_integral():
    got = mean_over_levels(Levels((10.0, 4.0, 0.3, 0.25, 0.1)), 5, zero, np.zeros(1), np.ones(1))
    assert got == pytest.approx(math.log(100.0), rel=1e-12)


@pytest.mark.parametrize(("x", "z"), [(-1.2, 0.7), (0.9, -1.3), (0.2, 2.0)])
def test_the_likelihood_of_a_mixture_on_levels_converges_to_its_integral_with_order_two(x, z):
    x, z = np.array([x]), np.array([z])
    exact = integral(MIXTURE.score, x, z)
    error = {
        levels: mean_over_levels(Geometric(HIGH, LOW, levels), levels, MIXTURE.score, x, z) - exact
        for levels in (2, 10, 100, 199)
    }
    assert abs(error[2]) < exact  # the trapezoid rule with its two ends alone
    assert abs(error[10]) < 0.05 * exact
    assert abs(error[100]) < 5e-4 * exact
    assert error[100] / error[199] == pytest.approx(4.0, rel=0.02)  # half of the spacing: a quarter of the error


def test_the_likelihood_of_a_mixture_under_a_continuous_law_is_the_integral():
    x, z = np.array([0.9]), np.array([-1.3])
    got = mean_over_levels(LogUniform(HIGH, LOW), 4000, MIXTURE.score, x, z)
    assert got == pytest.approx(integral(MIXTURE.score, x, z), rel=1e-6)


def test_the_likelihood_under_a_log_normal_law_has_no_mean_and_is_refused():
    """The mean of the zero model is d ∫ d log sigma over all of (0, ∞): batches of n levels grow with n."""
    with pytest.raises(sk.InvalidValueError, match=r"likelihood.*LogNormal.*diverges.*LogUniform\(sigma_max"):
        NoiseConditional(LogNormal(-1.2, 1.2), "likelihood")
    NoiseConditional(LogNormal(-1.2, 1.2), "edm", sigma_data=0.5)
    law = LogNormal(-1.2, 1.2)
    means = []
    for n in (100, 10_000, 1_000_000):
        sigma = law.icdf((np.arange(n) + 0.5) / n)
        means.append(np.mean(1 / (sigma * law.pdf(sigma))))
    assert means[0] < means[1] - 2 < means[2] - 4  # by 1.2 · 2 · the growth of √(2 log n), without end


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "weighting",
    [
        lambda s: 1 + s**3,
        lambda s: np.array([3, 1, 2]),  # whole numbers
        lambda s: np.array([3.0, 1.0, 2.0], np.float32),
        lambda s: np.array([0.0, 1.0, 0.0]),
    ],
)
def test_a_callable_weighting_multiplies_the_denoising_loss_of_its_level(weighting, dtype):
    """The zero model: DSM = |z|²/2 sigma² at every level."""
    sigma, z = np.array([0.5, 1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 0.0], [1.0, 1.0]])
    rng = ScriptedRng(normal=[z.astype(dtype)], uniform=[np.array([0.5])], choice=[np.arange(3)])
    objective = NoiseConditional(Geometric(2.0, 0.5, 3), weighting)
    got = objective.losses(zero, np.zeros((3, 2), dtype), rng=rng)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, weighting(sigma) * (z**2).sum(axis=1) / (2 * sigma**2), rtol=1e-6)
