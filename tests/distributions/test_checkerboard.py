"""The checkerboard, and the Gaussian tails beneath it."""

from __future__ import annotations

import math

import array_api_strict
import numpy as np
import pytest
from scipy import special

import scorekit as sk
from scorekit.distributions import Checkerboard
from scorekit.distributions._tails import log_mass, log_tail


def test_the_tail_has_fourteen_digits_on_both_sides():
    z = np.concatenate([-np.geomspace(1e-8, 8, 300), [0.0], np.geomspace(1e-8, 1e8, 600)])
    np.testing.assert_allclose(log_tail(z), special.log_ndtr(-z), rtol=3e-14)
    z = -np.linspace(8, 37, 100)  # log(1 − q) = −q, and q = exp(−z²/2 …) has the relative error z² ε
    np.testing.assert_allclose(log_tail(z), special.log_ndtr(-z), rtol=1e-12)
    strict = np.asarray(log_tail(array_api_strict.asarray(z)))
    np.testing.assert_allclose(strict, log_tail(z), rtol=1e-14)


def test_the_derivative_of_the_tail_is_the_hazard():
    z = np.linspace(-8, 30, 200)
    _, got = sk.backend("numpy").grad(log_tail, z)
    hazard = np.exp(-0.5 * z * z - 0.5 * math.log(2 * math.pi) - special.log_ndtr(-z))
    np.testing.assert_allclose(got, -hazard, rtol=1e-11, atol=1e-14)


def test_masses_of_intervals():
    low, high = np.array([-1.0, 0.5, -3.0, -0.2, 2.0]), np.array([1.0, 0.75, -2.0, 0.3, 9.0])
    expected = special.ndtr(high) - special.ndtr(low)
    density = lambda z: np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)  # noqa: E731
    mass, ratio = log_mass(low, high)
    np.testing.assert_allclose(np.exp(mass), expected, rtol=1e-13)
    np.testing.assert_allclose(ratio, (density(low) - density(high)) / expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("length", [1e-2, 1e-4, 1e-6])
def test_narrow_intervals_are_density_times_length(length):
    middle = np.array([-20.0, -2.0, 0.0, 1.0, 30.0])
    mass, ratio = log_mass(middle - length / 2, middle + length / 2)
    # to second order the mass is φ(m) ℓ (1 + (m² − 1) ℓ²/24)
    expected = -0.5 * middle**2 - 0.5 * math.log(2 * math.pi) + math.log(length) + (middle**2 - 1) * length**2 / 24
    np.testing.assert_allclose(mass, expected, atol=1e-3 * length + 3e-14 / length)
    np.testing.assert_allclose(ratio, middle, rtol=10 * length**2 + 3e-13 / length, atol=1e-12)


def test_a_thousand_deviations_out_the_near_edge_decides():
    mass, ratio = log_mass(np.array([1e3, -1e3 - 1]), np.array([1e3 + 1, -1e3]))
    np.testing.assert_allclose(mass, special.log_ndtr(-1e3), rtol=1e-14)
    np.testing.assert_allclose(ratio, [1e3, -1e3], rtol=2e-6)


def test_black_and_white():
    board = Checkerboard()
    centers = np.stack(np.meshgrid(*[np.arange(-1.5, 2)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    log_p = board.log_prob(centers).reshape(4, 4)
    black = np.add.outer(np.arange(4), np.arange(4)) % 2 == 0
    np.testing.assert_allclose(log_p[black], -math.log(8))
    assert (log_p[~black] == -math.inf).all()
    assert (board.log_prob(np.array([[2.5, 0.5], [-7.0, -7.0], [0.5, 2.0]])) == -math.inf).all()


@pytest.mark.parametrize("sigma", [0.02, 0.5, 20.0])
def test_the_smoothed_board_is_the_sum_over_its_squares(sigma):
    board = Checkerboard(cells=3, size=3.0)
    x = np.random.default_rng(0).uniform(-2, 2, size=(30, 2))
    edges = np.linspace(-1.5, 1.5, 4)
    cdf = special.ndtr((edges - x[:, :, None]) / sigma)
    mass = np.diff(cdf, axis=2)
    total = sum(mass[:, 0, i] * mass[:, 1, j] for i in range(3) for j in range(3) if (i + j) % 2 == 0) / 5
    np.testing.assert_allclose(np.exp(board.smoothed(sigma).log_prob(x)), total, rtol=1e-10, atol=1e-15)


def test_far_away_the_corner_pulls():
    x = np.array([[50.0, 50.0], [-30.0, -40.0], [50.0, -50.0]])
    # a corner of the black diagonal is one point; beside a white corner the two black squares next to it share the pull
    score = Checkerboard().score(x, 0.05)
    np.testing.assert_allclose(score[0], (2.0 - x[0]) / 0.05**2, rtol=1e-4)
    np.testing.assert_allclose(score[1], (-2.0 - x[1]) / 0.05**2, rtol=1e-4)
    assert np.isfinite(score).all()


def test_wide_noise_makes_it_a_gaussian():
    """At sigma = 10⁴ the score is −(x − mean)/(sigma² + var) to the skewness; var of the board is size²/12 an axis."""
    x = np.array([[1e4, -2e4], [5e3, 0.0]])
    np.testing.assert_allclose(Checkerboard().score(x, 1e4), -x / (1e8 + 16 / 12), rtol=1e-7, atol=1e-12)


def test_what_it_refuses():
    with pytest.raises(ValueError, match="cells must be at least 2, got 1"):
        Checkerboard(cells=1)
    with pytest.raises(ValueError, match="size must be positive and finite"):
        Checkerboard(size=-1.0)
    with pytest.raises(sk.ScorekitError, match=r"Checkerboard has no score without noise: pass sigma to score, or use"):
        Checkerboard().score(np.zeros((1, 2)))
