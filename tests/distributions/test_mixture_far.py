"""Mixtures far from their components, in float32 and float64: ties far out, tight components far from the center."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scorekit as sk
from scorekit.distributions import Gaussian, GaussianMixture, _plans

NAMES = [name for name, installed in sk.backends().items() if installed]
RING = np.stack([np.cos(np.arange(8) * np.pi / 4 + np.pi / 8), np.sin(np.arange(8) * np.pi / 4 + np.pi / 8)], axis=1)

MIXTURES = {
    "two": GaussianMixture([0.4, 0.6], [[-1.0, 0.0], [1.0, 0.0]], 0.5),
    "ring": GaussianMixture(np.ones(8), 4 * RING, 0.5),
    "tilted": GaussianMixture([1, 2, 0], 3 * RING[:3], np.stack([[[2.0, 0.9], [0.9, 0.5]]] * 3)),
    "several": GaussianMixture([1, 2, 3], 2 * RING[:3], np.array([1.0, 1.0, 0.3])[:, None, None] * np.eye(2)),
    "in three": GaussianMixture(np.ones(4), np.vstack([np.zeros(3), 5 * np.eye(3)]), 0.2),
    "one": GaussianMixture([1.0], [[3.0, -2.0]], 0.7),
}


def reference(mixture, x, sigma):
    """Score and log-density in extended precision, from differences x − μ_k."""
    x = x.astype(np.longdouble)
    noise = (sigma or 0.0) ** 2 * np.eye(mixture.dim)
    logits, pulls = [], []
    for w, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        if w == 0:
            continue
        precision = np.linalg.inv(covariance + noise).astype(np.longdouble)
        pull = -(x - mean) @ precision
        determinant = np.linalg.slogdet(2 * math.pi * (covariance + noise))[1]
        logits.append(math.log(w) + 0.5 * np.sum((x - mean) * pull, axis=1) - 0.5 * determinant)
        pulls.append(pull)
    logits = np.stack(logits)
    proportions = np.exp(logits - logits.max(axis=0))
    total = proportions.sum(axis=0)
    score = (proportions[:, :, None] * np.stack(pulls)).sum(axis=0) / total[:, None]
    return score, np.log(total) + logits.max(axis=0)


def far_points(d):
    directions = np.concatenate([np.eye(d), -np.eye(d), np.random.default_rng(0).normal(size=(8, d))])
    return np.concatenate([r * directions + 0.1 * np.eye(d)[0] for r in (0.0, 1.0, 30.0, 3000.0, 1e5)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", NAMES)
@pytest.mark.parametrize("name", MIXTURES)
def test_far_points_in_each_precision(name, backend, dtype):
    """The computation is in float64; each coordinate is then right to the rounding of the result."""
    mixture, x = MIXTURES[name], far_points(MIXTURES[name].dim).astype(dtype)
    for sigma in (None, 0.5, 10.0):
        score, log_p = reference(mixture, x, sigma)
        array = sk.backend(backend).asarray(x)
        got = mixture.score(array, sigma)
        assert got.dtype == array.dtype
        noisy = mixture if sigma is None else mixture.smoothed(sigma)
        tolerance = 2 * np.finfo(dtype).eps + 1e-11
        size = np.linalg.norm(x.astype(float), axis=1, keepdims=True)
        slack = 1e-15 * (1 + size) * 50  # x − μ is rounded in float64
        error = np.abs(sk.backend(backend).to_numpy(got) - score)
        assert (error <= tolerance * np.abs(score) + slack).all()
        density = sk.backend(backend).to_numpy(noisy.log_prob(array))
        assert density.dtype == dtype
        np.testing.assert_allclose(density, log_p.astype(float), rtol=tolerance + 1e-12, atol=1e-12)
        proportions = mixture.responsibilities(array, sigma)
        assert proportions.dtype == array.dtype


def test_the_first_coordinate_at_a_far_tie():
    """(0.1, 3000) between components at the same height: |x|²/2v is 4.5e6, and float32 knows it to a half."""
    mixture = GaussianMixture([0.5, 0.5], [[-1.0, 0.0], [1.0, 0.0]], 1.0)
    expected = math.tanh(0.1) - 0.1
    for x in (np.array([[0.1, 3000.0]]), np.array([[0.1, 3000.0]], np.float32)):
        assert mixture.score(x)[0, 0] == pytest.approx(expected, rel=1e-6)
        assert Gaussian([0.0, 0.0], 1.0).score(x)[0].tolist() == pytest.approx([-0.1, -3000.0], rel=1e-6)


@pytest.mark.parametrize(("radius", "deviation"), [(1.0, 1e-4), (1e3, 1e-3), (1e6, 1.0), (10.0, 1e-6)])
def test_tight_components_far_from_the_center(radius, deviation):
    """Two that overlap, far away from a third: products P μ·x would lose what tells the two apart."""
    means = np.array([[radius, 0.0], [radius + deviation, 0.0], [-radius, 0.0]])
    mixture = GaussianMixture([1, 2, 3], means, deviation**2)
    x = means[0] + deviation * np.array([[0.5, 0.0], [0.4, 1.0], [-2.0, 0.3], [3.0, 0.0]])
    score, log_p = reference(mixture, x, None)
    rounding = 8 * np.finfo(float).eps * radius / deviation  # x and μ are rounded themselves, in deviations
    np.testing.assert_allclose(mixture.score(x) * deviation, score * deviation, atol=1e-8 + 4 * rounding)
    np.testing.assert_allclose(mixture.log_prob(x), log_p.astype(float), atol=1e-9 + 10 * rounding)


def test_one_covariance_and_several_are_the_same_numbers(monkeypatch):
    """The shorter way of one covariance against the general one, values and derivatives."""
    backend, rng = sk.backend("numpy"), np.random.default_rng(0)
    for mixture in MIXTURES.values():
        x = 3 * rng.normal(size=(20, mixture.dim))
        short = backend.divergence(mixture.score, x)
        monkeypatch.setattr(_plans, "LARGEST", -1.0)
        mixture._plans.clear()
        general = backend.divergence(mixture.score, x)
        monkeypatch.undo()
        mixture._plans.clear()
        np.testing.assert_allclose(short[0], general[0], rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(short[1], general[1], rtol=1e-10, atol=1e-10)
