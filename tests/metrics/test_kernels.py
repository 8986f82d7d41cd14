"""The maximum mean discrepancy against its definition, and its test against its level."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.metrics import mmd


def test_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    a, b, h = rng.normal(size=(4, 3)), rng.normal(size=(6, 3)) + 1, 1.7

    def k(x, y):
        return np.exp(-np.sum((x - y) ** 2) / (2 * h**2))

    aa = np.mean([k(a[i], a[j]) for i in range(4) for j in range(4) if i != j])
    bb = np.mean([k(b[i], b[j]) for i in range(6) for j in range(6) if i != j])
    ab = np.mean([k(x, y) for x in a for y in b])
    assert mmd(a, b, bandwidth=h, permutations=1, rng=0).squared == pytest.approx(aa + bb - 2 * ab, rel=1e-12)


def test_two_normals():
    """For N(0, 1) and N(m, 1) on the line: E k = h/√(h² + 2) e^{−m²/2(h² + 2)}, so MMD² = 2h/√(h² + 2) (1 − e^…)."""
    rng, m, h = np.random.default_rng(), 1.0, 1.0
    values = [
        mmd(rng.normal(size=(100, 1)), m + rng.normal(size=(100, 1)), h, permutations=1, rng=0).squared
        for _ in range(300)
    ]
    expected = 2 * h / np.sqrt(h**2 + 2) * (1 - np.exp(-(m**2) / (2 * (h**2 + 2))))
    assert abs(np.mean(values) - expected) < 5 * np.std(values) / np.sqrt(300)  # √2 in the bandwidth is 30 % off


def test_the_p_value_is_uniform_under_the_same_law():
    """With 19 relabelings each of 1/20, …, 1 has probability 1/20; 600 runs, P(p <= 0.1) = 0.1, bounds at 1e-6."""
    from scipy.stats import binom

    rng = np.random.default_rng()
    stream = sk.rng(None)
    small = sum(
        mmd(rng.normal(size=(8, 2)), rng.normal(size=(12, 2)), permutations=19, rng=stream).p_value <= 0.1
        for _ in range(600)
    )
    assert binom.ppf(5e-7, 600, 0.1) <= small <= binom.isf(5e-7, 600, 0.1)


def test_the_default_bandwidth_is_the_median_of_all_pairs():
    from scipy.spatial.distance import pdist

    a, b = np.array([[0.0], [1.0]]), np.array([[3.0], [7.0]])
    assert mmd(a, b, permutations=1, rng=0).bandwidth == np.median(pdist(np.concatenate([a, b])))


def test_errors():
    x = np.ones((4, 2))
    with pytest.raises(sk.ShapeError, match="at least 2 of each"):
        mmd(x, x[:1])
    with pytest.raises(ValueError, match="give bandwidth="):
        mmd(x, x)
    with pytest.raises(ValueError, match="permutations must be at least 1"):
        mmd(x, x, bandwidth=1.0, permutations=0)
    with pytest.raises(sk.ShapeError, match="samples of shape"):
        mmd(x, np.ones((4, 3)))
