"""The kernel distance against its definition and a closed form, and its standard error against the spread of runs."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.metrics import kernel_distance


def pairs(a, b):
    """The kernel (x·y/d + 1)³ of each row of ``a`` with each of ``b``."""
    return np.array([[(np.sum(x * y) / a.shape[1] + 1) ** 3 for y in b] for x in a])


def test_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(7, 3)) + 1
    aa, bb = pairs(a, a), pairs(b, b)
    expected = aa[~np.eye(5, dtype=bool)].mean() + bb[~np.eye(7, dtype=bool)].mean() - 2 * pairs(a, b).mean()
    assert kernel_distance(a, b).value == pytest.approx(expected, rel=1e-12)


def test_the_standard_error_is_that_of_the_formula():
    """The same components from whole kernel matrices, centered explicitly."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(12, 3)), rng.normal(size=(9, 3)) + 1

    def within(x):
        k, other = pairs(x, x), ~np.eye(len(x), dtype=bool)
        rows, mean = np.sum(k * other, axis=1) / (len(x) - 1), np.mean(k[other])
        return rows, np.mean((k - rows[:, None] - rows + mean)[other] ** 2)

    k = pairs(a, b)
    tau_ab = np.mean((k - k.mean(axis=1, keepdims=True) - k.mean(axis=0) + k.mean()) ** 2)
    (rows_a, tau_a), (rows_b, tau_b) = within(a), within(b)
    second = 2 * tau_a / (12 * 11) + 2 * tau_b / (9 * 8) + 4 * tau_ab / (12 * 9)
    u, v = rows_a - k.mean(axis=1), rows_b - k.mean(axis=0)
    first = 4 * np.var(u, ddof=1) / 12 + 4 * np.var(v, ddof=1) / 9 - second
    assert kernel_distance(a, b).stderr == pytest.approx(np.sqrt(max(first, second)), rel=1e-9)


def test_two_normals_on_the_line():
    """(xy + 1)³ has the features x³, √3 x², √3 x: for N(0, 1) and N(m, 1) MMD² = (m³ + 3m)² + 3 m⁴ + 3 m²."""
    rng, m, runs = np.random.default_rng(), 0.5, 400
    values, errors = np.array(
        [kernel_distance(rng.normal(size=(60, 1)), m + rng.normal(size=(90, 1))) for _ in range(runs)]
    ).T
    expected = (m**3 + 3 * m) ** 2 + 3 * m**4 + 3 * m**2
    assert abs(np.mean(values) - expected) < 5 * np.std(values) / np.sqrt(runs)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std(values), rel=0.3)


def test_one_law_is_at_no_distance_and_the_error_says_so():
    """The error is 1.16 times the spread, ± 0.045 from one set of 600 runs to the next: bounds of five of these."""
    rng, runs = np.random.default_rng(), 600
    values, errors = np.array([kernel_distance(*rng.normal(size=(2, 50, 8))) for _ in range(runs)]).T
    assert abs(np.mean(values)) < 5 * np.std(values) / np.sqrt(runs)
    assert 0.9 < np.sqrt(np.mean(errors**2)) / np.std(values) < 1.4


def test_chunks_order_shape_and_dtype_do_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(11, 4)), rng.normal(size=(8, 4))
    base = kernel_distance(a, b)
    monkeypatch.setattr("scorekit.metrics._kernel_distance._CHUNK", 20)
    assert kernel_distance(a[::-1].reshape(11, 2, 2), b.reshape(8, 2, 2)) == pytest.approx(base, rel=1e-10)
    assert kernel_distance(b, a) == pytest.approx(base, rel=1e-10)
    assert kernel_distance(a.astype(np.float32), b.astype(np.float32)).value == pytest.approx(base.value, rel=1e-4)


def test_too_few_samples_are_refused():
    with pytest.raises(sk.ShapeError, match="features_b has 2: expected at least 3 of each"):
        kernel_distance(np.ones((4, 2)), np.ones((2, 2)))
