"""Noise that hides levels, and mirrors, on arrays of every backend."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.datasets import dequantize, flip

LEVELS = np.repeat(np.arange(17) / 16, 4000)[:, None]


def test_uniform_noise_fills_each_level_and_no_other():
    """k becomes uniform on [k, k + 1) / L: within it always, with the moments of a uniform law to 6 sd of the mean."""
    noisy = dequantize(LEVELS, levels=17, rng=0)
    within = noisy * 17 - LEVELS * 16
    assert within.min() > -1e-12
    assert within.max() < 1
    assert abs(within.mean() - 0.5) < 6 / np.sqrt(12 * len(within))
    assert abs(within.var() - 1 / 12) < 6 / np.sqrt(180 * len(within))  # Var (u − ½)² = 1/180
    np.testing.assert_array_equal(np.floor(noisy * 17), np.rint(LEVELS * 16))


def test_white_stays_below_one_in_float32():
    white = np.ones((1 << 20, 1), np.float32)
    for levels in (2, 256, 65536):
        noisy = dequantize(white, levels=levels, rng=0)
        assert noisy.dtype == np.float32
        assert (noisy < 1).all()
        assert noisy.min() >= np.float32(1 - 1 / levels)


def test_gaussian_noise_has_its_deviation():
    """Mean within 6 sd / √n; variance within 6 · √(2/n) of itself."""
    z = dequantize(LEVELS, "gaussian", std=0.02, rng=0) - LEVELS
    n = len(z)
    assert abs(z.mean()) < 6 * 0.02 / np.sqrt(n)
    assert abs(z.var() / 0.02**2 - 1) < 6 * np.sqrt(2 / n)


def test_mirrors_are_exact_and_half_of_the_images():
    """Each image is itself or its mirror; of 4,000 the count of mirrors is 2,000 with sd 31.6."""
    x = np.random.default_rng(0).random((4000, 3, 2, 5))
    y = flip(x, rng=1)
    same, mirrored = (y == x).all(axis=(1, 2, 3)), (y == x[..., ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert abs(mirrored.sum() - 2000) < 6 * 31.6
    assert flip(x[:, 0], rng=1).shape == (4000, 2, 5)


@pytest.mark.parametrize("transform", [lambda x: dequantize(x, rng=0), lambda x: flip(x, rng=0)])
def test_tensors_stay_tensors_and_the_input_is_left_alone(transform):
    x = np.random.default_rng(0).random((6, 1, 3, 4)).astype(np.float32)
    before = x.copy()
    x.flags.writeable = False
    expected = transform(x)
    np.testing.assert_array_equal(x, before)
    torch = pytest.importorskip("torch")
    got = transform(torch.tensor(before))
    assert isinstance(got, torch.Tensor)
    assert (tuple(got.shape), got.dtype) == (expected.shape, torch.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dequantize(np.ones((2, 2)), "normal"), ValueError, "unknown kind 'normal': expected one of 'uniform'"),
        (lambda: dequantize(np.ones((2, 2)), levels=1), ValueError, "levels must be at least 2"),
        (lambda: dequantize(np.ones((2, 2)), levels=2.0), TypeError, "levels must be an integer"),
        (lambda: dequantize(np.ones((2, 2)), "gaussian", std=0), ValueError, "std must be positive"),
        (
            lambda: dequantize(2 * np.ones((2, 2))),
            ValueError,
            r"from 2 to 2: uniform .* needs values in \[0, 1\]",
        ),
        (lambda: dequantize(np.ones((2, 2), int)), TypeError, "expected a real floating dtype"),
        (lambda: flip(np.ones((2, 2))), sk.ShapeError, r"images have shape \(2, 2\): expected \(n, h, w\)"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
