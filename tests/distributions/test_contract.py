"""What holds for every density."""

from __future__ import annotations

import pickle

import array_api_strict
import numpy as np
import pytest

import scorekit as sk
from scorekit import _numerics
from scorekit.distributions import Funnel
from scorekit.protocols import Distribution
from scorekit_numpy import autodiff

BACKEND = sk.backend("numpy")
LEVEL = 0.4


def levels(n):
    return np.linspace(0.2, 1.5, n)


def log_density(density, x, sigma):
    return (density if sigma is None else density.smoothed(sigma)).log_prob(x)


def score_levels(case):
    return [None, LEVEL] if case.has_score else [LEVEL]


def density_levels(case):
    return [None, LEVEL] if case.has_density else [LEVEL]


def test_it_is_a_distribution(case):
    assert isinstance(case.density, Distribution)
    assert case.density.dim == case.density.sample(1, rng=0).size
    assert type(case.density).__name__ in repr(case.density)
    again = pickle.loads(pickle.dumps(case.density))
    assert again == case.density
    assert hash(again) == hash(case.density)
    assert not any(value.flags.writeable for value in vars(again).values() if isinstance(value, np.ndarray))


def test_the_score_is_the_gradient_of_the_log_density(case, points):
    for sigma in score_levels(case):
        _, gradient = BACKEND.grad(lambda x, s=sigma: log_density(case.density, x, s), points)
        np.testing.assert_allclose(case.density.score(points, sigma), gradient, rtol=1e-8, atol=1e-8)


def test_one_level_a_sample_is_each_level_alone(case, points):
    sigma = levels(len(points))
    together = case.density.score(points, sigma)
    alone = [case.density.score(points[i : i + 1], float(s)) for i, s in enumerate(sigma)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-9, atol=1e-10)


