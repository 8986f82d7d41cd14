"""Exact values, from algebra alone. Derivations stand in the docstrings."""

from __future__ import annotations

import numpy as np
import pytest

from scorekit.noise import Geometric, LogUniform
from scorekit.objectives import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
    NoiseConditional,
    SlicedScoreMatching,
)
from support import ScriptedRng, gauss_hermite, rademacher_vectors

DIMS = pytest.mark.parametrize("d", [1, 2, 3])
A, SIGMA = 0.7, 1.3


def _rule(d):
    return gauss_hermite(np.zeros(d), SIGMA**2 * np.eye(d), 6)


@DIMS
def test_explicit_loss_of_a_linear_score_on_a_gaussian(d):
    """s = -a x on N(0, v I): ½ E|(1/v - a) x|² = d/2 (a - 1/v)² v."""
    x, w = _rule(d)
    v = SIGMA**2
    loss = ExplicitScoreMatching(lambda y, sigma: -y / v)(lambda y: -A * y, x, weights=w)
    assert loss == pytest.approx(d / 2 * (A - 1 / v) ** 2 * v, abs=1e-12)


@DIMS
def test_implicit_loss_of_a_linear_score_on_a_gaussian(d):
    """tr(-a I) + ½ a² E|x|² = d (-a + a² v / 2)."""
    x, w = _rule(d)
    exact = d * (-A + A**2 * SIGMA**2 / 2)
    assert ImplicitScoreMatching()(lambda y: -A * y, x, weights=w) == pytest.approx(exact, abs=1e-12)


@DIMS
@pytest.mark.parametrize("variance_reduced", [True, False])
def test_sliced_loss_of_a_linear_score_on_a_gaussian(d, variance_reduced):
    """The mean over all sign vectors is the implicit value; a factor d, 1/d or ½ would show."""
    x, w = _rule(d)
    objective = SlicedScoreMatching(variance_reduced=variance_reduced)
    signs = rademacher_vectors(d)
    mean = np.mean(
        [
            objective(lambda y: -A * y, x, rng=ScriptedRng(rademacher=[np.broadcast_to(v, (1, *x.shape))]), weights=w)
            for v in signs
        ]
    )
    assert mean == pytest.approx(d * (-A + A**2 * SIGMA**2 / 2), abs=1e-12)


def test_explicit_loss_compares_both_at_the_level():
    """N(0, I) smoothed at sigma: s* = -x/(1 + sigma²); against -x/2 the loss is ½ (1/(1 + sigma²) - ½)² |x|²."""
    x = np.array([[3.0, 4.0], [0.0, 2.0]])

    def target(y, sigma):
        return -y / (1 + np.reshape(sigma, (-1, 1)) ** 2)

    once = ExplicitScoreMatching(target, sigma=0.5).losses(lambda y: -y / 2, x)
    np.testing.assert_allclose(once, 0.5 * (1 / 1.25 - 0.5) ** 2 * np.array([25.0, 4.0]), rtol=1e-14)
    each = ExplicitScoreMatching(target, sigma=np.array([0.5, 3.0])).losses(lambda y: -y / 2, x)
    np.testing.assert_allclose(each, 0.5 * np.array([0.3, -0.4]) ** 2 * np.array([25.0, 4.0]), rtol=1e-14)


def test_sliced_loss_along_one_direction():
    """s = x A has vᵀ∇s v = vᵀAᵀv: the plain loss squares the projection of s, cross terms and all."""
    g = np.random.default_rng(5)
    x, v, matrix = g.normal(size=(6, 3)), g.normal(size=(6, 3)), g.normal(size=(3, 3))
    s, curvature = x @ matrix, np.sum((v @ matrix) * v, axis=1)
    for variance_reduced, square in ((False, np.sum(v * s, axis=1) ** 2), (True, np.sum(s**2, axis=1))):
        objective = SlicedScoreMatching(distribution="gaussian", variance_reduced=variance_reduced)
        got = objective.losses(lambda y: y @ matrix, x, rng=ScriptedRng(normal=[v[None]]))
        np.testing.assert_allclose(got, curvature + 0.5 * square, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda k: ImplicitScoreMatching(trace="hutchinson", probes=k),
        lambda k: SlicedScoreMatching(projections=k),
        lambda k: SlicedScoreMatching(projections=k, variance_reduced=False),
    ],
    ids=["hutchinson", "sliced, reduced", "sliced"],
)
def test_the_loss_of_several_directions_is_the_mean_of_the_losses_of_each(make):
    g = np.random.default_rng(6)
    x, v, matrix = g.normal(size=(5, 3)), g.choice([-1.0, 1.0], (4, 5, 3)), g.normal(size=(3, 3))

    def losses(directions):
        return make(len(directions)).losses(
            lambda y: y @ matrix - 0.1 * y**3, x, rng=ScriptedRng(rademacher=[directions])
        )

    np.testing.assert_allclose(losses(v), np.mean([losses(one[None]) for one in v], axis=0), rtol=1e-12)


