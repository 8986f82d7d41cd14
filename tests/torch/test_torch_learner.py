"""Adam, clipping, the average and atomic steps of the torch learner."""

from __future__ import annotations

import numpy as np
import pytest

import scorekit as sk

torch = pytest.importorskip("torch")


class Constant(torch.nn.Module):
    """The score model s(x) = theta: its DSM and ESM losses are quadratic in theta."""

    def __init__(self, theta):
        super().__init__()
        self.theta = torch.nn.Parameter(theta.clone())

    def forward(self, x, sigma=None):
        return 0 * x + self.theta


def quadratic(target):
    """½ |theta - target|², with gradient theta - target."""
    return sk.objectives.ExplicitScoreMatching(lambda x, s: 0 * x + target)


X = torch.zeros(4, 2, dtype=torch.float64)
START = torch.tensor([3.0, -1.0], dtype=torch.float64)
TARGET = torch.tensor([0.5, 0.5], dtype=torch.float64)
RNG = sk.backend("torch").rng


def learner(model=None, objective=None, **options):
    options = {"learning_rate": 0.1, "gradient_clip": None, "ema": None} | options
    return sk.backend("torch").learner(model or Constant(START), objective or quadratic(TARGET), **options)


def theta(trained):
    return trained.model.theta.detach().numpy()


def same(before, after):
    return before.keys() == after.keys() and all(torch.equal(before[k], v) for k, v in after.items())


def test_adam_is_the_published_recursion():
    """Kingma and Ba (2015), algorithm 1, written out."""
    trained, wanted, m, v = learner(), START.numpy().copy(), np.zeros(2), np.zeros(2)
    for t in range(1, 8):
        info = trained.step(X, RNG(0))
        g = wanted - TARGET.numpy()
        assert info.loss == pytest.approx(0.5 * np.sum(g**2))
        assert info.grad_norm == pytest.approx(np.linalg.norm(g))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        wanted = wanted - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(theta(trained), wanted, rtol=1e-12)


def test_adamw_decays_the_weights_before_the_step():
    one, two = learner(), learner(optimizer="adamw")
    for each in (one, two):
        each.step(X, RNG(0))
    np.testing.assert_allclose(theta(two) - theta(one), -0.1 * 0.01 * START.numpy(), rtol=1e-9)


def test_the_average_is_its_recursion():
    averaged, last = learner(ema=0.9), learner()
    mean = START.numpy().copy()
    for t in range(1, 200):
        averaged.step(X, RNG(0))
        last.step(X, RNG(0))
        decay = min(0.9, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * theta(last)
        np.testing.assert_allclose(theta(averaged), mean, rtol=1e-10)


def test_of_constant_weights_the_average_closes_in_geometrically():
    trained = learner(ema=0.9)
    state = trained.state_dict()
    state["weights.theta"], state["steps"] = TARGET.clone(), torch.tensor(1000)
    trained.load_state_dict(state)
    for _ in range(10):
        trained.step(X, RNG(0))  # at the minimum the gradient is zero: theta stays
    np.testing.assert_allclose(theta(trained), TARGET - (TARGET - START) * 0.9**10, rtol=1e-12)


def test_clipping_scales_the_whole_gradient_and_reports_the_norm_before():
    clipped, free = learner(gradient_clip=0.5), learner()
    info = clipped.step(X, RNG(0))
    free.step(X, RNG(0))
    norm = float(torch.linalg.vector_norm(START - TARGET))
    assert info.grad_norm == pytest.approx(norm)
    ratio = clipped.state_dict()["optimizer.exp_avg.theta"] / free.state_dict()["optimizer.exp_avg.theta"]
    np.testing.assert_allclose(ratio, 0.5 / norm, rtol=1e-12)


def test_a_schedule_is_asked_for_each_step_and_checked():
    asked = []
    trained = learner(learning_rate=lambda step: asked.append(step) or 0.1)
    for _ in range(3):
        trained.step(X, RNG(0))
    assert asked == [0, 1, 2]
    with pytest.raises(ValueError, match=r"learning_rate\(0\) is nan"):
        learner(learning_rate=lambda step: float("nan")).step(X, RNG(0))


def _failing(bad, at=2):
    calls = []

    def objective(model, x, rng=None):
        calls.append(0)
        return (model(x) ** 2).sum() * (bad if len(calls) == at else 1.0)

    return objective


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_step_that_is_not_finite_changes_nothing_buffers_included(bad):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2)).double()
    trained = learner(net, _failing(bad))
    trained.step(X, RNG(0))
    before = trained.state_dict()
    assert any(name.startswith("buffers.") for name in before)
    info = trained.step(X + 1, RNG(0))
    assert not info.applied
    assert same(before, trained.state_dict())
    assert trained.step(X, RNG(0)).applied


