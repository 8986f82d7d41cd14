"""Wasserstein distances against closed forms, laws and brute force."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

import scorekit as sk
from scorekit.metrics import sliced_wasserstein, wasserstein


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def quantiles(n, mean=0.0, std=1.0):
    from scipy.special import ndtri

    return (mean + std * ndtri((np.arange(n) + 0.5) / n))[:, None]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_two_points_on_the_line(order):
    a, b = np.array([[0.0], [1.0]]), np.array([[4.0], [2.0]])
    assert sliced_wasserstein(a, b, order=order) == pytest.approx(((2**order + 3**order) / 2) ** (1 / order), rel=1e-12)


def test_two_normals_on_the_line():
    """W_2² = (m1 − m2)² + (s1 − s2)²."""
    a, b = quantiles(20_000, 1.0, 2.0), quantiles(15_000, -0.5, 0.5)
    assert sliced_wasserstein(a, b) == pytest.approx(math.hypot(1.5, 1.5), rel=1e-3)


@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_a_translation_is_its_length_over_root_d(d):
    """The mean of (uᵀt)² over the sphere is |t|²/d; over whole orthonormal bases, exactly."""
    a, t = normal(40, d), np.arange(1.0, d + 1)
    assert sliced_wasserstein(a, a + t, projections=5 * d, rng=0) == pytest.approx(
        np.linalg.norm(t) / math.sqrt(d), rel=1e-12
    )


@pytest.mark.parametrize(("order", "value"), [(1, 2 / math.pi), (4, (3 / 8) ** 0.25)])
def test_a_translation_of_other_orders_in_the_plane(order, value):
    """(mean of |cos|^p)^(1/p)."""
    a = normal(10, 2)
    assert sliced_wasserstein(a, a + np.array([0.0, 1.0]), 4096, order) == pytest.approx(value, rel=1e-6)


def test_a_scaled_sample():
    """b = c a: W_2(uᵀa, uᵀb)² = (c − 1)² mean (uᵀa)², so SW_2 = |c − 1| √(mean |a|²/d)."""
    a = normal(30, 4)
    expected = 1.5 * math.sqrt(np.mean(np.sum(a**2, axis=1)) / 4)
    assert sliced_wasserstein(a, 2.5 * a, projections=400, rng=0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(3, 5), (4, 6), (1, 7), (12, 3)])
@pytest.mark.parametrize("order", [1, 2])
def test_different_sizes_are_as_if_each_point_were_repeated(n, m, order):
    a, b = normal(n, 2, seed=1), normal(m, 2, seed=2)
    common = math.lcm(n, m)
    repeated = sliced_wasserstein(np.repeat(a, common // n, 0), np.repeat(b, common // m, 0), order=order)
    assert sliced_wasserstein(a, b, order=order) == pytest.approx(repeated, rel=1e-12)
    assert sliced_wasserstein(b, a, order=order) == pytest.approx(repeated, rel=1e-12)


def test_different_sizes_against_scipy():
    from scipy.stats import wasserstein_distance

    a, b = normal(101, 1, seed=3), 2 * normal(67, 1, seed=4)
    assert sliced_wasserstein(a, b, order=1) == pytest.approx(wasserstein_distance(a[:, 0], b[:, 0]), rel=1e-12)


def test_laws():
    a, b = normal(30, 2, seed=5), normal(40, 2, seed=6) + 1
    distance = sliced_wasserstein(a, b)
    assert sliced_wasserstein(b, a) == pytest.approx(distance, rel=1e-12)
    assert sliced_wasserstein(a[::-1], b[::-1]) == pytest.approx(distance, rel=1e-12)
    assert sliced_wasserstein(3 * a, 3 * b) == pytest.approx(3 * distance, rel=1e-12)
    assert sliced_wasserstein(a + 5, b + 5) == pytest.approx(distance, rel=1e-9)
    assert sliced_wasserstein(a, a[::-1]) == 0
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    assert sliced_wasserstein(a @ turn, b @ turn, 4096) == pytest.approx(sliced_wasserstein(a, b, 4096), rel=1e-5)
    assert sliced_wasserstein(a, b, order=1) <= distance


def test_the_reference_of_two_swiss_rolls():
    """Two samples of 5,000 from one Swiss roll (coordinates/10, noise 0.05) differ by about 0.020, spread 0.007."""
    rng = np.random.default_rng()

    def roll():
        t = 1.5 * np.pi * (1 + 2 * rng.random(5000))
        return np.stack([t * np.cos(t), t * np.sin(t)], 1) / 10 + 0.05 * rng.normal(size=(5000, 2))

    distances = [sliced_wasserstein(roll(), roll()) for _ in range(12)]
    assert 0.010 < np.mean(distances) < 0.034  # 5 standard errors below, 7 above: the law has a tail there


@pytest.mark.filterwarnings("ignore:the distance is a mean over 1:RuntimeWarning")
def test_directions_are_uniform_on_the_sphere():
    """One projection a run, so no orthogonality: the mean of (uᵀt)²/|t|² is 1/d, of the fourth power 3/(d(d + 2))."""
    d, runs = 3, 4000
    a, t = np.zeros((1, d)), np.array([[0.0, 0.0, 1.0]])
    rng = sk.rng(None)
    squares = np.array([sliced_wasserstein(a, a + t, 1, rng=rng) ** 2 for _ in range(runs)])
    assert abs(squares.mean() - 1 / 3) < 5 * math.sqrt((1 / 5 - 1 / 9) / runs)
    assert abs((squares**2).mean() - 1 / 5) < 5 * math.sqrt((1 / 9 - 1 / 25) / runs)


def test_the_seed_and_the_plane_without_one():
    a, b = normal(20, 5, seed=7), normal(20, 5, seed=8)
    assert sliced_wasserstein(a, b, rng=1) == sliced_wasserstein(a, b, rng=1)
    assert sliced_wasserstein(a, b, rng=1) != sliced_wasserstein(a, b, rng=2)
    assert sliced_wasserstein(a[:, :2], b[:, :2]) == sliced_wasserstein(a[:, :2], b[:, :2])


def test_chunks_do_not_show(monkeypatch):
    from scorekit.metrics import _wasserstein as transport

    a, b = normal(20, 3, seed=9), normal(30, 3, seed=10)
    whole = sliced_wasserstein(a, b, 17, rng=0)
    monkeypatch.setattr(transport, "_CHUNK", 100)
    assert sliced_wasserstein(a, b, 17, rng=0) == pytest.approx(whole, rel=1e-12)


def test_events_of_any_shape_dtype_and_library():
    a, b = normal(20, 6, seed=11), normal(25, 6, seed=12)
    flat = sliced_wasserstein(a, b, rng=0)
    assert sliced_wasserstein(a.reshape(20, 2, 3), b.reshape(25, 2, 3), rng=0) == pytest.approx(flat, rel=1e-12)
    assert sliced_wasserstein(a.astype(np.float32), b.astype(np.float32), rng=0) == pytest.approx(flat, rel=1e-5)
    assert type(flat) is float
    strict = pytest.importorskip("array_api_strict")
    assert sliced_wasserstein(strict.asarray(a), strict.asarray(b), rng=0) == pytest.approx(flat, rel=1e-12)
    with pytest.raises(TypeError, match=r"a.*b"):
        sliced_wasserstein(a, strict.asarray(b))


def test_nothing_of_the_callers_is_changed():
    a, b = normal(10, 3), normal(10, 3, seed=1)
    copies = a.copy(), b.copy()
    sliced_wasserstein(a, b, rng=0)
    wasserstein(a, b)
    assert np.array_equal(a, copies[0])
    assert np.array_equal(b, copies[1])


# ---------------------------------------------------------------- exact


@pytest.mark.parametrize("order", [1, 2])
def test_the_best_of_all_pairings(order):
    a, b = normal(6, 2, seed=13), normal(6, 2, seed=14)
    costs = np.sum((a[:, None] - b[None]) ** 2, axis=2) ** (order / 2)
    best = min(np.mean(costs[np.arange(6), list(p)]) for p in itertools.permutations(range(6)))
    assert wasserstein(a, b, order) == pytest.approx(best ** (1 / order), rel=1e-12)


def test_the_exact_distance_of_a_translation_and_on_the_line():
    a, t = normal(50, 4), np.array([3.0, 0.0, 4.0, 0.0])
    assert wasserstein(a, a[::-1] + t) == pytest.approx(5, rel=1e-12)
    b = normal(50, 4, seed=1)
    assert wasserstein(a[:, :1], b[:, :1]) == pytest.approx(sliced_wasserstein(a[:, :1], b[:, :1]), rel=1e-12)
    assert wasserstein(a, b) >= sliced_wasserstein(a, b, rng=0)


X = np.ones((4, 2))


@pytest.mark.parametrize("metric", [sliced_wasserstein, wasserstein])
@pytest.mark.parametrize(
    ("a", "b", "options", "kind", "message"),
    [
        (X, np.ones((4, 3)), {}, sk.ShapeError, "a has samples of shape (2,), b of shape (3,)"),
        (X, np.ones((0, 2)), {}, sk.ShapeError, "b has shape (0, 2)"),
        (np.ones(4), X, {}, sk.ShapeError, "a[:, None]"),
        (X * np.nan, X, {}, ValueError, "a holds NaN"),
        (X, [[1.0, 2.0]], {}, TypeError, "is a list"),
        (X, X.astype(int), {}, TypeError, "b has dtype int64"),
        (X, X, {"order": 0.5}, ValueError, "order must be between 1 and 500"),
        (X, X, {"order": math.inf}, ValueError, "order must be between"),
        (X, X, {"order": "2"}, TypeError, "order must be a number"),
    ],
)
def test_errors(metric, a, b, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        metric(a, b, **options)


def test_errors_of_one_alone():
    with pytest.raises(ValueError, match="projections must be at least 1"):
        sliced_wasserstein(X, X, projections=0)
    with pytest.raises(TypeError, match="projections must be an integer"):
        sliced_wasserstein(X, X, projections=2.5)
    with pytest.raises(sk.ShapeError, match="sliced_wasserstein, which accepts different sizes"):
        wasserstein(X, X[:3])
