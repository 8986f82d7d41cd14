"""The classifier two-sample test: its level is exact, and it sees what differs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, fisher_exact

import scorekit as sk
from scorekit.metrics import c2st


def test_the_p_value_never_exceeds_its_level_whatever_the_sizes():
    """2,000 fresh runs with 20 and 44 samples in three dimensions; P(p <= 0.1) <= 0.1, false alarm 1e-6."""
    rng, stream, runs = np.random.default_rng(), sk.rng(None), 2000
    results = [c2st(rng.normal(size=(20, 3)), rng.normal(size=(44, 3)), rng=stream) for _ in range(runs)]
    small = sum(result.p_value <= 0.1 for result in results)
    assert runs * 0.02 < small <= binom.isf(1e-6, runs, 0.1)
    accuracy = np.array([result.accuracy for result in results])
    assert abs(accuracy.mean() - 0.5) < 5 * accuracy.std() / np.sqrt(runs)


def test_separate_samples_are_told_apart_without_error():
    a, b = np.zeros((20, 2)), 9 + np.zeros((12, 2))
    assert c2st(a, b, rng=0) == pytest.approx((1.0, fisher_exact([[10, 0], [0, 6]], "greater")[1]))
    assert c2st(b, a, rng=0).accuracy == 1


def test_a_tied_vote_says_nothing():
    """All points coincide and all vote: there are as many of either, no majority, and nothing is said to be of a."""
    a, b = np.zeros((8, 1)), np.zeros((8, 1))
    result = c2st(a, b, neighbors=8, rng=0)
    assert result == (0.5, 1.0)


def test_a_difference_in_spread_is_seen_in_any_shape():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 2, 2)), 2 * rng.normal(size=(200, 2, 2))
    result = c2st(a, b, rng=0)
    assert result.p_value < 1e-6
    assert 0.6 < result.accuracy < 1
    assert c2st(a.reshape(300, 4), b.reshape(200, 4), rng=0) == result


def test_errors():
    x = np.ones((4, 2))
    with pytest.raises(sk.ShapeError, match="b has 3: expected at least 4 of each"):
        c2st(x, x[:3])
    with pytest.raises(ValueError, match="neighbors must be at most 4, the number of training points, got 5"):
        c2st(x, x, neighbors=5)