def test_a_finite_loss_with_an_infinite_gradient_is_not_applied():
    trained = learner(objective=lambda model, x, rng=None: (model(x) - START).abs().sqrt().sum())
    info = trained.step(X, RNG(0))
    assert np.isfinite(info.loss)
    assert not info.applied


def test_a_gradient_whose_square_overflows_in_float32_has_a_norm():
    trained = learner(Constant(START.float()), lambda model, x, rng=None: 1e30 * model(x).sum(), gradient_clip=1.0)
    info = trained.step(X.float(), RNG(0))
    assert info.applied
    assert info.grad_norm == pytest.approx(4e30 * 2**0.5, rel=1e-6)


def test_the_model_is_a_copy_in_eval_mode():
    trained = learner()
    model, kept = trained.model, theta(trained)
    trained.step(X, RNG(0))
    assert np.array_equal(model.theta.detach().numpy(), kept)
    assert not model.training


def test_the_given_module_is_left_alone_frozen_parts_stay_and_modes_are_kept():
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Softplus(), torch.nn.Linear(4, 2)).double()
    net[0].requires_grad_(False)
    net[2].eval()
    kept = {k: v.clone() for k, v in net.state_dict().items()}
    trained = learner(net, sk.objectives.SlicedScoreMatching())
    for step in range(3):
        trained.step(torch.ones(4, 2, dtype=torch.float64), RNG(step))
    assert same(kept, net.state_dict())
    assert all(p.grad is None for p in net.parameters())
    assert (net.training, net[2].training) == (True, False)
    made = trained.model.state_dict()
    assert torch.equal(made["0.weight"], kept["0.weight"])
    assert not torch.equal(made["2.weight"], kept["2.weight"])


def test_a_parameter_without_a_part_in_the_loss_stays():
    class Spare(Constant):
        def __init__(self, theta):
            super().__init__(theta)
            self.spare = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))

    trained = learner(Spare(START))
    trained.step(X, RNG(0))
    assert trained.model.spare.tolist() == [1.0, 1.0]


def test_the_module_is_found_inside_the_views():
    from scorekit_torch import MLP

    inside = sk.models.Preconditioned(MLP(2, hidden=(4,), dtype="float64"), 0.5)
    trained = learner(sk.models.at(inside, 0.3), sk.objectives.SlicedScoreMatching())
    trained.step(X + 1, RNG(0))
    model = trained.model
    assert repr(model) == repr(sk.models.at(inside, 0.3))
    assert not torch.equal(model(X + 1), sk.models.at(inside, 0.3)(X + 1))


def test_dropout_is_a_function_of_the_rng():
    net = torch.nn.Sequential(torch.nn.Linear(2, 50), torch.nn.Dropout(0.5), torch.nn.Linear(50, 2)).double()
    losses = [learner(net, sk.objectives.DenoisingScoreMatching(0.1)).step(X + 1, RNG(s)).loss for s in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_state_goes_out_and_in():
    one, two = learner(ema=0.9), learner(ema=0.9)
    for _ in range(3):
        one.step(X, RNG(0))
    state = one.state_dict()
    two.load_state_dict(state)
    for _ in range(3):
        one.step(X, RNG(0))
        two.step(X, RNG(0))
    assert same(one.state_dict(), two.state_dict())
    assert not same(state, two.state_dict())


def test_a_state_that_does_not_fit_is_refused_whole():
    trained = learner()
    state = trained.state_dict() | {"average.theta": torch.ones(3, dtype=torch.float64)}
    before = trained.state_dict()
    with pytest.raises(sk.CheckpointError, match=r"1 tensor differs: average\.theta is \(3,\), the model has \(2,\)"):
        trained.load_state_dict(state)
    assert same(before, trained.state_dict())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg': expected one of 'adadelta', .*'adam', .*'sgd'"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"gradient_clip": -1.0}, "gradient_clip must be positive"),
        ({"ema": 1.0}, r"ema must lie in \[0, 1\)"),
        ({"model": torch.nn.Identity()}, "no parameters that require a gradient"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        learner(**options)


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (lambda model, x, rng=None: model(x).sum(1), r"objective returned a .*shape \(4,\).*expected a scalar"),
        (lambda model, x, rng=None: model(x).sum().detach(), "does not depend on the model's parameters"),
    ],
)
def test_what_is_no_loss(objective, words):
    with pytest.raises(ValueError, match=words):
        learner(objective=objective).step(X, RNG(0))


def test_what_is_no_module():
    import scorekit_numpy

    for model in (lambda x: -x, scorekit_numpy.MLP(2), sk.models.Preconditioned(scorekit_numpy.MLP(2), 1.0)):
        with pytest.raises(TypeError, match=r"model is a .*data are tensors.*any nn.Module"):
            sk.backend("torch").learner(model, sk.objectives.SlicedScoreMatching())
