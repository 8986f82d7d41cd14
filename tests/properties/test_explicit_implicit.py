"""ISM and ESM are one objective up to a constant (Hyvärinen 2005), under quadrature, for every model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from properties.strategies import density_and_model, gaussians, mixtures
from scorekit.objectives import ExplicitScoreMatching, ImplicitScoreMatching, SlicedScoreMatching
from support import parameter_gradient, rademacher_vectors
from support.scripted import ScriptedRng

CASES = pytest.mark.parametrize("densities", [gaussians(), mixtures()], ids=["gaussian", "mixture"])


def _tolerance(density, value):
    """1e-8 where the rule is exact to rounding; the coarse rule of d = 4 is the limit there."""
    return (1e-8 if density.d < 4 else 1e-7) * max(1.0, abs(value))


@CASES
def test_implicit_minus_explicit_is_minus_half_the_fisher_norm_of_the_data(densities):
    @given(density_and_model(densities))
    def law(case):
        density, family, theta = case
        x, w = density.rule()
        model = family.model(theta, density.d)
        ism = ImplicitScoreMatching()(model, x, weights=w)
        esm = ExplicitScoreMatching(density.score)(model, x, weights=w)
        constant = 0.5 * np.sum(w * np.sum(density.score(x) ** 2, axis=1))
        assert abs(ism - esm + constant) < _tolerance(density, constant)

    law()


@CASES
def test_implicit_and_explicit_have_one_parameter_gradient(densities):
    @given(density_and_model(densities))
    def law(case):
        density, family, theta = case
        x, w = density.rule()
        ism = parameter_gradient(ImplicitScoreMatching(), family, theta, x, weights=w)
        esm = parameter_gradient(ExplicitScoreMatching(density.score), family, theta, x, weights=w)
        assert np.max(np.abs(ism - esm)) < 1e-7

    law()


@pytest.mark.parametrize("variance_reduced", [True, False])
@pytest.mark.parametrize("distribution", ["rademacher", "gaussian", "sphere"])
def test_the_mean_over_directions_of_the_sliced_loss_is_the_implicit_one(distribution, variance_reduced):
    """A sum, not an estimate: all sign vectors, Gauss–Hermite nodes, and the cross-polytope on the sphere."""

    @given(density_and_model(gaussians()))
    def law(case):
        density, family, theta = case
        x = density.means + np.linspace(-1.5, 1.5, 5)[:, None] * np.arange(1, density.d + 1)
        model = family.model(theta, density.d)
        objective = SlicedScoreMatching(distribution=distribution, variance_reduced=variance_reduced)
        total = 0.0
        for v, weight in _directions(distribution, density.d):
            total = total + weight * objective.losses(model, x, rng=_scripted(distribution, v, x))
        np.testing.assert_allclose(total, ImplicitScoreMatching().losses(model, x), atol=1e-10)

    law()


def _directions(distribution, d):
    if distribution == "sphere":  # ± each axis: the second moment of the sphere, exactly
        return [(s * e, 1 / (2 * d)) for e in np.eye(d) for s in (1.0, -1.0)]
    if distribution == "gaussian":  # two-point Gauss–Hermite: exact to degree 3, the losses have degree 2
        return [(v, 2.0**-d) for v in rademacher_vectors(d)]
    return [(v, 2.0**-d) for v in rademacher_vectors(d)]


def _scripted(distribution, v, x):
    draw = np.broadcast_to(v, (1, *x.shape))
    return ScriptedRng(rademacher=[draw]) if distribution == "rademacher" else ScriptedRng(normal=[draw])


@given(density_and_model(gaussians()))
def test_the_mean_over_all_signs_of_hutchinsons_estimate_is_the_trace(case):
    density, family, theta = case
    x = density.means + np.linspace(-1.5, 1.5, 5)[:, None] * np.arange(1, density.d + 1)
    model = family.model(theta, density.d)
    objective = ImplicitScoreMatching(trace="hutchinson")
    signs = rademacher_vectors(density.d)
    total = sum(objective.losses(model, x, rng=_scripted("rademacher", v, x)) for v in signs) / len(signs)
    np.testing.assert_allclose(total, ImplicitScoreMatching().losses(model, x), atol=1e-10)
