"""Precision, recall, density and coverage: by hand, by brute force, and against what equal laws give."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.metrics import precision_recall


@pytest.mark.filterwarnings("ignore:neighbors is 1, and a set has 3:RuntimeWarning")
def test_by_hand():
    """Radii of real points with one neighbor 1, 1, 1, 7; of generated ones 0.25, 0.25, 19.25."""
    real, generated = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([[0.5], [0.75], [20.0]])
    result = precision_recall(real, generated, neighbors=1)
    assert result.precision == pytest.approx(2 / 3)  # 20 is in no ball
    assert result.recall == 3 / 4  # 0 is 20 from 20, and farther than 0.25 from the others
    assert result.density == pytest.approx(4 / 3)  # 0.5 and 0.75 are in two balls each
    assert result.coverage == 1 / 2  # the balls of 2 and 9 end at 1 and 2
    assert result.expected_coverage == pytest.approx(1 / 2)  # 1 − 3/6


@pytest.mark.filterwarnings("ignore:neighbors is 1:RuntimeWarning")
def test_a_ball_is_closed():
    """The ball of 1 reaches exactly to 2."""
    real, generated = np.array([[0.0], [1.0]]), np.array([[2.0], [5.0]])
    assert precision_recall(real, generated, 1)[:4] == pytest.approx((0.5, 1.0, 0.5, 0.5))


def test_against_every_distance_in_chunks(monkeypatch):
    monkeypatch.setattr("scorekit.metrics._nearest_neighbors._CHUNK", 40)
    rng = np.random.default_rng(0)
    x, y, k = rng.normal(size=(30, 4)), 0.7 * rng.normal(size=(25, 4)) + 0.3, 3

    def distances(a, b):
        return np.linalg.norm(a[:, None] - b, axis=2)

    ball_x, ball_y = np.sort(distances(x, x), axis=1)[:, k], np.sort(distances(y, y), axis=1)[:, k]
    inside = distances(x, y) <= ball_x[:, None]
    result = precision_recall(x, y, k)
    assert result.precision == pytest.approx(np.any(inside, axis=0).mean())
    assert result.recall == pytest.approx(np.any(distances(x, y) <= ball_y, axis=1).mean())
    assert result.density == pytest.approx(inside.sum() / (k * 25))
    assert result.coverage == pytest.approx(np.any(inside, axis=1).mean())
    swapped = precision_recall(y, x, k)
    assert (swapped.precision, swapped.recall) == (result.recall, result.precision)
    assert (
        precision_recall(x[::-1].reshape(30, 2, 2), 2 * y.reshape(25, 2, 2) - y.reshape(25, 2, 2), k)[:4] == result[:4]
    )


@pytest.mark.parametrize("k", [1, 5])
def test_equal_laws_have_the_expected_coverage_and_density_one(k):
    """300 fresh runs of unequal sizes: the means within 5 standard errors, 1.5 % of the coverage."""
    rng, runs = np.random.default_rng(), 300
    results = [precision_recall(rng.normal(size=(40, 3)), rng.normal(size=(30, 3)), k) for _ in range(runs)]
    n, m = 40, 30
    missed = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    assert results[0].expected_coverage == pytest.approx(1 - missed, rel=1e-12)
    for values, expected in (([r.coverage for r in results], 1 - missed), ([r.density for r in results], 1.0)):
        assert abs(np.mean(values) - expected) < 5 * np.std(values) / np.sqrt(runs)


def test_a_missing_mode_costs_recall_and_coverage_and_a_wrong_one_precision_and_density():
    rng = np.random.default_rng(0)
    two = rng.normal(size=(400, 2)) + 20 * (np.arange(400) % 2)[:, None]
    one = rng.normal(size=(400, 2))
    missing, wrong = precision_recall(two, one), precision_recall(one, two)
    assert missing.precision > 0.9
    assert missing.recall < 0.55
    assert missing.coverage < 0.55
    assert wrong.precision < 0.55
    assert wrong.density < 0.6
    assert wrong.recall > 0.9
    assert "(expected 1)" in str(missing)


def test_more_neighbors_than_samples_are_refused():
    with pytest.raises(ValueError, match="neighbors must be below 3, the smaller number of samples"):
        precision_recall(np.ones((4, 2)), np.ones((3, 2)), neighbors=3)
    with pytest.raises(sk.ShapeError, match="features_generated of shape"):
        precision_recall(np.ones((4, 2)), np.ones((4, 3)))
