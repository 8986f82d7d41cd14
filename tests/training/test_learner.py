"""Adam, clipping, the average and atomic steps of the NumPy learner."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk
from scorekit_numpy import MLP


class Constant:
    """The score model s(x) = theta: its DSM and ESM losses are quadratic in theta."""

    def __init__(self, theta):
        self.theta = theta

    def parameters(self):
        return {"theta": self.theta}

    def with_parameters(self, parameters):
        return Constant(parameters["theta"])

    def __call__(self, x, sigma=None):
        return 0 * x + self.theta


def quadratic(target):
    """½ |theta - target|², with gradient theta - target."""
    return sk.objectives.ExplicitScoreMatching(lambda x, s: 0 * x + target)


X = np.zeros((4, 2))
START, TARGET = np.array([3.0, -1.0]), np.array([0.5, 0.5])


def learner(**options):
    options = {"learning_rate": 0.1, "gradient_clip": None, "ema": None} | options
    return sk.backend("numpy").learner(Constant(START.copy()), quadratic(TARGET), **options)


def test_adam_is_the_published_recursion():
    """Kingma and Ba (2015), algorithm 1, written out."""
    trained, theta, m, v = learner(), START.copy(), np.zeros(2), np.zeros(2)
    for t in range(1, 8):
        info = trained.step(X, sk.rng(0))
        g = theta - TARGET
        assert info.loss == pytest.approx(0.5 * np.sum(g**2))
        assert info.grad_norm == pytest.approx(np.linalg.norm(g))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(trained.model.theta, theta, rtol=1e-12)


def test_the_average_is_its_recursion_and_half_lives_as_it_should():
    averaged, last = learner(ema=0.9), learner()
    mean = START.copy()
    for t in range(1, 200):
        averaged.step(X, sk.rng(0))
        last.step(X, sk.rng(0))
        decay = min(0.9, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * last.model.theta
        np.testing.assert_allclose(averaged.model.theta, mean, rtol=1e-10)


def test_of_constant_weights_the_average_closes_in_geometrically():
    """θ - (θ - θ_0) mⁿ once the warm-up is over: n steps of a zero learning rate after a jump."""
    trained = learner(ema=0.9)
    state = trained.state_dict()
    state["weights.theta"], state["steps"] = TARGET.copy(), np.asarray(1000)
    trained.load_state_dict(state)
    for _ in range(10):
        trained.step(X, sk.rng(0))  # at the minimum the gradient is zero: theta stays
    np.testing.assert_allclose(trained.model.theta, TARGET - (TARGET - START) * 0.9**10, rtol=1e-12)


def test_clipping_scales_the_whole_gradient_and_reports_the_norm_before():
    """With Adam's second moments a constant factor cancels; it shows in the first moments."""
    clipped, free = learner(gradient_clip=0.5), learner()
    info = clipped.step(X, sk.rng(0))
    free.step(X, sk.rng(0))
    norm = np.linalg.norm(START - TARGET)
    assert info.grad_norm == pytest.approx(norm)
    ratio = clipped.state_dict()["moment1.theta"] / free.state_dict()["moment1.theta"]
    np.testing.assert_allclose(ratio, 0.5 / norm, rtol=1e-12)


def test_a_schedule_is_asked_for_each_step():
    asked = []
    trained = learner(learning_rate=lambda step: asked.append(step) or 0.1)
    for _ in range(3):
        trained.step(X, sk.rng(0))
    assert asked == [0, 1, 2]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_step_that_is_not_finite_changes_nothing(bad):
    calls = []

    def objective(model, x, rng=None):
        calls.append(0)
        xp = sk.array_namespace(x)
        return xp.sum(model(x) ** 2) * (bad if len(calls) == 2 else 1.0)

    trained = sk.backend("numpy").learner(Constant(START.copy()), objective)
    trained.step(X, sk.rng(0))
    before = trained.state_dict()
    info = trained.step(X, sk.rng(0))
    assert not info.applied
    assert all(np.array_equal(before[k], v) for k, v in trained.state_dict().items())
    assert trained.step(X, sk.rng(0)).applied


def test_a_finite_loss_with_an_infinite_gradient_is_not_applied():
    def objective(model, x, rng=None):
        xp = sk.array_namespace(x)
        return xp.sum(xp.sqrt(xp.abs(model(x) - START)))  # the slope of a root at zero

    trained = sk.backend("numpy").learner(Constant(START.copy()), objective)
    with np.errstate(all="ignore"):
        info = trained.step(X, sk.rng(0))
    assert np.isfinite(info.loss)
    assert not info.applied


def test_the_model_is_a_copy():
    trained = learner()
    model, kept = trained.model, trained.model.theta.copy()
    trained.step(X, sk.rng(0))
    assert np.array_equal(model.theta, kept)


def test_the_given_model_is_left_alone():
    net = MLP(2, hidden=(4,), conditional=False)
    kept = {k: v.copy() for k, v in net.parameters().items()}
    trained = sk.backend("numpy").learner(net, sk.objectives.SlicedScoreMatching())
    for step in range(3):
        trained.step(np.ones((4, 2)), sk.rng(step))
    assert all(np.array_equal(kept[k], v) for k, v in net.parameters().items())


def test_state_goes_out_and_in():
    one, two = learner(ema=0.9), learner(ema=0.9)
    for _ in range(3):
        one.step(X, sk.rng(0))
    two.load_state_dict(one.state_dict())
    for _ in range(3):
        one.step(X, sk.rng(0))
        two.step(X, sk.rng(0))
    assert np.array_equal(one.model.theta, two.model.theta)


def test_a_state_that_does_not_fit_is_refused_whole():
    trained = learner()
    state = trained.state_dict() | {"weights.theta": np.ones(3)}
    before = trained.state_dict()
    with pytest.raises(sk.CheckpointError, match=r"1 tensor differs: weights\.theta is \(3,\), the model has \(2,\)"):
        trained.load_state_dict(state)
    assert all(np.array_equal(before[k], v) for k, v in trained.state_dict().items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "sgd"}, "unknown optimizer 'sgd': expected one of 'adam'"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"gradient_clip": -1.0}, "gradient_clip must be positive"),
        ({"ema": 1.0}, r"ema must lie in \[0, 1\)"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        learner(**options)


def test_a_model_without_parameters():
    with pytest.raises(TypeError, match=r"without parameters\(\) and with_parameters\(\).*MLP"):
        sk.backend("numpy").learner(lambda x: -x, sk.objectives.SlicedScoreMatching())
    with pytest.raises(TypeError, match="nothing to train"):
        sk.backend("numpy").learner(sk.models.EnergyModel(lambda x: x), sk.objectives.SlicedScoreMatching())


@pytest.mark.parametrize("rate", [-1e-3, float("inf")])
def test_a_schedule_that_leaves_its_range_is_refused_before_anything_changes(rate):
    trained = learner(learning_rate=lambda step: rate)
    before = trained.state_dict()
    with pytest.raises(ValueError, match=r"learning_rate\(0\) is .*: expected a finite rate >= 0"):
        trained.step(X, sk.rng(0))
    assert all(np.array_equal(before[k], v) for k, v in trained.state_dict().items())
