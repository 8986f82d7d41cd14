"""The error of a score model against closed forms, and the calibration of its standard errors."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import scorekit as sk
from metrics.stand_ins import Isotropic
from scorekit.metrics import score_error, score_error_report

A, V, D = 3.0, 0.49, 3  # the model -A x, data N(0, V I) in D dimensions


def design_points():
    """Points with the mean and covariance of N(0, V I): ± √(V D) times the unit vectors."""
    return np.concatenate([np.eye(D), -np.eye(D)]) * math.sqrt(V * D)


def linear(x, sigma=None):
    return -A * x


def test_the_three_numbers_of_a_linear_field_on_gaussian_data():
    error = score_error(linear, Isotropic(V, D), design_points())
    assert error.esm == pytest.approx(D / 2 * (A - 1 / V) ** 2 * V, rel=1e-12)
    assert error.relative_l2 == pytest.approx(abs(A - 1 / V) * V, rel=1e-12)
    assert error.cosine == pytest.approx(1, abs=1e-15)
    assert error.n == 2 * D


def test_the_level_reaches_both_fields():
    x, sigma = design_points(), 0.8
    error = score_error(lambda y, s: -y * s, Isotropic(V, D), x, sigma)
    total = V + sigma**2
    assert error.esm == pytest.approx(D / 2 * (sigma - 1 / total) ** 2 * V, rel=1e-12)
    per_sample = score_error(lambda y, s: -y * s[:, None], _Aligned(V, D), x, np.full(len(x), sigma))
    assert per_sample[:-1] == pytest.approx(error[:-1], rel=1e-12)


class _Aligned(Isotropic):
    def score(self, x, sigma=None):
        return super().score(x, sigma[:, None])


def test_the_cosine_is_signed_and_blind_to_length():
    x = np.random.default_rng(0).normal(size=(50, 2))
    normal = Isotropic()
    assert score_error(lambda y: 7 * y, normal, x).cosine == pytest.approx(-1, abs=1e-15)
    assert score_error(lambda y: np.stack([-y[:, 1], y[:, 0]], 1), normal, x).cosine == pytest.approx(0, abs=1e-15)
    assert score_error(lambda y: -1e-200 * y, normal, x).cosine == pytest.approx(1, abs=1e-15)
    c, s = math.cos(1.0), math.sin(1.0)
    assert score_error(lambda y: -y @ np.array([[c, s], [-s, c]]), normal, x).cosine == pytest.approx(c, abs=1e-14)


def test_the_zero_field_has_relative_error_one_and_points_nowhere():
    x = np.random.default_rng(1).normal(size=(50, 2))
    error = score_error(lambda y: 0 * y, Isotropic(), x)
    assert error.relative_l2 == 1
    assert error.relative_l2_stderr == pytest.approx(0, abs=1e-15)
    assert (error.cosine, error.cosine_stderr) == (0, 0)


def test_the_exact_field_has_no_error_and_a_flat_target_an_infinite_relative_one():
    x = np.random.default_rng(2).normal(size=(5, 2))
    assert score_error(Isotropic().score, Isotropic(), x)[:5] == pytest.approx((0, 0, 0, 0, 1))
    flat = score_error(linear, Isotropic(math.inf), x)
    assert flat.relative_l2 == math.inf
    assert math.isnan(flat.relative_l2_stderr)


def test_one_point_has_no_standard_error():
    error = score_error(linear, Isotropic(), np.ones((1, 2)))
    assert error.esm == pytest.approx(4)
    assert math.isnan(error.esm_stderr)
    assert math.isnan(error.cosine_stderr)


def test_images_count_as_one_vector_and_order_does_not_matter():
    x = np.random.default_rng(3).normal(size=(20, 6))
    flat = score_error(linear, Isotropic(V, 6), x)
    shaped = score_error(linear, Isotropic(V, 6), x.reshape(20, 2, 3))
    assert tuple(shaped) == pytest.approx(tuple(flat), rel=1e-12, abs=1e-15)
    assert tuple(score_error(linear, Isotropic(V, 6), x[::-1])) == pytest.approx(tuple(flat), rel=1e-12, abs=1e-15)


def test_float32_agrees_with_float64():
    x = np.random.default_rng(4).normal(size=(200, 2))
    wide, narrow = (score_error(linear, Isotropic(V), x.astype(t)) for t in (np.float64, np.float32))
    assert tuple(narrow) == pytest.approx(tuple(wide), rel=1e-5, abs=1e-8)
    assert all(type(value) is float for value in narrow[:-1])


def test_arrays_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    x = np.random.default_rng(5).normal(size=(20, 2))
    error = score_error(lambda y: -A * y, Isotropic(V), strict.asarray(x))
    assert tuple(error) == pytest.approx(tuple(score_error(linear, Isotropic(V), x)), rel=1e-12, abs=1e-15)


def crooked(x, sigma=None):
    """A field whose error, length and angle all vary from point to point."""
    angle = 0.5 * x[:, :1] + 0.3
    turned = np.cos(angle) * x + np.sin(angle) * np.stack([-x[:, 1], x[:, 0]], axis=1)
    return -turned * (1 + 0.5 * np.sin(x))


def test_standard_errors_are_calibrated():
    """z = (estimate − truth)/stderr over 800 fresh samples of 400 has variance 1.

    The variance of 800 z-scores that are N(0, 1) has standard deviation √(2/800) = 0.05: 5 of them (1e-6, with
    room for the tails of a t) is 0.25; a factor √2, the smallest that a formula is wrong by, is 1 apart.
    """
    rng = np.random.default_rng()
    normal = Isotropic()
    truth = np.array(score_error(crooked, normal, rng.normal(size=(2_000_000, 2)))[0:6:2])
    runs = np.array([score_error(crooked, normal, rng.normal(size=(400, 2)))[:6] for _ in range(800)])
    z = (runs[:, 0::2] - truth) / runs[:, 1::2]
    assert np.all(np.abs(z.var(axis=0) - 1) < 0.3), z.var(axis=0)
    assert np.all(np.abs(z.mean(axis=0)) < 0.3), z.mean(axis=0)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((linear, Isotropic(), np.ones(3)), sk.ShapeError, "x[:, None]"),
        ((linear, Isotropic(), np.ones((0, 2))), sk.ShapeError, "at least one sample"),
        ((linear, Isotropic(), np.full((3, 2), np.nan)), ValueError, "NaN or infinity in 3 of 3 rows"),
        ((linear, Isotropic(), np.ones((3, 2), int)), TypeError, "real floating"),
        ((linear, Isotropic(), [[1.0, 2.0]]), TypeError, "numpy.asarray"),
        ((linear, Isotropic(), np.ones((3, 5))), sk.ShapeError, "dimension 2"),
        ((linear, linear, np.ones((3, 2))), TypeError, "without score"),
        ((lambda x: x[:, 0], Isotropic(), np.ones((3, 2))), sk.ShapeError, "model returned shape (3,)"),
        ((lambda x: x * np.nan, Isotropic(), np.ones((3, 2))), sk.NonFiniteError, "3 of 3 points"),
        ((linear, Isotropic(), np.ones((3, 2)), -1.0), ValueError, "sigma must be positive"),
        ((linear, Isotropic(), np.ones((3, 2)), np.ones(4)), sk.ShapeError, "(3,)"),
    ],
)
def test_errors_of_score_error(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        score_error(*arguments)


# ---------------------------------------------------------------- the report


def test_the_report_has_every_level_and_region_and_prints_as_a_table():
    report = score_error_report(linear, Isotropic(V), sk.noise.Geometric(2.0, 0.1, 3), n=200, rng=0)
    regions = ["all", "lowest 10 %", "10–50 %", "highest 50 %", "box"]
    assert [(row.sigma, row.region) for row in report] == [
        (s, r) for s in sk.noise.Geometric(2.0, 0.1, 3).sigmas for r in regions
    ]
    assert [row.error.n for row in report[:5]] == [200, 20, 80, 100, 200]
    lines = str(report).splitlines()
    assert len(lines) == 16
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split() == ["sigma", "region", "points", "ESM", "±", "relative", "l2", "±", "cosine", "±"]


def test_the_report_is_that_of_the_smoothed_law_region_by_region():
    """For s = -a x, N(0, V I) at σ and d = 2: |x|²/τ, τ = V + σ², is exponential with mean 2.

    The region of the proportions p to q, from low density, has |x|²/τ between −2 log q and −2 log p, so a mean of
    2 + 2 (q log(1/q) − p log(1/p))/(q − p). Its ESM is ½ (a − 1/τ)² τ times that.
    """
    sigma, n = 0.5, 200_000
    tau = V + sigma**2
    report = score_error_report(linear, Isotropic(V), (sigma,), n=n, rng=None, regions=(0.2, 0.6))
    unit = 0.5 * (A - 1 / tau) ** 2 * tau

    def entropy(p):
        return 0.0 if p == 0 else -p * math.log(p)

    for (low, high), row in zip([(0, 1), (0, 0.2), (0.2, 0.6), (0.6, 1)], report, strict=False):
        expected = unit * (2 + 2 * (entropy(high) - entropy(low)) / (high - low))
        assert row.error.esm == pytest.approx(expected, rel=0.03), row  # 7 standard errors; a neighbor is 30 % off
        assert row.error.relative_l2 == pytest.approx(abs(A - 1 / tau) * tau, rel=1e-9)
    parts = report[1:4]
    assert sum(r.error.esm * r.error.n for r in parts) == pytest.approx(report[0].error.esm * n, rel=1e-9)
    assert sum(r.error.n for r in parts) == n


def test_the_box_is_uniform_where_the_points_are():
    seen = []

    def spy(x, sigma):
        seen.append(x)
        return -x

    score_error_report(spy, Isotropic(4.0), (1.0,), n=5000, rng=0)
    drawn, box = seen
    assert np.all(box >= drawn.min(axis=0))
    assert np.all(box <= drawn.max(axis=0))
    uniform = (box - drawn.min(axis=0)) / np.ptp(drawn, axis=0)
    assert np.all(np.abs(uniform.var(axis=0) - 1 / 12) < 0.006)  # 5.6 standard errors of √(1/180/5000)
    assert drawn.var() == pytest.approx(5, rel=0.1)


def test_the_low_density_region_is_where_a_model_trained_on_modes_is_wrong():
    """A model right within one standard deviation of the mode and zero outside is worst in the lowest density."""

    def near(x, sigma):
        tau = 1 + sigma**2
        return np.where((x**2).sum(axis=1, keepdims=True) < 2 * tau, -x / tau, 0 * x)

    report = score_error_report(near, Isotropic(), (1.0, 0.5), n=1000, rng=0)
    for sigma in (1.0, 0.5):
        low, middle, high = (next(r for r in report.region(n) if r.sigma == sigma) for n in _names())
        assert low.error.relative_l2 == 1
        assert low.error.esm > middle.error.esm > high.error.esm


def _names():
    return "lowest 10 %", "10–50 %", "highest 50 %"


def test_a_region_by_name_and_the_seed():
    report = score_error_report(crooked, Isotropic(), (1.0, 0.5), n=50, rng=3)
    assert [row.sigma for row in report.region("box")] == [1.0, 0.5]
    assert report == score_error_report(crooked, Isotropic(), (1.0, 0.5), n=50, rng=3)
    with pytest.raises(
        ValueError, match="unknown region 'tails': expected one of the regions of this report, all, lowest 10 %"
    ):
        report.region("tails")


def test_the_report_keeps_the_dtype_of_like():
    dtypes = set()

    def spy(x, sigma):
        dtypes.add(x.dtype)
        return -x

    score_error_report(spy, Isotropic(), (1.0,), n=50, rng=0, like=np.ones(1, np.float32))
    assert dtypes == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"noise": sk.noise.LogUniform(1.0, 0.1)}, TypeError, "expected noise levels"),
        ({"noise": (0.1, 1.0)}, ValueError, "must descend"),
        ({"n": 1}, ValueError, "n must be at least 2"),
        ({"n": 10}, ValueError, "Increase n"),
        ({"regions": (0.5, 0.1)}, ValueError, "increase strictly"),
        ({"regions": (0.5, 1.0)}, ValueError, "increase strictly"),
        ({"rng": -1}, ValueError, "non-negative seed"),
    ],
)
def test_errors_of_the_report(changes, kind, message):
    with pytest.raises(kind, match=message):
        score_error_report(linear, Isotropic(), **{"noise": (1.0,), "n": 100, "rng": 0, **changes})
