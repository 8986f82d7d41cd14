"""The kernel Stein discrepancy against derivatives, a closed form, and the level of its test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

import scorekit as sk
from scorekit.metrics import kernel_stein_discrepancy

KERNELS = {
    "rbf": lambda x, y, h: np.exp(-np.sum((x - y) ** 2) / (2 * h**2)),
    "imq": lambda x, y, h: 1 / np.sqrt(1 + np.sum((x - y) ** 2) / h**2),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_against_central_differences_of_the_kernel(kernel):
    x, h, e = np.random.default_rng(0).normal(size=(4, 3)), 1.3, 1e-4

    def s(x):
        return -x + 0.3 * np.sin(x[:, ::-1])

    def k(x, y):
        return KERNELS[kernel](x, y, h)

    def u(x, y):
        steps, at_x, at_y = e * np.eye(3), s(x[None])[0], s(y[None])[0]
        by_x = np.array([k(x + t, y) - k(x - t, y) for t in steps]) / (2 * e)
        by_y = np.array([k(x, y + t) - k(x, y - t) for t in steps]) / (2 * e)
        trace = sum(k(x + t, y + t) - k(x + t, y - t) - k(x - t, y + t) + k(x - t, y - t) for t in steps) / (4 * e**2)
        return at_x @ at_y * k(x, y) + at_x @ by_y + at_y @ by_x + trace

    expected = np.mean([u(x[i], x[j]) for i in range(4) for j in range(4) if i != j])
    assert kernel_stein_discrepancy(s, x, kernel, h, 1, rng=0).statistic == pytest.approx(expected, rel=1e-6)


def test_two_normals():
    """δ is −m throughout, for N(m, I) against the score of N(0, I): KSD² = |m|² E k = |m|² (h²/(h² + 2))^(d/2)."""
    rng, h, m = np.random.default_rng(), 1.5, np.array([0.5, -1.0, 0.0])
    values = [
        kernel_stein_discrepancy(lambda x: -x, m + rng.normal(size=(60, 3)), "rbf", h, 1, rng=0).statistic
        for _ in range(400)
    ]
    expected = 1.25 * (h**2 / (h**2 + 2)) ** 1.5
    assert abs(np.mean(values) - expected) < 5 * np.std(values) / np.sqrt(400)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_p_value_has_its_level(kernel):
    """600 fresh runs of 50 samples: P(p <= 0.1) between 0.08 and 0.12, each bound widened to a false alarm of 1e-6."""
    rng, stream = np.random.default_rng(), sk.rng(None)
    small = sum(
        kernel_stein_discrepancy(lambda x: -x, rng.normal(size=(50, 2)), kernel, None, 99, stream).p_value <= 0.1
        for _ in range(600)
    )
    assert binom.ppf(1e-6, 600, 0.08) <= small <= binom.isf(1e-6, 600, 0.12)


def test_a_wrong_scale_and_a_trained_field_in_another_shape_are_found():
    x = np.random.default_rng(0).normal(size=(300, 1, 2, 2))
    right, wrong = (kernel_stein_discrepancy(s, x, rng=0) for s in (lambda x, sigma: -x, lambda x, sigma: -3 * x))
    assert right.p_value > 1e-3 == wrong.p_value
    assert wrong.statistic > 0
    flat = kernel_stein_discrepancy(lambda x: -x, x.reshape(300, 4)[::-1], rng=0)
    assert flat.statistic == pytest.approx(right.statistic, rel=1e-9)


def test_errors():
    x = np.ones((6, 2))
    with pytest.raises(sk.ShapeError, match="x has 1 samples: expected at least 2"):
        kernel_stein_discrepancy(lambda x: -x, x[:1])
    with pytest.raises(ValueError, match="unknown kernel 'gauss': expected one of 'imq', 'rbf'"):
        kernel_stein_discrepancy(lambda x: -x, x, "gauss")
    with pytest.raises(ValueError, match="give bandwidth="):
        kernel_stein_discrepancy(lambda x: -x, x)
    with pytest.raises(ValueError, match="bootstraps must be at least 1"):
        kernel_stein_discrepancy(lambda x: -x, x, bootstraps=0)
    with pytest.raises(sk.NonFiniteError, match="score returned NaN"):
        kernel_stein_discrepancy(lambda x: x * np.nan, x, bandwidth=1.0)


def test_a_fitted_score_is_accepted_too_often_as_the_documentation_says():
    """Mean and variance estimated from the samples themselves: no rejections at 5 %, and p-values far above uniform.

    At the right level one rejection or none of 100 has a chance of 0.04, a median above 0.65 one of 0.002.
    """
    rng, fitted, true = np.random.default_rng(0), [], []
    for i in range(100):
        x = rng.normal(1.0, 2.0, size=(200, 1))
        mean, variance = x.mean(), x.var()
        scores = (lambda y, m=mean, v=variance: (m - y) / v), (lambda y: (1 - y) / 4)
        for score, found in zip(scores, (fitted, true), strict=True):
            found.append(kernel_stein_discrepancy(score, x, bootstraps=99, rng=i).p_value)
    assert sum(p <= 0.05 for p in fitted) <= 1
    assert sum(p <= 0.05 for p in true) <= 18  # binomial(100, 0.05) exceeds 18 once in a million
    assert np.median(fitted) > 0.65
    assert 0.3 < np.median(true) < 0.7
