"""The banana and the funnel under noise, where one integral remains: far out, narrow, two modes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scorekit as sk
from scorekit.distributions import Banana, Funnel, _windows

X = np.array([[0.3, -0.4], [1.5, 2.0], [-3.0, 1.0], [0.0, 9.0], [4.0, 30.0]])


def test_the_banana_is_its_formula():
    b, v = 0.7, 1.69
    u = X[:, 1] - b * (X[:, 0] ** 2 - v)
    expected = np.stack([-X[:, 0] / v + 2 * b * X[:, 0] * u, -u], axis=1)
    np.testing.assert_allclose(Banana(b, 1.3).score(X), expected, rtol=1e-13, atol=1e-13)
    log_p = -0.5 * (X[:, 0] ** 2 / v + u**2 + math.log(v)) - math.log(2 * math.pi)
    np.testing.assert_allclose(Banana(b, 1.3).log_prob(X), log_p, rtol=1e-13)


def test_the_funnel_is_its_formula():
    x = np.array([[1.0, 2.0, -1.0], [-4.0, 0.1, 0.2]])
    shrink = np.exp(-x[:, 0])
    first = -x[:, 0] / 9 - 1 + (x[:, 1] ** 2 + x[:, 2] ** 2) * shrink / 2
    expected = np.stack([first, -x[:, 1] * shrink, -x[:, 2] * shrink], axis=1)
    np.testing.assert_allclose(Funnel(dim=3).score(x), expected, rtol=1e-13)


@pytest.mark.parametrize("b", [0.7, -0.7])
def test_the_smoothed_banana_mirrors(b):
    """b → −b mirrors x₂ about 0, and x₁ → −x₁ changes nothing."""
    density, mirrored = Banana(b).smoothed(0.6), Banana(-b).smoothed(0.6)
    np.testing.assert_allclose(density.log_prob(X), mirrored.log_prob(X * [1, -1]), rtol=1e-12)
    np.testing.assert_allclose(density.score(X), mirrored.score(X * [1, -1]) * [1, -1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(density.score(X), density.score(X * [-1, 1]) * [-1, 1], rtol=1e-9, atol=1e-12)


def test_a_straight_banana_is_a_gaussian():
    expected = -X / (np.array([4.0, 1.0]) + 0.25)
    np.testing.assert_allclose(Banana(0.0, 2.0).score(X, 0.5), expected, rtol=1e-12)


def posterior(f, low, high):
    """log ∫ exp f by brute force: every maximum of a dense scan, zoomed until exp f is resolved, pieces apart."""
    z = np.linspace(low, high, 200_001)
    value = f(z)
    peaks = np.flatnonzero((value[1:-1] >= value[:-2]) & (value[1:-1] >= value[2:])) + 1
    pieces = []
    for i in peaks:
        a, b = z[i - 1], z[i + 1]
        step, top = b - a, f(np.linspace(a, b, 1001)).max()
        while a > low and f(np.array([a]))[0] > top - 45:
            a, step = a - step, 1.3 * step
        step = z[1] - z[0]
        while b < high and f(np.array([b]))[0] > top - 45:
            b, step = b + step, 1.3 * step
        if pieces and a < pieces[-1][1]:
            pieces[-1] = (pieces[-1][0], b)
        else:
            pieces.append((a, b))
    logs = []
    for a, b in pieces:
        nodes = np.linspace(a, b, 100_001)
        logs.append(np.logaddexp.reduce(f(nodes)) + math.log(nodes[1] - nodes[0]))
    return np.logaddexp.reduce(logs)


def brute_banana(density, x, s):
    b, v = density.curvature, density.scale**2
    m, tau = x[0] * v / (v + s), math.sqrt(v * s / (v + s))
    bend = math.sqrt(max(v + x[1] / b, 0.0))
    reach = max(abs(m), bend) + 12 * tau
    log_post = posterior(
        lambda y: -0.5 * y**2 - 0.5 * (x[1] - b * ((m + tau * y) ** 2 - v)) ** 2 / (1 + s),
        (-reach - m) / tau,
        (reach - m) / tau,
    )
    rest = x[0] ** 2 / (v + s) + math.log(v + s) + math.log(1 + s)
    return log_post - 0.5 * rest - 1.5 * math.log(2 * math.pi)


def brute_funnel(density, x, s):
    v, others, square = density.scale**2, density.dim - 1, (x[1:] ** 2).sum()
    m, tau = x[0] * v / (v + s), math.sqrt(v * s / (v + s))

    def f(y):
        log_width = np.logaddexp(m + tau * y, math.log(s))
        return -0.5 * y**2 - 0.5 * (others * log_width + square * np.exp(-log_width))

    log_post = posterior(f, -12 - others * tau, max(0.0, (math.log(square) - m) / tau) + 12)
    rest = x[0] ** 2 / (v + s) + math.log(v + s)
    return log_post - 0.5 * rest - 0.5 * (density.dim + 1) * math.log(2 * math.pi)


def test_windows_find_every_mode_over_ten_decades_of_noise():
    """Where the density itself is exp(−10⁹), ten digits of its logarithm are all that rounding leaves."""
    rng = np.random.default_rng(0)
    for _ in range(25):
        s = 10.0 ** rng.uniform(-6, 4)
        banana = Banana(rng.choice([-1, 1]) * 10.0 ** rng.uniform(-2, 1), 10.0 ** rng.uniform(-0.5, 1))
        x = rng.normal(size=2) * 10.0 ** rng.uniform(-1, 3, size=2)
        expected = brute_banana(banana, x, s)
        assert banana.smoothed(math.sqrt(s)).log_prob(x[None])[0] == pytest.approx(expected, rel=1e-11, abs=1e-9)
        funnel = Funnel(int(rng.integers(2, 6)), 10.0 ** rng.uniform(-0.5, 0.7))
        x = rng.normal(size=funnel.dim) * 10.0 ** rng.uniform(-2, 2.5)
        expected = brute_funnel(funnel, x, s)
        assert funnel.smoothed(math.sqrt(s)).log_prob(x[None])[0] == pytest.approx(expected, rel=1e-11, abs=1e-9)


def test_two_modes_far_apart_each_get_their_nodes():
    """High above the bend z = ±√(v + x₂/b) explain x equally well, and the valley between is e^−5000 deep."""
    density, x = Banana(1.0, 1.0), np.array([[0.0, 100.0]])
    assert density.smoothed(3.0).log_prob(x)[0] == pytest.approx(brute_banana(density, x[0], 9.0), abs=1e-9)
    assert density.score(x, 3.0)[0, 0] == pytest.approx(0.0, abs=1e-9)


def test_little_noise_changes_little():
    for density in (Banana(0.7, 1.3), Funnel(3)):
        x = density.sample(20, rng=0)
        np.testing.assert_allclose(density.score(x, 1e-6), density.score(x), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(density.smoothed(1e-6).log_prob(x), density.log_prob(x), atol=1e-5)


def test_a_narrow_gaussian_in_a_wide_bracket_is_found():
    center, width = np.array([0.3, -900.0, 5e3]), np.array([1e-5, 1e-3, 10.0])
    f = lambda z: -0.5 * ((z - center[:, None]) / width[:, None]) ** 2  # noqa: E731
    z, log_weight = _windows.nodes(np, f, np.full(3, -1e4), np.full(3, 1e4), 64)
    got = np.log(np.exp(f(z) + log_weight).sum(axis=1))
    np.testing.assert_allclose(got, np.log(np.sqrt(2 * np.pi) * width), atol=1e-10)


def test_two_narrow_modes_in_a_wide_bracket_are_both_found():
    """A coarse scan sees one of them far above the other, by the luck of where its points fall; both weigh the same."""
    centers, width = np.array([[-900.0, 310.0], [4e3, -4e3], [10.0, 77.0]]), 1e-2

    def f(z):
        first, second = (-0.5 * ((z - centers[:, i : i + 1]) / width) ** 2 for i in (0, 1))
        return np.logaddexp(first, second)

    z, log_weight = _windows.nodes(np, f, np.full(3, -1e4), np.full(3, 1e4), 64)
    got = np.log(np.exp(f(z) + log_weight).sum(axis=1))
    np.testing.assert_allclose(got, math.log(2 * math.sqrt(2 * math.pi) * width), atol=1e-10)


def test_further_coordinates_of_the_banana_are_gaussians_of_their_own():
    x = np.random.default_rng(0).normal(size=(6, 4))
    for sigma in (None, 0.7):
        wide, plane = (d if sigma is None else d.smoothed(sigma) for d in (Banana(dim=4), Banana()))
        v = 1 + (sigma or 0.0) ** 2
        rest = -0.5 * (x[:, 2:] ** 2).sum(axis=1) / v - math.log(2 * math.pi * v)
        np.testing.assert_allclose(wide.log_prob(x), plane.log_prob(x[:, :2]) + rest, rtol=1e-12)


def test_what_they_refuse():
    with pytest.raises(ValueError, match="curvature holds NaN or infinity"):
        Banana(np.nan)
    with pytest.raises(TypeError, match="curvature must be a number"):
        Banana([1.0, 2.0])
    with pytest.raises(ValueError, match="scale must be positive and finite, got 0"):
        Banana(scale=0.0)
    with pytest.raises(ValueError, match="dim must be at least 2, got 1"):
        Banana(dim=1)
    with pytest.raises(ValueError, match="dim must be at least 2, got 1"):
        Funnel(dim=1)
    with pytest.raises(TypeError, match="dim must be an integer"):
        Funnel(dim=2.5)
    with pytest.raises(sk.ShapeError, match=r"Banana expects \(n, 3\)"):
        Banana(dim=3).score(np.zeros((1, 2)))


@pytest.mark.parametrize(
    "density", [Banana(-0.8, 1.0), Banana(), Funnel(dim=4, scale=1.5)], ids=lambda density: type(density).__name__
)
@pytest.mark.parametrize("radius", [1.0, 1e2, 1e4])
def test_a_row_does_not_depend_on_the_others(density, radius):
    """Far out, where a first scan of a wide bracket may miss the peak, one row alone was wrong by 1e-3."""
    x = radius * np.abs(np.random.default_rng(2).normal(size=(30, density.dim)))
    for sigma in (0.01, 0.1, 1.0):
        together = density.score(x, sigma)
        alone = np.concatenate([density.score(row[None], sigma) for row in x])
        np.testing.assert_allclose(alone, together, rtol=1e-12, atol=1e-12)
