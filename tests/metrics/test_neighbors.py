"""Nearest neighbors by hand and by brute force; copies are found, and new data are not taken for copies."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.stats import betabinom, binom

import scorekit as sk
from scorekit.metrics import memorization, nearest_neighbors


def test_by_hand():
    training = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    found = nearest_neighbors(np.array([[0.0, 0.0], [9.0, 0.0]]), training, k=2)
    assert found.indices.tolist() == [[0, 1], [2, 1]]
    assert found.distances == pytest.approx(np.array([[0, 5], [1, np.sqrt(52)]]))


@pytest.mark.parametrize("k", [1, 4, 30])
def test_images_against_every_distance_in_chunks(k, monkeypatch):
    monkeypatch.setattr("scorekit.metrics._nearest_neighbors._CHUNK", 70)  # two rows at a time
    rng = np.random.default_rng(0)
    samples, training = rng.random((7, 2, 3, 3)), rng.random((30, 2, 3, 3))
    found = nearest_neighbors(samples, training, k)
    every = np.sqrt(np.sum((samples[:, None] - training) ** 2, axis=(2, 3, 4)))
    assert found.indices.tolist() == np.argsort(every, axis=1)[:, :k].tolist()
    assert found.distances == pytest.approx(np.sort(every, axis=1)[:, :k], rel=1e-12)


def test_a_near_copy_far_from_the_origin_keeps_its_distance():
    training = 1e6 + np.random.default_rng(0).random((50, 3))
    found = nearest_neighbors(training[:5] + 1e-6, training)
    assert found.indices[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert found.distances == pytest.approx(1e-6 * np.sqrt(3), rel=1e-3)


def test_equal_distances_come_in_the_order_of_the_rows():
    found = nearest_neighbors(np.zeros((1, 1)), np.array([[1.0], [-1.0], [1.0], [0.5]]), k=4)
    assert found.indices.tolist() == [[3, 0, 1, 2]]


def test_memorization_by_hand():
    """Held-out distances 1, 2, 3, 4; the second is the threshold at 0.4 of 5; two of three samples are nearer.

    The p-value is the proportion of the C(7, 3) = 35 orders of three samples and four held-out points in which two
    samples
    or more come before the second held-out point.
    """
    result = memorization(np.array([[0.5], [0.2], [2.5]]), np.zeros((1, 1)), np.arange(1.0, 5.0)[:, None], quantile=0.4)
    assert (result.proportion, result.expected, result.threshold) == (pytest.approx(2 / 3), 0.4, 2.0)
    orders = [
        sum(label == "s" for label in before)
        for labels in _orders("sss", "hhhh")
        for before in [labels[: [i for i, label in enumerate(labels) if label == "h"][1]]]
    ]
    assert len(orders) == 35
    assert result.p_value == pytest.approx(np.mean(np.array(orders) >= 2))
    assert result.samples.tolist() == [0.5, 0.2, 2.5]
    assert result.held_out.tolist() == [1, 2, 3, 4]


def _orders(first, second):
    """All ways to interleave two words."""
    if not first or not second:
        return [first + second]
    return [first[0] + rest for rest in _orders(first[1:], second)] + [
        second[0] + rest for rest in _orders(first, second[1:])
    ]


def test_new_data_are_as_near_as_held_out_data_are():
    """500 fresh runs: the p-value is at most α as often as the exact law of the count says, within 1e-6."""
    rng, n, m, runs = np.random.default_rng(), 40, 60, 500
    j = 6  # 0.1 of 61
    tail = betabinom.sf(np.arange(n + 1) - 1, n, j, m + 1 - j)
    level = tail[tail <= 0.1].max()
    small = sum(
        memorization(*(rng.normal(size=(size, 2)) for size in (n, 50, m)), quantile=0.1).p_value <= 0.1
        for _ in range(runs)
    )
    assert binom.ppf(5e-7, runs, level) <= small <= binom.isf(5e-7, runs, level)


def test_copies_are_found_and_the_table_says_it():
    rng = np.random.default_rng(0)
    training, held_out = rng.normal(size=(300, 1, 4, 4)), rng.normal(size=(200, 1, 4, 4))
    half = np.concatenate([training[:10] + 1e-3, 5 + rng.normal(size=(10, 1, 4, 4))])
    result = memorization(half, training, held_out)
    assert result.proportion == 0.5
    assert result.p_value < 1e-9
    assert result.lower < 0.5 < result.upper
    lines = str(result).splitlines()
    assert lines[1].startswith("samples ")
    assert lines[2].startswith("held-out data ")
    assert "0.5000 of 20 samples are nearer than" in lines[3]
    assert lines[0].index("median") == lines[1].index(f"{np.median(result.samples):.4g}")


X = np.ones((5, 2))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: nearest_neighbors(X, X, k=6),
            ValueError,
            "k must be at most 5, the number of training points, got 6",
        ),
        (lambda: nearest_neighbors(X, X, k=0), ValueError, "k must be at least 1"),
        (lambda: nearest_neighbors(X, np.ones((5, 3))), sk.ShapeError, "training of shape (3,)"),
        (lambda: memorization(X, X, np.ones((5, 3))), sk.ShapeError, "held_out has samples of shape (3,)"),
        (lambda: memorization(X, X, X, quantile=1), ValueError, "write quantile=0.01"),
        (lambda: memorization(X, X, X, level=95), ValueError, "write level=0.95"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()
