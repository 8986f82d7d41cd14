"""The Fréchet distance against the distance between Gaussians, and its correction against its bias."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.linalg import sqrtm

import scorekit as sk
from scorekit.metrics import frechet_distance, frechet_distance_corrected

RNG = np.random.default_rng(0)


def exactly(mean, covariance, n=50):
    """A sample with exactly this mean and unbiased covariance."""
    z = RNG.normal(size=(n, len(mean)))
    z -= z.mean(axis=0)
    white = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_gaussians_whose_covariances_commute():
    """Σ_i (√λ_i − √μ_i)² + |m|² in the common axes."""
    turn = np.linalg.qr(RNG.normal(size=(4, 4))).Q
    first, second = np.array([4.0, 1.0, 9.0, 0.25]), np.array([1.0, 16.0, 9.0, 4.0])
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    a, b = exactly(np.zeros(4), turn * first @ turn.T), exactly(shift, turn * second @ turn.T, 70)
    expected = np.sum((np.sqrt(first) - np.sqrt(second)) ** 2) + np.sum(shift**2)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_gaussians_whose_covariances_do_not_commute():
    """The Bures form tr(A + B − 2 (A^½ B A^½)^½), the squared W2 distance between the Gaussians."""
    m, k = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))
    first, second = m @ m.T + np.eye(3), k @ k.T + 0.1 * np.eye(3)
    root = sqrtm(first)
    expected = np.trace(first + second - 2 * sqrtm(root @ second @ root))
    assert frechet_distance(exactly(np.ones(3), first), exactly(np.ones(3), second)) == pytest.approx(expected)


def test_it_is_the_cost_of_the_optimal_map_between_the_gaussians():
    """T = A^−½ (A^½ B A^½)^½ A^−½ pushes N(0, A) to N(0, B); E|x − Tx|² of the sample itself."""
    a = exactly(np.zeros(3), np.diag([1.0, 2.0, 3.0]))
    m = RNG.normal(size=(3, 3))
    transport = m @ m.T + 0.5 * np.eye(3)  # symmetric and positive: optimal for every A
    b = a @ transport
    assert frechet_distance(a, b) == pytest.approx(np.sum((a - b) ** 2) / (len(a) - 1), rel=1e-12)


@pytest.mark.filterwarnings("ignore:with n =:RuntimeWarning")
def test_translation_scale_rotation_symmetry_and_dtype():
    a, b = RNG.normal(size=(30, 5)), RNG.normal(size=(20, 5)) @ RNG.normal(size=(5, 5))
    distance, shift = frechet_distance(a, b), np.arange(5.0)
    turn = np.linalg.qr(RNG.normal(size=(5, 5))).Q
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-12)
    assert frechet_distance(a + shift, b + shift) == pytest.approx(distance, rel=1e-12)
    assert frechet_distance(7 * a, 7 * b) == pytest.approx(49 * distance, rel=1e-12)
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(distance, rel=1e-12)
    assert frechet_distance(a[::-1], b.reshape(20, 5, 1)[:, :, 0]) == pytest.approx(distance, rel=1e-12)
    assert frechet_distance(a.astype(np.float32), b.astype(np.float32)) == pytest.approx(distance, rel=1e-5)
    assert frechet_distance(a, a + shift) == pytest.approx(30, rel=1e-12)


@pytest.mark.filterwarnings("ignore:with n =:RuntimeWarning")
@pytest.mark.parametrize("n", [3, 10, 40])
def test_equal_sets_are_at_no_distance_whatever_their_rank(n):
    a = RNG.normal(size=(n, 10)) * 10.0 ** np.arange(-5, 5)
    assert 0 <= frechet_distance(a, a[::-1]) < 1e-13 * np.sum(np.var(a, axis=0))


@pytest.mark.filterwarnings("ignore:with n =:RuntimeWarning")
def test_fewer_samples_than_features():
    """Two samples on one line each: C = 2 u uᵀ, so that the distance is 2|u|² + 2|v|² − 4|u·v|."""
    u, v = RNG.normal(size=(2, 6))
    a, b = np.stack([u, -u]), np.stack([v, -v])
    assert frechet_distance(a, b) == pytest.approx(2 * (u @ u + v @ v) - 4 * abs(u @ v), rel=1e-12)


def test_the_correction_removes_the_bias_and_knows_its_error():
    """N(0, 1) and N(0, 1.5²) in five dimensions: 5/4. 200 runs; their mean within 5 of its standard errors.

    The plain distance is 0.14 too large, eleven standard errors. Of the runs about 0.945 cover the truth with 1.96
    reported errors (0.79 is a binomial's bound at 1e-6 for 0.91), and these agree with the spread of the runs
    to 5 %.
    """
    rng, runs = np.random.default_rng(), 200
    pairs = [(rng.normal(size=(200, 5)), 1.5 * rng.normal(size=(300, 5))) for _ in range(runs)]
    results = [frechet_distance_corrected(a, b) for a, b in pairs]
    values, errors = np.array(results).T
    of_mean = np.std(values) / np.sqrt(runs)
    assert abs(np.mean(values) - 1.25) < 5 * of_mean
    assert np.mean([frechet_distance(a, b) for a, b in pairs]) - 1.25 > 5 * of_mean
    covered = np.mean(np.abs(values - 1.25) < 1.96 * errors)
    assert covered > 0.79
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std(values), rel=0.4)


@pytest.mark.filterwarnings("ignore:with n =:RuntimeWarning")
def test_the_jackknife_of_an_unbiased_distance_is_that_distance():
    """In two points with equal spread the distance is (mean difference)²: leave-one-out by hand."""
    a, b = np.array([[0.0], [1.0], [2.0], [5.0]]), np.array([[3.0], [4.0], [5.0], [8.0]])
    result = frechet_distance_corrected(a, b, groups=2)
    halves = [frechet_distance(a[1::2], b[1::2]), frechet_distance(a[::2], b[::2])]
    assert result.value == pytest.approx(2 * 9 - np.mean(halves))
    assert result.stderr == pytest.approx(np.sqrt(0.5 * np.sum((halves - np.mean(halves)) ** 2)))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: frechet_distance(np.ones((1, 2)), np.ones((3, 2))), sk.ShapeError, "features_a has 1 samples"),
        (lambda: frechet_distance(np.ones((3, 2)), np.ones((3, 4))), sk.ShapeError, "features_b of shape (4,)"),
        (lambda: frechet_distance(np.ones(3), np.ones((3, 2))), sk.ShapeError, "features_a[:, None]"),
        (lambda: frechet_distance(np.ones((3, 2), int), np.ones((3, 2))), TypeError, "features_a has dtype int64"),
        (lambda: frechet_distance(np.full((3, 2), np.nan), np.ones((3, 2))), ValueError, "features_a holds NaN"),
        (lambda: frechet_distance_corrected(np.ones((9, 1)), np.ones((9, 1)), groups=1), ValueError, "at least 2"),
        (lambda: frechet_distance_corrected(np.ones((9, 1)), np.ones((8, 1)), groups=9), ValueError, "at most 8"),
        (
            lambda: frechet_distance_corrected(np.ones((20, 18)), np.ones((30, 18)), groups=10),
            sk.ShapeError,
            "18 are left: expected more than 18",
        ),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()
