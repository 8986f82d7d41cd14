"""check_score_model passes what is right and names what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.testing import check_score_model
from scorekit_numpy import MLP

X = np.random.default_rng(0).normal(size=(6, 3))
MIXTURE = sk.distributions.GaussianMixture([0.3, 0.7], [[0.0] * 3, [1.0] * 3], 0.5)
XP = sk.array_namespace(X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("model", "sigma"),
    [
        (lambda x: -x, None),
        (lambda x, sigma: -x, None),
        (MIXTURE.score, None),
        (MIXTURE.score, 0.5),
        (MIXTURE.score, np.linspace(0.2, 1, 6)),
        (sk.models.EnergyModel(lambda x: XP.sum(XP.log1p(x**2), axis=1)), None),
    ],
)
def test_right_models_pass(model, sigma, dtype):
    sigma = sigma.astype(dtype) if isinstance(sigma, np.ndarray) else sigma
    assert check_score_model(model, X.astype(dtype), sigma) is None


def _in_place(x):
    x *= 2
    return -x


def _batch_norm(x):
    return (x - XP.mean(x, axis=0)) / XP.std(x, axis=0)


def _detached(x):
    return -sk.backend("numpy").asarray(sk.backend("numpy").to_numpy(x)) + 0 * x


def _plain_numpy(x):
    return -np.asarray(sk.backend("numpy").to_numpy(x))


def _random(x):
    return -x + np.random.default_rng().normal(size=x.shape)


def _misaligned(x, sigma):
    return -x / (1 + np.reshape(np.broadcast_to(sigma, (6,)), (6, 1))) if np.ndim(sigma) else -x


@pytest.mark.parametrize(
    ("model", "sigma", "error", "words"),
    [
        (lambda x: x.sum(axis=1), None, sk.ShapeError, "EnergyModel"),
        (lambda x: -x.astype(np.float32), None, TypeError, "dtype float32 for x of dtype float64"),
        (lambda x: None, None, TypeError, "model returned a NoneType"),
        (_in_place, None, ValueError, "the model changed x"),
        (lambda x: x / 0.0 * 0.0, None, sk.NonFiniteError, "NaN or infinite in 6 of 6 rows"),
        (_random, None, ValueError, "two calls with the same x differ"),
        (_batch_norm, None, ValueError, "changes by .* when the other samples change.*Batch normalization"),
        (_misaligned, 0.5, ValueError, r"sigma as a scalar and as shape \(6,\) give scores that differ"),
        (_detached, None, ValueError, "cut from the graph"),
        (_plain_numpy, None, ValueError, "derivative of the score is 0"),
        (3.0, None, TypeError, "expected a function"),
        (MLP(3), None, ValueError, "conditional on sigma"),
        (MLP(2, conditional=False), None, ValueError, "this network expects samples of dimension 2"),
    ],
)
def test_wrong_models_are_named(model, sigma, error, words):
    with np.errstate(all="ignore"), pytest.raises(error, match=words) as caught:
        check_score_model(model, X.copy(), sigma)
    assert isinstance(caught.value, sk.ScorekitError)


def test_one_sample_is_too_few():
    with pytest.raises(ValueError, match="expected at least two"):
        check_score_model(lambda x: -x, X[:1])


def test_a_model_without_any_derivative_rule():
    from autograd.extend import primitive

    opaque = primitive(np.tanh)  # a function that autograd has no rule for
    with pytest.raises(ValueError, match=r"derivative of the score cannot be computed.*NotImplementedError"):
        check_score_model(lambda x: opaque(x), X)
