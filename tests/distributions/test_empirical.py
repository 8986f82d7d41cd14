"""Data as a law."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.distributions import Empirical, GaussianMixture

DATA = np.random.default_rng(0).normal(size=(30, 3))


def test_it_is_the_mixture_of_its_points():
    x = np.random.default_rng(1).normal(size=(20, 3))
    for sigma in (0.1, 1.0, 30.0):
        mixture = GaussianMixture(np.ones(30), DATA, sigma**2)
        np.testing.assert_allclose(Empirical(DATA).score(x, sigma), mixture.score(x), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(Empirical(DATA).smoothed(sigma).log_prob(x), mixture.log_prob(x), rtol=1e-10)


def test_images_are_their_flat_vectors():
    """Above eight coordinates distances come from a product of matrices: same numbers, any shape."""
    images = np.random.default_rng(2).random((25, 4, 6)) + 3.0
    x = images[:5] + 0.01 * np.random.default_rng(3).normal(size=(5, 4, 6))
    flat = Empirical(images.reshape(25, -1))
    assert Empirical(images).dim == flat.dim == 24
    for sigma in (0.01, 0.5):
        got = Empirical(images).score(x, sigma)
        assert got.shape == x.shape
        np.testing.assert_allclose(got.reshape(5, -1), flat.score(x.reshape(5, -1), sigma), rtol=1e-12)
        logits = -((x.reshape(5, 1, -1) - images.reshape(1, 25, -1)) ** 2).sum(axis=2) / (2 * sigma**2)
        proportions = np.exp(logits - logits.max(axis=1, keepdims=True))
        proportions /= proportions.sum(axis=1, keepdims=True)
        expected = (proportions @ images.reshape(25, -1) - x.reshape(5, -1)) / sigma**2
        np.testing.assert_allclose(got.reshape(5, -1), expected, rtol=1e-9, atol=1e-8)
    single = Empirical(images).score(x.astype(np.float32), 0.01)
    np.testing.assert_allclose(single, Empirical(images).score(x.astype(np.float32).astype(float), 0.01), rtol=1e-4)


@pytest.mark.parametrize("d", [8, 9])
def test_data_far_from_the_origin_keep_their_digits(d):
    """The coordinates have 10 binary places, so a shift by 2²⁰ is exact; the score is then rounded to 2²⁰ · 1e-16."""
    rng = np.random.default_rng(0)
    data = np.round(1024 * rng.normal(size=(64, d))) / 1024
    x, shift = data[:8] + np.round(200 * rng.normal(size=(8, d))) / 1024, 2.0**20
    near, far = (Empirical(data + by).smoothed(0.7) for by in (0.0, shift))
    np.testing.assert_allclose(far.log_prob(x + shift), near.log_prob(x), rtol=1e-13)
    np.testing.assert_allclose(far.score(x + shift), near.score(x), rtol=0, atol=1e-8)


def test_its_draws_are_the_data():
    drawn = Empirical(DATA).sample(1000, rng=0)
    assert (drawn[:, None] == DATA).all(axis=2).any(axis=1).all()
    assert len(np.unique(drawn, axis=0)) == 30  # P(one of 30 missing in 1000) = 30 · (29/30)^1000 = 6e-14
    assert Empirical(DATA.reshape(30, 3, 1)).sample(4, rng=0).shape == (4, 3, 1)


def test_far_from_all_points_the_nearest_one_pulls():
    x = np.array([[50.0, 0.0, 0.0]])
    nearest = DATA[((x - DATA) ** 2).sum(axis=1).argmin()]
    np.testing.assert_allclose(Empirical(DATA).score(x, 0.05), (nearest - x) / 0.05**2, rtol=1e-9)


def test_it_keeps_its_own_copy():
    data = DATA.copy()
    density = Empirical(data)
    data[:] = 0.0
    np.testing.assert_array_equal(density.data, DATA)
    assert density == Empirical(DATA)
    assert density != Empirical(data)
    with pytest.raises(ValueError, match="read-only"):
        density.data[0] = 0.0


def test_what_it_refuses():
    with pytest.raises(sk.ShapeError, match=r"data has shape \(30,\): expected \(n, …\).* use data\[:, None\]"):
        Empirical(DATA[:, 0])
    with pytest.raises(ValueError, match="data holds NaN or infinity in 3 of 90 entries"):
        Empirical(np.where(np.arange(30)[:, None] == 4, np.inf, DATA))
    with pytest.raises(sk.ShapeError, match=r"Empirical expects \(n, 4, 6\)"):
        Empirical(np.zeros((2, 4, 6))).score(np.zeros((3, 24)), 1.0)