@DIMS
@pytest.mark.parametrize("reduction", [None, "control", "antithetic"])
def test_denoising_loss_of_a_linear_score_on_a_gaussian(d, reduction):
    """½ E|z/sigma - a (x + sigma z)|² = d/2 ((1/sigma - a sigma)² + a² v)."""
    sigma, v = 0.4, SIGMA**2
    nodes, w = gauss_hermite(np.zeros(2 * d), np.diag([v] * d + [1.0] * d), 4)
    x, z = nodes[:, :d], nodes[:, d:]
    loss = DenoisingScoreMatching(sigma, reduction)(
        lambda y: -A * y, np.ascontiguousarray(x), rng=ScriptedRng(normal=[z]), weights=w
    )
    assert loss == pytest.approx(d / 2 * ((1 / sigma - A * sigma) ** 2 + A**2 * v), abs=1e-10)


@pytest.mark.parametrize("event", [(1,), (3,), (2, 4)])
def test_the_loss_of_the_zero_network_is_half_the_dimension_at_every_level(event):
    """λ = sigma²: ½ E|z|² = d/2, on Gauss–Hermite nodes of each coordinate."""
    d = int(np.prod(event))
    z = np.stack([np.full(event, 1.0), np.full(event, -1.0)])  # the two-point rule, exact to degree 3
    for levels in (1, 3):
        x = np.zeros((2, *event))
        rng = ScriptedRng(normal=[z], uniform=[np.array([0.5])], choice=[np.arange(2)])
        losses = NoiseConditional(Geometric(50.0, 0.01, levels)).losses(lambda y, s: 0 * y, x, rng=rng)
        assert losses.tolist() == [d / 2, d / 2]


def test_likelihood_weighting_makes_the_mean_an_integral_over_sigma():
    """Zero model: ∫ E|z/sigma|² sigma d sigma = d log(sigma_max/sigma_min)."""
    law, n = LogUniform(5.0, 0.1), 8
    rng = ScriptedRng(normal=[np.ones((n, 3))], uniform=[np.array([0.5])], choice=[np.arange(n)])
    losses = NoiseConditional(law, "likelihood").losses(lambda y, s: 0 * y, np.zeros((n, 3)), rng=rng)
    assert losses.mean() == pytest.approx(3 * np.log(50.0), rel=1e-12)


