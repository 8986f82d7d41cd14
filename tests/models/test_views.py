"""Views: exact values, parameters that pass through, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit.models import DenoiserModel, EnergyModel, Preconditioned, at, denoise
from scorekit_numpy import MLP

X = np.random.default_rng(0).normal(size=(5, 3))
EACH = np.linspace(0.2, 2.0, 5)


def _column(sigma):
    return np.reshape(sigma, (-1, 1))


def test_the_score_of_an_energy_is_minus_its_gradient():
    g = np.random.default_rng(1)
    precision = (lambda a: a @ a.T)(g.normal(size=(3, 3)))
    model = EnergyModel(lambda x: 0.5 * ((x @ precision) * x).sum(axis=1))
    np.testing.assert_allclose(model(X), -X @ precision, rtol=1e-12)


def test_a_constant_added_to_an_energy_changes_no_objective():
    def energy(x, sigma=None):
        xp = sk.array_namespace(x)
        return xp.sum(xp.log1p(x**2), axis=1)

    for objective in (
        sk.objectives.ImplicitScoreMatching(),
        sk.objectives.SlicedScoreMatching(),
        sk.objectives.DenoisingScoreMatching(0.3),
    ):
        shifted = objective(EnergyModel(lambda x, sigma=None: energy(x) + 17.0), X, rng=0)
        assert shifted == pytest.approx(objective(EnergyModel(energy), X, rng=0), rel=1e-12)


def test_an_energy_may_depend_on_sigma():
    model = EnergyModel(lambda x, sigma: (x**2).sum(axis=1) / sigma)
    np.testing.assert_allclose(model(X, EACH), -2 * X / _column(EACH), rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.7, EACH], ids=["scalar", "each"])
def test_the_denoiser_of_a_gaussian_gives_its_score(sigma):
    """N(0, 4 I): D = 4 x/(4 + sigma²), s = -x/(4 + sigma²)."""
    model = DenoiserModel(lambda x, s: 4 * x / (4 + _column(s) ** 2))
    np.testing.assert_allclose(model(X, sigma), -X / (4 + _column(sigma) ** 2), rtol=1e-9)
    np.testing.assert_allclose(denoise(model, X, sigma), 4 * X / (4 + _column(sigma) ** 2), rtol=1e-9)


def test_denoise_and_the_denoiser_view_undo_each_other():
    net = MLP(3, hidden=(8,))
    again = DenoiserModel(lambda x, s: denoise(net, x, s))
    np.testing.assert_allclose(again(X, EACH), net(X, EACH), rtol=1e-8)


@pytest.mark.parametrize("sigma", [0.05, 0.7, EACH, 40.0], ids=str)
def test_edm_preconditioning_is_the_published_parametrization(sigma):
    """c_skip, c_out, c_in of Karras et al. (2022), table 1, against our form without cancellation."""
    sigma_data, level = 0.5, _column(sigma)

    def net(x, s):
        return np.tanh(x) - 0.3 * x

    skip = sigma_data**2 / (level**2 + sigma_data**2)
    out, inner = level * sigma_data / np.sqrt(level**2 + sigma_data**2), 1 / np.sqrt(level**2 + sigma_data**2)
    denoised = skip * X + out * net(inner * X, None)
    got = Preconditioned(net, sigma_data)(X, sigma)
    np.testing.assert_allclose(got, (denoised - X) / level**2, rtol=1e-8)
    np.testing.assert_allclose(inner**2 * (sigma_data**2 + level**2), np.ones_like(level))


def test_a_zero_network_with_edm_is_exact_for_a_gaussian():
    model = Preconditioned(lambda x, s: 0 * x, sigma_data=1.5)
    np.testing.assert_allclose(model(X, 0.8), -X / (1.5**2 + 0.8**2), rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.3, EACH], ids=["scalar", "each"])
def test_other_kinds(sigma):
    net = MLP(3, hidden=(8,))
    np.testing.assert_allclose(Preconditioned(net, 1.0, "ncsn")(X, sigma), net(X, sigma) / _column(sigma), rtol=1e-12)
    assert np.array_equal(Preconditioned(net, 1.0, "none")(X, sigma), net(X, sigma))


def test_at_fixes_the_level():
    net = MLP(3, hidden=(8,))
    assert np.array_equal(at(net, 0.4)(X), net(X, 0.4))
    assert np.array_equal(at(net, 0.4)(X, 0.4), net(X, 0.4))
    assert np.array_equal(at(net, 0.4)(X, np.full(5, 0.4)), net(X, 0.4))
    for other in (9.0, np.linspace(0.4, 0.5, 5)):
        with pytest.raises(ValueError, match=r"fixed at sigma = 0\.4, got"):
            at(net, 0.4)(X, other)


@pytest.mark.parametrize("wrap", [lambda m: Preconditioned(m, 0.5), lambda m: at(m, 0.3), DenoiserModel])
def test_a_view_has_the_parameters_of_what_it_wraps(wrap):
    net = MLP(3, hidden=(4,))
    view = wrap(net)
    assert isinstance(view, sk.protocols.Parametric)
    doubled = view.with_parameters({k: 2 * v for k, v in view.parameters().items()})
    assert type(doubled) is type(view)
    expected = wrap(net.with_parameters({k: 2 * v for k, v in net.parameters().items()}))
    assert np.array_equal(doubled(X, 0.3), expected(X, 0.3))
    assert np.array_equal(view(X, 0.3), wrap(net)(X, 0.3))


@pytest.mark.parametrize(
    "model",
    [
        EnergyModel(lambda x, sigma=None: sk.array_namespace(x).sum(x**4, axis=1)),
        DenoiserModel(lambda x, sigma: x / (1 + sigma**2 if isinstance(sigma, float) else 1 + sigma[:, None] ** 2)),
        Preconditioned(MLP(3, hidden=(8,)), 0.5),
        at(MLP(3, hidden=(8,)), 0.5),
    ],
    ids=lambda m: type(m).__name__,
)
def test_views_are_score_models(model):
    sk.testing.check_score_model(model, X, 0.5)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: EnergyModel(lambda x: (x**2).sum())(X), ValueError, r"energy returned shape \(\).*expected \(5,\)"),
        (lambda: EnergyModel(lambda x: x)(X), ValueError, r"energy returned shape \(5, 3\)"),
        (lambda: EnergyModel(3), TypeError, "energy is a int: expected a function"),
        (lambda: DenoiserModel(lambda x, s: x)(X), ValueError, "a denoiser needs a noise level"),
        (lambda: Preconditioned(MLP(3), 0.0), ValueError, "sigma_data must be positive"),
        (lambda: Preconditioned(MLP(3), 1.0, "vp"), ValueError, "unknown kind 'vp': expected one of 'edm'"),
        (lambda: Preconditioned(MLP(3), 1.0)(X), ValueError, "needs a noise level"),
        (lambda: at(MLP(3), 0), ValueError, "sigma must be positive"),
        (lambda: denoise(MLP(3), X, None), ValueError, "denoising needs a noise level"),
        (lambda: denoise(MLP(3), X, np.ones(2)), ValueError, r"sigma has shape \(2,\)"),
        (lambda: EnergyModel(lambda x: x).parameters(), TypeError, "nothing to train"),
    ],
)
def test_what_views_refuse(call, error, words):
    with pytest.raises(error, match=words):
        call()
