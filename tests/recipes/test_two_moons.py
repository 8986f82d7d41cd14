"""The recipe of simulation-based inference: its posterior is the exact one, as far as a classifier sees."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import scorekit as sk

pytest.importorskip("torch")
RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "two_moons.py"


def recipe():
    spec = importlib.util.spec_from_file_location("two_moons", RECIPE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exact_posterior(x, n, seed):
    """Solved for theta: −|θ1 + θ2|/√2 = x1 − p1 and (−θ1 + θ2)/√2 = x2 − p2 with p on the moon, both signs alike."""
    rng, kept = np.random.default_rng(seed), []
    while sum(map(len, kept)) < n:
        a, r = np.pi * (rng.random(n) - 0.5), 0.1 + 0.01 * rng.normal(size=n)
        along, across = np.cos(a) * r + 0.25 - x[0], x[1] - np.sin(a) * r
        u = np.where(rng.random(n) < 0.5, along, -along)
        theta = np.stack([u - across, u + across], axis=1) / np.sqrt(2)
        kept.append(theta[(along > 0) & (np.abs(theta) < 1).all(axis=1)])
    return np.concatenate(kept)[:n]


def test_the_exact_posterior_makes_what_was_observed():
    module, x = recipe(), np.array([0.1, -0.2])
    theta = exact_posterior(x, 4000, 0)
    again = module.simulate(theta, sk.rng(1))
    away = again - x
    # of two draws on one moon: their difference has mean zero, and twice the variance of the moon
    moon = module.simulate(np.zeros((4000, 2)), sk.rng(2))
    assert np.abs(away.mean(axis=0)).max() < 5 * np.sqrt(2 * moon.var(axis=0).max() / 4000)
    np.testing.assert_allclose(np.cov(away.T), 2 * np.cov(moon.T), atol=3e-4)


@pytest.mark.slow
def test_the_posterior_of_a_network_is_the_exact_one():
    """Two minutes on a core. C2ST of a k-NN classifier: 0.5 for equal laws, 0.606 is neural posterior estimation."""
    module = recipe()
    model = module.learn()
    for x in ([0.1, -0.2], [-0.5, 0.3]):
        samples = module.posterior(model, x, 4000)
        exact = exact_posterior(np.array(x), 4000, 3)
        assert sk.metrics.c2st(samples, exact, rng=0).accuracy < 0.606
