"""Curves with noise: quadrature against finer quadrature, Bessel functions and geometry."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, special

import scorekit as sk
from scorekit.distributions import Rings, SwissRoll, TwoMoons, curves


@pytest.mark.parametrize("noise", [0.02, 0.3, 3.0])
def test_the_roll_against_adaptive_quadrature(noise):
    density = SwissRoll(noise)
    x = density.sample(6, rng=1)

    def integrand(t, point):
        c = np.array([t * math.cos(t), t * math.sin(t)]) / 10
        return math.exp(-0.5 * ((point - c) ** 2).sum() / noise**2) / (2 * math.pi * noise**2) / (3 * math.pi)

    for point in x:
        edges = np.linspace(1.5 * math.pi, 4.5 * math.pi, 201)
        parts = [
            integrate.quad(integrand, a, b, args=(point,), epsabs=1e-14, epsrel=1e-12)[0]
            for a, b in itertools.pairwise(edges)
        ]
        assert density.log_prob(point[None])[0] == pytest.approx(math.log(sum(parts)), abs=1e-10)


@pytest.mark.parametrize("noise", [0.03, 0.4, 5.0])
def test_rings_against_bessel_functions(noise):
    """The angle integrates to I₀: p(x) = Σ_k w_k exp(−(|x| − r_k)²/2v) I₀e(|x| r_k/v)/(2πv)."""
    density = Rings((0.5, 2.0), noise=noise, weights=(3, 1))
    x = density.sample(50, rng=0)
    r = np.sqrt((x**2).sum(axis=1))[:, None]
    radii, v = np.array([0.5, 2.0]), noise**2
    terms = np.array([0.75, 0.25]) * np.exp(-0.5 * (r - radii) ** 2 / v) * special.i0e(r * radii / v)
    np.testing.assert_allclose(density.log_prob(x), np.log(terms.sum(axis=1) / (2 * math.pi * v)), atol=1e-10)
    radial = terms * (radii * special.i1e(r * radii / v) / special.i0e(r * radii / v) - r) / v
    expected = x / r * (radial.sum(axis=1) / terms.sum(axis=1))[:, None]
    np.testing.assert_allclose(density.score(x), expected, rtol=1e-9, atol=1e-9 / noise)


@pytest.mark.parametrize("density", [SwissRoll(0.05), SwissRoll(0.3)])
def test_nodes_are_fine_enough_within_ten_deviations(density, monkeypatch):
    angle = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    x = density.sample(24, rng=0) + 10 * density.noise * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    got = density.log_prob(x), density.score(x)
    monkeypatch.setattr(curves, "PANEL_LENGTH", curves.PANEL_LENGTH / 5)
    curves._nodes.cache_clear()
    fine = density.log_prob(x), density.score(x)
    curves._nodes.cache_clear()
    np.testing.assert_allclose(got[0], fine[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(got[1], fine[1], rtol=0, atol=1e-8 / density.noise)


@pytest.mark.parametrize("density", [SwissRoll(0.02), TwoMoons(0.02), Rings(noise=0.02)])
def test_at_a_thousand_deviations_the_nearest_point_of_the_curve_pulls(density):
    angle = np.linspace(0.1, 2 * math.pi, 8)
    x = 1000 * 0.02 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    curve = np.concatenate(
        [np.stack(arc.place(np, np.linspace(0, 1, 200_001)), axis=1) for arc in density._arcs() if arc.proportion > 0]
    )
    nearest = np.stack([curve[((p - curve) ** 2).sum(axis=1).argmin()] for p in x])
    np.testing.assert_allclose(density.score(x), (nearest - x) / 0.02**2, rtol=1e-3, atol=1.0)


def test_smoothing_stays_in_the_family():
    assert SwissRoll(0.3).smoothed(0.4) == SwissRoll(0.5)
    assert isinstance(TwoMoons(0.0).smoothed(0.2), TwoMoons)
    assert Rings((1.0, 2.0), 0.3, (1, 3)).smoothed(0.4) == Rings((1.0, 2.0), 0.5, (0.25, 0.75))


def test_levels_close_to_each_other_share_their_nodes():
    curves._nodes.cache_clear()
    for sigma in np.linspace(0.50, 0.55, 30):
        SwissRoll(0.0).score(np.zeros((2, 2)), sigma)
    assert curves._nodes.cache_info().currsize <= 2


def test_a_bare_curve_asks_for_noise():
    for density in (SwissRoll(0), TwoMoons(noise=0.0), Rings(noise=0.0)):
        assert np.isfinite(density.score(np.ones((2, 2)), 0.3)).all()
        with pytest.raises(sk.ScorekitError, match="has no density without noise"):
            density.log_prob(np.zeros((1, 2)))
        with pytest.raises(sk.ScorekitError, match="has no score without noise: pass sigma to score, or use"):
            density.score(np.zeros((1, 2)))


def test_draws_of_a_bare_roll_lie_on_it():
    x = SwissRoll(0.0).sample(100, rng=0)
    t = 10 * np.sqrt((x**2).sum(axis=1))
    np.testing.assert_allclose(x, np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 10, atol=1e-12)
    assert (t >= 1.5 * math.pi - 1e-9).all()
    assert (t <= 4.5 * math.pi + 1e-9).all()


def test_the_smallest_level_of_a_batch_sets_the_nodes():
    x, sigma = SwissRoll(0.0).sample(5, rng=0) + 0.01, np.array([0.01, 5.0, 0.3, 0.02, 1.0])
    alone = [SwissRoll(0.0).score(x[i : i + 1], s)[0] for i, s in enumerate(sigma)]
    np.testing.assert_allclose(SwissRoll(0.0).score(x, sigma), alone, rtol=1e-8, atol=1e-8)


def test_draws_of_bare_moons_lie_on_their_half_circles():
    x, y = TwoMoons(0.0).sample(200, rng=0).T
    upper = np.isclose(x**2 + y**2, 1.0) & (y >= 0)
    lower = np.isclose((x - 1) ** 2 + (y - 0.5) ** 2, 1.0) & (y <= 0.5)
    assert (upper | lower).all()
    assert upper.any()
    assert lower.any()


def test_what_they_refuse():
    for family in (SwissRoll, TwoMoons, lambda noise: Rings(noise=noise)):
        with pytest.raises(ValueError, match=r"noise must be positive and finite, got -0\.1"):
            family(-0.1)
    with pytest.raises(ValueError, match=r"needs \d+ nodes, more than 1048576. Use a noise or a sigma of at least"):
        SwissRoll(1e-7).log_prob(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="radii must be one positive number per ring"):
        Rings((1.0, -1.0))
    with pytest.raises(ValueError, match=r"weights have shape \(1,\) for 2 radii"):
        Rings((1.0, 2.0), weights=(1,))
    with pytest.raises(ValueError, match="weights must not be negative"):
        Rings((1.0, 2.0), weights=(1, -1))
