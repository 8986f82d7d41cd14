"""Proportions of modes: assignment, intervals, and samples that belong nowhere."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

import scorekit as sk
from metrics.stand_ins import mixture
from scorekit.metrics import mode_weights
from scorekit.metrics._statistics import share_interval

TWO = mixture([0.8, 0.2], [[5.0, 5.0], [-5.0, -5.0]])


def test_each_sample_goes_to_its_mode():
    x = np.array([[5.0, 4.0], [6.0, 5.0], [-4.0, -5.0], [3.0, 5.0]])
    result = mode_weights(x, TWO)
    assert result.proportions.tolist() == [0.75, 0.25]
    assert result.truth.tolist() == [0.8, 0.2]
    assert (result.n, result.level, result.far) == (4, 0.95, 0)


def test_responsibility_counts_weight_and_covariance():
    """On the line: where 0.9 N(0, 1) and 0.1 N(3, 4) cross, log 9 + log 2 − x²/2 + (x − 3)²/8 = 0."""
    crossing = max(np.roots([1 / 8 - 1 / 2, -6 / 8, 9 / 8 + np.log(18)]).real)
    uneven = SimpleNamespace(
        weights=np.array([0.9, 0.1]), means=np.array([[0.0], [3.0]]), covariances=np.array([[[1.0]], [[4.0]]])
    )
    x = np.array([[crossing - 1e-6], [crossing + 1e-6]])
    assert mode_weights(x[:1], uneven).proportions.tolist() == [1, 0]
    assert mode_weights(x[1:], uneven).proportions.tolist() == [0, 1]


def test_the_distance_is_along_the_covariance():
    """Σ = diag(100, 1): (20, 0) is 2 away, (0, 20) is 20 away; turned by 45° the same."""
    turn = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    sigma = turn.T @ np.diag([100.0, 1.0]) @ turn
    long = SimpleNamespace(weights=np.ones(1), means=np.zeros((1, 2)), covariances=sigma[None])
    x = np.array([[20.0, 0.0], [0.0, 20.0]]) @ turn
    assert [mode_weights(x[i : i + 1], long).far for i in (0, 1)] == [0, 1]
    assert [mode_weights(x, long, far_distance=r).far for r in (1.99, 2.01, 19.9, 20.1)] == [2, 1, 1, 0]


def test_chains_that_escaped_are_counted_and_stay_in_the_shares():
    x = np.array([[5.0, 5.0], [0.0, 0.0], [1e6, -1e9], [-5.0, -5.0]])
    result = mode_weights(x, TWO)
    assert result.far == 2
    assert result.proportions.sum() == 1
    assert "2 farther than 5.26 from every mode" in str(result)


def test_the_default_distance_is_passed_once_in_a_million():
    """In two dimensions P(distance > r) = exp(−r²/2)."""
    assert mode_weights(np.ones((1, 2)), TWO).far_distance == pytest.approx(np.sqrt(2 * np.log(1e6)), rel=1e-9)


def test_the_interval_against_scipy():
    from scipy.stats import binomtest

    for count, n, level in [(0, 10, 0.95), (3, 10, 0.9), (10, 10, 0.99), (812, 1000, 0.95)]:
        reference = binomtest(count, n).proportion_ci(level, method="exact")
        assert np.array(share_interval(count, n, level)) == pytest.approx([reference.low, reference.high], abs=1e-12)


def test_the_intervals_cover_the_truth_as_often_as_they_say():
    """The exact coverage at n = 200, p = 0.8 is a binomial sum; 4,000 fresh runs must lie within its 1e-6 bounds."""
    from scipy.stats import binom

    n, runs, p, rng = 200, 4000, 0.8, np.random.default_rng()
    counts = np.arange(n + 1)
    low, high = share_interval(counts, n, 0.95)
    coverage = binom.pmf(counts, n, p)[(low <= p) & (p <= high)].sum()
    assert coverage == pytest.approx(0.95, abs=0.01)
    hits = 0
    for _ in range(runs):
        signs = np.where(rng.random((n, 1)) < p, 5.0, -5.0)
        result = mode_weights(signs + 0.5 * rng.normal(size=(n, 2)), TWO)
        hits += bool(result.lower[0] <= p <= result.upper[0])
    assert binom.ppf(5e-7, runs, coverage) <= hits <= binom.isf(5e-7, runs, coverage)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.9999])
@pytest.mark.parametrize("n", [1, 10, 100, 1000])
def test_the_intervals_cover_the_truth_over_the_whole_range_of_shares(n, level):
    """The coverage is a binomial sum: at least the level for every share, down to one class in a million."""
    from scipy.stats import binom

    counts, rare = np.arange(n + 1), np.geomspace(1e-6, 0.5, 400)
    low, high = share_interval(counts, n, level)
    assert low[0] == 0.0
    assert high[-1] == 1.0
    p = np.concatenate([[0.0], rare, 1 - rare, low[1:] * (1 - 1e-9), high[:-1] * (1 + 1e-9), [1.0]])[:, None]
    coverage = np.where((low <= p) & (p <= high), binom.pmf(counts, n, p), 0.0).sum(axis=1)
    assert coverage.min() >= level - 1e-12
    assert n < 1000 or coverage[np.abs(p[:, 0] - 0.5) < 0.2].max() < level + 0.05 * (1 - level) + 0.02


def test_the_table_stars_a_mode_that_is_missed():
    x = np.repeat(np.array([[5.0, 5.0], [-5.0, -5.0]]), [500, 500], axis=0)
    lines = str(mode_weights(x, TWO)).splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("*")
    assert "95 % interval" in lines[0]


def test_order_shape_and_dtype_do_not_matter():
    x = np.random.default_rng(0).normal(size=(50, 2)) + 5 * np.where(np.arange(50) % 3, 1, -1)[:, None]
    base = mode_weights(x, TWO)
    for other in (x[::-1], x.reshape(50, 1, 2), x.astype(np.float32)):
        assert mode_weights(other, TWO).proportions == pytest.approx(base.proportions)


def test_a_level_that_is_wider_and_a_mode_of_weight_zero():
    x = np.array([[5.0, 5.0]] * 9 + [[-5.0, -5.0]])
    wide, narrow = mode_weights(x, TWO, level=0.99), mode_weights(x, TWO, level=0.5)
    assert np.all(wide.lower < narrow.lower)
    assert np.all(wide.upper > narrow.upper)
    assert mode_weights(x, mixture([1.0, 0.0], TWO.means)).proportions.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("samples", "target", "options", "kind", "message"),
    [
        (np.ones((3, 3)), TWO, {}, sk.ShapeError, "the means of the mixture have shape (2, 2): expected (2, 3)"),
        (np.ones(3), TWO, {}, sk.ShapeError, "samples[:, None]"),
        (np.ones((0, 2)), TWO, {}, sk.ShapeError, "at least one sample"),
        (np.full((3, 2), np.inf), TWO, {}, ValueError, "samples holds NaN or infinity"),
        ("samples", TWO, {}, TypeError, "is a str"),
        (np.ones((3, 2)), "mixture", {}, TypeError, "GaussianMixture"),
        (np.ones((3, 2)), TWO, {"level": 1.0}, ValueError, "between 0 and 1, got 1.0"),
        (np.ones((3, 2)), TWO, {"level": 95}, ValueError, "level=0.95"),
        (np.ones((3, 2)), TWO, {"level": None}, TypeError, "level must be a number"),
        (np.ones((3, 2)), TWO, {"far_distance": 0.0}, ValueError, "far_distance must be positive"),
    ],
)
def test_errors(samples, target, options, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        mode_weights(samples, target, **options)
