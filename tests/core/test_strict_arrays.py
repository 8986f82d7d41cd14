"""What is not under a derivative keeps to the array standard: values on array_api_strict are those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from support import ScriptedRng

strict = pytest.importorskip("array_api_strict")

X = np.random.default_rng(0).normal(size=(6, 2))
Z = np.random.default_rng(1).normal(size=(6, 2))


class StrictRng(ScriptedRng):
    """The scripted draws, as strict arrays."""

    def _next(self, kind, shape):
        return strict.asarray(super()._next(kind, shape))


def numpy_of(x):
    return np.asarray(np.from_dlpack(x))


def linear(x, sigma=None):
    return -x / 2


DRAWS = {"normal": [Z], "uniform": [np.array([0.4])], "choice": [np.arange(6)]}


@pytest.mark.parametrize(
    "objective",
    [
        sk.objectives.ExplicitScoreMatching(sk.distributions.Gaussian([0.0, 0.0], np.eye(2))),
        sk.objectives.DenoisingScoreMatching(0.3),
        sk.objectives.DenoisingScoreMatching(0.3, "control"),
        sk.objectives.DenoisingScoreMatching(0.3, "antithetic"),
        sk.objectives.NoiseConditional(sk.noise.Geometric(1.0, 0.1, 4)),
        sk.objectives.NoiseConditional(sk.noise.Geometric(1.0, 0.1, 4), "likelihood"),
        sk.objectives.NoiseConditional(sk.noise.LogUniform(1.0, 0.1), "edm", sigma_data=1.0),
    ],
    ids=lambda o: f"{type(o).__name__}-{getattr(o, 'weighting', '')}-{getattr(o, 'variance_reduction', '')}",
)
def test_losses(objective):
    weights = np.arange(1.0, 7.0)
    here = objective(linear, X, rng=ScriptedRng(**DRAWS), weights=weights)
    there = objective(linear, strict.asarray(X), rng=StrictRng(**DRAWS), weights=strict.asarray(weights))
    np.testing.assert_allclose(float(there), here, rtol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        sk.models.DenoiserModel(lambda x, sigma: x / 2),
        sk.models.Preconditioned(linear, 0.5),
        sk.models.Preconditioned(linear, 0.5, "ncsn"),
    ],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("sigma", [0.3, np.linspace(0.2, 1, 6)], ids=["scalar", "each"])
def test_views(model, sigma):
    there = sigma if isinstance(sigma, float) else strict.asarray(sigma)
    np.testing.assert_allclose(numpy_of(model(strict.asarray(X), there)), model(X, sigma), rtol=1e-12)
    denoised = sk.models.denoise(model, strict.asarray(X), there)
    np.testing.assert_allclose(numpy_of(denoised), sk.models.denoise(model, X, sigma), rtol=1e-12)


def test_what_needs_a_backend_says_so():
    with pytest.raises(TypeError, match="is a array_api_strict"):
        sk.objectives.ImplicitScoreMatching()(linear, strict.asarray(X))
    with pytest.raises(TypeError, match="is a array_api_strict"):
        sk.objectives.DenoisingScoreMatching(0.1)(linear, strict.asarray(X), rng=0)


def test_a_fixed_level():
    model = sk.models.at(linear, 0.3)
    assert np.array_equal(numpy_of(model(strict.asarray(X), strict.asarray(np.full(6, 0.3)))), linear(X))