def test_smoothing_twice_adds_variances(case, points):
    twice, once = case.density.smoothed(0.3).smoothed(0.4), case.density.smoothed(0.5)
    np.testing.assert_allclose(twice.log_prob(points), once.log_prob(points), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(twice.score(points), once.score(points), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(twice.score(points), case.density.score(points, 0.5), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(case.density.smoothed(0.3).score(points, 0.4), once.score(points), rtol=1e-9, atol=1e-10)


def test_the_jacobian_of_the_score_is_symmetric_and_agrees_with_differences(case, points):
    """Second derivatives pass through the score, in reverse and in forward mode."""
    rng, step = np.random.default_rng(0), 1e-5
    v, w = rng.normal(size=(2, *points.shape))
    for sigma in score_levels(case):
        score = lambda x, s=sigma: case.density.score(x, s)  # noqa: E731
        value, pulled = BACKEND.vjp(score, points, v)
        np.testing.assert_allclose(value, score(points), rtol=1e-12, atol=1e-12)
        # the difference quotient's own error is of order step² times the third derivative of the score
        centered = (score(points + step * v) - score(points - step * v)) / (2 * step)
        scale = 1e-6 * (1 + np.abs(centered).max())
        np.testing.assert_allclose(pulled, centered, rtol=1e-5, atol=scale)
        np.testing.assert_allclose(autodiff.jvp(score, points, v)[1], pulled, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(
            (w * pulled).sum(), (v * BACKEND.vjp(score, points, w)[1]).sum(), rtol=1e-7, atol=1e-7
        )


def test_float32_stays_and_agrees_with_float64(case, points):
    narrow = points.astype(np.float32)
    wide = narrow.astype(np.float64)
    for sigma in [LEVEL, np.float64(LEVEL), levels(len(points)), levels(len(points)).astype(np.float32)]:
        got = case.density.score(narrow, sigma)
        assert got.dtype == np.float32
        expected = case.density.score(wide, sigma)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    for sigma in density_levels(case):
        got = log_density(case.density, narrow, sigma)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, log_density(case.density, wide, sigma), rtol=1e-4, atol=1e-4)


def test_the_array_standard_is_enough(case, points):
    """array_api_strict refuses everything that the standard does not name."""
    strict = array_api_strict.asarray(points)
    for sigma in [*score_levels(case), "many"]:
        mine = levels(len(points)) if sigma == "many" else sigma
        theirs = array_api_strict.asarray(mine) if sigma == "many" else sigma
        got = case.density.score(strict, theirs)
        assert type(got) is type(strict)
        np.testing.assert_allclose(np.asarray(got), case.density.score(points, mine), rtol=1e-12, atol=1e-12)
    for sigma in density_levels(case):
        got = np.asarray(log_density(case.density, strict, sigma))
        np.testing.assert_allclose(got, log_density(case.density, points, sigma), rtol=1e-12, atol=1e-12)


def test_the_input_is_left_alone(case, points):
    before, sigma = points.copy(), levels(len(points))
    points.flags.writeable = sigma.flags.writeable = False
    log_density(case.density, points, None if case.has_density else LEVEL)
    case.density.score(points, LEVEL)
    case.density.score(points, sigma)
    np.testing.assert_array_equal(points, before)


def test_any_layout_in_memory_gives_the_same(case, points):
    view = np.asfortranarray(points)[::2]
    np.testing.assert_allclose(case.density.score(view, LEVEL), case.density.score(points, LEVEL)[::2], rtol=1e-10)


def test_rows_do_not_know_of_each_other(case, points, monkeypatch):
    sigma = levels(len(points))
    wholes = [case.density.score(points, LEVEL), case.density.score(points, sigma)]
    density = case.density.smoothed(LEVEL).log_prob(points)
    monkeypatch.setattr(_numerics, "ENTRIES_AT_ONCE", 1)
    parts = [case.density.score(points, LEVEL), case.density.score(points, sigma)]
    for whole, part in zip(wholes, parts, strict=True):
        np.testing.assert_allclose(part, whole, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(case.density.smoothed(LEVEL).log_prob(points), density, rtol=1e-10, atol=1e-10)
    order = np.random.default_rng(0).permutation(len(points))
    np.testing.assert_allclose(case.density.score(points[order], sigma[order]), wholes[1][order], rtol=1e-9, atol=1e-10)


def test_a_level_may_carry_a_derivative(case, points):
    """d/dsigma log-score by autograd, against differences: learned noise levels need it."""
    sigma, step = levels(len(points)), 1e-6
    weight = np.random.default_rng(1).normal(size=points.shape)
    _, got = BACKEND.vjp(lambda s: case.density.score(points, s), sigma, weight)
    difference = (case.density.score(points, sigma + step) - case.density.score(points, sigma - step)) / (2 * step)
    expected = (weight * difference).reshape(len(points), -1).sum(axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * (1 + np.abs(expected).max()))


def test_draws_follow_the_seed_and_take_their_type_from_like(case):
    """Data of two images are drawn the same way twice in 64 with a chance of 2⁻⁶⁴."""
    for density in (case.density, case.density.smoothed(0.3)):
        np.testing.assert_array_equal(density.sample(64, rng=1), density.sample(64, rng=1))
        np.testing.assert_array_equal(density.sample(64, rng=sk.rng(1)), density.sample(64, rng=sk.rng(1)))
        assert not np.array_equal(density.sample(64, rng=1), density.sample(64, rng=2))
        assert not np.array_equal(density.sample(64), density.sample(64))
        assert density.sample(64, rng=1).dtype == np.float64
        assert density.sample(64, rng=1, like=np.zeros(1, np.float32)).dtype == np.float32
        stream = sk.rng(1)
        assert not np.array_equal(density.sample(64, rng=stream), density.sample(64, rng=stream))


def test_far_away_everything_is_finite(case):
    """At a thousand standard deviations of everything the score points back, and is that of the nearest mass."""
    direction = np.random.default_rng(2).normal(size=(8, *case.density.sample(1, rng=0).shape[1:]))
    for radius in (1e2, 1e4):
        x = radius * direction
        if isinstance(case.density, Funnel):  # its own score has exp(−x₁), which no float holds at x₁ = −1000
            x = np.concatenate([np.abs(x[:, :1]), x[:, 1:]], axis=1)
        for sigma in [*score_levels(case), levels(8)]:
            assert np.isfinite(case.density.score(x, sigma)).all()
        noisy = case.density.score(x, 1.0)
        assert np.isfinite(case.density.smoothed(1.0).log_prob(x)).all()
        assert ((noisy * x).reshape(8, -1).sum(axis=1) < 0).all()


def test_what_is_refused(case, points):
    density = case.density
    with pytest.raises(sk.ShapeError, match=r"x has shape \(3,\): expected \(n, …\)"):
        density.score(np.zeros(3), 1.0)
    with pytest.raises(sk.ShapeError, match=rf"x has shape \(3, 77\): {type(density).__name__} expects \(n, "):
        density.score(np.zeros((3, 77)), 1.0)
    with pytest.raises(sk.ShapeError, match="Reshape it, for instance"):
        density.smoothed(1.0).log_prob(np.zeros((3, 77)))
    with pytest.raises(TypeError, match="expected a real floating dtype"):
        density.score(points.astype(int), 1.0)
    with pytest.raises(ValueError, match="NaN or infinity in 1 of"):
        density.score(np.where(np.arange(points.size).reshape(points.shape) == 0, np.nan, points), 1.0)
    with pytest.raises(TypeError, match="is a list"):
        density.score(points.tolist(), 1.0)
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="sigma must be positive and finite, got"):
            density.score(points, wrong)
        with pytest.raises(ValueError, match="sigma must be positive and finite, got"):
            density.smoothed(wrong)
    with pytest.raises(sk.ShapeError, match=r"sigma has shape \(2,\)"):
        density.score(points, np.ones(2))
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        density.sample(0)
    with pytest.raises(TypeError, match="n must be an integer"):
        density.sample(2.5)


def test_without_noise_some_say_that_they_need_it(case, points):
    name = type(case.density).__name__
    if not case.has_score:
        with pytest.raises(sk.ScorekitError, match=f"{name} has no score without noise: pass sigma"):
            case.density.score(points)
    if not case.has_density:
        with pytest.raises(sk.ScorekitError, match=f"{name} has no density without noise: pass sigma"):
            case.density.log_prob(points)
