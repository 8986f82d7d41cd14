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


def test_the_exact_posterior_makes_what_was_observed():
    module, x = recipe(), np.array([0.1, -0.2])
    theta = module.exact_posterior(x, 4000, sk.rng(0))
    again = module.simulate(theta, sk.rng(1))
    away = again - x
    # of two draws on one moon: their difference has mean zero, and twice the variance of the moon
    moon = module.simulate(np.zeros((4000, 2)), sk.rng(2))
    assert np.abs(away.mean(axis=0)).max() < 5 * np.sqrt(2 * moon.var(axis=0).max() / 4000)
    np.testing.assert_allclose(np.cov(away.T), 2 * np.cov(moon.T), atol=3e-4)


@pytest.mark.slow
def test_the_posterior_of_a_network_is_the_exact_one():
    """Two minutes on a core. C2ST: 0.5 for equal laws, 0.606 is neural posterior estimation."""
    pytest.importorskip("sklearn")
    module = recipe()
    model = module.learn()
    for x in ([0.1, -0.2], [-0.5, 0.3]):
        samples = module.posterior(model, x, 4000)
        exact = module.exact_posterior(x, 4000, sk.rng(3))
        assert sk.metrics.c2st(exact, samples, rng=1, classifier="mlp").accuracy < 0.65
