"""The start of an annealed chain: N(mean, (sigma_max² + std²) I)."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from samplers.laws import CHAINS, SEED, assert_law, assert_normal
from scorekit.noise import Geometric, Levels, LogNormal, LogUniform
from scorekit.samplers import initial


@pytest.mark.parametrize(
    "noise", [Geometric(4.0, 0.1, 5), Levels((4.0, 1.0)), LogUniform(4.0, 0.1), [4.0, 2.0], (4.0,)]
)
def test_the_largest_level_of_any_noise(noise):
    assert_law(initial(noise, (CHAINS, 2), rng=SEED), 0.0, 16.0)


def test_mean_and_std_of_the_data():
    # leaving std out would change the variance by 36 %, adding instead of squaring by 80 %: 5.6 % are seen
    assert_law(initial([4.0, 1.0], (CHAINS, 2), rng=SEED, mean=2.5, std=3.0), 2.5, 25.0)
    mean, std = np.array([1.0, -7.0]), np.array([3.0, 0.0])
    assert_law(initial([4.0, 1.0], (CHAINS, 2), rng=SEED, mean=mean, std=std), mean, np.array([25.0, 16.0]))


def test_images():
    mean = np.random.default_rng(0).normal(size=(3, 8, 8))
    x = initial([2.0], (300, 3, 8, 8), rng=SEED, mean=mean)
    assert x.shape == (300, 3, 8, 8)
    assert_normal(x, mean, 4.0)


@pytest.mark.parametrize("extra", [{}, {"mean": np.ones(2), "std": np.float64(0.5)}, {"mean": np.float64(3.0)}])
def test_dtype_of_like(extra):
    assert initial([2.0], (5, 2), rng=0, **extra).dtype == np.float64
    assert initial([2.0], (5, 2), rng=0, like=np.zeros(1, np.float32), **extra).dtype == np.float32


def test_reproducible():
    a, b, c, d, e = (initial([2.0], (5, 2), rng=seed) for seed in (0, 0, 1, sk.rng(0), sk.rng(0)))
    assert np.array_equal(a, b)
    assert np.array_equal(d, e)
    assert not np.any((a == c) | (a == d))
    assert not np.any(initial([2.0], (5, 2)) == initial([2.0], (5, 2)))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"noise": LogNormal(0.0, 1.0)}, TypeError, "LogNormal.* has no largest level: expected noise levels"),
        ({"noise": 3.0}, TypeError, "3.0 has no largest level"),
        ({"noise": [1.0, 2.0]}, ValueError, "levels must descend"),
        ({"noise": []}, ValueError, "at least one level"),
        ({"shape": (5,)}, ValueError, r"shape is \(5,\): expected \(n, …\)"),
        ({"shape": 5}, ValueError, "shape is 5"),
        ({"shape": (0, 2)}, ValueError, "each axis of shape must be at least 1"),
        ({"shape": (5, 2.0)}, TypeError, "each axis of shape must be an integer"),
        ({"std": -1.0}, ValueError, "std must not be negative, got a smallest value of -1.0"),
        ({"std": float("nan")}, ValueError, "std must be finite"),
        ({"mean": float("inf")}, ValueError, "mean must be finite"),
        (
            {"mean": np.zeros(3)},
            ValueError,
            r"mean has shape \(3,\): expected a number, or a shape that broadcasts to \(5, 2\)",
        ),
        ({"mean": np.zeros((1, 5, 2))}, ValueError, "mean has shape"),
        ({"rng": "seed"}, TypeError, "rng is a str"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words) as caught:
        initial(**{"noise": [2.0], "shape": (5, 2), **arguments})
    assert isinstance(caught.value, sk.ScorekitError)
