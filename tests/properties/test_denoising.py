"""DSM is ESM against the smoothed density, up to a constant without the model (Vincent 2011)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.strategies import density_and_model, gaussians, mixtures, seeds
from scorekit._arrays import constant
from scorekit.noise import Levels, NoiseDistribution
from scorekit.objectives import DenoisingScoreMatching, ExplicitScoreMatching, NoiseConditional
from support import ScriptedRng, gauss_hermite, parameter_gradient

DATA_ORDER = {1: 32, 2: 14, 3: 6}
NOISE_ORDER = {1: 24, 2: 12, 3: 6}
sigmas = st.floats(0.3, 1.0)
CASES = pytest.mark.parametrize("densities", [gaussians(2), mixtures(2)], ids=["gaussian", "mixture"])


def _pairs(density):
    """Every data node with every noise node: x, z and weights."""
    x, w = density.rule(DATA_ORDER[density.d])
    z, u = gauss_hermite(np.zeros(density.d), np.eye(density.d), NOISE_ORDER[density.d])
    return np.repeat(x, len(z), axis=0), np.tile(z, (len(x), 1)), np.repeat(w, len(z)) * np.tile(u, len(x))


def _expected(objective, model, pairs):
    x, z, w = pairs
    return objective(model, x, rng=ScriptedRng(normal=[z]), weights=w)


@CASES
def test_denoising_is_explicit_matching_of_the_smoothed_density_plus_a_constant(densities):
    @given(density_and_model(densities), sigmas)
    def law(case, sigma):
        density, family, theta = case
        pairs, smoothed = _pairs(density), density.smoothed(sigma)
        y, v = smoothed.rule()
        fisher = np.sum(v * np.sum(smoothed.score(y) ** 2, axis=1))
        constant = 0.5 * (density.d / sigma**2 - fisher)
        for theta_ in (theta, 0.5 * theta):
            model = family.model(theta_, density.d)
            dsm = _expected(DenoisingScoreMatching(sigma), model, pairs)
            esm = ExplicitScoreMatching(smoothed.score, sigma=sigma)(model, y, weights=v)
            assert abs(dsm - esm - constant) < 1e-7 * max(1.0, constant)

    law()


@given(density_and_model(gaussians(2)), sigmas)
def test_the_constant_of_a_gaussian_is_the_closed_form(case, sigma):
    density, family, theta = case
    total = density.covariances[0] + sigma**2 * np.eye(density.d)
    model = family.model(theta, density.d)
    y, v = density.smoothed(sigma).rule()
    esm = ExplicitScoreMatching(density.smoothed(sigma).score, sigma=sigma)(model, y, weights=v)
    constant = density.d / (2 * sigma**2) - np.trace(np.linalg.inv(total)) / 2
    assert abs(_expected(DenoisingScoreMatching(sigma), model, _pairs(density)) - esm - constant) < 1e-7


@CASES
@pytest.mark.parametrize("reduction", ["control", "antithetic"])
def test_variance_reduction_leaves_the_expectation_and_its_gradient(densities, reduction):
    @given(density_and_model(densities), sigmas)
    def law(case, sigma):
        density, family, theta = case
        pairs = _pairs(density)
        plain, reduced = DenoisingScoreMatching(sigma), DenoisingScoreMatching(sigma, reduction)
        model = family.model(theta, density.d)
        assert abs(_expected(plain, model, pairs) - _expected(reduced, model, pairs)) < 1e-7
        x, z, w = pairs
        gradients = [
            parameter_gradient(o, family, theta, x, rng=lambda: ScriptedRng(normal=[z]), weights=w)
            for o in (plain, reduced)
        ]
        assert np.max(np.abs(gradients[0] - gradients[1])) < 1e-7

    law()


@given(density_and_model(gaussians(3)), seeds)
def test_antithetic_is_the_mean_over_the_two_signs_of_the_noise(case, seed):
    density, family, theta = case
    g = np.random.default_rng(seed)
    x, z = g.normal(size=(2, 6, density.d))
    model = family.model(theta, density.d)
    plain = [DenoisingScoreMatching(0.4).losses(model, x, rng=ScriptedRng(normal=[s * z])) for s in (1, -1)]
    both = DenoisingScoreMatching(0.4, "antithetic").losses(model, x, rng=ScriptedRng(normal=[z]))
    np.testing.assert_allclose(both, (plain[0] + plain[1]) / 2, rtol=1e-10)


WEIGHTINGS = {
    "sigma2": ("sigma2", None, lambda s, law: s**2),
    "likelihood": ("likelihood", None, lambda s, law: 2 * s / law.pdf(s)),
    "edm": ("edm", 0.7, lambda s, law: s**2 * (s**2 + 0.7**2) / 0.7**2),
    "callable": (lambda s: 1 + s, None, lambda s, law: 1 + s),
}


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("reduction", [None, "control", "antithetic"])
def test_noise_conditional_is_the_weighted_mean_of_the_losses_of_its_levels(weighting, reduction):
    """With the noise in hand this holds sample by sample, for every level of the sequence of levels."""
    given_weighting, sigma_data, weight = WEIGHTINGS[weighting]

    @given(density_and_model(gaussians(3)), seeds)
    def law(case, seed):
        density, family, theta = case
        g = np.random.default_rng(seed)
        levels = np.array([2.0, 0.9, 0.3])
        noise_levels, each = Levels(tuple(levels)), 4
        x, z = g.normal(size=(2, len(levels) * each, density.d))
        model = family.model(theta, density.d)
        objective = NoiseConditional(noise_levels, given_weighting, reduction, sigma_data)
        rng = ScriptedRng(normal=[z], uniform=[np.array([0.5])], choice=[np.arange(len(x))])
        got = objective.losses(model, x, rng=rng)
        assert rng.exhausted
        expected = []
        for i, sigma in enumerate(levels[::-1]):  # ascending quantiles: the smallest level comes first
            rows = slice(i * each, (i + 1) * each)
            dsm = DenoisingScoreMatching(sigma, reduction).losses(model, x[rows], rng=ScriptedRng(normal=[z[rows]]))
            expected.append(weight(np.full(each, sigma), noise_levels) * dsm)
        np.testing.assert_allclose(got, np.concatenate(expected), rtol=1e-10)
        np.testing.assert_allclose(np.mean(got), np.mean([np.mean(e) for e in expected]), rtol=1e-10)

    law()


class _AtNodes(NoiseDistribution):
    """A distribution that has nothing but the levels it was given."""

    def __init__(self, levels):
        self.levels = levels

    def icdf(self, u):
        raise AssertionError("the levels are given")

    def pdf(self, sigma):
        raise AssertionError("not needed")

    def sample(self, n, rng=None, like=None):
        assert n == len(self.levels)
        return constant(self.levels, like)


@given(seeds)
def test_each_sample_has_its_own_level(seed):
    """The loss of a sample depends on its own level alone."""
    g = np.random.default_rng(seed)
    x, z = g.normal(size=(2, 5, 2))
    levels = g.uniform(0.2, 2, 5)

    def losses(sigmas):
        rng = ScriptedRng(normal=[z])
        return NoiseConditional(_AtNodes(sigmas)).losses(lambda y, s: -y / (1 + s[:, None] ** 2), x, rng=rng)

    moved = levels.copy()
    moved[2] *= 1.5
    changed = losses(levels) != losses(moved)
    assert changed.tolist() == [False, False, True, False, False]
