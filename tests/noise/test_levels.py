"""Sequences of noise levels: closed forms, what they refuse, and that nobody changes them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import scorekit as sk
from scorekit.noise import Geometric, Levels, LogUniform, as_levels

SEQUENCES = [Geometric(10.0, 0.1, 5), Levels((3.0, 1.0, 0.2)), Geometric(2.0, 1.0, 1)]


def test_geometric_is_its_formula():
    sigma_max, sigma_min, levels = 50.0, 0.01, 232
    expected = [sigma_max * (sigma_min / sigma_max) ** (i / (levels - 1)) for i in range(levels)]
    noise_levels = Geometric(sigma_max, sigma_min, levels)
    assert np.allclose(noise_levels.sigmas, expected, rtol=1e-12, atol=0)
    assert noise_levels.sigmas[0] == noise_levels.largest == sigma_max  # the ends are exact
    assert noise_levels.sigmas[-1] == noise_levels.smallest == sigma_min
    assert np.allclose(
        noise_levels.sigmas[1:] / noise_levels.sigmas[:-1], (sigma_min / sigma_max) ** (1 / 231), rtol=1e-12
    )


def test_one_level_is_the_largest():
    assert Geometric(2.0, 1.0, 1).sigmas.tolist() == [2.0]


@pytest.mark.parametrize("noise_levels", SEQUENCES)
class TestEverySequence:
    def test_levels_are_float64_and_descend(self, noise_levels):
        assert isinstance(noise_levels.sigmas, np.ndarray)
        assert noise_levels.sigmas.dtype == np.float64
        assert len(noise_levels) == len(noise_levels.sigmas)
        assert (np.diff(noise_levels.sigmas) < 0).all()

    def test_nobody_changes_the_levels(self, noise_levels):
        for same in (
            noise_levels,
            copy.copy(noise_levels),
            copy.deepcopy(noise_levels),
            pickle.loads(pickle.dumps(noise_levels)),
        ):
            assert same == noise_levels
            assert hash(same) == hash(noise_levels)
            assert np.array_equal(same.sigmas, noise_levels.sigmas)
            with pytest.raises(ValueError, match="read-only"):
                same.sigmas[0] = 1.0

    def test_quantiles_are_the_levels_in_equal_shares(self, noise_levels):
        n = len(noise_levels)
        u = (np.arange(n) + 0.5) / n
        assert noise_levels.icdf(u).tolist() == noise_levels.sigmas[::-1].tolist()
        edges = np.array([0.0, np.nextafter(1.0, 0.0), 1.0])
        assert noise_levels.icdf(edges).tolist() == [noise_levels.smallest, noise_levels.largest, noise_levels.largest]

    def test_as_levels_keeps_a_sequence_of_levels(self, noise_levels):
        assert as_levels(noise_levels) is noise_levels


def test_density_is_the_share_of_a_level_over_its_share_of_the_range():
    # in log sigma each inner level of a geometric sequence of levels owns one spacing, log(10), and the ends half of
    # one
    noise_levels = Geometric(10.0, 0.1, 3)
    sigma = np.array([0.1, 1.0, 10.0])
    cells = np.log(10) * np.array([0.5, 1.0, 0.5])
    assert np.allclose(noise_levels.pdf(sigma), 1 / (3 * cells * sigma), rtol=1e-12)
    uneven = Levels((8.0, 4.0, 1.0))
    gaps = np.array([np.log(2) / 2, np.log(8) / 2, np.log(4) / 2])
    assert np.allclose(uneven.pdf(np.array([8.0, 4.0, 1.0])), 1 / (3 * gaps * [8.0, 4.0, 1.0]), rtol=1e-12)


@pytest.mark.parametrize(
    "noise_levels", [Geometric(10.0, 0.1, 2), Geometric(50.0, 0.01, 7), Levels((8.0, 4.0, 1.0, 0.3))]
)
def test_density_integrates_to_one(noise_levels):
    """Over the range of the levels, on a grid in log sigma whose cells never straddle an edge by more than 1e-4."""
    log_sigma = np.linspace(np.log(noise_levels.smallest), np.log(noise_levels.largest), 200_001)
    middle = np.exp((log_sigma[1:] + log_sigma[:-1]) / 2)
    assert np.sum(noise_levels.pdf(middle) * middle * np.diff(log_sigma)) == pytest.approx(1.0, abs=1e-4)


def test_density_tends_to_the_continuous_law():
    fine, law = Geometric(10.0, 0.1, 4001), LogUniform(10.0, 0.1)
    sigma = np.geomspace(0.2, 5.0, 7)
    assert np.allclose(fine.pdf(sigma), law.pdf(sigma), rtol=2e-3)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_levels_are_found_in_any_unit(unit, dtype):
    """Three levels of 1e-9 to 1e-7 are no nearer to each other than three of 1 to 100."""
    plain, noise_levels = Geometric(100.0, 1.0, 3), Geometric(100.0 * unit, unit, 3)
    sigma, u = np.array([1.0, 10.0, 100.0, 2.9, 3.2], dtype), np.array([0.1, 0.5, 0.9], dtype)
    scaled = (sigma * unit).astype(dtype)
    np.testing.assert_allclose(noise_levels.pdf(scaled) * unit, plain.pdf(sigma), rtol=2e-6)
    np.testing.assert_allclose(noise_levels.icdf(u) / unit, plain.icdf(u), rtol=1e-6)
    assert set(noise_levels.sample(9, rng=0, like=u)) == set(noise_levels.sigmas.astype(dtype))


def test_density_needs_two_levels():
    with pytest.raises(ValueError, match=r"one level has no spacing.*at least two"):
        Geometric(2.0, 1.0, 1).pdf(np.ones(3))


def test_as_levels_takes_any_descending_sequence():
    for levels in ([3.0, 1.0], (3, 1), np.array([3.0, 1.0]), np.array([3.0, 1.0], np.float32), iter([3.0, 1.0])):
        assert as_levels(levels) == Levels((3.0, 1.0))
    assert Levels([3, 1]).values == (3.0, 1.0)
    assert {type(v) for v in Levels(np.array([3.0, 1.0])).values} == {float}


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Geometric(1.0, 2.0, 3), ValueError, "sigma_max must exceed sigma_min.*Swap them"),
        (lambda: Geometric(1.0, 1.0, 3), ValueError, "sigma_max must exceed sigma_min"),
        (lambda: Geometric(1.0, 0.0, 3), ValueError, "sigma_min must be positive and finite, got 0.0"),
        (lambda: Geometric(1.0, -1.0, 3), ValueError, "sigma_min must be positive and finite, got -1.0"),
        (lambda: Geometric(float("inf"), 1.0, 3), ValueError, "sigma_max must be positive and finite, got inf"),
        (lambda: Geometric(float("nan"), 1.0, 3), ValueError, "sigma_max must be positive and finite, got nan"),
        (lambda: Geometric("big", 1.0, 3), TypeError, "sigma_max must be a positive number"),
        (lambda: Geometric(2.0, 1.0, 0), ValueError, "levels must be at least 1, got 0"),
        (lambda: Geometric(2.0, 1.0, 2.5), TypeError, "levels must be an integer, got 2.5"),
        (lambda: Levels(()), ValueError, "at least one level"),
        (lambda: Levels(((2.0,), (1.0,))), ValueError, r"levels have shape \(2, 1\)"),
        (lambda: Levels(((2.0,), 1.0)), TypeError, "expected a sequence of numbers"),
        (lambda: Levels(("high", "low")), TypeError, "expected a sequence of numbers"),
        (lambda: Levels((1.0, 2.0)), ValueError, "levels must descend.*got .*sorted"),
        (lambda: Levels((2.0, 2.0)), ValueError, "levels must descend"),
        (lambda: Levels((2.0, 0.0)), ValueError, "noise level must be positive and finite, got 0.0"),
        (lambda: Levels((2.0, float("nan"))), ValueError, "noise level must be positive and finite, got nan"),
        (lambda: as_levels(3.0), TypeError, "noise is 3.0: expected noise levels.*Geometric"),
        (lambda: as_levels("3.0"), TypeError, "expected noise levels"),
        (lambda: as_levels(None), TypeError, "noise is None: expected noise levels"),
        (lambda: as_levels(LogUniform(2.0, 1.0)), TypeError, "LogUniform.*expected noise levels"),
    ],
)
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert isinstance(caught.value, sk.ScorekitError)
