"""Densities against integrals made without their own code."""

from __future__ import annotations

import math

import numpy as np
import pytest

LEVELS = [0.25, 1.0]


def convolved(density, rule, x, sigma):
    """The smoothed density and its score, from the bare density alone: E N(x; y, sigma²) and its gradient, over y."""
    nodes, weights = rule
    mass = weights * np.exp(density.log_prob(nodes))
    difference = nodes[None] - x[:, None]
    kernel = np.exp(-0.5 * (difference**2).sum(axis=2) / sigma**2) / (2 * math.pi * sigma**2)
    p = kernel @ mass
    return p, np.einsum("nm,nmj,m->nj", kernel, difference, mass) / sigma**2 / p[:, None]


def test_the_density_integrates_to_one(plane_case):
    nodes, weights = plane_case.rule()
    assert weights @ np.exp(plane_case.density.log_prob(nodes)) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("sigma", LEVELS)
def test_the_smoothed_density_and_score_are_those_of_the_convolution(plane_case, sigma):
    density = plane_case.density
    x = density.smoothed(sigma).sample(60, rng=3)
    if plane_case.name == "funnel":  # beyond, the steps of its rule, 0.04 exp(x₁/2), are not small beside sigma
        x = x[x[:, 0] < 2]
    x = x[:6]
    p, score = convolved(density, plane_case.rule(), x, sigma)
    np.testing.assert_allclose(density.smoothed(sigma).log_prob(x), np.log(p), rtol=0, atol=1e-8)
    np.testing.assert_allclose(density.score(x, sigma), score, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_the_smoothed_density_integrates_to_one(plane_case, sigma):
    """By the trapezoid rule around the mean of a sample; the funnel's width spans too many scales for a grid."""
    if plane_case.name == "funnel":
        pytest.skip("no grid holds it: its convolution is tested point by point")
    density = plane_case.density.smoothed(sigma)
    sample = density.sample(2000, rng=0)
    low, high = sample.min(axis=0) - 6 * sigma - 3, sample.max(axis=0) + 6 * sigma + 3
    if "banana" in plane_case.name:  # a long arm: out to eight standard deviations of its first coordinate
        arm = 8 * sample[:, 0].std()
        low, high = np.minimum(low, [-arm, -(arm**2)]), np.maximum(high, [arm, arm**2])
    axes = [np.linspace(a, b, int((b - a) / (0.8 * max(sigma, 0.3))) + 2) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    area = math.prod(a[1] - a[0] for a in axes)
    assert area * np.exp(density.log_prob(grid)).sum() == pytest.approx(1.0, abs=1e-6)