def test_edm_weighting_is_half_of_the_denoisers_loss():
    """λ(sigma) |D - x|² / 2 with λ = (sigma² + sigma_data²)/(sigma sigma_data)² and D from Tweedie."""
    g = np.random.default_rng(0)
    x, z = g.normal(size=(2, 6, 2))
    law, sigma_data = LogUniform(3.0, 0.2), 0.6
    sigma = law.icdf((np.arange(6) + 0.5) / 6)[:, None]

    def score(y, s):
        return -y / (1 + s.reshape(-1, 1) ** 2)

    noisy = x + sigma * z
    denoised = noisy + sigma**2 * score(noisy, sigma)
    weight = ((sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2)[:, 0]
    rng = ScriptedRng(normal=[z], uniform=[np.array([0.5])], choice=[np.arange(6)])
    losses = NoiseConditional(law, "edm", sigma_data=sigma_data).losses(score, x, rng=rng)
    np.testing.assert_allclose(losses, 0.5 * weight * np.sum((denoised - x) ** 2, axis=1), rtol=1e-10)


def test_the_minimizer_of_the_implicit_loss_is_the_gaussian_fit():
    """s = -P (x - m): the minimum is at the sample mean and inverse covariance (ddof 0), and is -tr(P)/2."""
    g = np.random.default_rng(1)
    x = g.normal(size=(200, 3)) @ g.normal(size=(3, 3)) + g.normal(size=3)
    mean, precision = x.mean(0), np.linalg.inv(np.cov(x.T, ddof=0))
    best = ImplicitScoreMatching()(lambda y: -(y - mean) @ precision, x)
    assert best == pytest.approx(-np.trace(precision) / 2, rel=1e-10)
    for _ in range(5):
        shift, tilt = 0.1 * g.normal(size=3), 0.05 * g.normal(size=(3, 3))
        near = ImplicitScoreMatching()(
            lambda y, shift=shift, tilt=tilt: -(y - mean - shift) @ (precision + tilt + tilt.T), x
        )
        assert near > best


@pytest.mark.parametrize("sigma", [0.02, 0.5, 3.0])
def test_denoising_is_implicit_matching_on_the_noisy_law_plus_d_over_two_sigma_squared(sigma):
    """Exactly, for every sigma (partial integration in z), here for a cubic model on one data point."""
    z, w = gauss_hermite(np.zeros(2), np.eye(2), 12)
    x = np.broadcast_to(np.array([0.4, -0.8]), z.shape)

    def model(y, s=None):
        return -0.3 * y**3 + y[:, ::-1] * 0.5

    dsm = DenoisingScoreMatching(sigma)(model, x, rng=ScriptedRng(normal=[z]), weights=w)
    ism = ImplicitScoreMatching()(model, x + sigma * z, weights=w)
    assert dsm == pytest.approx(1 / sigma**2 + ism, rel=1e-9)


def test_the_control_variate_tends_to_sliced_matching_as_sigma_vanishes():
    """½|s|² + zᵀ∇s z + d/(2 sigma²), with the noise as the direction."""
    g = np.random.default_rng(2)
    x, z = g.normal(size=(2, 7, 3))
    matrix, sigma = g.normal(size=(3, 3)), 1e-5

    def model(y, s=None):
        return y @ matrix - 0.2 * y**3

    control = DenoisingScoreMatching(sigma, "control").losses(model, x, rng=ScriptedRng(normal=[z]))
    sliced = SlicedScoreMatching(distribution="gaussian").losses(model, x, rng=ScriptedRng(normal=[z[None]]))
    np.testing.assert_allclose(control - 3 / (2 * sigma**2), sliced, atol=1e-4 / sigma**0.5)
    np.testing.assert_allclose(sigma**2 * control, 1.5 + sigma**2 * sliced, rtol=1e-14)


def test_hutchinson_spread_is_the_closed_form():
    """Var(vᵀJv) = 2 (|S|² - Σ S_ii²), S the symmetric part of J: summed over all sign vectors."""
    g = np.random.default_rng(3)
    jacobian = g.normal(size=(4, 4))
    x, signs = np.zeros((1, 4)), rademacher_vectors(4)
    objective = ImplicitScoreMatching(trace="hutchinson")
    values = np.array(
        [objective.losses(lambda y: y @ jacobian.T, x, rng=ScriptedRng(rademacher=[v[None, None]]))[0] for v in signs]
    )
    symmetric = (jacobian + jacobian.T) / 2
    assert values.var() == pytest.approx(2 * (np.sum(symmetric**2) - np.sum(np.diag(symmetric) ** 2)), rel=1e-10)


def test_noise_conditional_keeps_its_digits_where_sigma_is_small_beside_x():
    """Forming (x̃ - x)/sigma² would lose 2 % here, in float32 at |x| = 1000 and sigma = 1e-3."""
    x = np.full((4, 2), 1000.0, np.float32)
    z = np.full((4, 2), 0.7, np.float32)
    loss = DenoisingScoreMatching(1e-3).losses(lambda y, s: 0 * y, x, rng=ScriptedRng(normal=[z]))
    np.testing.assert_allclose(loss, 0.7**2 / 1e-6, rtol=1e-6)
    assert loss.dtype == np.float32


def test_the_control_variate_shrinks_the_gradients_spread():
    """Linear model at sigma = 0.01: the spread of the gradient falls by a factor of the order of 1/sigma."""
    import autograd

    g = np.random.default_rng(4)
    x = g.normal(size=(64, 2))

    def spread(reduction):
        objective = DenoisingScoreMatching(0.01, reduction)
        gradient = autograd.grad(lambda a, seed: objective(lambda y, s: -a * y, x, rng=seed))
        return np.std([gradient(0.8, seed) for seed in range(200)])

    assert spread(None) / spread("control") > 20


@pytest.mark.parametrize(
    ("objective", "exact"),
    [
        (DenoisingScoreMatching(0.4), (1 / 0.4 - A * 0.4) ** 2 + A**2),
        (DenoisingScoreMatching(0.4, "control"), (1 / 0.4 - A * 0.4) ** 2 + A**2),
        (DenoisingScoreMatching(0.4, "antithetic"), (1 / 0.4 - A * 0.4) ** 2 + A**2),
        (SlicedScoreMatching(), 2 * (-A + A**2 / 2)),
        (SlicedScoreMatching(distribution="gaussian", variance_reduced=False), 2 * (-A + A**2 / 2)),
        (SlicedScoreMatching(distribution="sphere", variance_reduced=False), 2 * (-A + A**2 / 2)),
        (ImplicitScoreMatching(trace="hutchinson"), 2 * (-A + A**2 / 2)),
    ],
    ids=lambda v: repr(v)[:60],
)
def test_with_real_noise_the_mean_is_the_exact_value(objective, exact):
    """s = -a x on N(0, I_2), 200,000 samples, false alarm 1e-6 (z < 4.9).

    The largest standard error is 0.011 (plain DSM), so a shift of 2 % of its value is found as surely.
    """
    x = np.random.default_rng().normal(size=(200_000, 2))
    losses = objective.losses(lambda y, s=None: -A * y, x, rng=None)
    z = (losses.mean() - exact) / (losses.std() / len(x) ** 0.5)
    assert abs(z) < 4.9
